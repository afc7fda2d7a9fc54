//! Group calls: started in a group, or grown out of a one-to-one call. Their media goes through a room.
//!
//! A call lives in memory on the node where it was started, because its room is there;
//! [`crate::domain::group_call`] decides what happens to it.

mod acts;
mod board;
mod ending;
mod growing;
mod keep;
mod remote;
mod room;
mod taking_up;
mod tell;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio_util::task::TaskTracker;

use self::board::Board;
use self::ending::Over;
use crate::clock::moment;
use crate::conversations::must_be_member;
use crate::domain::conversation::{Kind, Role};
use crate::domain::group_call::{
    CallTicket, Effect, GroupCall, GroupCallState, GroupMedia, Input, MuteSource, Origin,
};
use crate::domain::ids::{CallId, ConversationId, UserId};
use crate::domain::login::Caller;
use crate::domain::moment::Moment;
use crate::domain::refusal::{Code, Refusal, Result};
use crate::domain::user::User;
use crate::node::Node;
use crate::store::{self, conversations as rows};
use crate::words::group_calls::{Deed, Done};
use crate::words::questions::Questions;

pub use self::board::GROUP_CALLS_MAX;
pub use self::keep::{keep, stop};
pub use self::taking_up::node_gone;

/// What a node knows of group calls.
#[derive(Default)]
pub struct GroupCalls {
    board: Mutex<Board>,
    /// What is asked of the nodes where other calls live.
    questions: Questions<Done>,
    /// Endings under way: told, and on their way into the store.
    endings: TaskTracker,
}

/// Who asks, and where they reached this node: for when no public address of its rooms is configured.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    pub caller: Caller,
    pub own_url: &'a str,
}

/// What is left to do about an input once the board is unlocked.
#[derive(Default)]
struct Rest {
    evicted: Vec<UserId>,
    /// Everybody was told how the call stands: other nodes may know.
    told: bool,
    over: Option<Over>,
}

impl Rest {
    fn is_nothing(&self) -> bool {
        self.evicted.is_empty() && !self.told && self.over.is_none()
    }
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
    let found = open(node, call, vec![existing(node, user).await?]).await?;
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
    let mut done = does(node, asker, id, Deed::Join).await;
    if let (Err(refusal), Some(fact)) = (&done, fact)
        && refusal.code == Code::NotFound
    {
        taking_up::take_up(node, asker.caller, id, fact).await?;
        done = does(node, asker, id, Deed::Join).await;
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
    match does(node, asker, id, Deed::Invite { users }).await? {
        Done::Call(call) => Ok(call),
        _ => Err(Code::Unavailable.into()),
    }
}

/// Turns an invitation down.
pub async fn decline(node: &Arc<Node>, asker: Asker<'_>, id: CallId) -> Result<()> {
    does(node, asker, id, Deed::Decline).await.map(drop)
}

/// A moderator mutes somebody.
pub async fn mute(
    node: &Arc<Node>,
    asker: Asker<'_>,
    id: CallId,
    user: UserId,
    source: MuteSource,
) -> Result<()> {
    does(node, asker, id, Deed::Mute { user, source }).await.map(drop)
}

/// A moderator removes somebody for good.
pub async fn remove(node: &Arc<Node>, asker: Asker<'_>, id: CallId, user: UserId) -> Result<()> {
    does(node, asker, id, Deed::Remove { user }).await.map(drop)
}

/// Adds people to an active one-to-one call, which becomes a group call of the same id.
pub async fn grow(
    node: &Arc<Node>,
    asker: Asker<'_>,
    id: CallId,
    users: Vec<UserId>,
) -> Result<CallTicket> {
    node.limits.call(asker.caller.user)?;
    let deed = Deed::Grow { users };
    if crate::calls::active(node, asker.caller.user, id).is_err()
        && let Some(place) = node.cache.call_place(id).await
        && place.node != node.id
    {
        return ticket(remote::ask(node, place.node, asker.caller.user, id, deed).await?);
    }
    ticket(acts::perform(node, asker.caller.user, Some(asker.own_url), id, deed).await?)
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

async fn does(node: &Arc<Node>, asker: Asker<'_>, id: CallId, deed: Deed) -> Result<Done> {
    let user = asker.caller.user;
    if node.group_calls.board().get(id).is_some() {
        return acts::perform(node, user, Some(asker.own_url), id, deed).await;
    }
    match node.cache.group_call(id).await {
        Some(place) if place.node != node.id => remote::ask(node, place.node, user, id, deed).await,
        _ => Err(Code::NotFound.into()),
    }
}

async fn find_in(node: &Node, conversation: ConversationId) -> Option<GroupCallState> {
    let here = node.group_calls.board().live_in(conversation).map(tell::state);
    if here.is_some() {
        return here;
    }
    let elsewhere = node.cache.group_calls([conversation], None).await;
    elsewhere.into_iter().find(|place| place.node != node.id).map(|place| place.call)
}

/// Puts a call on the board, in a room of this node; the call its conversation has already, if it has one anywhere.
async fn open(node: &Node, call: GroupCall, people: Vec<User>) -> Result<Option<CallId>> {
    let (id, conversation) = (call.origin.id, call.origin.conversation_id);
    room::announce(node, id, call.size_max)?;
    let here = node.group_calls.board().insert(call, people);
    let found = match here {
        Ok(Some(here)) if here == id => return Ok(Some(id)), // taken up a moment ago
        Ok(None) => claim(node, id).await,
        here => here?,
    };
    if found.is_some() {
        withdraw(node, id, conversation).await;
    }
    Ok(found)
}

/// The call of another node that came first, if one did.
async fn claim(node: &Node, id: CallId) -> Option<CallId> {
    let call = node.group_calls.board().get(id).map(tell::state)?;
    let place = node.cache.claim_group_call(&call).await?;
    (place.node != node.id).then_some(place.call.id)
}

/// Takes back a call that nobody has heard of here.
async fn withdraw(node: &Node, id: CallId, conversation: ConversationId) {
    node.group_calls.board().forget(id);
    node.cache.release_group_call(id, conversation).await;
    room::close(node, id).await;
}

/// Applies an input to a call that lives here. What sockets hear of it is in their mailboxes before the board is
/// unlocked: they hear things in the order in which they happened.
fn apply(node: &Node, now: Moment, id: CallId, input: Input) -> Result<Rest> {
    let mut board = node.group_calls.board();
    let entry = board.get_mut(id).ok_or(Code::NotFound)?;
    let effects = entry.call.handle(now, input)?;
    Ok(perform(node, &mut board, id, effects, now))
}

fn perform(node: &Node, board: &mut Board, id: CallId, effects: Vec<Effect>, now: Moment) -> Rest {
    let mut rest = Rest::default();
    for effect in effects {
        let Some(entry) = board.get_mut(id) else { break };
        match effect {
            Effect::Tell { also } => entry.untold.get_or_insert_default().extend(also),
            Effect::Ring { users, by } => tell::ringing(&node.bus, entry, users, by),
            Effect::Evict(user) => rest.evicted.push(user),
            Effect::End(ending) => {
                // whoever hears of the end must not find the door open
                room::withdraw(node, id);
                entry.untold.get_or_insert_default();
                rest.over = Some(Over::new(entry, ending));
                board.release(id);
            }
            Effect::Forget => board.forget(id),
        }
    }
    if let Some(entry) = board.get_mut(id) {
        rest.told = tell::changed(&node.bus, entry, now.ticks);
    }
    rest
}

/// Does what an input still asks for.
async fn finish(node: &Arc<Node>, id: CallId, rest: Rest) {
    for user in rest.evicted {
        room::remove(node, id, user).await;
    }
    match rest.over {
        Some(over) => ending::settle(node, over).await,
        None if rest.told => renew(node, id).await,
        None => {}
    }
}

/// Keeps a call's claim, unless the call ended meanwhile: its claim must not come back.
async fn renew(node: &Node, id: CallId) {
    let state = |node: &Node| {
        let board = node.group_calls.board();
        let entry = board.get(id).filter(|entry| entry.call.is_live())?;
        Some((tell::state(entry), entry.call.guests().collect::<Vec<_>>()))
    };
    let Some((call, guests)) = state(node) else { return };
    if !node.cache.renew_group_call(&call, &guests).await {
        tracing::warn!(call.id = %id, "another node has taken this group call up");
        node.group_calls.board().forget(id);
        room::close(node, id).await;
    } else if state(node).is_none() {
        node.cache.release_group_call(id, call.conversation_id).await;
    }
}

async fn owner_of(node: &Node, group: ConversationId) -> Result<Option<UserId>> {
    let members = rows::places_in(&node.db, group).await?;
    Ok(members.into_iter().find(|place| place.role == Role::Owner).map(|place| place.member))
}

async fn existing(node: &Node, id: UserId) -> Result<User> {
    Ok(store::users::by_id(&node.db, id).await?.ok_or(Code::NotFound)?)
}

fn ticket(done: Done) -> Result<CallTicket> {
    match done {
        Done::Ticket(ticket) => Ok(ticket),
        _ => Err(Refusal::from(Code::Unavailable)),
    }
}

fn count_start(media: GroupMedia, from: &'static str) {
    let media = match media {
        GroupMedia::Voice => "voice",
        GroupMedia::Video => "video",
    };
    metrics::counter!("beckon_group_calls_started_total", "media" => media, "from" => from)
        .increment(1);
}

impl GroupCalls {
    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().expect("nothing panics under this lock")
    }
}
