//! What happens in the rooms of calls.

use std::sync::Arc;

use super::effects::input;
use super::{acts, room};
use crate::domain::group_call::GroupCallInput;
use crate::domain::ids::{CallId, UserId};
use crate::node::Node;
use crate::people;
use crate::rooms::{DisconnectReason, Happening, RoomNotice};

/// Takes in what happened in a room. Rooms that are no call's, and people who are no users, are others' business.
pub(super) async fn hear(node: &Arc<Node>, RoomNotice { room, what }: RoomNotice) {
    let Some(id) = room::call_of(&room) else { return };
    match what {
        Happening::Joined { identity } => entered(node, id, &identity).await,
        Happening::Left { identity, reason } => {
            let Some(user) = user_of(&identity) else { return };
            input(node, id, GroupCallInput::Left { user, lost: is_lost(reason) });
        }
        Happening::Ended => input(node, id, GroupCallInput::Emptied),
    }
}

async fn entered(node: &Arc<Node>, id: CallId, identity: &str) {
    let Some(user) = user_of(identity) else { return };
    let known = node.group_calls.board().get(id).map(|entry| entry.people.contains_key(&user));
    match known {
        None => return,
        Some(true) => {}
        // with a token of an application that has our key
        Some(false) => match people::active(node, user).await {
            Ok(user) => acts::remember_profiles(node, id, vec![user]),
            Err(_) => return,
        },
    }
    input(node, id, GroupCallInput::Entered(user));
}

/// Makes a call agree with its room, after notices were missed.
pub(super) async fn compare(node: &Arc<Node>, id: CallId) {
    let inside = room::identities(node, id).await;
    let believed = node.group_calls.board().get(id).map(|entry| entry.call.inside().to_vec());
    for user in believed.unwrap_or_default() {
        if !inside.contains(&user.to_string()) {
            input(node, id, GroupCallInput::Left { user, lost: true });
        }
    }
    for identity in inside {
        entered(node, id, &identity).await;
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
