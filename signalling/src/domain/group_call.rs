//! A group call: people come and go, are asked in and removed, until nobody is left. Pure: time and inputs go in,
//! effects come out.

mod acts;
mod fact;
mod wire;

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::Array;

pub use self::fact::GroupCallFact;
pub use self::wire::{CallTicket, GroupCallPhase, GroupCallState, GroupMedia, MuteSource};
use super::call_record::CallOutcome;
use super::ids::{CallId, ConversationId, UserId};
use super::moment::Moment;
use super::refusal::{Code, Refusal, Result};
use super::schema;

/// A call in which nobody has been for this long is over; as long, a seat is kept for whoever has a ticket.
pub const EMPTY_MS: i64 = 20_000;
/// Somebody invited who has not come for this long is no longer invited.
pub const RING_MS: i64 = 45_000;
/// A call that is over is remembered for this long, so that whoever comes late hears `call_over`.
pub const REMEMBER_OVER_MS: i64 = 60_000;
/// People whom a call rings at once; more are refused with `too_large`.
pub const RINGING_MAX: usize = 20;
/// People from outside the conversation that a call lets in, all told; more are refused with `too_large`.
pub const GUESTS_MAX: usize = 200;

/// People whom a call rings.
pub fn rung_people_schema() -> Array {
    schema::people(1, RINGING_MAX)
}

/// What never changes about a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    pub id: CallId,
    pub conversation_id: ConversationId,
    pub media: GroupMedia,
    pub started_by: UserId,
    /// For a call that was a one-to-one call before: when that was answered.
    pub started_at: i64,
}

/// Something that happens to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupCallInput {
    /// A person does something.
    Act { user: UserId, act: GroupCallAct },
    /// Somebody has come into the room.
    Entered(UserId),
    /// Somebody has left the room, or was lost by it.
    Left { user: UserId, lost: bool },
    /// These are members of the conversation from now on.
    MembersJoined(Vec<UserId>),
    /// These no longer are.
    MembersLeft(Vec<UserId>),
    /// Who owns the group now.
    Owner(UserId),
    /// The room lost everybody at once; they may come back.
    Emptied,
    /// The conversation is gone.
    Dissolved,
    /// Time has passed.
    Tick,
    /// The node that holds the call stops.
    NodeStops,
}

/// What a person may do about a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupCallAct {
    /// Ask for a ticket, as a member of the conversation or as somebody invited.
    Join { member: bool },
    /// Ask people in.
    Invite { members: Vec<UserId>, guests: Vec<UserId> },
    /// Not come, although invited.
    Decline,
    /// Silence somebody.
    Mute(UserId),
    /// Put somebody out for good.
    Remove(UserId),
}

/// What has to be done about an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupCallEffect {
    /// Tell everybody concerned how the call stands, and those whom it concerned until now.
    Tell { also: Vec<UserId> },
    /// Ring these, who were asked in.
    Ring { users: Vec<UserId>, by: UserId },
    /// Take somebody out of the room.
    Evict(UserId),
    /// Close the room, tell everybody, and write the record: once a call, and always.
    End(GroupCallEnding),
    /// Nobody will ask for this call any more.
    Forget,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupCallEnding {
    pub outcome: CallOutcome,
    /// None if nobody ever came.
    pub duration_ms: Option<i64>,
}

/// One group call, from its start until it is forgotten.
#[derive(Clone, Debug)]
pub struct GroupCall {
    pub origin: Origin,
    pub size_max: usize,
    owner: Option<UserId>,
    /// In the room, longest first.
    inside: Vec<UserId>,
    /// With a ticket, not in the room yet.
    coming: Vec<Until>,
    ringing: Vec<Until>,
    /// From outside the conversation; may come, and come back.
    guests: HashSet<UserId>,
    /// Put out by a moderator.
    removed: HashSet<UserId>,
    /// Have left the conversation since the call began, perhaps with a ticket in hand.
    outside: HashSet<UserId>,
    /// When it began, in ticks.
    since: i64,
    /// Since when nobody is inside, in ticks.
    empty_since: i64,
    /// Who has ever been in it.
    came: Vec<UserId>,
    /// Who was rung and said no.
    declined: Vec<UserId>,
    /// When to forget it, in ticks; none while it is live.
    forget_at: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Until {
    user: UserId,
    /// In ticks.
    at: i64,
}

impl GroupCall {
    /// A call begins; `owner` is the group's, if it is one.
    pub fn begin(origin: Origin, owner: Option<UserId>, size_max: usize, now: Moment) -> GroupCall {
        GroupCall {
            origin,
            size_max,
            owner,
            inside: vec![],
            coming: vec![],
            ringing: vec![],
            guests: HashSet::new(),
            removed: HashSet::new(),
            outside: HashSet::new(),
            since: now.ticks - (now.wall - origin.started_at).max(0),
            empty_since: now.ticks,
            came: vec![],
            declined: vec![],
            forget_at: None,
        }
    }

    /// A one-to-one call goes on as this one: both are on their way into the room, and it has been a call already.
    pub fn grown(origin: Origin, both: [UserId; 2], size_max: usize, now: Moment) -> GroupCall {
        let coming = both.map(|user| Until { user, at: now.ticks + EMPTY_MS }).into();
        GroupCall { coming, came: both.into(), ..GroupCall::begin(origin, None, size_max, now) }
    }

    /// A call that another process held goes on here: somebody who was in it is the first to come back.
    pub fn taken_up(
        fact: &GroupCallFact,
        owner: Option<UserId>,
        size_max: usize,
        removed: HashSet<UserId>,
        now: Moment,
    ) -> GroupCall {
        let guests = fact.guest.then_some(fact.holder).into_iter().collect();
        let came = vec![fact.holder];
        GroupCall { came, guests, removed, ..GroupCall::begin(fact.origin, owner, size_max, now) }
    }

    /// Applies one input; a refused one changes nothing.
    pub fn handle(&mut self, now: Moment, input: GroupCallInput) -> Result<Vec<GroupCallEffect>> {
        let now = now.ticks;
        match input {
            GroupCallInput::Tick => Ok(self.tick(now)),
            GroupCallInput::Act { .. } if !self.is_live() => Err(Code::CallOver.into()),
            _ if !self.is_live() => Ok(vec![]),
            GroupCallInput::Act { user, act } => self.act(now, user, act),
            GroupCallInput::Entered(user) => Ok(self.enter(user)),
            GroupCallInput::Left { user, lost } => Ok(self.leave(now, user, lost)),
            GroupCallInput::MembersJoined(users) => Ok(self.members_joined(&users)),
            GroupCallInput::MembersLeft(users) => Ok(self.members_left(now, &users)),
            GroupCallInput::Owner(owner) => Ok(self.hand_over(owner)),
            GroupCallInput::Emptied => Ok(self.empty(now)),
            GroupCallInput::Dissolved => Ok(self.end(now, CallOutcome::Completed)),
            // whoever is in it goes on elsewhere
            GroupCallInput::NodeStops if self.has_people() => Ok(vec![]),
            GroupCallInput::NodeStops => Ok(self.end(now, CallOutcome::Lost)),
        }
    }

    pub fn is_live(&self) -> bool {
        self.forget_at.is_none()
    }

    /// Who is in it, longest first.
    pub fn inside(&self) -> &[UserId] {
        &self.inside
    }

    /// To whom its record is no news: who has ever been in it, and who was rung and said no.
    pub fn known_to(&self) -> Vec<UserId> {
        [self.came.as_slice(), &self.declined].concat()
    }

    fn has_people(&self) -> bool {
        !self.inside.is_empty() || !self.coming.is_empty()
    }

    pub fn ringing(&self) -> impl Iterator<Item = UserId> {
        self.ringing.iter().map(|invitation| invitation.user)
    }

    /// Those from outside the conversation whom the call concerns.
    pub fn guests(&self) -> impl Iterator<Item = UserId> {
        self.guests.iter().copied()
    }

    /// Those in it who are neither `members` of the conversation nor were asked in.
    pub fn outsiders(&self, members: &HashSet<UserId>) -> Vec<UserId> {
        let inside = self.inside.iter().copied();
        inside.filter(|user| !members.contains(user) && !self.guests.contains(user)).collect()
    }

    /// Who may mute and remove: the group's owner and whoever started the call.
    pub fn moderators(&self) -> Vec<UserId> {
        let starter = Some(self.origin.started_by).filter(|user| self.owner != Some(*user));
        let both = self.owner.into_iter().chain(starter);
        both.filter(|user| !self.is_barred(*user)).collect()
    }

    /// Whether somebody may know of the call.
    pub fn concerns(&self, user: UserId, member: bool) -> bool {
        member || self.guests.contains(&user)
    }
}

#[cfg(test)]
#[path = "group_call_tests.rs"]
mod tests;
