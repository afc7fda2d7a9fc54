//! The relay that comes with a call, and goes with it.

use std::net::SocketAddr;

use beckon_load::turn::TurnClient;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::stage::{Stage, eventually};

/// The TURN server that somebody is told of: where, and as whom.
fn relay(call: &Value) -> (SocketAddr, String, String) {
    let servers = call["ice_servers"].as_array().expect("ICE servers");
    let relay = servers.iter().find(|server| server["username"].is_string()).expect("a relay");
    let url = relay["urls"][0].as_str().unwrap();
    let address = url.strip_prefix("turn:").and_then(|url| url.strip_suffix("?transport=udp"));
    let text = |key: &str| relay[key].as_str().unwrap().to_owned();
    (address.unwrap().parse().unwrap(), text("username"), text("credential"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_comes_with_a_relay_that_ends_with_it() {
    let here = ("BECKON_TURN__DEVELOPMENT_LOOPBACK", "true");
    let stage = Stage::configured(&[("BECKON_TURN__UDP", "127.0.0.1:0"), here]).await;
    let [alice, bob] = stage.friends(["alice", "bob"]).await;
    let id = Uuid::new_v4().to_string();
    let start = json!({"type": "call_start", "call_id": id, "user_id": bob.id, "media": "voice"});
    alice.gets_ok(start).await;
    let ringing = [alice.notices("call_ringing").await, bob.notices("call_ringing").await];
    let mut clients = Vec::new();
    for (address, name, password) in ringing.iter().map(|frame| relay(&frame["call"])) {
        let mut client = TurnClient::connect(address, &name, &password).unwrap();
        let relayed = client.allocate().expect("the credential is good");
        clients.push((client, relayed, address, name, password));
    }
    // Both may relay, to each other and not to this machine.
    let (server, other) = (clients[0].2, clients[1].1);
    clients[0].0.bind_channel(0x4000, other).unwrap();
    assert!(clients[0].0.bind_channel(0x4001, server).is_err());

    bob.gets_ok(json!({"type": "call_decline", "call_id": id})).await;
    alice.notices("call_ended").await;
    for (client, _, address, name, password) in &mut clients {
        eventually("the allocation is over", || {
            let is_over = client.bind_channel(0x4000, other).is_err();
            async move { is_over }
        })
        .await;
        let again = TurnClient::connect(*address, name, password).unwrap().allocate();
        assert!(again.is_err(), "the credential is still good");
    }
}
