//! Stateless nonces: each contains its time of creation, signed together with the client's address.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use rand::RngExt as _;
use sha2::Sha256;

/// A client that uses an older one is given a new one with 438 (Stale Nonce).
pub(crate) const NONCE_LIFE: Duration = Duration::from_secs(60 * 60);

const TAG_LEN: usize = 12;
const NONCE_LEN: usize = 4 + TAG_LEN;

/// Creates and verifies nonces. All threads share one, since any of them may serve a client.
#[derive(Clone)]
pub(crate) struct Nonces {
    key: [u8; 32],
    started: Instant,
}

impl fmt::Debug for Nonces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nonces(..)")
    }
}

impl Nonces {
    pub(crate) fn new(now: Instant) -> Nonces {
        Nonces { key: rand::rng().random(), started: now }
    }

    /// A nonce for this client, and no other (RFC 8489, 9.2.4).
    pub(crate) fn make(&self, now: Instant, client: SocketAddr) -> String {
        let made = self.seconds(now).to_be_bytes();
        let mut nonce = [0; NONCE_LEN];
        nonce[..4].copy_from_slice(&made);
        nonce[4..].copy_from_slice(&self.mac(made, client).finalize().into_bytes()[..TAG_LEN]);
        BASE64_URL_SAFE_NO_PAD.encode(nonce)
    }

    /// Whether we made it for this client and it has not become stale.
    pub(crate) fn is_fresh(&self, now: Instant, client: SocketAddr, nonce: &str) -> bool {
        let mut bytes = [0; NONCE_LEN];
        if BASE64_URL_SAFE_NO_PAD.decode_slice(nonce, &mut bytes) != Ok(NONCE_LEN) {
            return false;
        }
        let (made, tag) = bytes.split_at(4);
        let made: [u8; 4] = made.try_into().expect("split after four");
        let age = self.seconds(now).wrapping_sub(u32::from_be_bytes(made));
        u64::from(age) < NONCE_LIFE.as_secs()
            && self.mac(made, client).verify_truncated_left(tag).is_ok()
    }

    fn seconds(&self, now: Instant) -> u32 {
        now.saturating_duration_since(self.started).as_secs() as u32
    }

    fn mac(&self, made: [u8; 4], client: SocketAddr) -> Hmac<Sha256> {
        let mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes any key");
        let mac = mac.chain_update(made).chain_update(client.port().to_be_bytes());
        match client.ip() {
            IpAddr::V4(ip) => mac.chain_update(ip.octets()),
            IpAddr::V6(ip) => mac.chain_update(ip.octets()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_for_one_client_and_some_time() {
        let start = Instant::now();
        let nonces = Nonces::new(start);
        let client: SocketAddr = "192.0.2.1:1000".parse().unwrap();
        let made = start + Duration::from_secs(7);
        let nonce = nonces.make(made, client);
        assert!(nonces.is_fresh(made, client, &nonce));
        assert!(nonces.is_fresh(made + NONCE_LIFE - Duration::from_secs(1), client, &nonce));
        assert!(!nonces.is_fresh(made + NONCE_LIFE, client, &nonce));
        assert!(!nonces.is_fresh(made, "192.0.2.1:1001".parse().unwrap(), &nonce));
        assert!(!nonces.is_fresh(made, "192.0.2.2:1000".parse().unwrap(), &nonce));
        assert!(!Nonces::new(start).is_fresh(made, client, &nonce));
    }

    #[test]
    fn what_is_no_nonce_of_ours_is_not_fresh() {
        let now = Instant::now();
        let nonces = Nonces::new(now);
        let client: SocketAddr = "192.0.2.1:1000".parse().unwrap();
        let nonce = nonces.make(now, client);
        for other in ["", "a", &nonce[1..], &nonce.replace('A', "B"), "\u{1F4DE}"] {
            assert!(!nonces.is_fresh(now, client, other), "{other}");
        }
        assert!(!nonces.is_fresh(now, client, &[&nonce, "A"].concat()));
    }
}
