//! Answered calls that outlive a page, a process or a node: what their facts are good for.

use std::sync::Arc;
use std::time::Duration;

use super::stage::{Person, Stage, code};
use crate::calls::{self, FactKind, Return, keep, record};
use crate::clock::{moment, now_ms};
use crate::domain::call::{CallFact, PAGE_GRACE_MS, RETURN_WITHIN_MS};
use crate::domain::call_record::CallOutcome;
use crate::domain::ids::CallId;
use crate::domain::message::Body;
use crate::domain::refusal::{Code, Result};
use crate::node::Node;
use crate::store;

/// Alice and Bob on a node, in an answered call, with the fact that each carries.
async fn talking(stage: &Stage, node: &Arc<Node>) -> (Person, Person, CallId, String) {
    let [alice, bob] = stage.contacts(node, ["alice", "bob"]).await;
    let call = alice.calls(&bob).await.unwrap();
    bob.accepts(call).await.unwrap();
    let mut fact = String::new();
    for person in [&alice, &bob] {
        let accepted = person.hears("call_accepted").await["call"].clone();
        assert_eq!(accepted["connection"], 1);
        accepted["fact"].as_str().expect("a fact").clone_into(&mut fact);
    }
    (alice, bob, call, fact)
}

async fn returns(person: &Person, call: CallId, fact: &str, connection: Option<u32>) -> Result<()> {
    let back = Return { call_id: call, fact: fact.to_owned(), connection };
    calls::resume(&person.node, person.caller, person.mailbox.id, back).await
}

/// The only record that the call of this fact has, once it is written.
async fn record_of(node: &Arc<Node>, fact: &str) -> (CallOutcome, Option<i64>) {
    let CallFact { parties, conversation_id, .. } =
        node.calls.facts.read(FactKind::Call, fact).unwrap();
    let written = async {
        while !record::is_written(node, parties.call_id, parties.caller).await.unwrap() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), written).await.expect("a record");
    let messages = store::messages::page_after(&node.db, conversation_id, 0, 100).await.unwrap();
    let records = messages.into_iter().filter_map(|message| match message.body {
        Body::Call { call_id, outcome, duration_ms, .. } => Some((call_id, outcome, duration_ms)),
        _ => None,
    });
    let [(call, outcome, duration_ms)] = records.collect::<Vec<_>>()[..] else {
        panic!("one record")
    };
    assert_eq!(call, parties.call_id);
    (outcome, duration_ms)
}

#[tokio::test]
async fn a_node_that_has_never_heard_of_a_call_takes_it_up() {
    let stage = Stage::new().await;
    let (alice, bob, call, fact) = talking(&stage, &stage.node().await).await;
    let next = stage.node().await;
    let (alice, bob) = (alice.also_at(&next), bob.also_at(&next));
    returns(&bob, call, &fact, Some(1)).await.unwrap();
    assert_eq!(code(bob.signals(call, "to nobody").await), Code::Unavailable);
    returns(&alice, call, &fact, Some(1)).await.unwrap();
    for device in [&alice, &bob] {
        let resumed = device.hears("call_resumed").await["call"].clone();
        assert_eq!((&resumed["id"], &resumed["mine"]), (&serde_json::json!(call), &true.into()));
        assert_eq!((&resumed["connection"], &resumed["state"]), (&1.into(), &"active".into()));
        assert!(resumed["fact"].is_string());
    }
    bob.signals(call, "again").await.unwrap();
    assert_eq!(alice.hears("call_signal").await["signal"]["sdp"], "again");
    bob.hangs_up(call).await.unwrap();
    assert_eq!(record_of(&next, &fact).await.0, CallOutcome::Completed);
}

#[tokio::test]
async fn a_call_that_only_one_comes_back_to_is_lost_and_recorded() {
    let stage = Stage::new().await;
    let (alice, _, call, fact) = talking(&stage, &stage.node().await).await;
    let next = stage.node().await;
    let alice = alice.also_at(&next);
    returns(&alice, call, &fact, Some(1)).await.unwrap();
    keep::sweep(&next, moment() + RETURN_WITHIN_MS);
    assert_eq!(alice.hears("call_ended").await["outcome"], "lost");
    let (outcome, duration_ms) = record_of(&next, &fact).await;
    assert_eq!((outcome, duration_ms.is_some()), (CallOutcome::Lost, true));
}

#[tokio::test]
async fn a_page_loaded_anew_has_its_call_again_and_the_other_side_knows() {
    let stage = Stage::new().await;
    let node = stage.node().await;
    let (alice, bob, call, fact) = talking(&stage, &node).await;
    calls::page_left(&node, bob.caller.user, bob.mailbox.id);
    assert_eq!(alice.hears("call_away").await["call_id"], serde_json::json!(call));
    let bob = bob.also_at(&node);
    returns(&bob, call, &fact, None).await.unwrap();
    for device in [&alice, &bob] {
        assert_eq!(device.hears("call_resumed").await["call"]["connection"], 2);
    }
    keep::sweep(&node, moment() + PAGE_GRACE_MS);
    bob.signals(call, "back").await.unwrap();
    alice.hears("call_signal").await;

    calls::page_left(&node, bob.caller.user, bob.mailbox.id);
    keep::sweep(&node, moment() + PAGE_GRACE_MS);
    assert_eq!(alice.hears("call_ended").await["outcome"], "lost");
}

#[tokio::test]
async fn a_second_page_takes_the_call_from_the_first() {
    let stage = Stage::new().await;
    let node = stage.node().await;
    let (alice, bob, call, fact) = talking(&stage, &node).await;
    let tablet = bob.also_at(&node);
    returns(&tablet, call, &fact, None).await.unwrap();
    assert_eq!(bob.hears("call_accepted").await["call"]["mine"], false);
    assert_eq!(code(bob.signals(call, "still me").await), Code::Denied);
    tablet.signals(call, "me now").await.unwrap();
    alice.hears("call_signal").await;
}

#[tokio::test]
async fn facts_that_are_forged_foreign_expired_or_used_up_are_refused() {
    let stage = Stage::new().await;
    let node = stage.node().await;
    let (alice, bob, call, fact) = talking(&stage, &node).await;
    let eve = stage.person(&node, "eve").await;
    assert_eq!(code(returns(&eve, call, &fact, None).await), Code::NotFound);
    assert_eq!(code(returns(&bob, CallId::fresh(), &fact, None).await), Code::NotFound);
    let (payload, _) = fact.split_once('.').unwrap();
    let unsigned = format!("{payload}.AAAA");
    for forged in [unsigned.as_str(), payload, "", "\u{1F511}.x", &"y".repeat(5_000)] {
        assert_eq!(code(returns(&bob, call, forged, None).await), Code::Denied);
    }
    let known: CallFact = node.calls.facts.read(FactKind::Call, &fact).unwrap();
    let expired = CallFact { expires_at: now_ms(), ..known };
    let expired = node.calls.facts.sign(FactKind::Call, &expired);
    assert_eq!(code(returns(&bob, call, &expired, None).await), Code::CallOver);
    let of_a_group = node.calls.facts.sign(FactKind::GroupCall, &known);
    assert_eq!(code(returns(&bob, call, &of_a_group, None).await), Code::Denied);

    alice.hangs_up(call).await.unwrap();
    alice.hears_record().await;
    assert_eq!(code(returns(&bob, call, &fact, Some(1)).await), Code::CallOver);
    let next = stage.node().await;
    let late = bob.also_at(&next);
    assert_eq!(code(returns(&late, call, &fact, Some(1)).await), Code::CallOver);
    let again = alice.also_at(&next).starts(call, bob.caller.user).await;
    assert_eq!(code(again), Code::CallOver, "an id is used once");
    assert!(record::is_written(&next, call, alice.caller.user).await.unwrap());
}

#[tokio::test]
async fn whoever_was_blocked_meanwhile_does_not_come_back() {
    let stage = Stage::new().await;
    let (alice, bob, call, fact) = talking(&stage, &stage.node().await).await;
    let next = stage.node().await;
    let side = crate::domain::contact::Side { contact: true, blocked: true };
    stage.set_side(&alice, &bob, side).await;
    let back = returns(&bob.also_at(&next), call, &fact, Some(1)).await;
    assert_eq!(code(back), Code::CallOver);
}

#[tokio::test]
async fn two_nodes_are_shown_a_fact_and_one_takes_the_call() {
    let Some(stage) = Stage::with_redis().await else { return };
    let first = stage.node().await;
    let (alice, bob, call, fact) = talking(&stage, &first).await;
    first.stop.cancel();
    first.cache.leave().await;

    let (here, there) = stage.two_nodes().await;
    let (alice, bob) = (alice.also_at(&here), bob.also_at(&there));
    let both = [returns(&alice, call, &fact, Some(1)), returns(&bob, call, &fact, Some(1))];
    for returned in futures_util::future::join_all(both).await {
        returned.unwrap();
    }
    for device in [&alice, &bob] {
        assert_eq!(device.hears("call_resumed").await["call"]["connection"], 1);
    }
    let holders = [&here, &there].into_iter().filter(|node| node.calls.board().is_live(call));
    assert_eq!(holders.count(), 1);
    alice.signals(call, "from here").await.unwrap();
    assert_eq!(bob.hears("call_signal").await["signal"]["sdp"], "from here");
    bob.hangs_up(call).await.unwrap();
    assert_eq!(record_of(&here, &fact).await.0, CallOutcome::Completed);
    assert_eq!(code(returns(&alice, call, &fact, Some(1)).await), Code::CallOver);
}
