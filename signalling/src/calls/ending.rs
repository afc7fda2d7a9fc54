//! The end of a call: both are free again, hear of it, and find its record in their conversation.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::record;
use crate::clock::now_ms;
use crate::domain::call::{Call, CallEnding, Parties};
use crate::domain::call_record::{CallMedia, CallOutcome};
use crate::domain::frame::ServerFrame;
use crate::domain::ids::{ConversationId, MessageId};
use crate::domain::message::Body;
use crate::ice::in_call;
use crate::node::Node;
use crate::store::messages::{Author, NewMessage};

/// A call that has just ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct EndedCall {
    parties: Parties,
    conversation_id: ConversationId,
    media: CallMedia,
    ending: CallEnding,
    in_vain: bool,
}

impl EndedCall {
    pub(super) fn new(call: &Call, ending: CallEnding) -> EndedCall {
        EndedCall {
            parties: call.parties,
            conversation_id: call.conversation_id,
            media: call.media,
            ending,
            in_vain: call.in_vain,
        }
    }
}

/// Returns when the two are free and told; the record follows. All of it goes on even if whoever ended the call
/// goes away meanwhile.
pub(super) async fn settle(node: &Arc<Node>, over: EndedCall) {
    let (tell, told) = oneshot::channel();
    let owned = node.clone();
    node.calls.endings.spawn(async move {
        free_and_tell(&owned, over).await;
        let _ = tell.send(()); // nobody waits any more
        write_record(&owned, over).await;
    });
    let _ = told.await;
}

/// Freed first: who hears that the call is over may call again at once, on any node.
async fn free_and_tell(node: &Node, over: EndedCall) {
    let Parties { call_id, caller, callee } = over.parties;
    let CallEnding { outcome, by, duration_ms } = over.ending;
    let frame = ServerFrame::CallEnded { call_id, outcome, by };
    if outcome == CallOutcome::Busy {
        node.bus.to_users([caller], frame); // it held no claim and never rang
    } else {
        node.cache.release_call(&over.parties).await;
        let knowing = if over.in_vain { vec![caller] } else { vec![caller, callee] };
        node.bus.to_users(knowing, frame);
    }
    for user in [caller, callee] {
        node.ice.revoke(in_call(call_id, user));
    }
    metrics::counter!("beckon_calls_ended_total", "outcome" => outcome.as_str()).increment(1);
    if let Some(duration_ms) = duration_ms {
        metrics::histogram!("beckon_call_duration_seconds").record(duration_ms as f64 / 1000.0);
    }
    tracing::info!(call.id = %call_id, call.outcome = outcome.as_str(), call.duration_ms = duration_ms, "a call ended");
}

async fn write_record(node: &Node, over: EndedCall) {
    let Parties { call_id, caller, callee } = over.parties;
    let CallEnding { outcome, duration_ms, .. } = over.ending;
    let message = NewMessage {
        id: MessageId::fresh(),
        conversation: over.conversation_id,
        sender: caller,
        client_msg_id: node.calls.facts.record_id(call_id),
        body: Body::Call { call_id, media: over.media, outcome, duration_ms },
        at: now_ms(),
        author: if over.in_vain { Author::ServerInVain } else { Author::Server },
    };
    // whoever answered or declined knows of the call
    let knows = duration_ms.is_some() || outcome == CallOutcome::Declined;
    let know_of_it = if knows { vec![callee] } else { vec![] };
    record::write(node, message, &know_of_it).await;
}
