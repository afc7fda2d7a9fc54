//! Reading back: pages, recalls, and changes that prove nothing is missing.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use super::{both, fresh_mysql, fresh_sqlite, group, says, text};
use crate::domain::ids::{ConversationId, UserId};
use crate::domain::message::{Body, Change, ChangeKind, Message};
use crate::store::sql::{Db, Error, retry, sql};
use crate::store::{conversations, messages};

both! {
    pages_go_both_ways_from_a_seq,
    the_newest_message_of_each_conversation_is_found,
    a_recall_leaves_a_tombstone_and_a_change,
    what_other_versions_noted_counts_as_a_change,
    recalls_and_messages_at_once_number_every_change,
    changes_past_the_end_or_of_nothing_are_none,
}

fn seqs(page: &[Message]) -> Vec<i64> {
    page.iter().map(|message| message.seq).collect()
}

async fn fill(db: &Db, id: ConversationId, sender: UserId, n: usize) {
    let batch: Vec<_> = (1..=n).map(|n| text(id, sender, &n.to_string())).collect();
    messages::append_all(db, &batch).await.unwrap();
}

/// Recalls as a use case does: the message is read under the conversation's lock.
async fn recall(db: &Db, id: ConversationId, seq: i64, at: i64) -> Change {
    retry(|| async {
        let mut tx = db.begin().await?;
        conversations::lock(&mut tx, id).await?;
        let message = messages::by_seq(&mut tx, id, seq).await?.ok_or(Error::Missing)?;
        let by = message.sender_id;
        let change = messages::recall(&mut tx, message, by, at).await?;
        tx.commit().await?;
        Ok::<_, Error>(change)
    })
    .await
    .unwrap()
}

async fn pages_go_both_ways_from_a_seq(db: &Db) {
    let ann = UserId::fresh();
    let (id, other) = (group(db, &[ann]).await, group(db, &[ann]).await);
    fill(db, id, ann, 9).await;
    fill(db, other, ann, 3).await;
    let before = async |seq| seqs(&messages::page_before(db, id, seq, 3).await.unwrap());
    let after = async |seq| seqs(&messages::page_after(db, id, seq, 3).await.unwrap());
    assert_eq!(before(i64::MAX).await, [9, 8, 7]);
    assert_eq!(before(3).await, [2, 1]);
    assert_eq!(before(1).await, [0; 0]);
    assert_eq!(after(0).await, [1, 2, 3]);
    assert_eq!(after(7).await, [8, 9]);
    assert_eq!(after(9).await, [0; 0]);
}

async fn the_newest_message_of_each_conversation_is_found(db: &Db) {
    let ann = UserId::fresh();
    let (busy, quiet, empty) =
        (group(db, &[ann]).await, group(db, &[ann]).await, group(db, &[ann]).await);
    fill(db, busy, ann, 5).await;
    let only = says(db, text(quiet, ann, "only")).await;
    recall(db, busy, 5, 9).await;
    let mut newest = messages::newest(db, [busy, quiet, empty]).await.unwrap();
    newest.sort_by_key(|message| std::cmp::Reverse(message.seq));
    assert_eq!((newest.len(), newest[0].seq, &newest[0].body), (2, 5, &Body::Recalled));
    assert_eq!(newest[1], only);
    assert_eq!(messages::newest(db, []).await.unwrap(), []);
}

async fn a_recall_leaves_a_tombstone_and_a_change(db: &Db) {
    let ann = UserId::fresh();
    let id = group(db, &[ann]).await;
    fill(db, id, ann, 3).await;
    let change = recall(db, id, 2, 77).await;
    let ChangeKind::Recall { seq: 2, message, .. } = &change.what else { panic!("{change:?}") };
    assert_eq!((change.ver, change.at, message.recalled_at), (4, 77, Some(77)));
    assert_eq!((message.ver, &message.body), (2, &Body::Recalled));
    assert_eq!(messages::by_seq(db, id, 2).await.unwrap().as_ref(), Some(message));
    assert_eq!(messages::changes(db, id, 3, 9).await.unwrap(), [change]);
    assert_eq!(says(db, text(id, ann, "next")).await.ver, 5, "seq 4 is change 5");
}

async fn what_other_versions_noted_counts_as_a_change(db: &Db) {
    let ann = UserId::fresh();
    let id = group(db, &[ann]).await;
    fill(db, id, ann, 2).await;
    // A former version says nothing beyond the message; a newer one has kinds that we do not know.
    sql("UPDATE conversations SET last_ver = 4 WHERE id = ?").bind(id).run(db).await.unwrap();
    for (ver, kind) in [(3, "recall"), (4, "pin")] {
        sql("INSERT INTO changes (conversation_id, ver, last_seq, kind, seq, changed_at)
             VALUES (?, ?, 2, ?, 1, 9)")
        .bind(id)
        .bind(ver)
        .bind(kind.to_owned())
        .run(db)
        .await
        .unwrap();
    }
    fill(db, id, ann, 1).await;
    let changes = messages::changes(db, id, 2, 9).await.unwrap();
    assert_eq!(changes.iter().map(|change| change.ver).collect::<Vec<_>>(), [3, 4, 5]);
    assert!(matches!(&changes[0].what, ChangeKind::Recall { seq: 1, by: None, .. }));
    assert_eq!(changes[1].what, ChangeKind::Unknown);
    let told = serde_json::json!({ "ver": 4, "at": 9, "kind": "pin", "seq": 1, "emoji": "x" });
    let heard: Change = serde_json::from_value(told).unwrap();
    assert_eq!(heard, changes[1], "and so it is when it comes over the bus");
}

async fn recalls_and_messages_at_once_number_every_change(db: &Db) {
    let ann = UserId::fresh();
    let id = group(db, &[ann]).await;
    fill(db, id, ann, 10).await;
    let acts = (1..=20).map(|n| {
        let db = db.clone();
        async move {
            if n <= 10 {
                recall(&db, id, n, 9).await.ver
            } else {
                says(&db, text(id, ann, "more")).await.ver
            }
        }
    });
    let mut vers = super::at_once(acts).await;
    vers.sort();
    assert_eq!(vers, (11..=30).collect::<Vec<_>>());
    let changes = messages::changes(db, id, 0, 100).await.unwrap();
    assert_eq!(changes.iter().map(|c| c.ver).collect::<Vec<_>>(), (1..=30).collect::<Vec<_>>());
}

async fn changes_past_the_end_or_of_nothing_are_none(db: &Db) {
    let ann = UserId::fresh();
    let id = group(db, &[ann]).await;
    assert_eq!(messages::changes(db, id, 0, 9).await.unwrap(), []);
    fill(db, id, ann, 2).await;
    recall(db, id, 1, 9).await;
    for after in [3, 4, 1_000, i64::MAX] {
        assert_eq!(messages::changes(db, id, after, 9).await.unwrap(), []);
    }
    assert_eq!(messages::changes(db, ConversationId::fresh(), 0, 9).await.unwrap(), []);
    assert_eq!(messages::changes(db, id, 1, 0).await.unwrap(), []);
}

/// One step of a conversation's life.
#[derive(Clone, Debug)]
enum Step {
    Send(usize),
    /// Recalls the message at this place among those not yet recalled, if any.
    Recall(prop::sample::Index),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (1..4usize).prop_map(Step::Send),
        any::<prop::sample::Index>().prop_map(Step::Recall),
    ];
    prop::collection::vec(step, 1..14)
}

/// Whatever happens in whatever order: after any `ver` and with any limit, `changes` is exactly the next
/// ones, each as it is now.
async fn changes_are_the_dense_continuation(db: &Db, steps: &[Step]) -> Result<(), TestCaseError> {
    let ann = UserId::fresh();
    let id = group(db, &[ann]).await;
    let (mut standing, mut expected) = (vec![], vec![]);
    for step in steps {
        match step {
            Step::Send(n) => {
                let batch: Vec<_> = (0..*n).map(|_| text(id, ann, "hi")).collect();
                for _ in messages::append_all(db, &batch).await.unwrap() {
                    standing.push(standing.len() as i64 + 1);
                    expected.push(("message", standing.len() as i64));
                }
            }
            Step::Recall(which) if standing.iter().any(|seq| *seq > 0) => {
                let left: Vec<i64> = standing.iter().copied().filter(|seq| *seq > 0).collect();
                let seq = *which.get(&left);
                recall(db, id, seq, 9).await;
                standing[seq as usize - 1] = 0;
                expected.push(("recall", seq));
            }
            Step::Recall(_) => {}
        }
    }
    for after in 0..=expected.len() {
        for limit in [1, 3, 100] {
            let changes = messages::changes(db, id, after as i64, limit).await.unwrap();
            let told: Vec<_> = changes.iter().map(kind_and_seq).collect();
            let end = expected.len().min(after + limit as usize);
            prop_assert_eq!(&told, &expected[after..end], "after {} limit {}", after, limit);
            for (ver, change) in (after as i64 + 1..).zip(&changes) {
                prop_assert_eq!(change.ver, ver);
                let (ChangeKind::Message { message } | ChangeKind::Recall { message, .. }) =
                    &change.what
                else {
                    panic!("{change:?}");
                };
                let recalled = standing[message.seq as usize - 1] == 0;
                prop_assert_eq!(message.body == Body::Recalled, recalled, "{:?}", message);
            }
        }
    }
    Ok(())
}

fn kind_and_seq(change: &Change) -> (&'static str, i64) {
    match &change.what {
        ChangeKind::Message { message } => ("message", message.seq),
        ChangeKind::Recall { seq, .. } => ("recall", *seq),
        ChangeKind::Unknown => ("unknown", 0),
    }
}

/// Every case is a conversation of its own in one database.
fn holds_on(db: &Db, runtime: &tokio::runtime::Runtime) {
    let config = Config { cases: 20, failure_persistence: None, ..Config::default() };
    let story = |steps: Vec<Step>| runtime.block_on(changes_are_the_dense_continuation(db, &steps));
    TestRunner::new(config).run(&steps(), story).unwrap();
}

#[test]
fn changes_are_dense_on_sqlite() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    holds_on(&runtime.block_on(fresh_sqlite()), &runtime);
}

#[test]
fn changes_are_dense_on_mysql() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if let Some(db) = runtime.block_on(fresh_mysql()) {
        holds_on(&db, &runtime);
    }
}
