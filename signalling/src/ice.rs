//! The STUN and TURN servers somebody may use in a call, for as long as they are in it.

use std::fmt::Display;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::ExposeSecret;
use sha1::Sha1;

use crate::config;
use crate::domain::frame::IceServer;
use crate::domain::ids::{CallId, UserId};

/// How long a TURN credential works: longer than people talk, too short to be worth stealing.
const CREDENTIAL_LIFE_S: i64 = 12 * 60 * 60;

/// Ends what a holder of a credential relays, and lets them relay no more.
pub type Revoke = Arc<dyn Fn(&str) + Send + Sync>;

/// Gives credentials out, and takes them back.
#[derive(Clone)]
pub struct Ice {
    config: config::Calls,
    revoke: Option<Revoke>,
}

impl Ice {
    /// Without a relay of our own nothing can be taken back; credentials then end by themselves.
    pub fn new(config: config::Calls, revoke: Option<Revoke>) -> Ice {
        Ice { config, revoke }
    }

    /// What goes into somebody's `RTCPeerConnection`. TURN credentials are the holder's, and end: `expiry:holder` and
    /// its HMAC-SHA1, the convention that coturn calls `use-auth-secret`.
    pub fn servers(&self, holder: impl Display, now_ms: i64) -> Vec<IceServer> {
        let config = &self.config;
        let urls = |urls: &[config::IceUrl]| urls.iter().map(|url| url.0.clone()).collect();
        let stun = IceServer { urls: urls(&config.stun_urls), username: None, credential: None };
        let username = format!("{}:{holder}", now_ms / 1000 + CREDENTIAL_LIFE_S);
        let turn = IceServer {
            urls: urls(&config.turn_urls),
            credential: Some(credential(config.turn_secret.expose_secret(), &username)),
            username: Some(username),
        };
        [stun, turn].into_iter().filter(|server| !server.urls.is_empty()).collect()
    }

    /// The holder has left what the credential was for.
    pub fn revoke(&self, holder: impl Display) {
        if let Some(revoke) = &self.revoke {
            revoke(&holder.to_string());
        }
    }
}

/// Who holds a credential for a one-to-one call.
pub fn in_call(call: CallId, user: UserId) -> String {
    format!("{call}.{user}")
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
        assert_eq!(Ice::new(config::Calls::default(), None).servers("alice", 0), []);
    }

    #[test]
    fn each_person_gets_a_turn_credential_that_ends() {
        let config = config::Calls {
            stun_urls: vec![config::IceUrl("stun:stun.example.com".into())],
            turn_urls: vec![config::IceUrl("turn:turn.example.com?transport=tcp".into())],
            turn_secret: "north".to_owned().into(),
        };
        let servers = Ice::new(config, None).servers(uuid::Uuid::nil(), 1_700_000_000_999);
        let [stun, turn] = &servers[..] else {
            panic!("two servers");
        };
        assert_eq!((&stun.username, &stun.credential), (&None, &None));
        let username = "1700043200:00000000-0000-0000-0000-000000000000";
        assert_eq!(turn.username.as_deref(), Some(username));
        // printf %s USERNAME | openssl dgst -sha1 -hmac north -binary | base64
        assert_eq!(turn.credential.as_deref(), Some("Xbg9Vkz7pP3i7sglpBG44jVJQbM="));
    }

    #[test]
    fn a_holder_who_left_is_named_to_the_relay() {
        let told = Arc::new(std::sync::Mutex::new(Vec::new()));
        let heard = told.clone();
        let revoke: Revoke = Arc::new(move |holder| heard.lock().unwrap().push(holder.to_owned()));
        let ice = Ice::new(config::Calls::default(), Some(revoke));
        let (call, user) = (CallId::fresh(), UserId::fresh());
        ice.revoke(in_call(call, user));
        assert_eq!(*told.lock().unwrap(), [format!("{call}.{user}")]);
    }
}
