//! Contact requests: one per ordered pair, renewed by asking again.

use super::both;
use crate::domain::contact::{RequestStatus, Way};
use crate::domain::cursor::Cursor;
use crate::domain::ids::{RequestId, UserId};
use crate::store::requests::{self, Request};
use crate::store::sql::Db;

both! {
    asking_again_renews_the_one_request,
    a_status_is_set_and_read_back,
    unread_counts_pending_ones_until_seen,
    lists_are_paged_newest_first_without_a_gap,
    pending_ones_are_found_in_both_directions,
}

fn request(from: UserId, to: UserId, at: i64) -> Request {
    Request {
        id: RequestId::fresh(),
        from,
        to,
        message: "你好 👋".into(),
        way: Way::Qr,
        status: RequestStatus::Pending,
        seen: false,
        created_at: at,
        updated_at: at,
    }
}

async fn put(db: &Db, request: &Request) {
    let mut tx = db.begin().await.unwrap();
    requests::put(&mut tx, request).await.unwrap();
    tx.commit().await.unwrap();
}

async fn set_status(db: &Db, id: RequestId, status: RequestStatus, at: i64) {
    let mut tx = db.begin().await.unwrap();
    requests::set_status(&mut tx, id, status, at).await.unwrap();
    tx.commit().await.unwrap();
}

async fn asking_again_renews_the_one_request(db: &Db) {
    let (ann, bob) = (UserId::fresh(), UserId::fresh());
    let first = request(ann, bob, 1);
    put(db, &first).await;
    set_status(db, first.id, RequestStatus::Refused, 2).await;
    let again = Request { message: "please".into(), way: Way::Group, ..request(ann, bob, 3) };
    put(db, &again).await;
    put(db, &request(bob, ann, 4)).await;

    let renewed = Request { id: first.id, created_at: 1, ..again };
    assert_eq!(requests::between(db, ann, bob).await.unwrap().as_ref(), Some(&renewed));
    let lists = [
        requests::incoming(db, bob, Cursor::START, 10).await,
        requests::outgoing(db, ann, Cursor::START, 10).await,
    ];
    for list in lists {
        assert_eq!(list.unwrap(), std::slice::from_ref(&renewed));
    }
}

async fn a_status_is_set_and_read_back(db: &Db) {
    let (ann, bob) = (UserId::fresh(), UserId::fresh());
    let asked = request(ann, bob, 1);
    put(db, &asked).await;
    for status in [RequestStatus::Accepted, RequestStatus::Refused, RequestStatus::Blocked] {
        set_status(db, asked.id, status, 9).await;
        let read = requests::by_id(db, asked.id).await.unwrap().unwrap();
        assert_eq!(read, Request { status, seen: true, updated_at: 9, ..asked.clone() });
    }
    assert_eq!(requests::by_id(db, RequestId::fresh()).await.unwrap(), None);
    assert_eq!(requests::between(db, bob, ann).await.unwrap(), None);
}

async fn unread_counts_pending_ones_until_seen(db: &Db) {
    let bob = UserId::fresh();
    let asked: Vec<_> = (0..3).map(|n| request(UserId::fresh(), bob, n)).collect();
    for one in &asked {
        put(db, one).await;
    }
    put(db, &request(bob, UserId::fresh(), 4)).await;
    assert_eq!(requests::unread(db, bob).await.unwrap(), 3);
    set_status(db, asked[0].id, RequestStatus::Accepted, 5).await;
    assert_eq!(requests::unread(db, bob).await.unwrap(), 2);
    requests::mark_seen(db, bob).await.unwrap();
    assert_eq!(requests::unread(db, bob).await.unwrap(), 0);
    put(db, &request(asked[1].from, bob, 6)).await;
    assert_eq!(requests::unread(db, bob).await.unwrap(), 1, "asking again is news");
}

async fn lists_are_paged_newest_first_without_a_gap(db: &Db) {
    let bob = UserId::fresh();
    for n in 0..25 {
        put(db, &request(UserId::fresh(), bob, n / 10)).await;
        put(db, &request(bob, UserId::fresh(), n / 10)).await;
    }
    for incoming in [true, false] {
        let (mut seen, mut before) = (Vec::new(), Cursor::START);
        loop {
            let page = match incoming {
                true => requests::incoming(db, bob, before, 4).await.unwrap(),
                false => requests::outgoing(db, bob, before, 4).await.unwrap(),
            };
            let Some(last) = page.last() else { break };
            before = Cursor { at: last.updated_at, id: last.id.0 };
            seen.extend(page.iter().map(|r| (r.updated_at, r.id)));
        }
        let once: std::collections::BTreeSet<_> = seen.iter().map(|(_, id)| id.0).collect();
        assert_eq!((seen.len(), once.len()), (25, 25));
        assert!(seen.is_sorted_by(|a, b| a.0 >= b.0));
    }
}

async fn pending_ones_are_found_in_both_directions(db: &Db) {
    let me = UserId::fresh();
    let peers: Vec<_> = (0..6).map(|_| UserId::fresh()).collect();
    let status =
        |n: usize| [RequestStatus::Pending, RequestStatus::Refused, RequestStatus::Blocked][n % 3];
    for (n, peer) in peers.iter().enumerate() {
        let (from, to) = if n < 3 { (me, *peer) } else { (*peer, me) };
        put(db, &Request { status: status(n), ..request(from, to, 1) }).await;
    }
    let mut found = requests::pending_among(db, me, &peers).await.unwrap();
    // being blocked looks like waiting for an answer; whom I blocked asks no longer
    let mut expected = vec![(me, peers[0]), (me, peers[2]), (peers[3], me)];
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    assert_eq!(requests::pending_among(db, me, &[]).await.unwrap(), []);
}
