//! A group call's room: `call_` and its id, with people under their own ids.

use std::sync::Arc;
use std::time::Duration;

use livekit_protocol::{DisconnectReason, TrackSource};

use super::keep::input;
use super::{acts, existing, taking_up};
use crate::domain::group_call::{CallTicket, GroupCallState, Input, MuteSource};
use crate::domain::ids::{CallId, UserId};
use crate::domain::refusal::{Code, Result};
use crate::domain::user::User;
use crate::node::Node;
use crate::rooms::{self, Happening, Pass, RoomNotice, Which};

/// How long a ticket lets in. Whoever is inside is not affected by its end.
const TICKET_LIFE: Duration = Duration::from_secs(10 * 60);

const PREFIX: &str = "call_";

fn name(id: CallId) -> String {
    format!("{PREFIX}{id}")
}

fn call_of(room: &str) -> Option<CallId> {
    Some(CallId(room.strip_prefix(PREFIX)?.parse().ok()?))
}

pub(super) fn size_max(node: &Node) -> usize {
    node.config.rooms.participants_max
}

/// Makes the room known, so that tickets let in.
pub(super) fn announce(node: &Node, id: CallId, size_max: usize) -> Result<()> {
    rooms::announce(node, &name(id), size_max)
}

/// Where clients reach the rooms of this node. Who came over another node must be told an address; who came here
/// already has one.
pub(super) fn url(node: &Node, own_url: Option<&str>) -> Result<String> {
    match (node.config.rooms.url.as_str(), own_url) {
        ("", Some(own_url)) => Ok(own_url.to_owned()),
        ("", None) => Err(Code::CallElsewhere.into()),
        (url, _) => Ok(url.to_owned()),
    }
}

/// A way in, and what lets its holder go on with the call after this process. `guest`: not a member of the conversation.
pub(super) fn ticket(
    node: &Node,
    url: String,
    call: GroupCallState,
    user: &User,
    guest: bool,
) -> CallTicket {
    let (identity, name) = (user.id.to_string(), user.nickname.clone());
    let pass = Pass { room: self::name(call.id), identity, name, life: TICKET_LIFE };
    let rooms::Ticket { url, token } = rooms::ticket(node, &url, pass);
    let fact = Some(taking_up::fact_for(node, &call, user.id, guest));
    CallTicket { call, url, token, fact }
}

/// Mutes what somebody sends; a shared screen with its sound.
pub(super) async fn mute(node: &Node, id: CallId, user: UserId, source: MuteSource) -> Result<()> {
    let sources: &[TrackSource] = match source {
        MuteSource::Microphone => &[TrackSource::Microphone],
        MuteSource::Camera => &[TrackSource::Camera],
        MuteSource::ScreenShare => &[TrackSource::ScreenShare, TrackSource::ScreenShareAudio],
    };
    for source in sources {
        rooms::mute(node, &name(id), &user.to_string(), Which::Source(*source)).await?;
    }
    Ok(())
}

pub(super) async fn remove(node: &Node, id: CallId, user: UserId) {
    // whoever is not there stays out
    let _ = rooms::remove(node, &name(id), &user.to_string()).await;
}

/// Lets nobody in any more.
pub(super) fn withdraw(node: &Node, id: CallId) {
    rooms::withdraw(node, &name(id));
}

pub(super) async fn close(node: &Node, id: CallId) {
    rooms::close(node, &name(id)).await;
}

/// Takes in what happened in a room. Rooms that are no call's, and people who are no users, are others' business.
pub(super) async fn hear(node: &Arc<Node>, RoomNotice { room, what }: RoomNotice) {
    let Some(id) = call_of(&room) else { return };
    match what {
        Happening::Joined { identity } => entered(node, id, &identity).await,
        Happening::Left { identity, reason } => {
            let Some(user) = user_of(&identity) else { return };
            input(node, id, Input::Left { user, lost: is_lost(reason) });
        }
        Happening::Ended => input(node, id, Input::Emptied),
    }
}

async fn entered(node: &Arc<Node>, id: CallId, identity: &str) {
    let Some(user) = user_of(identity) else { return };
    let known = node.group_calls.board().get(id).map(|entry| entry.people.contains_key(&user));
    match known {
        None => return,
        Some(true) => {}
        // with a token of an application that has our key
        Some(false) => match existing(node, user).await {
            Ok(user) => acts::know(node, id, vec![user]),
            Err(_) => return,
        },
    }
    input(node, id, Input::Entered(user));
}

/// Makes a call agree with its room, after notices were missed.
pub(super) async fn compare(node: &Arc<Node>, id: CallId) {
    let inside = rooms::participants(node, &name(id)).await;
    let inside: Vec<_> = inside.iter().map(|participant| participant.identity.as_str()).collect();
    let believed = node.group_calls.board().get(id).map(|entry| entry.call.inside().to_vec());
    for user in believed.unwrap_or_default() {
        if !inside.contains(&user.to_string().as_str()) {
            input(node, id, Input::Left { user, lost: true });
        }
    }
    for identity in inside {
        entered(node, id, identity).await;
    }
}

fn user_of(identity: &str) -> Option<UserId> {
    identity.parse().ok().map(UserId)
}

/// Whoever did not go by themselves, nor was sent away, may be back in a moment.
fn is_lost(reason: DisconnectReason) -> bool {
    !matches!(
        reason,
        DisconnectReason::ClientInitiated
            | DisconnectReason::ParticipantRemoved
            | DisconnectReason::RoomDeleted
    )
}
