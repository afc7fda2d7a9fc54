//! What sockets hear of a group call.

use super::entry::GroupCallEntry;
use crate::bus::Bus;
use crate::domain::frame::ServerFrame;
use crate::domain::group_call::{GroupCallPhase, GroupCallState};
use crate::domain::ids::UserId;
use crate::domain::user::{Profile, Relation};

/// A call in which much happens is told about this often: a hundred people who join at once are not told a hundred
/// times of each other.
const TELL_EVERY_MS: i64 = 200;

/// A call as everybody sees it.
pub(super) fn state(entry: &GroupCallEntry) -> GroupCallState {
    let call = &entry.call;
    GroupCallState {
        id: call.origin.id,
        conversation_id: call.origin.conversation_id,
        media: call.origin.media,
        started_by: call.origin.started_by,
        started_at: call.origin.started_at,
        state: if call.is_live() { GroupCallPhase::Active } else { GroupCallPhase::Over },
        participants: call.inside().iter().filter_map(|user| profile(entry, *user)).collect(),
        invited: call.ringing().filter_map(|user| profile(entry, user)).collect(),
        size_max: call.size_max,
        moderators: call.moderators(),
        lost: false,
    }
}

/// The same text goes to everybody, so it does not say what somebody is to its reader.
fn profile(entry: &GroupCallEntry, user: UserId) -> Option<Profile> {
    Some(entry.people.get(&user)?.to_profile(Relation::None))
}

/// Tells what has not been told, if it is time to; the over of a call always is.
pub(super) fn changed(bus: &Bus, entry: &mut GroupCallEntry, now: i64) -> bool {
    if entry.call.is_live() && now < entry.told_at + TELL_EVERY_MS {
        return false;
    }
    let Some(also) = entry.untold.take() else { return false };
    entry.told_at = now;
    let frame = ServerFrame::GroupCall { call: state(entry) };
    let payload = crate::domain::frame::Payload::from(frame);
    bus.to_conversation(entry.call.origin.conversation_id, payload.clone());
    let guests = entry.call.guests();
    let mut others: Vec<_> = guests.chain(also).collect();
    others.sort_unstable();
    others.dedup();
    bus.to_users(others, payload);
    true
}

/// Rings people who were asked in.
pub(super) fn ringing(bus: &Bus, entry: &GroupCallEntry, users: Vec<UserId>, by: UserId) {
    let Some(by) = profile(entry, by) else { return };
    bus.to_users(users, ServerFrame::GroupCallRinging { call: state(entry), by });
}

/// Tells the two that their call goes on as this one.
pub(super) fn moved(bus: &Bus, entry: &GroupCallEntry, both: [UserId; 2]) {
    let call = state(entry);
    bus.to_users(both, ServerFrame::CallMoved { call_id: call.id, call });
}
