//! The end of a group call: its room closes, other nodes forget it, and its record follows.

use std::sync::Arc;

use super::entry::GroupCallEntry;
use super::room;
use crate::calls::record;
use crate::clock::now_ms;
use crate::domain::call_record::CallMedia;
use crate::domain::group_call::{GroupCallEnding, GroupMedia, Origin};
use crate::domain::ids::{MessageId, UserId};
use crate::domain::message::Body;
use crate::node::Node;
use crate::store::messages::{Author, NewMessage};
use crate::store::removals;

/// A call that has just ended.
#[derive(Clone, Debug)]
pub(super) struct EndedGroupCall {
    origin: Origin,
    ending: GroupCallEnding,
    /// To whom the record is no news.
    known_to: Vec<UserId>,
}

impl EndedGroupCall {
    pub(super) fn new(entry: &GroupCallEntry, ending: GroupCallEnding) -> EndedGroupCall {
        let (origin, known_to) = (entry.call.origin, entry.call.known_to());
        EndedGroupCall { origin, ending, known_to }
    }
}

/// Everybody has heard of the end. Returns when another call may be started on any node; the record follows, even
/// if whoever ended the call goes away meanwhile.
pub(super) async fn settle(node: &Arc<Node>, over: EndedGroupCall) {
    let Origin { id, conversation_id, .. } = over.origin;
    let owned = node.clone();
    let recording = node.group_calls.endings.track_future(async move {
        room::close(&owned, id).await;
        write_record(&owned, over).await;
    });
    tokio::spawn(recording);
    node.cache.release_group_call(id, conversation_id).await;
}

async fn write_record(node: &Node, over: EndedGroupCall) {
    let Origin { id, conversation_id, media, started_by, .. } = over.origin;
    let GroupCallEnding { outcome, duration_ms } = over.ending;
    metrics::counter!("beckon_group_calls_ended_total", "outcome" => outcome.as_str()).increment(1);
    if let Some(duration_ms) = duration_ms {
        metrics::histogram!("beckon_group_call_duration_seconds")
            .record(duration_ms as f64 / 1000.0);
    }
    tracing::info!(call.id = %id, call.outcome = outcome.as_str(), call.duration_ms = duration_ms, "a group call ended");
    let media = match media {
        GroupMedia::Voice => CallMedia::Voice,
        GroupMedia::Video => CallMedia::Video,
    };
    let message = NewMessage {
        id: MessageId::fresh(),
        conversation: conversation_id,
        sender: started_by,
        client_msg_id: node.calls.facts.record_id(id),
        body: Body::Call { call_id: id, media, outcome, duration_ms },
        at: now_ms(),
        author: Author::Server,
    };
    record::write(node, message, &over.known_to).await;
    if let Err(error) = removals::forget(&node.db, id).await {
        tracing::debug!(call.id = %id, %error, "removals are kept for a while"); // the next one forgets them
    }
}
