//! Tokens: the id of a login and 32 random bytes. The store keeps a hash of the random half, so reading the
//! database lets nobody in.

use hmac::{Hmac, KeyInit, Mac};
use rand::RngExt;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::domain::ids::LoginId;
use crate::domain::login::{ACCESS_MS, REFRESH_MS, SignedIn};
use crate::domain::user::Me;
use crate::store::logins::{TokenHash, Tokens};

/// Length of a random secret as text.
pub const SECRET_TEXT_LEN: usize = 64;
const TOKEN_TEXT_LEN: usize = 32 + SECRET_TEXT_LEN;

/// Fresh tokens, in the clear: they leave the server once and are not kept.
pub struct Issued {
    pub access: String,
    pub access_expires_at: i64,
    pub refresh: String,
    pub refresh_expires_at: i64,
}

impl Issued {
    /// The answer to a sign-in, without the tokens: whether they go into it is the door's matter.
    pub fn signed_in(&self, user: Me, login_id: LoginId) -> SignedIn {
        SignedIn {
            user,
            login_id,
            access_expires_at: self.access_expires_at,
            refresh_expires_at: self.refresh_expires_at,
            access_token: None,
            refresh_token: None,
        }
    }
}

/// The tokens of a new login.
pub fn issue(login: LoginId, now: i64) -> (Issued, Tokens) {
    with_secrets(login, &secret(), &secret(), now)
}

/// The tokens that follow `former`: whoever has it and the salt, which is stored, can make them again; neither is
/// enough alone.
pub fn succeed(login: LoginId, former: &str, salt: &[u8], now: i64) -> (Issued, Tokens) {
    let derive = |purpose: &[u8]| {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(former.as_bytes()).expect("keys of any length");
        mac.update(purpose);
        mac.update(salt);
        hex(&mac.finalize().into_bytes())
    };
    with_secrets(login, &derive(b"access"), &derive(b"refresh"), now)
}

fn with_secrets(login: LoginId, access: &str, refresh: &str, now: i64) -> (Issued, Tokens) {
    let (access, access_hash) = token(login, access);
    let (refresh, refresh_hash) = token(login, refresh);
    let (access_expires_at, refresh_expires_at) = (now + ACCESS_MS, now + REFRESH_MS);
    (
        Issued { access, access_expires_at, refresh, refresh_expires_at },
        Tokens { access_hash, access_expires_at, refresh_hash, refresh_expires_at },
    )
}

/// 32 random bytes as text.
pub fn secret() -> String {
    hex(&rand::rng().random::<[u8; 32]>())
}

/// The login a token names and the hash of its secret; `None` when it is no token of ours.
pub fn parse(token: &str) -> Option<(LoginId, TokenHash)> {
    if token.len() != TOKEN_TEXT_LEN || !token.is_ascii() {
        return None;
    }
    let (login, secret) = token.split_at(32);
    Some((LoginId(Uuid::try_parse(login).ok()?), hash(secret)))
}

pub fn fits(presented: &TokenHash, stored: &[u8]) -> bool {
    presented.ct_eq(stored).into()
}

fn token(login: LoginId, secret: &str) -> (String, TokenHash) {
    (format!("{}{secret}", login.0.simple()), hash(secret))
}

fn hash(secret: &str) -> TokenHash {
    Sha256::digest(secret.as_bytes()).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_its_login_and_fits_its_hash() {
        let login = LoginId::fresh();
        let (issued, stored) = issue(login, 0);
        let (found, hash) = parse(&issued.access).unwrap();
        assert_eq!(found, login);
        assert!(fits(&hash, &stored.access_hash));
        assert!(!fits(&hash, &stored.refresh_hash));
    }

    #[test]
    fn the_same_token_and_salt_make_the_same_successors_and_nothing_else_does() {
        let login = LoginId::fresh();
        let (first, _) = issue(login, 0);
        let refresh = |former: &str, salt: &[u8]| succeed(login, former, salt, 0).0.refresh;
        assert_eq!(refresh(&first.refresh, &[1; 32]), refresh(&first.refresh, &[1; 32]));
        assert_ne!(refresh(&first.refresh, &[1; 32]), refresh(&first.refresh, &[2; 32]));
        assert_ne!(refresh(&first.refresh, &[1; 32]), refresh(&first.access, &[1; 32]));
        let (next, stored) = succeed(login, &first.refresh, &[1; 32], 0);
        assert_ne!(next.access, next.refresh);
        assert!(fits(&parse(&next.refresh).unwrap().1, &stored.refresh_hash));
    }

    #[test]
    fn what_is_no_token_is_none() {
        for bad in ["", "x", &"é".repeat(48), &"g".repeat(TOKEN_TEXT_LEN)] {
            assert!(parse(bad).is_none(), "{bad}");
        }
    }
}
