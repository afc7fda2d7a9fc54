//! Our side of a connection, as descriptions tell of it.

use std::net::SocketAddr;

use crate::ice::IceCredentials;
use crate::role::Role;

/// Our side of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Local<'a> {
    pub credentials: &'a IceCredentials,
    /// `sha-256 AB:CD:...`
    pub fingerprint: &'a str,
    /// Of the two in DTLS, once it is agreed on.
    pub role: Option<Role>,
    /// Best first.
    pub candidates: &'a [SocketAddr],
    /// Media sections that a description may have.
    pub sections_max: usize,
}

/// The same, for a description that is written later.
pub(super) struct Kept {
    credentials: IceCredentials,
    fingerprint: String,
    role: Option<Role>,
    candidates: Vec<SocketAddr>,
    sections_max: usize,
}

impl Local<'_> {
    pub(super) fn keep(&self) -> Kept {
        Kept {
            credentials: self.credentials.clone(),
            fingerprint: self.fingerprint.to_owned(),
            role: self.role,
            candidates: self.candidates.to_vec(),
            sections_max: self.sections_max,
        }
    }
}

impl Kept {
    pub(super) fn local(&self) -> Local<'_> {
        Local {
            credentials: &self.credentials,
            fingerprint: &self.fingerprint,
            role: self.role,
            candidates: &self.candidates,
            sections_max: self.sections_max,
        }
    }
}
