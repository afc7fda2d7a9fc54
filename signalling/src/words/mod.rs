//! What nodes say to each other, one file per kind of call.

pub mod calls;
pub mod group_calls;
pub mod inbox;
pub mod questions;

use serde::{Deserialize, Serialize};

use crate::domain::ids::NodeId;

/// From one node to another.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Addressed<W> {
    pub from: NodeId,
    pub to: NodeId,
    pub what: W,
}
