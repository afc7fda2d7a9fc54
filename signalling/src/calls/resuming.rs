//! Coming back into an answered call: after a page was loaded anew, after this node restarted, or from another node.

use std::sync::Arc;

use super::acts::act;
use super::effects::{apply, finish};
use super::ending::{self, EndedCall};
use super::entry::{CallEntry, People};
use super::facts::FactKind;
use super::{record, remote};
use crate::cache::TakeUp;
use crate::clock::{moment, now_ms};
use crate::domain::call::{Call, CallAct, CallFact, CallInput, Parties};
use crate::domain::contact::Reach;
use crate::domain::ids::{CallId, SocketId, UserId};
use crate::domain::login::Caller;
use crate::domain::refusal::{Code, Refusal, Result};
use crate::node::Node;
use crate::{people, store};

/// What somebody shows who was in a call.
#[derive(Clone, Debug)]
pub struct Return {
    pub call_id: CallId,
    /// As it was handed out.
    pub fact: String,
    /// The media connection they still have.
    pub connection: Option<u32>,
}

/// Carries a call on from this socket. Both hear of it once both are there.
pub async fn resume(
    node: &Arc<Node>,
    caller: Caller,
    socket: SocketId,
    back: Return,
) -> Result<()> {
    node.limits.request(caller.user)?;
    let fact: CallFact = node.calls.facts.read(FactKind::Call, &back.fact)?;
    if fact.parties.call_id != back.call_id || !fact.parties.includes(caller.user) {
        return Err(Code::NotFound.into());
    }
    if fact.expires_at <= now_ms() {
        return Err(Code::CallOver.into());
    }
    let again = CallAct::Resume { connection: back.connection };
    match act(node, caller, socket, back.call_id, again, None).await {
        Err(refusal) if refusal.code == Code::NotFound => {
            take_up(node, caller, socket, &fact, again).await
        }
        done => done,
    }
}

/// The socket's page is gone: the other one may know at once.
pub fn page_left(node: &Node, user: UserId, socket: SocketId) {
    let call = node.calls.board().live_of(user).map(|entry| entry.call.parties.call_id);
    if let Some(id) = call {
        // ends nothing, so there is nothing to finish
        let _ = apply(node, moment(), id, CallInput::SocketClosed(socket), None);
    }
}

/// Nobody has this call: this node takes it, unless another does in the same moment.
async fn take_up(
    node: &Arc<Node>,
    caller: Caller,
    socket: SocketId,
    fact: &CallFact,
    again: CallAct,
) -> Result<()> {
    let Parties { call_id, caller: first, .. } = fact.parties;
    let people = may_go_on(node, caller, fact).await?;
    if record::is_written(node, call_id, first).await? {
        return Err(Code::CallOver.into());
    }
    let call = Call::taken_up(fact, moment());
    let Some(snapshot) = call.snapshot() else { return Err(Code::CallOver.into()) };
    match node.cache.take_up_call(&snapshot).await {
        TakeUp::Taken => {}
        TakeUp::Over => return Err(Code::CallOver.into()),
        TakeUp::Busy => return give_up(node, call).await,
        TakeUp::Elsewhere(place) if place.node == node.id => {}
        TakeUp::Elsewhere(_) => {
            return remote::ask(node, caller.user, socket, call_id, again, None).await;
        }
    }
    if !put_on_board(node, &call, people)? {
        return give_up(node, call).await;
    }
    tracing::info!(call.id = %call_id, "a call was taken up again");
    metrics::counter!("beckon_calls_taken_up_total").increment(1);
    let input = CallInput::Act { user: caller.user, socket, act: again };
    match apply(node, moment(), call_id, input, None) {
        Some(follow_up) => finish(node, follow_up?).await,
        None => return Err(Code::Busy.into()),
    }
    Ok(())
}

/// What let them call each other must still hold.
async fn may_go_on(node: &Node, caller: Caller, fact: &CallFact) -> Result<People> {
    let Parties { caller: first, callee, .. } = fact.parties;
    let people = People {
        caller: people::reachable(node, caller, first).await?,
        callee: people::reachable(node, caller, callee).await?,
    };
    let other = fact.parties.other_than(caller.user);
    match store::contacts::bond(&node.db, caller.user, other).await?.may_reach()? {
        Reach::Them => Ok(people),
        Reach::InVain => Err(Code::CallOver.into()),
    }
}

/// False when one of the two is in another call here. The call itself may be there already, taken up for the other one.
fn put_on_board(node: &Node, call: &Call, people: People) -> Result<bool> {
    let mut board = node.calls.board();
    let Parties { call_id, caller, callee } = call.parties;
    if board.is_live(call_id) {
        return Ok(true);
    }
    if [caller, callee].iter().any(|user| board.live_of(*user).is_some()) {
        return Ok(false);
    }
    board.insert(CallEntry::new(call.clone(), people))?;
    Ok(true)
}

/// One of the two has gone on to another call: this one is over, and its record says so.
async fn give_up(node: &Arc<Node>, mut call: Call) -> Result<()> {
    let ending = call.give_up(moment());
    ending::settle(node, EndedCall::new(&call, ending)).await;
    Err(Refusal::from(Code::CallOver))
}
