//! What lives by a login ends with it, whoever missed the news.

use serde_json::json;

use crate::stage::{Socket, Stage};

/// A login's handshake, then its revocation, then the hello: nobody told the socket, for there was none yet.
#[tokio::test]
async fn a_login_revoked_between_handshake_and_hello_is_not_welcomed() {
    let stage = Stage::new().await;
    let alice = stage.person("alice").await;
    for end in ["revoked", "expired", "disabled"] {
        let phone = stage.person(&format!("phone.{end}")).await;
        let mut socket = Socket::open(stage.first(), &phone.tokens().access).await.unwrap();
        match end {
            "revoked" => {
                phone.delete("logins/current").await.ok();
            }
            "expired" => stage.edit("UPDATE logins SET refresh_expires_at = 1 WHERE user_id IN (SELECT id FROM users WHERE name LIKE 'phone%')").await,
            _ => stage.edit("UPDATE users SET disabled = 1 WHERE name LIKE 'phone%'").await,
        }
        socket.say(json!({"type": "hello"})).await;
        assert_eq!(socket.closes().await.code, Some(4401), "{end}");
    }
    alice.gets_ok(json!({"type": "ping"})).await;
}

#[tokio::test]
async fn a_resumed_socket_of_a_login_that_is_over_is_not_welcomed() {
    let stage = Stage::new().await;
    let alice = stage.person("alice").await;
    let mut first = Socket::open(stage.first(), &alice.tokens().access).await.unwrap();
    first.hello().await;
    let (id, n) = (first.id.clone(), first.n);
    first.breaks();
    let mut again = Socket::open(stage.first(), &alice.tokens().access).await.unwrap();
    stage.edit("UPDATE logins SET refresh_expires_at = 1").await;
    again.say(json!({"type": "resume", "socket_id": id, "n": n})).await;
    assert_eq!(again.closes().await.code, Some(4401));
}

/// Nobody is told when a login expires or an account is disabled: the node looks again by itself.
#[tokio::test]
async fn sockets_of_logins_that_expire_or_are_disabled_are_closed() {
    let stage = Stage::new().await;
    let [alice, bob, carol] = stage.people(["alice", "bob", "carol"]).await;
    stage.edit("UPDATE logins SET refresh_expires_at = 1 WHERE user_id = (SELECT id FROM users WHERE name = 'alice')").await;
    stage.edit("UPDATE users SET disabled = 1 WHERE name = 'bob'").await;
    assert_eq!(alice.is_closed().await.code, Some(4401));
    assert_eq!(bob.is_closed().await.code, Some(4401));
    carol.gets_ok(json!({"type": "ping"})).await;
}

#[tokio::test]
async fn a_login_revoked_while_redis_was_away_ends_on_the_other_node() {
    let Some(stage) = Stage::shared().await else { return };
    let second = stage.node().await;
    let alice = stage.person("alice").await;
    let phone = alice.signs_in("phone").await.at(&second);
    phone.connects().await;
    stage.redis().stops().await;
    alice.delete(&format!("logins/{}", phone.login_id)).await.ok();
    stage.redis().returns().await;
    assert_eq!(phone.is_closed().await.code, Some(4401));
    alice.gets_ok(json!({"type": "ping"})).await;
}
