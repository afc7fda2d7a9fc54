//! How a request came in.

/// The listener sets it as an extension of each request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Arrival {
    /// Over TLS, here or at a proxy we trust: cookies are marked `Secure`.
    pub secure: bool,
}
