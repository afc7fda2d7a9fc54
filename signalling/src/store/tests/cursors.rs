//! Cursors: how far each member has received and read, which only grows.

use super::{at_once, both, group, says, text};
use crate::domain::conversation::Progress;
use crate::domain::ids::{ConversationId, UserId};
use crate::domain::message::{Body, SystemEvent, SystemKind};
use crate::store::conversations;
use crate::store::messages::{self, Author, NewMessage};
use crate::store::sql::Db;

both! {
    a_cursor_never_moves_back,
    a_cursor_follows_its_writer,
    what_somebody_did_is_read_by_themselves_only,
    receipts_and_messages_at_once_keep_the_maximum,
    a_cursor_makes_nobody_a_member,
}

async fn read_of(db: &Db, id: ConversationId, user: UserId) -> (i64, i64) {
    let place = conversations::place(db, id, user).await.unwrap().unwrap();
    (place.received_seq, place.read_seq)
}

async fn advance(db: &Db, id: ConversationId, user: UserId, received_seq: i64, read_seq: i64) {
    conversations::advance(db, id, user, Progress { received_seq, read_seq }).await.unwrap();
}

async fn a_cursor_never_moves_back(db: &Db) {
    let (ann, bob) = (UserId::fresh(), UserId::fresh());
    let id = group(db, &[ann, bob]).await;
    let expected = [((2, 1), (2, 1)), ((4, 0), (4, 1)), ((3, 3), (4, 3)), ((1, 1), (4, 3))];
    for ((received, read), now) in expected {
        advance(db, id, ann, received, read).await;
        assert_eq!(read_of(db, id, ann).await, now);
    }
    assert_eq!(read_of(db, id, bob).await, (0, 0));
    assert_eq!(conversations::cursors_in(db, [id]).await.unwrap(), [(id, ann, 4, 3)]);
}

async fn a_cursor_follows_its_writer(db: &Db) {
    let (ann, bob) = (UserId::fresh(), UserId::fresh());
    let id = group(db, &[ann, bob]).await;
    let batch = [text(id, ann, "1"), text(id, bob, "2"), text(id, ann, "3"), text(id, bob, "4")];
    messages::append_all(db, &batch[..3]).await.unwrap();
    assert_eq!((read_of(db, id, ann).await, read_of(db, id, bob).await), ((3, 3), (2, 2)));
    advance(db, id, ann, 2, 1).await;
    messages::append_all(db, &batch).await.unwrap();
    assert_eq!((read_of(db, id, ann).await, read_of(db, id, bob).await), ((3, 3), (4, 4)));
}

async fn what_somebody_did_is_read_by_themselves_only(db: &Db) {
    let (ann, bob) = (UserId::fresh(), UserId::fresh());
    let id = group(db, &[ann, bob]).await;
    let event =
        SystemEvent { kind: SystemKind::Left, actor_id: ann, user_ids: vec![], title: None };
    let line = NewMessage {
        body: Body::System { event },
        author: Author::Server,
        ..text(id, ann, "replaced")
    };
    assert_eq!(says(db, line).await.seq, 1);
    assert_eq!((read_of(db, id, ann).await, read_of(db, id, bob).await), ((1, 1), (0, 0)));
}

async fn receipts_and_messages_at_once_keep_the_maximum(db: &Db) {
    let (ann, bob) = (UserId::fresh(), UserId::fresh());
    let id = group(db, &[ann, bob]).await;
    let acts = (1..=30).map(|n| {
        let db = db.clone();
        async move {
            match n % 3 {
                0 => drop(messages::append_all(&db, &[text(id, ann, "hi")]).await.unwrap()),
                1 => advance(&db, id, ann, n, n).await,
                _ => advance(&db, id, bob, n, n - 1).await,
            }
        }
    });
    at_once(acts).await;
    assert_eq!(read_of(db, id, ann).await, (28, 28));
    assert_eq!(read_of(db, id, bob).await, (29, 28));
}

async fn a_cursor_makes_nobody_a_member(db: &Db) {
    let (ann, eve) = (UserId::fresh(), UserId::fresh());
    let id = group(db, &[ann]).await;
    advance(db, id, eve, 1, 1).await;
    assert!(conversations::place(db, id, eve).await.unwrap().is_none());
    assert_eq!(conversations::member_ids(db, id).await.unwrap(), [ann]);
}
