//! The STUN and TURN servers somebody may use in a call, for as long as they are in it.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::ExposeSecret;
use sha1::Sha1;

use beckon_sfu_api::ParticipantId;

use crate::config;
use crate::domain::frame::IceServer;
use crate::domain::ids::{CallId, UserId};

/// How long a TURN credential works, in seconds: longer than people talk, too short to be worth stealing.
pub const CREDENTIAL_LIFE_S: i64 = 12 * 60 * 60;

/// Whom a TURN credential is for, and for what: it ends with that, and the relay counts all that the person holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    person: String,
    what: String,
}

/// Ends what a holder of a credential relays, `person/what`, and lets them relay no more.
pub type Revoke = Arc<dyn Fn(&str) + Send + Sync>;

/// Bytes of the mark of a person: too many to meet by chance.
const PERSON_LEN: usize = 8;

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
    pub fn servers(&self, holder: Holder, now_ms: i64) -> Vec<IceServer> {
        let config = &self.config;
        let urls = |urls: &[config::IceUrl]| urls.iter().map(|url| url.0.clone()).collect();
        let stun = IceServer { urls: urls(&config.stun_urls), username: None, credential: None };
        let username = format!("{}:{}", now_ms / 1000 + CREDENTIAL_LIFE_S, self.name(&holder));
        let turn = IceServer {
            urls: urls(&config.turn_urls),
            credential: Some(credential(config.turn_secret.expose_secret(), &username)),
            username: Some(username),
        };
        [stun, turn].into_iter().filter(|server| !server.urls.is_empty()).collect()
    }

    /// The holder has left what the credential was for.
    pub fn revoke(&self, holder: Holder) {
        if let Some(revoke) = &self.revoke {
            revoke(&self.name(&holder));
        }
    }

    /// The relay knows no people: of a person it gets a mark that is always the same, and says nothing to others.
    fn name(&self, Holder { person, what }: &Holder) -> String {
        let mac = authenticated(self.config.turn_secret.expose_secret(), &["person ", person]);
        let mark = mac[..PERSON_LEN].iter().map(|byte| format!("{byte:02x}"));
        format!("{}/{what}", mark.collect::<String>())
    }
}

/// Who holds a credential for a one-to-one call.
pub fn in_call(call: CallId, user: UserId) -> Holder {
    Holder { person: user.to_string(), what: call.to_string() }
}

/// Who holds a credential for a room. Our own people are the same everywhere; others are whom the key that signed for
/// them calls so.
pub fn in_room(participant: &ParticipantId, identity: &str, key: &str) -> Holder {
    let person = match identity.parse::<uuid::Uuid>() {
        Ok(user) => user.to_string(),
        Err(_) => format!("{key}/{identity}"),
    };
    Holder { person, what: participant.to_string() }
}

fn credential(secret: &str, username: &str) -> String {
    BASE64_STANDARD.encode(authenticated(secret, &[username]))
}

fn authenticated(secret: &str, parts: &[&str]) -> [u8; 20] {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).expect("HMAC takes any key");
    parts.iter().for_each(|part| mac.update(part.as_bytes()));
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_configured_is_no_server() {
        let holder = in_call(CallId::fresh(), UserId::fresh());
        assert_eq!(Ice::new(config::Calls::default(), None).servers(holder, 0), []);
    }

    #[test]
    fn each_person_gets_a_turn_credential_that_ends() {
        let config = config::Calls {
            stun_urls: vec![config::IceUrl("stun:stun.example.com".into())],
            turn_urls: vec![config::IceUrl("turn:turn.example.com?transport=tcp".into())],
            turn_secret: "north".to_owned().into(),
        };
        let holder = in_call(CallId(uuid::Uuid::nil()), UserId(uuid::Uuid::nil()));
        let servers = Ice::new(config, None).servers(holder, 1_700_000_000_999);
        let [stun, turn] = &servers[..] else {
            panic!("two servers");
        };
        assert_eq!((&stun.username, &stun.credential), (&None, &None));
        // printf %s "person 00000000-0000-0000-0000-000000000000" | openssl dgst -sha1 -hmac north
        let username = "1700043200:84317281098b0281/00000000-0000-0000-0000-000000000000";
        assert_eq!(turn.username.as_deref(), Some(username));
        // printf %s USERNAME | openssl dgst -sha1 -hmac north -binary | base64
        assert_eq!(turn.credential.as_deref(), Some("616br1PEVjgHiq6fNA36Rl3fPfg="));
    }

    #[test]
    fn a_holder_who_left_is_named_to_the_relay() {
        let told = Arc::new(std::sync::Mutex::new(Vec::new()));
        let heard = told.clone();
        let revoke: Revoke = Arc::new(move |holder| heard.lock().unwrap().push(holder.to_owned()));
        let ice = Ice::new(config::Calls::default(), Some(revoke));
        let (call, user) = (CallId::fresh(), UserId::fresh());
        ice.revoke(in_call(call, user));
        let told = told.lock().unwrap();
        assert!(told[0].ends_with(&format!("/{call}")) && told.len() == 1, "{told:?}");
    }

    #[test]
    fn a_person_has_one_mark_in_whatever_they_are() {
        let ice = Ice::new(config::Calls::default(), None);
        let person = |holder: Holder| ice.name(&holder).split_once('/').unwrap().0.to_owned();
        let (alice, bob) = (UserId::fresh(), UserId::fresh());
        let here = person(in_call(CallId::fresh(), alice));
        assert_eq!(here, person(in_call(CallId::fresh(), alice)));
        let in_room = |name: &str, key| person(in_room(&"PA_1".into(), name, key));
        assert_eq!(here, in_room(&alice.to_string(), "ours"));
        assert_ne!(here, person(in_call(CallId::fresh(), bob)));
        assert_ne!(in_room("alice", "one"), in_room("alice", "other"));
        assert!(!here.contains(&alice.to_string()[..8]));
    }
}
