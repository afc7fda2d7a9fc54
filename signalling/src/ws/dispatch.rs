//! What each client frame means: an arm a frame, each a call of the use case that HTTP calls too.

use std::pin::Pin;
use std::sync::Arc;

use uuid::Uuid;

use super::connection::Connection;
use crate::domain::conversation::Progress;
use crate::domain::frame::{ClientFrame, Payload, REF_CHARS_MAX, ServerFrame};
use crate::domain::ids::{ClientMsgId, ConversationId};
use crate::domain::message::Draft;
use crate::domain::refusal::{Code, Refusal, Result};
use crate::domain::user::Availability;
use crate::{calls, chat, conversations, presence};

/// What a client hears of its frame: at once, or when the work is done.
pub(super) enum Answer {
    Now(Payload),
    Later(Pin<Box<dyn Future<Output = Payload> + Send>>),
}

/// Acts on a frame. What must keep the order of frames happens before this returns; the rest is in the answer.
pub(super) async fn frame(connection: &Arc<Connection>, frame: ClientFrame) -> Option<Answer> {
    use ClientFrame::*;
    let reference = frame.reference().cloned();
    if reference.as_ref().is_some_and(|r| r.chars().count() > REF_CHARS_MAX) {
        return Some(Answer::Now(error(connection, None, &Refusal::invalid("ref"), None)));
    }
    match frame {
        Hello { .. } | Resume { .. } => None, // read apart: they are said once, before anything else
        Send { conversation_id, client_msg_id, body, .. } => {
            Some(send(connection, reference, conversation_id, client_msg_id, body).await)
        }
        Typing { conversation_id } => {
            let _ = chat::typing(&connection.node, connection.caller.user, conversation_id).await;
            None
        }
        Ping { .. } => Some(Answer::Now(ok_or_error(connection, reference, Ok(())))),
        Receipt { .. }
        | Presence { .. }
        | CallStart { .. }
        | CallAccept { .. }
        | CallDecline { .. }
        | CallHangup { .. }
        | CallSignal { .. }
        | CallResume { .. } => {
            finish(connection, reference, frame).await;
            None
        }
    }
}

/// Does what a frame asks for to its end, even if the socket breaks meanwhile; the answer reaches the mailbox, and
/// so a resume. What `Send` puts in line is finished by its lane.
async fn finish(connection: &Arc<Connection>, reference: Option<String>, frame: ClientFrame) {
    let here = connection.clone();
    let work = async move {
        let done = match frame {
            ClientFrame::Presence { state } => return set_presence(&here, state).await,
            ClientFrame::Receipt { conversation_id, received_seq, read_seq, .. } => {
                let progress = Progress { received_seq, read_seq };
                advance(&here, conversation_id, progress).await
            }
            call_frame => call(&here, call_frame).await,
        };
        here.mailbox.push(ok_or_error(&here, reference, done));
    };
    connection.node.works.finish(work).await;
}

async fn advance(connection: &Connection, id: ConversationId, to: Progress) -> Result<()> {
    let (node, user) = (&connection.node, connection.caller.user);
    node.limits.request(user)?;
    conversations::advance(node, user, id, to).await?;
    Ok(())
}

async fn call(connection: &Connection, frame: ClientFrame) -> Result<()> {
    let Connection { node, caller, mailbox, .. } = connection;
    match frame {
        ClientFrame::CallStart { call_id, user_id, media, .. } => {
            let request = calls::CallRequest { call_id, callee: user_id, media };
            calls::start(node, *caller, mailbox.id, request).await
        }
        ClientFrame::CallAccept { call_id, .. } => {
            calls::accept(node, *caller, mailbox.id, call_id).await
        }
        ClientFrame::CallDecline { call_id, .. } => {
            calls::decline(node, *caller, mailbox.id, call_id).await
        }
        ClientFrame::CallHangup { call_id, .. } => {
            calls::hang_up(node, *caller, mailbox.id, call_id).await
        }
        ClientFrame::CallSignal { call_id, signal, connection, .. } => {
            calls::signal(node, *caller, mailbox.id, call_id, signal, connection).await
        }
        ClientFrame::CallResume { call_id, fact, connection, .. } => {
            let back = calls::Return { call_id, fact, connection };
            calls::resume(node, *caller, mailbox.id, back).await
        }
        _ => Err(Code::Malformed.into()),
    }
}

/// A device that says it is offline is taken to be away: it is here, after all.
async fn set_presence(connection: &Connection, state: Availability) {
    let (node, user) = (&connection.node, connection.caller.user);
    let state = if state == Availability::Offline { Availability::Away } else { state };
    if node.limits.request(user).is_ok() {
        connection.mailbox.set_availability(state);
        if let Err(refusal) = presence::update(node, user).await {
            tracing::warn!(error = %refusal, "presence could not be noted");
        }
    }
}

/// In line before this returns, so that a socket's messages are stored in the order it sent them.
async fn send(
    connection: &Connection,
    reference: Option<String>,
    conversation: ConversationId,
    client_msg_id: ClientMsgId,
    draft: Draft,
) -> Answer {
    let submitted =
        chat::submit(&connection.node, connection.caller, conversation, client_msg_id, draft).await;
    let sending = match submitted {
        Ok(sending) => sending,
        Err(refusal) => {
            return Answer::Now(error(connection, reference, &refusal, Some(client_msg_id)));
        }
    };
    let (node, lang) = (Arc::clone(&connection.node), connection.lang);
    Answer::Later(Box::pin(async move {
        match sending.committed(&node).await {
            Ok(ack) => ServerFrame::Ack { reference, ack }.into(),
            Err(refusal) => error_in(lang, reference, &refusal, Some(client_msg_id)),
        }
    }))
}

fn ok_or_error(connection: &Connection, reference: Option<String>, done: Result<()>) -> Payload {
    match done {
        Ok(()) => ServerFrame::Ok { reference }.into(),
        Err(refusal) => error(connection, reference, &refusal, None),
    }
}

pub(super) fn error(
    connection: &Connection,
    reference: Option<String>,
    refusal: &Refusal,
    client_msg_id: Option<ClientMsgId>,
) -> Payload {
    error_in(connection.lang, reference, refusal, client_msg_id)
}

fn error_in(
    lang: crate::domain::refusal::Lang,
    reference: Option<String>,
    refusal: &Refusal,
    client_msg_id: Option<ClientMsgId>,
) -> Payload {
    metrics::counter!("beckon_refusals_total", "code" => refusal.code.as_str()).increment(1);
    let request_id = Uuid::now_v7().to_string();
    if let Some(source) = &refusal.source {
        tracing::error!(request.id = %request_id, code = refusal.code.as_str(), error = %source, "a frame failed");
    }
    let error = refusal.to_wire(lang, request_id);
    ServerFrame::Error { reference, error, client_msg_id }.into()
}
