//! Conversations: who is in, as what, and what each of them sees.

use std::collections::BTreeSet;

use super::{at_once, both, direct, group, says, text};
use crate::domain::conversation::{Kind, Role, Writing};
use crate::domain::cursor::Cursor;
use crate::domain::ids::{AppId, ConversationId, UserId};
use crate::paging;
use crate::store::conversations;
use crate::store::sql::{Db, Tx};

both! {
    two_who_open_a_conversation_at_once_get_the_same,
    a_group_is_stored_as_it_was_made,
    members_come_and_go,
    the_eldest_other_member_is_found,
    members_are_paged_by_id,
    a_place_is_one_members_view,
    places_are_paged_by_last_change,
    places_of_one_moment_are_all_paged,
    who_pages_by_time_alone_misses_nothing_of_one_moment,
    what_becomes_of_writing_is_set_for_each,
    removals_at_once_are_counted_once,
}

async fn in_tx<T>(db: &Db, work: impl AsyncFnOnce(&mut Tx) -> T) -> T {
    let mut tx = db.begin().await.unwrap();
    let done = work(&mut tx).await;
    tx.commit().await.unwrap();
    done
}

fn people<const N: usize>() -> [UserId; N] {
    std::array::from_fn(|_| UserId::fresh())
}

async fn two_who_open_a_conversation_at_once_get_the_same(db: &Db) {
    let [ann, bob, eve] = people();
    let tries = (0..8).map(|n| {
        let db = db.clone();
        let (a, b) = if n % 2 == 0 { (ann, bob) } else { (bob, ann) };
        async move { direct(&db, a, b).await }
    });
    let (opened, refused): (Vec<_>, Vec<_>) =
        at_once(tries).await.into_iter().partition(Result::is_ok);
    assert_eq!(opened.len(), 1);
    let id = *opened[0].as_ref().unwrap();
    assert!(refused.iter().all(|r| r.as_ref().unwrap_err().taken("pair_key")), "{refused:?}");
    assert_eq!(conversations::direct_of(db, bob, ann).await.unwrap(), Some(id));
    assert_eq!(conversations::direct_of(db, ann, eve).await.unwrap(), None);
    let with_eve = direct(db, eve, ann).await.unwrap();
    let mut directs = conversations::directs_of(db, ann, &[bob, eve, ann]).await.unwrap();
    directs.sort();
    assert_eq!(directs, [(bob, id), (eve, with_eve)]);
    let stored = conversations::by_id(db, id).await.unwrap().unwrap();
    assert_eq!((stored.kind, stored.member_count), (Kind::Direct, 2));
    assert_eq!((stored.peer_of(ann), stored.peer_of(bob)), (Some(bob), Some(ann)));
}

async fn a_group_is_stored_as_it_was_made(db: &Db) {
    let id = ConversationId::fresh();
    in_tx(db, async |tx| {
        conversations::create_group(tx, id, AppId::DEFAULT, "Früh 早 🌅", 42).await.unwrap();
    })
    .await;
    let stored = conversations::by_id(db, id).await.unwrap().unwrap();
    assert_eq!((stored.kind, stored.title.as_deref()), (Kind::Group, Some("Früh 早 🌅")));
    assert_eq!((stored.last_seq, stored.last_ver, stored.member_count), (0, 0, 0));
    assert_eq!((stored.created_at, stored.updated_at), (42, 42));
    assert_eq!(stored.peer_of(UserId::fresh()), None);
    in_tx(db, async |tx| conversations::set_title(tx, id, "Spät").await.unwrap()).await;
    let renamed = conversations::by_id(db, id).await.unwrap().unwrap();
    assert_eq!(renamed.title.as_deref(), Some("Spät"));
    assert_eq!(conversations::by_id(db, ConversationId::fresh()).await.unwrap(), None);
}

async fn members_come_and_go(db: &Db) {
    let [ann, bob, eve] = people();
    let id = group(db, &[ann, bob]).await;
    let elsewhere = group(db, &[bob, eve]).await;
    in_tx(db, async |tx| {
        conversations::add_members(tx, id, &[(eve, Role::Owner)], 9).await.unwrap();
        conversations::add_members(tx, id, &[], 9).await.unwrap();
        assert!(conversations::remove_member(tx, id, bob).await.unwrap());
        assert!(!conversations::remove_member(tx, id, bob).await.unwrap());
        assert_eq!(conversations::lock(tx, id).await.unwrap().unwrap().member_count, 2);
        assert_eq!(conversations::lock(tx, ConversationId::fresh()).await.unwrap(), None);
    })
    .await;
    let ids: BTreeSet<_> = conversations::member_ids(db, id).await.unwrap().into_iter().collect();
    assert_eq!(ids, BTreeSet::from([ann, eve]));
    assert_eq!(conversations::role_of(db, id, eve).await.unwrap(), Some(Role::Owner));
    assert_eq!(conversations::role_of(db, id, bob).await.unwrap(), None);
    assert_eq!(conversations::ids_of(db, bob).await.unwrap(), [elsewhere]);

    in_tx(db, async |tx| {
        conversations::set_role(tx, id, ann, Role::Owner).await.unwrap();
        assert_eq!(conversations::role_of(&mut *tx, id, ann).await.unwrap(), Some(Role::Owner));
        conversations::remove_all_members(tx, id).await.unwrap();
    })
    .await;
    assert_eq!(conversations::member_ids(db, id).await.unwrap(), []);
    assert_eq!(conversations::by_id(db, id).await.unwrap().unwrap().member_count, 0);
    assert_eq!(conversations::member_ids(db, elsewhere).await.unwrap().len(), 2);
}

async fn the_eldest_other_member_is_found(db: &Db) {
    let [founder, second, third, fourth] = people();
    let id = group(db, &[founder]).await;
    in_tx(db, async |tx| {
        let mut by_id = [second, third];
        by_id.sort();
        conversations::add_members(tx, id, &[(fourth, Role::Member)], 30).await.unwrap();
        conversations::add_members(tx, id, &by_id.map(|u| (u, Role::Member)), 20).await.unwrap();
        assert_eq!(conversations::eldest(tx, id, fourth).await.unwrap(), Some(founder));
        assert_eq!(conversations::eldest(tx, id, founder).await.unwrap(), Some(by_id[0]));
        conversations::remove_all_members(tx, id).await.unwrap();
        assert_eq!(conversations::eldest(tx, id, founder).await.unwrap(), None);
    })
    .await;
}

async fn members_are_paged_by_id(db: &Db) {
    let mut everybody = people::<7>();
    let id = group(db, &everybody).await;
    group(db, &everybody).await;
    everybody.sort();
    says(db, text(id, everybody[2], "hi")).await;
    let (mut after, mut paged) = (None, vec![]);
    loop {
        let page = conversations::members(db, id, after, 3).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.user);
        paged.extend(page);
    }
    assert_eq!(paged.iter().map(|m| m.user).collect::<Vec<_>>(), everybody);
    let read: Vec<_> = paged.iter().map(|m| (m.read_seq, m.received_seq)).collect();
    assert_eq!(read, [(0, 0), (0, 0), (1, 1), (0, 0), (0, 0), (0, 0), (0, 0)]);
}

async fn a_place_is_one_members_view(db: &Db) {
    let [ann, bob, eve] = people();
    let id = direct(db, ann, bob).await.unwrap();
    says(db, text(id, ann, "hi")).await;
    says(db, text(id, ann, "there")).await;
    let ann_sees = conversations::place(db, id, ann).await.unwrap().unwrap();
    let bob_sees = conversations::place(db, id, bob).await.unwrap().unwrap();
    assert_eq!((ann_sees.member, ann_sees.read_seq, ann_sees.received_seq), (ann, 2, 2));
    assert_eq!((bob_sees.member, bob_sees.read_seq, bob_sees.received_seq), (bob, 0, 0));
    assert_eq!(bob_sees.conversation, ann_sees.conversation);
    assert_eq!(bob_sees.conversation.last_seq, 2);
    assert_eq!(bob_sees.writing, Writing::Open);
    assert!(conversations::place(db, id, eve).await.unwrap().is_none());
    let mut all: Vec<_> = conversations::places_in(db, id)
        .await
        .unwrap()
        .iter()
        .map(|place| (place.member, place.read_seq))
        .collect();
    all.sort();
    let mut expected = [(ann, 2), (bob, 0)];
    expected.sort();
    assert_eq!(all, expected);
}

async fn places_are_paged_by_last_change(db: &Db) {
    let [ann, bob] = people();
    let mut ids = vec![];
    for at in [30, 10, 20] {
        let id = group(db, &[ann, bob]).await;
        says(db, crate::store::messages::NewMessage { at, ..text(id, bob, "hi") }).await;
        ids.push((at, id));
    }
    group(db, &[bob]).await;
    let page = async |before, limit| {
        let before = Cursor { at: before, id: uuid::Uuid::nil() };
        let places = conversations::places_of(db, ann, before, limit).await.unwrap();
        places.iter().map(|p| (p.conversation.updated_at, p.conversation.id)).collect::<Vec<_>>()
    };
    assert_eq!(page(i64::MAX, 2).await, [ids[0], ids[2]]);
    assert_eq!(page(20, 2).await, [ids[1]]);
    assert_eq!(page(10, 2).await, []);
}

async fn places_of_one_moment_are_all_paged(db: &Db) {
    let [ann] = people();
    for n in 0..61 {
        let id = group(db, &[ann]).await;
        let at = 10 + n % 7;
        says(db, crate::store::messages::NewMessage { at, ..text(id, ann, "hi") }).await;
    }
    let (mut seen, mut before) = (std::collections::BTreeSet::new(), Cursor::START);
    loop {
        let page = conversations::places_of(db, ann, before, 20).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Cursor { at: last.conversation.updated_at, id: last.conversation.id.0 };
        for place in page {
            assert!(seen.insert(place.conversation.id.0), "shown twice");
        }
    }
    assert_eq!(seen.len(), 61);
}

/// As clients did before cursors had an id: they go on behind the time of the last item.
async fn who_pages_by_time_alone_misses_nothing_of_one_moment(db: &Db) {
    let [ann] = people();
    for n in 0..61 {
        let id = group(db, &[ann]).await;
        let at = 10 + n % 7;
        says(db, crate::store::messages::NewMessage { at, ..text(id, ann, "hi") }).await;
    }
    let cursor = |place: &conversations::Place| Cursor {
        at: place.conversation.updated_at,
        id: place.conversation.id.0,
    };
    for limit in [1, 3, 9, 20, 60, 61, 100] {
        let find = |before, limit| conversations::places_of(db, ann, before, limit);
        let page = async |before| paging::page(before, limit, cursor, find).await.unwrap();
        let (mut seen, mut before) = (std::collections::BTreeSet::new(), Cursor::START);
        loop {
            let (found, next) = page(before).await;
            let last = found.last().expect("more was promised").conversation.updated_at;
            for place in found {
                assert!(seen.insert(place.conversation.id.0), "shown twice");
            }
            if next.is_none() {
                break;
            }
            before = last.to_string().parse().unwrap();
        }
        assert_eq!(seen.len(), 61, "by {limit}");

        let (first, next) = page(Cursor::START).await;
        let Some(next) = next else { continue };
        let (second, _) = page(next).await;
        assert!(second.len() as i64 <= limit, "who sends whole cursors gets what they ask for");
        assert!(first.iter().all(|one| second.iter().all(|two| cursor(one) != cursor(two))));
    }
}

async fn what_becomes_of_writing_is_set_for_each(db: &Db) {
    let [ann, bob] = people();
    let id = direct(db, ann, bob).await.unwrap();
    for (anns, bobs) in [
        (Writing::Closed, Writing::Closed),
        (Writing::Withheld, Writing::Closed),
        (Writing::Open, Writing::Open),
    ] {
        in_tx(db, async |tx| {
            conversations::set_writing(tx, id, ann, anns).await.unwrap();
            conversations::set_writing(tx, id, bob, bobs).await.unwrap();
        })
        .await;
        for place in conversations::places_in(db, id).await.unwrap() {
            assert_eq!(place.writing, if place.member == ann { anns } else { bobs });
        }
    }
}

async fn removals_at_once_are_counted_once(db: &Db) {
    let everybody = people::<6>();
    let id = group(db, &everybody).await;
    let leaver = everybody[3];
    let tries = (0..6).map(|_| {
        let db = db.clone();
        async move {
            crate::store::sql::retry(|| async {
                let mut tx = db.begin().await?;
                conversations::lock(&mut tx, id).await?;
                let removed = conversations::remove_member(&mut tx, id, leaver).await?;
                tx.commit().await?;
                Ok::<_, crate::store::sql::Error>(removed)
            })
            .await
            .unwrap()
        }
    });
    assert_eq!(at_once(tries).await.into_iter().filter(|removed| *removed).count(), 1);
    assert_eq!(conversations::by_id(db, id).await.unwrap().unwrap().member_count, 5);
}
