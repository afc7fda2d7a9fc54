//! Tokens that let participants into a room: JWT (RFC 7519) with HS256 and LiveKit's video grants.

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;
use uuid::Uuid;

/// Tokens are used at once.
const LIFE: Duration = Duration::from_secs(600);

/// A key of the server's rooms.
pub(super) struct ApiKey {
    pub(super) id: String,
    pub(super) secret: String,
}

impl ApiKey {
    /// A key for a server of our own.
    pub(super) fn made_up() -> ApiKey {
        let secret = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        ApiKey { id: "bench".into(), secret }
    }

    /// A token for one participant.
    pub(super) fn token(&self, room: &str, identity: &str) -> anyhow::Result<String> {
        let expires = (SystemTime::now() + LIFE).duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
        let header = json!({ "alg": "HS256", "typ": "JWT" });
        let claims = json!({
            "iss": self.id,
            "sub": identity,
            "exp": expires,
            "video": { "room": room, "roomJoin": true },
        });
        let signed = [header, claims].map(|part| BASE64URL.encode(part.to_string())).join(".");
        let mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes())?;
        let mac = mac.chain_update(&signed).finalize().into_bytes();
        Ok(format!("{signed}.{}", BASE64URL.encode(mac)))
    }
}
