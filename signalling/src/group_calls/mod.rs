//! Group calls: started in a group, or grown out of a one-to-one call. Their media goes through a room.

use std::sync::Arc;

use crate::accounts::Caller;
use crate::conversations::must_be_member;
use crate::domain::group_call::{CallTicket, GroupCallState, GroupMedia, MuteSource};
use crate::domain::ids::{CallId, ConversationId, UserId};
use crate::domain::refusal::{Code, Result};
use crate::node::Node;

/// Starts the call of a group, or joins it; true when it was started.
pub async fn start(
    node: &Arc<Node>,
    caller: Caller,
    conversation: ConversationId,
    _media: GroupMedia,
) -> Result<(bool, CallTicket)> {
    node.limits.call(caller.user)?;
    must_be_member(node, caller.user, conversation).await?;
    Err(Code::Unavailable.into())
}

/// The live call of a conversation.
pub async fn get(
    node: &Arc<Node>,
    caller: Caller,
    conversation: ConversationId,
) -> Result<GroupCallState> {
    must_be_member(node, caller.user, conversation).await?;
    Err(Code::NotFound.into())
}

/// Lets a member or somebody invited in.
pub async fn join(_node: &Arc<Node>, _caller: Caller, _id: CallId) -> Result<CallTicket> {
    Err(Code::NotFound.into())
}

/// Rings contacts of somebody in the call.
pub async fn invite(
    _node: &Arc<Node>,
    _caller: Caller,
    _id: CallId,
    _users: Vec<UserId>,
) -> Result<GroupCallState> {
    Err(Code::NotFound.into())
}

/// Turns an invitation down.
pub async fn decline(_node: &Arc<Node>, _caller: Caller, _id: CallId) -> Result<()> {
    Err(Code::NotFound.into())
}

/// A moderator mutes somebody.
pub async fn mute(
    _node: &Arc<Node>,
    _caller: Caller,
    _id: CallId,
    _user: UserId,
    _source: MuteSource,
) -> Result<()> {
    Err(Code::NotFound.into())
}

/// A moderator removes somebody for good.
pub async fn remove(_node: &Arc<Node>, _caller: Caller, _id: CallId, _user: UserId) -> Result<()> {
    Err(Code::NotFound.into())
}

/// Adds people to an active one-to-one call, which becomes a group call.
pub async fn upgrade(
    _node: &Arc<Node>,
    _caller: Caller,
    _id: CallId,
    _users: Vec<UserId>,
) -> Result<CallTicket> {
    Err(Code::NotFound.into())
}

/// The group calls somebody may join: for whoever has just connected.
pub async fn live(_node: &Node, _user: UserId) -> Vec<GroupCallState> {
    vec![]
}
