//! The text of a session description.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, LazyLock};

/// A text that is written by whoever reads it first: a media thread decides what it says, and leaves the writing to others.
#[derive(Clone)]
pub struct Sdp(Arc<LazyLock<String, Box<dyn FnOnce() -> String + Send>>>);

impl Sdp {
    /// A text that `write` makes. It must not panic.
    pub fn new(write: impl FnOnce() -> String + Send + 'static) -> Sdp {
        Sdp(Arc::new(LazyLock::new(Box::new(write))))
    }
}

impl Deref for Sdp {
    type Target = str;

    fn deref(&self) -> &str {
        self.0.as_str()
    }
}

impl From<String> for Sdp {
    fn from(text: String) -> Sdp {
        Sdp::new(|| text)
    }
}

impl From<&str> for Sdp {
    fn from(text: &str) -> Sdp {
        text.to_owned().into()
    }
}

impl Default for Sdp {
    fn default() -> Sdp {
        String::new().into()
    }
}

impl PartialEq for Sdp {
    fn eq(&self, other: &Sdp) -> bool {
        **self == **other
    }
}

impl Eq for Sdp {}

impl fmt::Display for Sdp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl fmt::Debug for Sdp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
