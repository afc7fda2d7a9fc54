//! Group calls: started in a group, or grown out of a one-to-one call. Their media goes through a room.
//!
//! A call lives in memory on the node where it was started, because its room is there;
//! [`crate::domain::group_call`] decides what happens to it.

mod acts;
mod deeds;
mod effects;
mod ending;
mod entry;
mod events;
mod fact;
mod growing;
mod keep;
mod opening;
mod remote;
mod room;
pub(crate) mod state;
mod taking_up;
mod tell;

use std::collections::HashMap;
use std::sync::Arc;

use self::opening::{count_start, open, owner_of};
use crate::clock::moment;
use crate::conversations::must_be_member;
use crate::domain::conversation::Kind;
use crate::domain::group_call::{
    CallTicket, GroupCall, GroupCallState, GroupMedia, MuteSource, Origin,
};
use crate::domain::ids::{CallId, ConversationId, UserId};
use crate::domain::login::Caller;
use crate::domain::refusal::{Code, Refusal, Result};
use crate::node::Node;
use crate::people;
use crate::store::conversations as rows;
use crate::words::group_calls::{GroupCallDeed, GroupCallDone};

pub use self::keep::{keep, stop};
pub use self::taking_up::node_gone;

/// Who asks, and where they reached this node: for when no public address of its rooms is configured.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    pub caller: Caller,
    pub own_url: &'a str,
}

/// Starts the call of a group, or joins it; true when it was started.
pub async fn start(
    node: &Arc<Node>,
    asker: Asker<'_>,
    conversation: ConversationId,
    media: GroupMedia,
) -> Result<(bool, CallTicket)> {
    let user = asker.caller.user;
    must_be_member(node, user, conversation).await?;
    if let Some(call) = find_in(node, conversation).await {
        return Ok((false, join(node, asker, call.id, None).await?));
    }
    node.limits.call(user)?;
    let stored = rows::by_id(&node.db, conversation).await?.ok_or(Code::NotMember)?;
    if stored.kind != Kind::Group {
        return Err(Code::NotSupported.into()); // two people call each other
    }
    let (id, now) = (CallId::fresh(), moment());
    let (conversation_id, started_at) = (conversation, now.wall);
    let origin = Origin { id, conversation_id, media, started_by: user, started_at };
    let owner = owner_of(node, conversation).await?;
    let call = GroupCall::begin(origin, owner, room::size_max(node), now);
    let found = open(node, call, vec![people::active(node, user).await?]).await?;
    if found.is_none() {
        count_start(media, "group");
    }
    Ok((found.is_none(), join(node, asker, found.unwrap_or(id), None).await?))
}

/// The live call of a conversation.
pub async fn get(
    node: &Arc<Node>,
    caller: Caller,
    conversation: ConversationId,
) -> Result<GroupCallState> {
    must_be_member(node, caller.user, conversation).await?;
    find_in(node, conversation).await.ok_or(Code::NotFound.into())
}

/// Lets a member of the conversation or somebody invited in. Whoever was in a call that no node knows any more shows the
/// `fact` of their ticket, and it goes on here.
pub async fn join(
    node: &Arc<Node>,
    asker: Asker<'_>,
    id: CallId,
    fact: Option<&str>,
) -> Result<CallTicket> {
    let mut done = run_on_holder(node, asker, id, GroupCallDeed::Join).await;
    if let (Err(refusal), Some(fact)) = (&done, fact)
        && refusal.code == Code::NotFound
    {
        taking_up::take_up(node, asker.caller, id, fact).await?;
        done = run_on_holder(node, asker, id, GroupCallDeed::Join).await;
    }
    ticket(done?)
}

/// Rings contacts of somebody in the call.
pub async fn invite(
    node: &Arc<Node>,
    asker: Asker<'_>,
    id: CallId,
    users: Vec<UserId>,
) -> Result<GroupCallState> {
    node.limits.call(asker.caller.user)?;
    match run_on_holder(node, asker, id, GroupCallDeed::Invite { users }).await? {
        GroupCallDone::Call(call) => Ok(call),
        _ => Err(Code::Unavailable.into()),
    }
}

/// Turns an invitation down.
pub async fn decline(node: &Arc<Node>, asker: Asker<'_>, id: CallId) -> Result<()> {
    run_on_holder(node, asker, id, GroupCallDeed::Decline).await.map(drop)
}

/// A moderator mutes somebody.
pub async fn mute(
    node: &Arc<Node>,
    asker: Asker<'_>,
    id: CallId,
    user: UserId,
    source: MuteSource,
) -> Result<()> {
    run_on_holder(node, asker, id, GroupCallDeed::Mute { user, source }).await.map(drop)
}

/// A moderator removes somebody for good.
pub async fn remove(node: &Arc<Node>, asker: Asker<'_>, id: CallId, user: UserId) -> Result<()> {
    run_on_holder(node, asker, id, GroupCallDeed::Remove { user }).await.map(drop)
}

/// Adds people to an active one-to-one call, which becomes a group call of the same id.
pub async fn grow(
    node: &Arc<Node>,
    asker: Asker<'_>,
    id: CallId,
    users: Vec<UserId>,
) -> Result<CallTicket> {
    node.limits.call(asker.caller.user)?;
    let deed = GroupCallDeed::Grow { users };
    if crate::calls::active(node, asker.caller.user, id).is_err()
        && let Some(place) = node.cache.held_call(id).await
        && place.node != node.id
    {
        return ticket(remote::ask(node, place.node, asker.caller.user, id, deed).await?);
    }
    ticket(deeds::perform(node, asker.caller.user, Some(asker.own_url), id, deed).await?)
}

/// The group calls somebody may join: for whoever has just connected.
pub async fn live(node: &Node, user: UserId) -> Vec<GroupCallState> {
    let conversations = node.hub.conversations_of(user);
    let mut calls: HashMap<_, _> = {
        let board = node.group_calls.board();
        let mine = board.live().filter(|entry| {
            let member = conversations.contains(&entry.call.origin.conversation_id);
            entry.call.concerns(user, member)
        });
        mine.map(|entry| (entry.call.origin.id, tell::state(entry))).collect()
    };
    for place in node.cache.group_calls(conversations, Some(user)).await {
        if place.node != node.id {
            calls.entry(place.call.id).or_insert(place.call);
        }
    }
    calls.into_values().collect()
}

async fn run_on_holder(
    node: &Arc<Node>,
    asker: Asker<'_>,
    id: CallId,
    deed: GroupCallDeed,
) -> Result<GroupCallDone> {
    let user = asker.caller.user;
    if node.group_calls.board().get(id).is_some() {
        return deeds::perform(node, user, Some(asker.own_url), id, deed).await;
    }
    match node.cache.group_call(id).await {
        Some(place) if place.node != node.id => remote::ask(node, place.node, user, id, deed).await,
        _ => Err(Code::NotFound.into()),
    }
}

async fn find_in(node: &Node, conversation: ConversationId) -> Option<GroupCallState> {
    let here = node.group_calls.board().live_of(conversation).map(tell::state);
    if here.is_some() {
        return here;
    }
    let elsewhere = node.cache.group_calls([conversation], None).await;
    elsewhere.into_iter().find(|place| place.node != node.id).map(|place| place.call)
}

fn ticket(done: GroupCallDone) -> Result<CallTicket> {
    match done {
        GroupCallDone::Ticket(ticket) => Ok(ticket),
        _ => Err(Refusal::from(Code::Unavailable)),
    }
}
