//! The record of a call: a message of its conversation, through the same lanes as any other.

use std::time::Duration;

use tokio_util::task::TaskTracker;

use crate::domain::ids::{CallId, UserId};
use crate::domain::refusal::{Code, Result};
use crate::node::Node;
use crate::store::messages::{NewMessage, Sent};
use crate::{conversations, store};

/// Waits between attempts to write a record while the store is away; then it is given up, and logged.
const RETRY_AFTER_S: [u64; 6] = [1, 2, 4, 8, 15, 30];

/// How long a node that stops waits for the records of its calls.
const WRITTEN_WITHIN: Duration = Duration::from_secs(5);

/// Waits until the endings under way have written their records; there will be no others.
pub async fn all_written(endings: &TaskTracker) {
    endings.close();
    if tokio::time::timeout(WRITTEN_WITHIN, endings.wait()).await.is_err() {
        tracing::error!("the node stops before all call records are written");
    }
}

/// Returns whether the call that `sender` began has its record: it is over, and its id is used up.
pub async fn is_written(node: &Node, call: CallId, sender: UserId) -> Result<bool> {
    let id = node.calls.facts.record_id(call);
    Ok(store::messages::is_stored(&node.db, id, sender).await?)
}

/// Writes a record; it is no news to those who know of the call.
pub async fn write(node: &Node, record: NewMessage, know_of_it: &[UserId]) {
    let mut waits = RETRY_AFTER_S.into_iter();
    while let Err(error) = try_write(node, &record, know_of_it).await {
        let Some(wait_s) = waits.next() else {
            let conversation = record.conversation;
            tracing::error!(conversation.id = %conversation, %error, "a call record could not be written");
            return;
        };
        tokio::time::sleep(Duration::from_secs(wait_s)).await;
    }
}

async fn try_write(node: &Node, record: &NewMessage, know_of_it: &[UserId]) -> Result<()> {
    let message = match node.lanes.submit(record.clone())?.committed().await? {
        Sent::New { message, .. } | Sent::Again { message, .. } => message,
        Sent::Refused(Code::NotMember) => return Ok(()), // the conversation is gone, and its history with it
        Sent::Refused(code) => return Err(code.into()),
    };
    for user in know_of_it.iter().filter(|user| **user != message.sender_id) {
        match conversations::read_next(node, *user, message.conversation_id, message.seq).await {
            Err(refusal) if refusal.code != Code::NotMember => return Err(refusal),
            _ => {} // a guest has nothing to read there
        }
    }
    Ok(())
}
