//! Beckon's signalling: people, conversations and calls, and the doors to them.

pub mod domain;
pub mod files;
pub mod store;
