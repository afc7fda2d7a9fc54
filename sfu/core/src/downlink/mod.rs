//! The way to one participant: how much it carries, what is to be sent on it, and when.

pub mod allocator;
mod estimator;
mod pacer;
mod trend;

pub use estimator::Estimator;
pub use pacer::{Admission, Pacer};
