//! Messages: sending, reading back, taking back.

pub(crate) mod lanes;

use uuid::Uuid;

pub use self::lanes::{Lanes, Pending};
use crate::cache::Window;
use crate::clock::now_ms;
use crate::conversations::must_be_member;
use crate::domain::conversation::Writing;
use crate::domain::file::FileInfo;
use crate::domain::frame::ServerFrame;
use crate::domain::ids::{ClientMsgId, ConversationId, MessageId, UserId};
use crate::domain::login::Caller;
use crate::domain::message::{Ack, Body, Change, Draft, Message};
use crate::domain::refusal::{Code, Refusal, Result};
use crate::domain::user::Availability;
use crate::node::Node;
use crate::notice::Notice;
use crate::presence;
use crate::store::messages::{self, Author, NewMessage, Sent};
use crate::store::sql::retry;
use crate::store::{self, conversations as rows};

/// Messages or changes in one answer.
pub const PAGE_MAX: i64 = 100;
/// Newest messages kept in the cache for each conversation.
const WINDOW: i64 = 50;

/// A send that has its place in line and waits for its commit.
pub struct Sending {
    sender: UserId,
    client_msg_id: ClientMsgId,
    pending: Pending,
}

/// Checks a message and puts it in line. Messages put in line one after the other are numbered in that order.
pub async fn submit(
    node: &Node,
    caller: Caller,
    conversation: ConversationId,
    client_msg_id: ClientMsgId,
    draft: Draft,
) -> Result<Sending> {
    draft.check()?;
    if client_msg_id.0 == Uuid::nil() {
        return Err(Refusal::invalid("client_msg_id"));
    }
    node.limits.send(caller.user)?;
    let body = body_of(node, caller, draft).await?;
    let message = NewMessage {
        id: MessageId::fresh(),
        conversation,
        sender: caller.user,
        client_msg_id,
        body,
        at: now_ms(),
        author: Author::Member,
    };
    let sender = caller.user;
    Ok(Sending { sender, client_msg_id, pending: node.lanes.submit(message)? })
}

impl Sending {
    /// Waits for the commit. Only after this may anybody be told that the message exists.
    pub async fn committed(self, node: &Node) -> Result<Ack> {
        let (message, peer, dup) = match self.pending.committed().await? {
            Sent::New { message, peer } => (message, peer, false),
            Sent::Again { message, peer } => (message, peer, true),
            Sent::Refused(code) => return Err(code.into()),
        };
        metrics::counter!("beckon_messages_total", "dup" => if dup { "true" } else { "false" })
            .increment(1);
        let peer_online = match peer {
            // nobody is told of a block; and since the first time there may be one
            Some(peer) if dup || message.withheld => {
                let [theirs] = &presence::of(node, self.sender, &[peer]).await?[..] else {
                    return Err(Code::Internal.into());
                };
                Some(theirs.state != Availability::Offline)
            }
            Some(peer) => Some(node.cache.presence(peer).await != Availability::Offline),
            None => None,
        };
        Ok(Ack {
            client_msg_id: self.client_msg_id,
            msg_id: message.id,
            conversation_id: message.conversation_id,
            seq: message.seq,
            ver: message.ver,
            at: message.at,
            dup,
            peer_online,
        })
    }
}

/// A draft as everybody will read it: what it says about a file comes from the file.
async fn body_of(node: &Node, caller: Caller, draft: Draft) -> Result<Body> {
    Ok(match draft {
        Draft::Text { text } => Body::Text { text },
        Draft::Image { file_id, caption } => {
            let file = node.files.attachable(caller.user, file_id).await?;
            let shown_size = file.shown_size();
            let FileInfo { name, size, mime, .. } = file;
            match shown_size {
                Some((width, height)) => {
                    Body::Image { file_id, caption, name, size, mime, width, height }
                }
                // Browsers and we may differ about what can be shown: that is no reason not to deliver it.
                None => Body::File { file_id, caption, name, size, mime },
            }
        }
        Draft::File { file_id, caption } => {
            let FileInfo { name, size, mime, .. } =
                node.files.attachable(caller.user, file_id).await?;
            Body::File { file_id, caption, name, size, mime }
        }
    })
}

/// Which part of a history somebody wants to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    Newest,
    Before(i64),
    After(i64),
    Around(i64),
}

/// A part of a history in order of `seq`; `start` and `end` tell that nothing lies beyond.
pub struct Page {
    pub messages: Vec<Message>,
    pub start: bool,
    pub end: bool,
}

pub async fn history(
    node: &Node,
    caller: Caller,
    id: ConversationId,
    span: Span,
    limit: i64,
) -> Result<Page> {
    let place = rows::place(&node.db, id, caller.user).await?.ok_or(Code::NotMember)?;
    let (last_seq, ver) = (place.conversation.last_seq, place.conversation.last_ver);
    let mut messages = match span {
        Span::Newest => newest(node, id, ver, limit).await?,
        Span::Before(seq) => reversed(messages::page_before(&node.db, id, seq, limit).await?),
        Span::After(seq) => messages::page_after(&node.db, id, seq, limit).await?,
        Span::Around(seq) => {
            let before = messages::page_before(&node.db, id, seq, limit / 2).await?;
            let mut all = reversed(before);
            let rest = limit - all.len() as i64;
            all.extend(messages::page_after(&node.db, id, seq - 1, rest).await?);
            all
        }
    };
    messages.truncate(limit as usize);
    let first = messages.first().map_or(1, |m| m.seq);
    let last = messages.last().map(|m| m.seq);
    let (start, end) = match (last, span) {
        (Some(last), _) => (first <= 1, last >= last_seq),
        // nothing there: beyond one of the two ends
        (None, Span::Before(_)) => (true, last_seq == 0),
        (None, _) => (last_seq == 0, true),
    };
    let messages = messages.into_iter().map(|message| message.seen_by(caller.user)).collect();
    Ok(Page { messages, start, end })
}

/// The newest messages, from the cache while it is of the conversation's newest version.
async fn newest(node: &Node, id: ConversationId, ver: i64, limit: i64) -> Result<Vec<Message>> {
    if limit > WINDOW {
        return Ok(reversed(messages::page_before(&node.db, id, i64::MAX, limit).await?));
    }
    let messages = match node.cache.window(id, ver).await {
        Some(window) => window.messages.clone(),
        None => {
            let messages = messages::page_before(&node.db, id, i64::MAX, WINDOW).await?;
            let window = Window { ver, messages: messages.clone() };
            node.cache.put_window(id, window).await;
            messages
        }
    };
    Ok(reversed(messages.into_iter().take(limit as usize).collect()))
}

fn reversed(mut messages: Vec<Message>) -> Vec<Message> {
    messages.reverse();
    messages
}

/// What happened after a version, densely; the version reached, and whether more follows.
pub async fn changes(
    node: &Node,
    caller: Caller,
    id: ConversationId,
    after_ver: i64,
    limit: i64,
) -> Result<(Vec<Change>, i64, bool)> {
    let place = rows::place(&node.db, id, caller.user).await?.ok_or(Code::NotMember)?;
    let changes = messages::changes(&node.db, id, after_ver, limit).await?;
    let ver = changes.last().map_or(after_ver, |change| change.ver);
    let changes = changes.into_iter().map(|change| change.seen_by(caller.user)).collect();
    Ok((changes, ver, ver < place.conversation.last_ver))
}

/// Takes a message back: a tombstone stays in its place.
pub async fn recall(node: &Node, caller: Caller, id: ConversationId, seq: i64) -> Result<()> {
    must_be_member(node, caller.user, id).await?;
    let (message, change) = retry(|| async {
        let mut tx = node.db.begin().await?;
        rows::lock(&mut tx, id).await?;
        let message = store::messages::by_seq(&mut tx, id, seq).await?.ok_or(Code::NotFound)?;
        message.may_recall(caller.user, now_ms())?;
        let change = messages::recall(&mut tx, message.clone(), caller.user, now_ms()).await?;
        tx.commit().await?;
        Ok::<_, Refusal>((message, change))
    })
    .await?;
    let frame = ServerFrame::Change { conversation_id: id, change }.into();
    node.bus.publish(Notice::of_message(&message, frame));
    Ok(())
}

/// Tells the others that somebody writes. Never stored, and dropped when it comes too often.
pub async fn typing(node: &Node, user: UserId, id: ConversationId) -> Result<()> {
    node.limits.typing(user)?;
    let place = rows::place(&node.db, id, user).await?.ok_or(Code::NotMember)?;
    let frame = ServerFrame::Typing { conversation_id: id, user_id: user };
    match place.writing {
        Writing::Open => node.bus.to_conversation(id, frame),
        Writing::Withheld => node.bus.to_users([user], frame),
        Writing::Closed => {}
    }
    Ok(())
}
