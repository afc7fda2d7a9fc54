//! A one-to-one call that goes on as a group call.

use crate::clock::moment;
use crate::domain::call::Snapshot;
use crate::domain::ids::{CallId, UserId};
use crate::domain::refusal::{Code, Result};
use crate::node::Node;

/// The answered call of this id, if it is `user`'s and lives on this node.
pub fn active(node: &Node, user: UserId, id: CallId) -> Result<Snapshot> {
    let mut board = node.calls.board();
    let entry = board.get_mut(id).ok_or(Code::NotFound)?;
    Ok(entry.call.active_for(user)?)
}

/// Takes an answered call off the board without an end: both are free, and hear of it from whoever takes it on.
pub async fn hand_on(node: &Node, user: UserId, id: CallId) -> Result<()> {
    let parties = {
        let mut board = node.calls.board();
        let entry = board.get_mut(id).ok_or(Code::NotFound)?;
        entry.call.hand_on(moment(), user)?;
        let parties = entry.call.parties;
        board.release(id);
        parties
    };
    node.cache.release_call(&parties).await;
    metrics::counter!("beckon_calls_ended_total", "outcome" => "moved").increment(1);
    Ok(())
}
