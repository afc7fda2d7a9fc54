//! What is held while something waits.

use std::any::Any;
use std::fmt;

/// Places and turns that are held until a command has been carried out, and then given back by dropping them.
#[derive(Default)]
pub struct Held(Option<Box<dyn Any + Send>>);

impl Held {
    pub fn new(it: impl Send + 'static) -> Held {
        Held(Some(Box::new(it)))
    }

    pub fn nothing() -> Held {
        Held(None)
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Held" } else { "nothing" })
    }
}
