//! The STUN and TURN servers somebody may use in a call.

use std::fmt::Display;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::ExposeSecret;
use sha1::Sha1;

use crate::config;
use crate::domain::frame::IceServer;

/// How long a TURN credential works: longer than people talk, too short to be worth stealing.
const CREDENTIAL_LIFE_S: i64 = 12 * 60 * 60;

/// What goes into somebody's `RTCPeerConnection`. TURN credentials are theirs, and end: `expiry:user` and its
/// HMAC-SHA1, the convention that coturn calls `use-auth-secret`.
pub fn servers(config: &config::Calls, user: impl Display, now_ms: i64) -> Vec<IceServer> {
    let urls = |urls: &[config::IceUrl]| urls.iter().map(|url| url.0.clone()).collect();
    let stun = IceServer { urls: urls(&config.stun_urls), username: None, credential: None };
    let username = format!("{}:{user}", now_ms / 1000 + CREDENTIAL_LIFE_S);
    let turn = IceServer {
        urls: urls(&config.turn_urls),
        credential: Some(credential(config.turn_secret.expose_secret(), &username)),
        username: Some(username),
    };
    [stun, turn].into_iter().filter(|server| !server.urls.is_empty()).collect()
}

fn credential(secret: &str, username: &str) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).expect("HMAC takes any key");
    mac.update(username.as_bytes());
    BASE64_STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_configured_is_no_server() {
        assert_eq!(servers(&config::Calls::default(), "alice", 0), []);
    }

    #[test]
    fn each_person_gets_a_turn_credential_that_ends() {
        let config = config::Calls {
            stun_urls: vec![config::IceUrl("stun:stun.example.com".into())],
            turn_urls: vec![config::IceUrl("turn:turn.example.com?transport=tcp".into())],
            turn_secret: "north".to_owned().into(),
        };
        let [stun, turn] = &servers(&config, uuid::Uuid::nil(), 1_700_000_000_999)[..] else {
            panic!("two servers");
        };
        assert_eq!((&stun.username, &stun.credential), (&None, &None));
        let username = "1700043200:00000000-0000-0000-0000-000000000000";
        assert_eq!(turn.username.as_deref(), Some(username));
        // printf %s USERNAME | openssl dgst -sha1 -hmac north -binary | base64
        assert_eq!(turn.credential.as_deref(), Some("Xbg9Vkz7pP3i7sglpBG44jVJQbM="));
    }
}
