//! Facts that clients carry for us, so that their calls outlive this process: signed, and understood by every node over
//! the same database.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64URL;
use hmac::{Hmac, KeyInit, Mac};
use rand::RngExt;
use rand::distr::Alphanumeric;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Sha256;

use crate::domain::frame::FACT_BYTES_MAX;
use crate::domain::ids::{CallId, ClientMsgId};
use crate::domain::refusal::{Code, Refusal, Result};
use crate::store::secrets;
use crate::store::sql::{self, Db};

/// Its name in the store.
const SECRET: &str = "call_facts";
/// Letters and digits of a new secret: 256 bits.
const SECRET_CHARS: usize = 43;

/// What a signature is for: one of one kind is never taken for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactKind {
    /// [`crate::domain::call::CallFact`].
    Call,
    /// [`crate::domain::group_call::GroupCallFact`].
    GroupCall,
    /// The name of a call's record.
    Record,
}

/// Signs facts, and reads those that come back.
pub struct Facts {
    secret: SecretString,
}

impl Facts {
    /// With the secret of the database, which is made when it has none.
    pub async fn load(db: &Db) -> sql::Result<Facts> {
        let fresh: String =
            rand::rng().sample_iter(Alphanumeric).take(SECRET_CHARS).map(char::from).collect();
        Ok(Facts { secret: secrets::obtain(db, SECRET, &fresh).await?.into() })
    }

    /// A fact as its carrier gets it: what it says, and our signature.
    pub fn sign<T: Serialize>(&self, kind: FactKind, fact: &T) -> String {
        let payload =
            BASE64URL.encode(serde_json::to_vec(fact).expect("facts have only text keys"));
        let signature =
            BASE64URL.encode(self.mac(kind, payload.as_bytes()).finalize().into_bytes());
        format!("{payload}.{signature}")
    }

    /// What a fact says, if it is ours.
    pub fn read<T: DeserializeOwned>(&self, kind: FactKind, text: &str) -> Result<T> {
        self.verified(kind, text).ok_or(Refusal { field: Some("fact"), ..Code::Denied.into() })
    }

    fn verified<T: DeserializeOwned>(&self, kind: FactKind, text: &str) -> Option<T> {
        let (payload, signature) = text.split_once('.').filter(|_| text.len() <= FACT_BYTES_MAX)?;
        let signature = BASE64URL.decode(signature).ok()?;
        self.mac(kind, payload.as_bytes()).verify_slice(&signature).ok()?;
        serde_json::from_slice(&BASE64URL.decode(payload).ok()?).ok()
    }

    /// The client id of a call's record. Every node gives it the same one, so whoever writes first writes the only one;
    /// no client can guess it and be there before us.
    pub fn record_id(&self, call: CallId) -> ClientMsgId {
        let mac = self.mac(FactKind::Record, call.0.as_bytes()).finalize().into_bytes();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&mac[..16]);
        ClientMsgId(uuid::Builder::from_random_bytes(bytes).into_uuid())
    }

    fn mac(&self, kind: FactKind, payload: &[u8]) -> Hmac<Sha256> {
        let secret = self.secret.expose_secret().as_bytes();
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes any key");
        mac.update(&[kind as u8]);
        mac.update(payload);
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(secret: &str) -> Facts {
        Facts { secret: secret.to_owned().into() }
    }

    #[test]
    fn only_our_own_facts_of_the_same_kind_are_read() {
        let ours = facts("north");
        let text = ours.sign(FactKind::Call, &7);
        assert_eq!(ours.read::<i32>(FactKind::Call, &text).unwrap(), 7);
        let (payload, signature) = text.split_once('.').unwrap();
        let forged = format!("{}.{signature}", BASE64URL.encode("8"));
        for wrong in [forged.as_str(), payload, "", ".", &"x".repeat(FACT_BYTES_MAX + 1)] {
            assert_eq!(ours.read::<i32>(FactKind::Call, wrong).unwrap_err().code, Code::Denied);
        }
        assert!(ours.read::<i32>(FactKind::GroupCall, &text).is_err());
        assert!(facts("south").read::<i32>(FactKind::Call, &text).is_err());
    }

    #[test]
    fn a_record_has_one_name_on_all_nodes() {
        let call = CallId::fresh();
        assert_eq!(facts("north").record_id(call), facts("north").record_id(call));
        assert_ne!(facts("north").record_id(call), facts("north").record_id(CallId::fresh()));
        assert_ne!(facts("north").record_id(call), facts("south").record_id(call));
    }
}
