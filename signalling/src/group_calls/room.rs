//! A group call's room: `call_` and its id, with people under their own ids.

use std::time::Duration;

use beckon_sfu_api::Source;

use super::fact;
use crate::domain::group_call::{CallTicket, GroupCallState, MuteSource};
use crate::domain::ids::{CallId, UserId};
use crate::domain::refusal::{Code, Result};
use crate::domain::user::User;
use crate::node::Node;
use crate::rooms::{self, Pass, TrackSelector};

/// How long a ticket lets in. Whoever is inside is not affected by its end.
const TICKET_LIFE: Duration = Duration::from_secs(10 * 60);

const PREFIX: &str = "call_";

fn name(id: CallId) -> String {
    format!("{PREFIX}{id}")
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
    let fact = Some(fact::sign(node, &call, user.id, guest));
    CallTicket { call, url, token, fact }
}

/// Mutes what somebody sends; a shared screen with its sound.
pub(super) async fn mute(node: &Node, id: CallId, user: UserId, source: MuteSource) -> Result<()> {
    let sources: &[Source] = match source {
        MuteSource::Microphone => &[Source::Microphone],
        MuteSource::Camera => &[Source::Camera],
        MuteSource::ScreenShare => &[Source::ScreenShare, Source::ScreenShareAudio],
    };
    for source in sources {
        rooms::mute(node, &name(id), &user.to_string(), TrackSelector::Source(*source)).await?;
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

/// The call whose room this is, if it is one's.
pub(super) fn call_of(room: &str) -> Option<CallId> {
    Some(CallId(room.strip_prefix(PREFIX)?.parse().ok()?))
}

/// Who is inside, by their identities.
pub(super) async fn identities(node: &Node, id: CallId) -> Vec<String> {
    let inside = rooms::participants(node, &name(id)).await;
    inside.into_iter().map(|participant| participant.identity).collect()
}
