//! What nodes say to each other, one file per kind of call.

pub mod calls;
pub mod group_calls;
pub mod inbox;
pub mod questions;
