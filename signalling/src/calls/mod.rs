//! One-to-one calls: ringing, answering, carrying signals between the two, and the record that stays.
//!
//! A call lives in memory on the node where it was started or taken up again; [`crate::domain::call`] decides what happens
//! to it. Browsers send media to each other: what passes here is only the talk about it. So an answered call outlives
//! this process: both clients carry a signed fact ([`Facts`]) and present it to whatever node they reach next.

mod acts;
mod carried;
mod effects;
mod ending;
mod entry;
pub(crate) mod facts;
mod keep;
mod moving;
mod orphans;
pub mod record;
mod remote;
mod resuming;
pub(crate) mod state;
mod tell;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use self::acts::act;
use self::ending::EndedCall;
use self::entry::{CallEntry, People};
use crate::cache::CallClaim;
use crate::clock::moment;
use crate::conversations::open_direct;
use crate::domain::call::{Call, CallAct, CallEnding, Opening, Parties, open};
use crate::domain::call_record::{CallMedia, CallOutcome};
use crate::domain::contact::Reach;
use crate::domain::frame::{CallState, Payload, ServerFrame, Signal};
use crate::domain::ids::{CallId, ConversationId, SocketId, UserId};
use crate::domain::login::Caller;
use crate::domain::refusal::{Code, Refusal, Result};
use crate::node::Node;
use crate::{people, store};

pub use self::facts::{FactKind, Facts};
pub use self::keep::{keep, stop};
pub use self::moving::{active, hand_on};
pub use self::orphans::node_gone;
pub use self::resuming::{Return, page_left, resume};

/// The longest signal frame: a description with many candidates takes a few KiB.
pub const SIGNAL_BYTES_MAX: usize = 32 * 1024;

/// Whom somebody wants to call, and how.
#[derive(Clone, Copy, Debug)]
pub struct CallRequest {
    pub call_id: CallId,
    pub callee: UserId,
    pub media: CallMedia,
}

/// Calls a contact from this socket.
pub async fn start(
    node: &Arc<Node>,
    caller: Caller,
    socket: SocketId,
    request: CallRequest,
) -> Result<()> {
    node.limits.call(caller.user)?;
    let parties = Parties { call_id: request.call_id, caller: caller.user, callee: request.callee };
    let (people, conversation, reach) = may_call(node, caller, request.callee).await?;
    if record::is_written(node, request.call_id, caller.user).await? {
        return Err(Code::CallOver.into());
    }
    let mut call = Call::ring(parties, conversation, request.media, socket, moment());
    call.in_vain = reach == Reach::InVain;
    match ring(node, &call, &people).await? {
        Opening::Again => Ok(()),
        Opening::Ring => {
            count_start(request.media);
            Ok(())
        }
        Opening::Meet(first) => act(node, caller, socket, first, CallAct::Accept, None)
            .await
            .map_err(refusal_of_meeting),
        Opening::Busy => {
            count_start(request.media);
            let ending = CallEnding { outcome: CallOutcome::Busy, by: None, duration_ms: None };
            ending::settle(node, EndedCall::new(&call, ending)).await;
            Ok(())
        }
    }
}

/// Answers a call: this socket carries it from now on.
pub async fn accept(
    node: &Arc<Node>,
    caller: Caller,
    socket: SocketId,
    call: CallId,
) -> Result<()> {
    act(node, caller, socket, call, CallAct::Accept, None).await
}

/// Turns a ringing call down, on all devices.
pub async fn decline(
    node: &Arc<Node>,
    caller: Caller,
    socket: SocketId,
    call: CallId,
) -> Result<()> {
    act(node, caller, socket, call, CallAct::Decline, None).await
}

/// Ends a call, or gives up calling.
pub async fn hang_up(
    node: &Arc<Node>,
    caller: Caller,
    socket: SocketId,
    call: CallId,
) -> Result<()> {
    act(node, caller, socket, call, CallAct::Hangup, None).await
}

/// Hands a signal to the other end.
pub async fn signal(
    node: &Arc<Node>,
    caller: Caller,
    socket: SocketId,
    call_id: CallId,
    signal: Signal,
    connection: Option<u32>,
) -> Result<()> {
    let frame = Payload::from(ServerFrame::CallSignal { call_id, signal, connection });
    if frame.size() > SIGNAL_BYTES_MAX {
        return Err(Refusal { field: Some("signal"), ..Code::TooLarge.into() });
    }
    act(node, caller, socket, call_id, CallAct::Signal, Some(frame)).await
}

/// The live call somebody is in, if any, as one of their sockets sees it: for whoever has just connected.
pub async fn live(node: &Node, user: UserId, socket: SocketId) -> Result<Vec<CallState>> {
    let here = node.calls.board().live_of(user).and_then(|entry| entry.call.snapshot());
    let call = match here {
        Some(call) => call,
        None => match node.cache.call_of(user).await {
            Some(place) if place.call.parties.includes(user) => place.call,
            _ => return Ok(vec![]),
        },
    };
    let Parties { caller, callee, .. } = call.parties;
    let mut profiles = people::profiles(node, user, &[caller, callee]).await?;
    let other = if user == caller { callee } else { caller };
    let (Some(me), Some(other)) = (profiles.remove(&user), profiles.remove(&other)) else {
        return Ok(vec![]);
    };
    let mine = call.carriers().any(|carrier| carrier == socket);
    Ok(vec![tell::call_state(node, &call, &me, &other, mine)])
}

/// Only contacts may call each other; their conversation will hold the record.
async fn may_call(
    node: &Node,
    caller: Caller,
    callee: UserId,
) -> Result<(People, ConversationId, Reach)> {
    if callee == caller.user {
        return Err(Refusal::invalid("user_id"));
    }
    let me = people::reachable(node, caller, caller.user).await?;
    let them = people::reachable(node, caller, callee).await?;
    let reach = store::contacts::bond(&node.db, caller.user, callee).await?.may_reach()?;
    let conversation = match store::conversations::direct_of(&node.db, caller.user, callee).await? {
        Some(id) => id,
        None => open_direct(node, caller, callee, reach).await?,
    };
    Ok((People { caller: me, callee: them }, conversation, reach))
}

/// Puts a call on the board and rings, unless one of the two is in another call anywhere.
async fn ring(node: &Node, call: &Call, people: &People) -> Result<Opening> {
    let Some(snapshot) = call.snapshot() else { return Err(Code::CallOver.into()) };
    let claim = node.cache.claim_call(&snapshot).await;
    let opening = ring_here(node, call, people, &claim);
    if claim.taken && !matches!(opening, Ok(Opening::Ring)) {
        node.cache.release_call(&call.parties).await;
    }
    opening
}

fn ring_here(node: &Node, call: &Call, people: &People, elsewhere: &CallClaim) -> Result<Opening> {
    let mut board = node.calls.board();
    let Parties { call_id, caller, callee } = call.parties;
    let here = board.get(call_id).map(|entry| entry.call.parties);
    let same_id = here.or(elsewhere.same_id.map(|call| call.parties));
    if same_id.is_some_and(|parties| parties != call.parties) {
        return Err(Refusal { field: Some("call_id"), ..Code::Conflict.into() });
    }
    let call_of = |user| board.live_of(user).and_then(|entry| entry.call.snapshot());
    let caller_in = call_of(caller).or(elsewhere.caller_in);
    let callee_in = call_of(callee).or(elsewhere.callee_in);
    let callee_in = callee_in.filter(|_| !call.in_vain);
    let opening = open(&call.parties, caller_in.as_ref(), callee_in.as_ref())?;
    if opening == Opening::Ring {
        let entry = board.insert(CallEntry::new(call.clone(), people.clone()))?;
        tell::state(node, entry, |call| ServerFrame::CallRinging { call });
    }
    Ok(opening)
}

/// The call that came first is answered already, or is just being put on its board.
fn refusal_of_meeting(refusal: Refusal) -> Refusal {
    match refusal.code {
        Code::CallOver => Code::InCall.into(),
        Code::NotFound => Code::Busy.into(),
        _ => refusal,
    }
}

fn count_start(media: CallMedia) {
    let media = match media {
        CallMedia::Voice => "voice",
        CallMedia::Video => "video",
        CallMedia::Screen => "screen",
    };
    metrics::counter!("beckon_calls_started_total", "media" => media).increment(1);
}
