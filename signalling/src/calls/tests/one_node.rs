//! Calls on one node, through everything but the WebSocket itself.

use super::stage::{Stage, code};
use crate::calls::{keep, live};
use crate::clock::moment;
use crate::conversations;
use crate::domain::call::{ANSWER_WITHIN_MS, SOCKET_GRACE_MS};
use crate::domain::contact::Side;
use crate::domain::conversation::Progress;
use crate::domain::ids::{CallId, UserId};
use crate::domain::refusal::Code;

#[tokio::test]
async fn a_call_rings_everywhere_is_answered_once_and_leaves_a_record() {
    let stage = Stage::new().await;
    let node = stage.node().await;
    let [alice, bob] = stage.contacts(&node, ["alice", "bob"]).await;
    let (tablet, phone) = (alice.also_at(&node), bob.also_at(&node));

    let call = alice.calls(&bob).await.unwrap();
    let ringing = alice.hears("call_ringing").await["call"].clone();
    assert_eq!((&ringing["state"], &ringing["mine"]), (&"ringing".into(), &true.into()));
    assert_eq!(
        (&ringing["caller"]["relation"], &ringing["callee"]["relation"]),
        (&"self".into(), &"contact".into())
    );
    assert_eq!(tablet.hears("call_ringing").await["call"]["mine"], false);
    for device in [&bob, &phone] {
        let ringing = device.hears("call_ringing").await["call"].clone();
        assert_eq!(
            (&ringing["caller"]["nickname"], &ringing["mine"]),
            (&"alice".into(), &false.into())
        );
        assert_eq!(ringing["caller"]["relation"], "contact");
    }

    phone.accepts(call).await.unwrap();
    for (device, mine) in [(&alice, true), (&tablet, false), (&bob, false), (&phone, true)] {
        let accepted = device.hears("call_accepted").await["call"].clone();
        assert_eq!((&accepted["state"], &accepted["mine"]), (&"active".into(), &mine.into()));
    }

    alice.signals(call, "offer").await.unwrap();
    assert_eq!(phone.hears("call_signal").await["signal"]["sdp"], "offer");
    phone.signals(call, "answer").await.unwrap();
    assert_eq!(alice.hears("call_signal").await["signal"]["sdp"], "answer");
    assert_eq!(code(bob.signals(call, "not mine").await), Code::Denied);
    assert_eq!(code(bob.accepts(call).await), Code::CallOver, "another device has it");
    for bystander in [&tablet, &bob] {
        assert_eq!(bystander.unheard(), [] as [&str; 0]);
    }

    phone.hangs_up(call).await.unwrap();
    for device in [&alice, &tablet, &bob, &phone] {
        let ended = device.hears("call_ended").await;
        assert_eq!((&ended["outcome"], &ended["by"]), (&"completed".into(), &bob.id()));
        let record = device.hears_record().await;
        assert_eq!(record["sender_id"], alice.id());
        assert_eq!(
            (&record["body"]["type"], &record["body"]["outcome"]),
            (&"call".into(), &"completed".into())
        );
        assert!(record["body"]["duration_ms"].is_i64());
        assert_eq!(device.unheard(), [] as [&str; 0], "one record only");
    }
    assert_eq!(code(alice.signals(call, "late").await), Code::CallOver);
}

#[tokio::test]
async fn every_way_a_call_fails_is_told_and_recorded() {
    let stage = Stage::new().await;
    let node = stage.node().await;
    let [alice, bob, eve] = stage.contacts(&node, ["alice", "bob", "eve"]).await;

    let call = alice.calls(&bob).await.unwrap();
    bob.declines(call).await.unwrap();
    assert_eq!(alice.hears("call_ended").await["outcome"], "declined");
    assert_eq!(bob.hears_record().await["body"]["outcome"], "declined");

    let call = alice.calls(&bob).await.unwrap();
    alice.hangs_up(call).await.unwrap();
    assert_eq!(alice.hears("call_ended").await["outcome"], "cancelled");
    assert_eq!(bob.hears_record().await["body"]["outcome"], "cancelled");

    alice.calls(&bob).await.unwrap();
    keep::sweep(&node, moment() + ANSWER_WITHIN_MS);
    assert_eq!(alice.hears("call_ended").await["outcome"], "missed");
    let record = bob.hears_record().await;
    assert_eq!(
        (&record["seq"], &record["body"]["outcome"]),
        (&4.into(), &"missed".into()),
        "after one line and two records"
    );
    assert!(record["body"].get("duration_ms").is_none());

    assert_eq!((alice.unread(&record).await, bob.unread(&record).await), (0, 4), "a call missed");

    let busy = alice.calls(&bob).await.unwrap();
    let call = eve.calls(&bob).await.unwrap();
    assert_eq!(eve.hears("call_ended").await["call_id"], serde_json::json!(call));
    assert_eq!(eve.hears_record().await["body"]["outcome"], "busy");
    assert_eq!(code(alice.calls(&eve).await), Code::InCall);
    alice.hangs_up(busy).await.unwrap();
    eve.calls(&bob).await.expect("bob is free again");
}

#[tokio::test]
async fn two_who_call_each_other_talk_in_the_first_call() {
    let stage = Stage::new().await;
    let node = stage.node().await;
    let [alice, bob] = stage.contacts(&node, ["alice", "bob"]).await;
    let first = alice.calls(&bob).await.unwrap();
    bob.calls(&alice).await.unwrap();
    for device in [&alice, &bob] {
        let call = device.hears("call_accepted").await["call"].clone();
        assert_eq!((&call["id"], &call["mine"]), (&serde_json::json!(first), &true.into()));
    }
    assert_eq!(code(bob.calls(&alice).await), Code::InCall);
    alice.starts(first, bob.caller.user).await.expect("a frame sent twice does nothing");
}

#[tokio::test]
async fn only_contacts_can_call_and_whoever_blocked_them_hears_nothing() {
    let stage = Stage::new().await;
    let node = stage.node().await;
    let [alice, bob, carol] = stage.contacts(&node, ["alice", "bob", "carol"]).await;
    let stranger = stage.person(&node, "stranger").await;
    assert_eq!(code(alice.calls(&stranger).await), Code::NotContacts);
    assert_eq!(code(alice.calls(&alice).await), Code::Invalid);
    assert_eq!(code(alice.starts(CallId::fresh(), UserId::fresh()).await), Code::NotFound);
    stage.set_side(&bob, &alice, Side { contact: true, blocked: true }).await;
    assert_eq!(code(bob.calls(&alice).await), Code::Blocked);
    let call = alice.calls(&bob).await.expect("a block is not told");
    assert_eq!(code(bob.accepts(call).await), Code::NotFound);
    assert_eq!(bob.unheard(), [] as [&str; 0]);
    carol.calls(&bob).await.expect("who is called in vain is free");
    bob.hears("call_ringing").await;
}

#[tokio::test]
async fn outsiders_reach_no_call() {
    let stage = Stage::new().await;
    let node = stage.node().await;
    let [alice, bob, eve] = stage.contacts(&node, ["alice", "bob", "eve"]).await;
    let call = alice.calls(&bob).await.unwrap();
    assert_eq!(code(alice.signals(call, "too early").await), Code::Denied);
    assert_eq!(code(eve.starts(call, alice.caller.user).await), Code::Conflict, "a stolen id");
    bob.accepts(call).await.unwrap();
    assert_eq!(code(eve.signals(call, "x").await), Code::NotFound);
    assert_eq!(code(eve.hangs_up(call).await), Code::NotFound);
    assert_eq!(code(eve.accepts(call).await), Code::NotFound);
    assert_eq!(code(eve.hangs_up(CallId::fresh()).await), Code::NotFound);
    assert_eq!(code(alice.signals(call, &"x".repeat(40_000)).await), Code::TooLarge);
    bob.hears("call_accepted").await;
    assert_eq!(bob.unheard(), [] as [&str; 0]);
}

#[tokio::test]
async fn a_flood_of_signals_is_slowed_down() {
    let stage = Stage::new().await;
    let node = stage.node().await;
    let [alice, bob] = stage.contacts(&node, ["alice", "bob"]).await;
    let call = alice.calls(&bob).await.unwrap();
    bob.accepts(call).await.unwrap();
    let mut refused = None;
    for _ in 0..10_000 {
        if let Err(refusal) = alice.signals(call, "offer").await {
            refused = Some(refusal);
            break;
        }
        bob.hears("call_signal").await;
    }
    let refused = refused.expect("10,000 signals at once are too many");
    assert_eq!(refused.code, Code::SlowDown);
    assert!(refused.retry_after_ms.is_some());
}

#[tokio::test]
async fn a_broken_socket_ends_the_call_unless_it_is_resumed() {
    let stage = Stage::new().await;
    let node = stage.node().await;
    let [alice, bob] = stage.contacts(&node, ["alice", "bob"]).await;
    let call = alice.calls(&bob).await.unwrap();
    bob.accepts(call).await.unwrap();
    let now = moment();
    node.hub.detach(&bob.mailbox, 0, now.ticks);
    keep::sweep(&node, now);
    let (id, login) = (bob.mailbox.id, bob.caller.login);
    let (mailbox, attachment) = node.hub.resume(id, bob.caller.user, login, 0, now.ticks).unwrap();
    keep::sweep(&node, now + SOCKET_GRACE_MS);
    bob.signals(call, "still here").await.unwrap();
    alice.hears("call_signal").await;

    node.hub.detach(&mailbox, attachment, now.ticks);
    keep::sweep(&node, now + SOCKET_GRACE_MS);
    keep::sweep(&node, now + 2 * SOCKET_GRACE_MS);
    assert_eq!(alice.hears("call_ended").await["outcome"], "lost");
    assert_eq!(alice.hears_record().await["body"]["outcome"], "lost");
}

#[tokio::test]
async fn who_connects_while_it_rings_is_shown_the_call() {
    let stage = Stage::new().await;
    let node = stage.node().await;
    let [alice, bob] = stage.contacts(&node, ["alice", "bob"]).await;
    assert_eq!(live(&node, bob.caller.user, bob.mailbox.id).await.unwrap(), []);
    let call = alice.calls(&bob).await.unwrap();
    let phone = bob.also_at(&node);
    let [shown] = &live(&node, bob.caller.user, phone.mailbox.id).await.unwrap()[..] else {
        panic!("one call");
    };
    assert_eq!((shown.id, shown.mine), (call, false));
    let [shown] = &live(&node, alice.caller.user, alice.mailbox.id).await.unwrap()[..] else {
        panic!("one call");
    };
    assert!(shown.mine);
    phone.declines(call).await.unwrap();
    assert_eq!(live(&node, bob.caller.user, phone.mailbox.id).await.unwrap(), []);
}

#[tokio::test]
async fn a_node_that_stops_ends_and_records_what_rings() {
    let stage = Stage::new().await;
    let node = stage.node().await;
    let [alice, bob] = stage.contacts(&node, ["alice", "bob"]).await;
    alice.calls(&bob).await.unwrap();
    keep::stop(&node).await;
    assert_eq!(bob.hears("call_ended").await["outcome"], "lost");
    assert_eq!(bob.hears_record().await["body"]["outcome"], "lost");
}

#[tokio::test]
async fn a_completed_call_is_no_news_to_whoever_was_in_it() {
    let stage = Stage::new().await;
    let node = stage.node().await;
    let [alice, bob] = stage.contacts(&node, ["alice", "bob"]).await;

    let call = alice.calls(&bob).await.unwrap();
    let id = bob.hears("call_ringing").await["call"]["conversation_id"].clone();
    let read = Progress { received_seq: 1, read_seq: 1 };
    let id = serde_json::from_value(id).unwrap();
    conversations::advance(&node, bob.caller.user, id, read).await.unwrap();
    assert_eq!(bob.hears("receipt").await["read_seq"], 1);

    bob.accepts(call).await.unwrap();
    bob.hangs_up(call).await.unwrap();
    let record = bob.hears_record().await;
    assert_eq!(bob.hears("receipt").await["read_seq"], record["seq"]);
    assert_eq!((alice.unread(&record).await, bob.unread(&record).await), (0, 0));
}
