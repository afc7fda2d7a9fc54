//! What people do about a call, on this node or through the one where it lives.

use std::sync::Arc;

use super::effects::{apply, finish};
use super::remote;
use crate::clock::moment;
use crate::domain::call::{CallAct, CallInput};
use crate::domain::frame::Payload;
use crate::domain::ids::{CallId, SocketId};
use crate::domain::login::Caller;
use crate::domain::refusal::Result;
use crate::node::Node;

pub(super) async fn act(
    node: &Arc<Node>,
    caller: Caller,
    socket: SocketId,
    call_id: CallId,
    act: CallAct,
    signal: Option<Payload>,
) -> Result<()> {
    let input = CallInput::Act { user: caller.user, socket, act };
    match apply(node, moment(), call_id, input, signal.as_ref()) {
        Some(follow_up) => finish(node, follow_up?).await,
        None => remote::ask(node, caller.user, socket, call_id, act, signal).await?,
    }
    Ok(())
}
