//! Why a request is not carried out.

/// What becomes of a request, in the words that all doors share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Ok,
    NotFound,
    NotAllowed,
    LimitExceeded,
    /// It is carried out later.
    Queued,
    UnsupportedType,
    InvalidRequest,
}

impl Outcome {
    /// Its name in metrics.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Outcome::Ok => "OK",
            Outcome::NotFound => "NOT_FOUND",
            Outcome::NotAllowed => "NOT_ALLOWED",
            Outcome::LimitExceeded => "LIMIT_EXCEEDED",
            Outcome::Queued => "QUEUED",
            Outcome::UnsupportedType => "UNSUPPORTED_TYPE",
            Outcome::InvalidRequest => "INVALID_REQUEST",
        }
    }
}

/// Why a request is not carried out, or not yet, with a sentence for whoever reads the client's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Denial(pub Outcome, pub &'static str);
