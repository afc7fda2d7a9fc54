//! Sending: numbers without holes, each message once, and nobody hurt by another's refusal.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};

use super::{at_once, both, direct, group, says, text};
use crate::domain::conversation::Writing;
use crate::domain::ids::{ClientMsgId, ConversationId, MessageId, UserId};
use crate::domain::message::{Body, Message};
use crate::domain::refusal::Code;
use crate::store::conversations;
use crate::store::messages::{self, Author, NewMessage, Sent};
use crate::store::sql::Db;

both! {
    a_message_is_read_back_as_it_was_sent,
    numbers_are_dense_under_concurrency,
    groups_over_many_conversations_at_once_all_succeed,
    sending_twice_is_one_message,
    sending_twice_to_two_conversations_at_once_is_one_message,
    two_people_may_choose_the_same_client_id,
    a_group_may_hold_duplicates,
    refused_messages_hurt_nobody_and_leave_no_gap,
    a_removed_member_cannot_write_any_more,
    the_server_writes_anywhere_but_nowhere,
    the_peer_of_a_direct_conversation_is_named,
    a_conversation_is_as_new_as_its_newest_message,
    a_dropped_transaction_leaves_nothing,
    any_size_of_group_is_stored_whole,
}

/// Every message of a conversation, after checking that both numbers are dense.
async fn all_of(db: &Db, conversation: ConversationId) -> Vec<Message> {
    let all = messages::page_after(db, conversation, 0, i64::MAX).await.unwrap();
    for (n, message) in (1..).zip(&all) {
        assert_eq!((message.seq, message.ver), (n, n));
    }
    let head = conversations::by_id(db, conversation).await.unwrap().unwrap();
    assert_eq!((head.last_seq, head.last_ver), (all.len() as i64, all.len() as i64));
    all
}

fn message(sent: &Sent) -> &Message {
    match sent {
        Sent::New { message, .. } | Sent::Again { message, .. } => message,
        Sent::Refused(code) => panic!("refused: {code:?}"),
    }
}

/// What became of each, as (is it new, seq), or the refusal.
fn outcomes(sent: &[Sent]) -> Vec<Result<(bool, i64), Code>> {
    let outcome = |one: &Sent| match one {
        Sent::New { message, .. } => Ok((true, message.seq)),
        Sent::Again { message, .. } => Ok((false, message.seq)),
        Sent::Refused(code) => Err(*code),
    };
    sent.iter().map(outcome).collect()
}

async fn a_message_is_read_back_as_it_was_sent(db: &Db) {
    let ann = UserId::fresh();
    let id = group(db, &[ann]).await;
    let long = "早上好 👋🏽\u{1}\\\"\n".repeat(1_000);
    for body in ["hi", "👩‍👩‍👧‍👦", &long] {
        let new = text(id, ann, body);
        let sent = says(db, new.clone()).await;
        assert_eq!(sent.body, new.body);
        assert_eq!((sent.id, sent.client_msg_id, sent.at), (new.id, new.client_msg_id, 7));
        assert_eq!(messages::by_seq(db, id, sent.seq).await.unwrap(), Some(sent));
    }
    assert_eq!(messages::by_seq(db, id, 4).await.unwrap(), None);
}

async fn numbers_are_dense_under_concurrency(db: &Db) {
    let people: Vec<_> = (0..4).map(|_| UserId::fresh()).collect();
    let id = group(db, &people).await;
    let senders = (0..20).map(|n| {
        let (db, sender) = (db.clone(), people[n % 4]);
        async move {
            let mut sent = vec![];
            for size in [1, 3, 2] {
                let batch: Vec<_> = (0..size).map(|_| text(id, sender, "hi 👋")).collect();
                sent.extend(messages::append_all(&db, &batch).await.unwrap());
            }
            sent
        }
    });
    let acked: BTreeMap<_, _> = at_once(senders)
        .await
        .iter()
        .flatten()
        .map(|sent| (message(sent).seq, message(sent).clone()))
        .collect();
    assert_eq!(acked.len(), 120);
    assert_eq!(all_of(db, id).await, acked.into_values().collect::<Vec<_>>());
}

async fn groups_over_many_conversations_at_once_all_succeed(db: &Db) {
    let people: Vec<_> = (0..3).map(|_| UserId::fresh()).collect();
    let mut ids = vec![];
    for _ in 0..6 {
        ids.push(group(db, &people).await);
    }
    let senders = (0..12).map(|seed| {
        let (db, ids, people) = (db.clone(), ids.clone(), people.clone());
        async move {
            let mut random = StdRng::seed_from_u64(seed);
            for _ in 0..5 {
                let some = ids.sample(&mut random, 4);
                let mut batch: Vec<_> =
                    some.flat_map(|id| people.iter().map(|p| text(*id, *p, "hi"))).collect();
                batch.shuffle(&mut random);
                let sent = messages::append_all(&db, &batch).await;
                let sent = sent.unwrap_or_else(|e| panic!("seed {seed}: {e:?}"));
                assert!(sent.iter().all(|one| matches!(one, Sent::New { .. })));
            }
        }
    });
    at_once(senders).await;
    let mut stored = 0;
    for id in ids {
        stored += all_of(db, id).await.len();
    }
    assert_eq!(stored, 12 * 5 * 4 * 3);
}

async fn sending_twice_is_one_message(db: &Db) {
    let ann = UserId::fresh();
    let (id, other) = (group(db, &[ann]).await, group(db, &[ann]).await);
    let hi = text(id, ann, "hi");
    let first = says(db, hi.clone()).await;
    // a resend has a new server-side id and time; even its text and place do not matter
    let resent = NewMessage { id: MessageId::fresh(), at: 99, ..hi.clone() };
    let elsewhere = NewMessage { conversation: other, ..text(other, ann, "else") };
    let elsewhere = NewMessage { client_msg_id: hi.client_msg_id, ..elsewhere };
    for again in [hi, resent, elsewhere] {
        let sent = messages::append_all(db, &[again]).await.unwrap();
        assert_eq!(sent, [Sent::Again { message: first.clone(), peer: None }]);
    }
    assert_eq!(says(db, text(id, ann, "next")).await.seq, 2, "a duplicate leaves no gap");
    assert_eq!(all_of(db, id).await.len(), 2);
    assert_eq!(all_of(db, other).await.len(), 0);
}

async fn sending_twice_to_two_conversations_at_once_is_one_message(db: &Db) {
    let ann = UserId::fresh();
    let ids = [group(db, &[ann]).await, group(db, &[ann]).await];
    for _ in 0..10 {
        let client_msg_id = ClientMsgId::fresh();
        let tries = (0..4).map(|n| {
            let db = db.clone();
            let hi = NewMessage { client_msg_id, ..text(ids[n % 2], ann, "hi") };
            async move { messages::append_all(&db, &[hi]).await.unwrap().remove(0) }
        });
        let sent = at_once(tries).await;
        assert_eq!(sent.iter().filter(|one| matches!(one, Sent::New { .. })).count(), 1);
        assert!(sent.iter().all(|one| message(one) == message(&sent[0])), "{sent:?}");
    }
    assert_eq!(all_of(db, ids[0]).await.len() + all_of(db, ids[1]).await.len(), 10);
}

async fn two_people_may_choose_the_same_client_id(db: &Db) {
    let (ann, bob) = (UserId::fresh(), UserId::fresh());
    let id = group(db, &[ann, bob]).await;
    let anns = text(id, ann, "ann's");
    let bobs = NewMessage { client_msg_id: anns.client_msg_id, ..text(id, bob, "bob's") };
    let sent = messages::append_all(db, &[anns.clone(), bobs.clone()]).await.unwrap();
    assert_eq!(outcomes(&sent), [Ok((true, 1)), Ok((true, 2))]);
    let again = messages::append_all(db, &[bobs, anns]).await.unwrap();
    assert_eq!(outcomes(&again), [Ok((false, 2)), Ok((false, 1))]);
}

async fn a_group_may_hold_duplicates(db: &Db) {
    let (ann, bob) = (UserId::fresh(), UserId::fresh());
    let id = group(db, &[ann, bob]).await;
    let (one, two) = (text(id, ann, "1"), text(id, bob, "2"));
    says(db, one.clone()).await;
    let batch = [two.clone(), one, two, text(id, ann, "3")];
    let sent = messages::append_all(db, &batch).await.unwrap();
    assert_eq!(outcomes(&sent), [Ok((true, 2)), Ok((false, 1)), Ok((false, 2)), Ok((true, 3))]);
    assert_eq!(all_of(db, id).await.len(), 3);
}

async fn refused_messages_hurt_nobody_and_leave_no_gap(db: &Db) {
    let (ann, bob, eve) = (UserId::fresh(), UserId::fresh(), UserId::fresh());
    let (open, closed) = (group(db, &[ann, bob]).await, direct(db, ann, eve).await.unwrap());
    let mut tx = db.begin().await.unwrap();
    conversations::set_writing(&mut tx, closed, ann, Writing::Closed).await.unwrap();
    tx.commit().await.unwrap();
    let nowhere = ConversationId::fresh();
    let refused_first = text(open, eve, "again");
    let batch = [
        refused_first.clone(),
        text(open, ann, "1"),
        text(closed, ann, "no longer contacts"),
        text(nowhere, ann, "nowhere"),
        text(open, eve, "no member"),
        text(open, bob, "2"),
        refused_first,
        text(open, ann, "3"),
    ];
    let sent = messages::append_all(db, &batch).await.unwrap();
    let expected = [
        Err(Code::NotMember),
        Ok((true, 1)),
        Err(Code::NotContacts),
        Err(Code::NotMember),
        Err(Code::NotMember),
        Ok((true, 2)),
        Err(Code::NotMember),
        Ok((true, 3)),
    ];
    assert_eq!(outcomes(&sent), expected);
    assert_eq!((all_of(db, open).await.len(), all_of(db, closed).await.len()), (3, 0));
    assert_eq!(messages::append_all(db, &[]).await.unwrap(), []);
}

async fn a_removed_member_cannot_write_any_more(db: &Db) {
    let (ann, bob) = (UserId::fresh(), UserId::fresh());
    let id = group(db, &[ann, bob]).await;
    let stored_before = text(id, bob, "still here");
    says(db, stored_before.clone()).await;
    let mut tx = db.begin().await.unwrap();
    conversations::lock(&mut tx, id).await.unwrap();
    conversations::remove_member(&mut tx, id, bob).await.unwrap();
    let sender = tokio::spawn({
        let db = db.clone();
        async move { messages::append_all(&db, &[text(id, bob, "too late")]).await.unwrap() }
    });
    tokio::task::yield_now().await;
    tx.commit().await.unwrap();
    assert_eq!(outcomes(&sender.await.unwrap()), [Err(Code::NotMember)]);
    let again = messages::append_all(db, &[stored_before]).await.unwrap();
    assert_eq!(outcomes(&again), [Ok((false, 1))], "what was stored is still acknowledged");
}

async fn the_server_writes_anywhere_but_nowhere(db: &Db) {
    let (ann, eve) = (UserId::fresh(), UserId::fresh());
    let id = group(db, &[ann]).await;
    let on_behalf = |to| NewMessage { author: Author::Server, ..text(to, eve, "a line") };
    let batch = [on_behalf(id), on_behalf(ConversationId::fresh())];
    let sent = messages::append_all(db, &batch).await.unwrap();
    assert_eq!(outcomes(&sent), [Ok((true, 1)), Err(Code::NotMember)]);
    let stored = all_of(db, id).await;
    assert_eq!((stored.len(), stored[0].sender_id), (1, eve));
}

async fn the_peer_of_a_direct_conversation_is_named(db: &Db) {
    let (ann, bob) = (UserId::fresh(), UserId::fresh());
    let (id, wide) = (direct(db, ann, bob).await.unwrap(), group(db, &[ann, bob]).await);
    let peer = |sent: &Sent| match sent {
        Sent::New { peer, .. } | Sent::Again { peer, .. } => *peer,
        Sent::Refused(_) => None,
    };
    let batch = [text(id, ann, "hi"), text(id, bob, "hi"), text(wide, ann, "hi")];
    for _ in 0..2 {
        let sent = messages::append_all(db, &batch).await.unwrap();
        assert_eq!(sent.iter().map(peer).collect::<Vec<_>>(), [Some(bob), Some(ann), None]);
    }
}

async fn a_conversation_is_as_new_as_its_newest_message(db: &Db) {
    let ann = UserId::fresh();
    let id = group(db, &[ann]).await;
    let at = |at| NewMessage { at, ..text(id, ann, "hi") };
    let updated_at = async || conversations::by_id(db, id).await.unwrap().unwrap().updated_at;
    messages::append_all(db, &[at(20), at(30), at(40)]).await.unwrap();
    assert_eq!(updated_at().await, 40);
    messages::append_all(db, &[at(35)]).await.unwrap();
    assert_eq!(updated_at().await, 40, "a clock that went back does not reorder the list");
}

async fn a_dropped_transaction_leaves_nothing(db: &Db) {
    let ann = UserId::fresh();
    let id = group(db, &[ann]).await;
    let lost = text(id, ann, "lost");
    let mut tx = db.begin().await.unwrap();
    messages::append(&mut tx, std::slice::from_ref(&lost)).await.unwrap();
    drop(tx);
    assert_eq!(all_of(db, id).await, []);
    assert_eq!(conversations::cursors_in(db, [id]).await.unwrap(), []);
    assert_eq!(says(db, lost).await.seq, 1, "it is sent again as if for the first time");
}

async fn any_size_of_group_is_stored_whole(db: &Db) {
    let people: Vec<_> = (0..3).map(|_| UserId::fresh()).collect();
    let ids = [group(db, &people).await, group(db, &people).await];
    let mut random = StdRng::seed_from_u64(1);
    for size in [1, 2, 3, 7, 8, 9, 31, 33, 64, 100, 127, 128] {
        let one = |n: usize| {
            let (id, sender) = (ids[n * 7 % 2], people[n % 3]);
            text(id, sender, &"x".repeat(random.random_range(1..50)))
        };
        let batch: Vec<_> = (0..size).map(one).collect();
        let sent = messages::append_all(db, &batch).await.unwrap();
        for (new, sent) in batch.iter().zip(&sent) {
            let stored = messages::by_seq(db, new.conversation, message(sent).seq).await.unwrap();
            assert_eq!(stored.as_ref(), Some(message(sent)));
            assert_eq!(stored.unwrap().body, new.body);
        }
    }
    assert_eq!(all_of(db, ids[0]).await.len() + all_of(db, ids[1]).await.len(), 513);
    assert!(matches!(all_of(db, ids[0]).await[0].body, Body::Text { .. }));
}
