//! The long-term credential mechanism (RFC 8489, 9.2.4).

use std::time::Instant;

use rtc_stun::attributes::{ATTR_NONCE, ATTR_REALM, ATTR_USERNAME};

use super::Relay;
use crate::client::Client;
use crate::credentials::Key;
use crate::refusal::Refusal;
use crate::request::Request;

/// Longer texts make a bad request (RFC 8489, 14.3, 14.9 and 14.10).
const USERNAME_LEN_MAX: usize = 508;
const REALM_LEN_MAX: usize = 763;
const NONCE_LEN_MAX: usize = 763;

/// A client that proved its knowledge of a name's password.
#[derive(Debug)]
pub(super) struct Authentic {
    pub(super) username: Box<str>,
    pub(super) key: Key,
}

impl Relay {
    /// The checks, in the order of the RFC.
    pub(super) fn authenticate(
        &self,
        now: Instant,
        client: Client,
        request: &Request,
    ) -> Result<Authentic, Refusal> {
        if !request.has_integrity() {
            return Err(Refusal::Unauthenticated);
        }
        let username = request.text(ATTR_USERNAME, USERNAME_LEN_MAX)?;
        let realm = request.text(ATTR_REALM, REALM_LEN_MAX)?;
        let nonce = request.text(ATTR_NONCE, NONCE_LEN_MAX)?;
        let (Some(username), Some(_), Some(nonce)) = (username, realm, nonce) else {
            return Err(Refusal::BadRequest);
        };
        let mut keys = self.shared.credentials.keys(username).into_iter();
        let key = keys.find(|key| request.is_signed_with(key.bytes()));
        let key = key.ok_or(Refusal::Unauthenticated)?;
        if self.is_over(now, client, username) {
            return Err(Refusal::Unauthenticated);
        }
        if !self.shared.nonces.is_fresh(now, client.address, nonce) {
            return Err(Refusal::StaleNonce);
        }
        Ok(Authentic { username: username.into(), key })
    }

    /// Whether a name has expired or been revoked. An expired one keeps its allocation, so that no call is cut in the
    /// middle; a revoked one loses it separately.
    fn is_over(&self, now: Instant, client: Client, username: &str) -> bool {
        let credentials = &self.shared.credentials;
        let is_revoked = || {
            !credentials.is_user(username) && self.shared.is_revoked(credentials.holder(username))
        };
        let has_one = || {
            self.live(now, &client).is_some_and(|(_, allocation)| *allocation.username == *username)
        };
        (credentials.is_expired(username, self.unix_s(now)) || is_revoked()) && !has_one()
    }
}
