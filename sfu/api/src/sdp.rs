//! The text of a session description.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text that is written by its first reader: a media thread decides its contents and leaves the writing to others.
#[derive(Clone)]
pub struct Sdp(Arc<LazyLock<String, Box<dyn FnOnce() -> String + Send>>>);

impl Sdp {
    /// A text that `write` returns. It must not panic.
    pub fn new(write: impl FnOnce() -> String + Send + 'static) -> Sdp {
        Sdp(Arc::new(LazyLock::new(Box::new(write))))
    }
}

/// As its text.
impl Serialize for Sdp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl<'de> Deserialize<'de> for Sdp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Sdp, D::Error> {
        String::deserialize(deserializer).map(Sdp::from)
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
