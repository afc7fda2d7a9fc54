//! Why a request is refused, and the code that says so.

use rtc_stun::attributes::AttrType;
use rtc_stun::error_code::{
    CODE_ADDR_FAMILY_NOT_SUPPORTED, CODE_ALLOC_MISMATCH, CODE_ALLOC_QUOTA_REACHED,
    CODE_BAD_REQUEST, CODE_FORBIDDEN, CODE_INSUFFICIENT_CAPACITY, CODE_PEER_ADDR_FAMILY_MISMATCH,
    CODE_STALE_NONCE, CODE_UNAUTHORIZED, CODE_UNKNOWN_ATTRIBUTE, CODE_UNSUPPORTED_TRANS_PROTO,
    CODE_WRONG_CREDENTIALS, ErrorCode,
};

/// The reasons of RFC 8489, 14.8 and RFC 8656, 19 that apply here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    BadRequest,
    /// No credentials, unknown ones, expired ones, or a wrong password.
    Unauthenticated,
    Forbidden,
    /// These comprehension-required attributes are not understood.
    UnknownAttribute(Vec<AttrType>),
    AllocationMismatch,
    StaleNonce,
    AddressFamilyNotSupported,
    WrongCredentials,
    UnsupportedTransport,
    PeerFamilyMismatch,
    QuotaReached,
    InsufficientCapacity,
}

impl Refusal {
    pub(crate) fn code(&self) -> ErrorCode {
        match self {
            Refusal::BadRequest => CODE_BAD_REQUEST,
            Refusal::Unauthenticated => CODE_UNAUTHORIZED,
            Refusal::Forbidden => CODE_FORBIDDEN,
            Refusal::UnknownAttribute(_) => CODE_UNKNOWN_ATTRIBUTE,
            Refusal::AllocationMismatch => CODE_ALLOC_MISMATCH,
            Refusal::StaleNonce => CODE_STALE_NONCE,
            Refusal::AddressFamilyNotSupported => CODE_ADDR_FAMILY_NOT_SUPPORTED,
            Refusal::WrongCredentials => CODE_WRONG_CREDENTIALS,
            Refusal::UnsupportedTransport => CODE_UNSUPPORTED_TRANS_PROTO,
            Refusal::PeerFamilyMismatch => CODE_PEER_ADDR_FAMILY_MISMATCH,
            Refusal::QuotaReached => CODE_ALLOC_QUOTA_REACHED,
            Refusal::InsufficientCapacity => CODE_INSUFFICIENT_CAPACITY,
        }
    }

    /// Whether the answer tells the client how to authenticate: REALM and a fresh NONCE (RFC 8489, 9.2.4).
    pub(crate) fn is_challenge(&self) -> bool {
        matches!(self, Refusal::Unauthenticated | Refusal::StaleNonce)
    }
}
