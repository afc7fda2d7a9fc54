//! Calls between people whose sockets are on two nodes that share a store and Redis.

use super::stage::{Stage, code};
use crate::calls::{keep, live, remote};
use crate::clock::{moment, ticks_ms};
use crate::domain::call::SOCKET_GRACE_MS;
use crate::domain::refusal::Code;

#[tokio::test]
async fn a_call_between_two_nodes() {
    let Some(stage) = Stage::with_redis().await else { return };
    let (here, there) = stage.two_nodes().await;
    let [alice, bob_here] = stage.contacts(&here, ["alice", "bob"]).await;
    let bob = bob_here.also_at(&there);

    let call = alice.calls(&bob).await.unwrap();
    assert_eq!(bob.hears("call_ringing").await["call"]["mine"], false);
    let [shown] = &live(&there, bob.caller.user, bob.mailbox.id).await.unwrap()[..] else {
        panic!("one call");
    };
    assert_eq!(shown.id, call);
    bob.accepts(call).await.unwrap();
    assert_eq!(bob.hears("call_accepted").await["call"]["mine"], true);
    assert_eq!(bob_here.hears("call_accepted").await["call"]["mine"], false);

    bob.signals(call, "from there").await.unwrap();
    assert_eq!(alice.hears("call_signal").await["signal"]["sdp"], "from there");
    alice.signals(call, "from here").await.unwrap();
    assert_eq!(bob.hears("call_signal").await["signal"]["sdp"], "from here");
    assert_eq!(code(bob_here.signals(call, "x").await), Code::Denied);

    bob.hangs_up(call).await.unwrap();
    assert_eq!(alice.hears("call_ended").await["outcome"], "completed");
    let again = bob.calls(&alice).await.expect("both are free again, everywhere");
    alice.declines(again).await.unwrap();
    bob.hears("call_ended").await;
}

#[tokio::test]
async fn busy_and_glare_between_two_nodes() {
    let Some(stage) = Stage::with_redis().await else { return };
    let (here, there) = stage.two_nodes().await;
    let [alice, bob_here, eve] = stage.contacts(&here, ["alice", "bob", "eve"]).await;
    let bob = bob_here.also_at(&there);

    let call = alice.calls(&bob).await.unwrap();
    bob.calls(&alice).await.unwrap();
    let accepted = bob.hears("call_accepted").await["call"].clone();
    assert_eq!((&accepted["id"], &accepted["mine"]), (&serde_json::json!(call), &true.into()));
    assert_eq!(code(bob.calls(&eve).await), Code::InCall);
    let eve_there = eve.also_at(&there);
    eve_there.calls(&alice).await.unwrap();
    assert_eq!(eve_there.hears("call_ended").await["outcome"], "busy");
}

#[tokio::test]
async fn a_node_that_falls_silent_loses_its_calls_on_both_sides() {
    let Some(stage) = Stage::with_redis().await else { return };
    let (here, there) = stage.two_nodes().await;
    let [alice, bob_here] = stage.contacts(&here, ["alice", "bob"]).await;
    let bob = bob_here.also_at(&there);
    let call = alice.calls(&bob).await.unwrap();
    bob.accepts(call).await.unwrap();

    // all is well as long as they talk to each other
    keep::sweep(&here, moment() + -2 * SOCKET_GRACE_MS);
    remote::vouch(&there, ticks_ms());
    bob.signals(call, "words between two nodes stay in order").await.unwrap();
    alice.hears("call_signal").await;
    keep::sweep(&here, moment());
    alice.signals(call, "still there").await.unwrap();
    bob.hears("call_signal").await;

    there.stop.cancel();
    keep::sweep(&here, moment() + SOCKET_GRACE_MS + 1);
    assert_eq!(alice.hears("call_ended").await["outcome"], "lost");
    remote::vouch(&there, ticks_ms() + SOCKET_GRACE_MS + 1);
    assert_eq!(bob.hears("call_ended").await["outcome"], "lost");
}
