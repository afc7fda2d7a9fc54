//! Asking somebody to become a contact, and answering.

use crate::clock::now_ms;
use crate::conversations::{self, Opened};
use crate::domain::contact::{Bond, ContactRequest, Reach, RequestStatus, Side, Way};
use crate::domain::cursor::Cursor;
use crate::domain::frame::ServerFrame;
use crate::domain::ids::{RequestId, UserId};
use crate::domain::login::Caller;
use crate::domain::message::SystemKind;
use crate::domain::refusal::{Code, Refusal, Result};
use crate::domain::text;
use crate::node::Node;
use crate::paging;
use crate::store::requests::{self as rows, Request};
use crate::store::sql::{Tx, retry};
use crate::store::{self};
use crate::{people, presence};

use super::{put_blocked, put_bond, tell_bond};

/// What became of a request, in one transaction.
struct Done {
    request: Request,
    bond: Option<(Bond, Bond)>,
    /// The conversation that two new contacts have from the start.
    opened: Option<Opened>,
}

/// Asks somebody to become a contact. Asking somebody who has asked me, or who lets anybody in, accepts at once.
pub async fn request(
    node: &Node,
    caller: Caller,
    to: UserId,
    message: &str,
    way: Way,
) -> Result<ContactRequest> {
    let message = text::optional_line(message, text::REQUEST_MESSAGE_CHARS_MAX, "message")?;
    node.limits.look_up(caller.user)?;
    if to == caller.user {
        return Err(Refusal::invalid("user_id"));
    }
    people::reachable(node, caller, to).await?;
    let done = retry(|| async {
        let mut tx = node.db.begin().await?;
        let done = ask(&mut tx, caller, to, &message, way).await?;
        tx.commit().await?;
        Ok::<_, Refusal>(done)
    })
    .await?;
    tell(node, caller.user, to, done).await
}

async fn ask(tx: &mut Tx, caller: Caller, to: UserId, message: &str, way: Way) -> Result<Done> {
    let me = caller.user;
    store::users::lock_pair(tx, me, to).await?;
    let bond = store::contacts::bond(&mut *tx, me, to).await?;
    if bond.mine.blocked {
        return Err(Code::Blocked.into());
    }
    // the same whether or not they block me
    if bond.mine.contact && bond.theirs.contact {
        return Err(Code::AlreadyContacts.into());
    }
    let theirs = rows::between(&mut *tx, to, me).await?;
    let theirs = theirs.filter(|request| request.status == RequestStatus::Pending);
    let them = store::users::by_id(&mut *tx, to).await?.ok_or(Code::NotFound)?;
    // somebody who blocked me sees nothing, and I see the request wait
    let blocked = bond.theirs.blocked;
    let at_once = !blocked && (them.direct_add || theirs.is_some());
    let status = match (blocked, at_once) {
        (true, _) => RequestStatus::Blocked,
        (_, true) => RequestStatus::Accepted,
        _ => RequestStatus::Pending,
    };
    let now = now_ms();
    let mine = Request {
        id: RequestId::fresh(),
        from: me,
        to,
        message: message.to_owned(),
        way,
        status,
        seen: blocked,
        created_at: now,
        updated_at: now,
    };
    rows::put(tx, &mine).await?;
    let (mut bond, mut opened) = (None, None);
    if at_once {
        if let Some(theirs) = theirs {
            rows::set_status(tx, theirs.id, RequestStatus::Accepted, now).await?;
        }
        let friends = befriend(tx, caller, to).await?;
        (bond, opened) = (Some(friends.0), Some(friends.1));
    }
    let request = rows::between(&mut *tx, me, to).await?.ok_or(Code::NotFound)?;
    Ok(Done { request, bond, opened })
}

/// What the person asked may do with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Accept,
    Refuse,
    Block,
}

pub async fn answer(
    node: &Node,
    caller: Caller,
    id: RequestId,
    verdict: Verdict,
) -> Result<ContactRequest> {
    let asked = rows::by_id(&node.db, id).await?;
    let asked = asked.filter(|request| request.to == caller.user).ok_or(Code::NotFound)?;
    let there_at = presence::there_at(node, caller.user).await;
    let done = retry(|| async {
        let mut tx = node.db.begin().await?;
        let done = judge(&mut tx, caller, &asked, verdict, there_at).await?;
        tx.commit().await?;
        Ok::<_, Refusal>(done)
    })
    .await?;
    tell(node, caller.user, asked.from, done).await
}

async fn judge(
    tx: &mut Tx,
    caller: Caller,
    asked: &Request,
    verdict: Verdict,
    there_at: Option<i64>,
) -> Result<Done> {
    store::users::lock_pair(tx, caller.user, asked.from).await?;
    let request = rows::by_id(&mut *tx, asked.id).await?.ok_or(Code::NotFound)?;
    match (request.status, verdict) {
        (RequestStatus::Pending, _) | (RequestStatus::Refused, Verdict::Accept) => {}
        _ => return Err(Code::Conflict.into()),
    }
    let (mut bond, mut opened) = (None, None);
    let status = match verdict {
        Verdict::Accept => {
            let friends = befriend(tx, caller, asked.from).await?;
            (bond, opened) = (Some(friends.0), Some(friends.1));
            RequestStatus::Accepted
        }
        Verdict::Refuse => RequestStatus::Refused,
        Verdict::Block => {
            bond = Some(put_blocked(tx, caller.user, asked.from, true, there_at).await?);
            RequestStatus::Blocked
        }
    };
    // whoever is blocked must not see that something happened
    let at = if verdict == Verdict::Block { request.updated_at } else { now_ms() };
    rows::set_status(tx, asked.id, status, at).await?;
    let request = rows::by_id(&mut *tx, asked.id).await?.ok_or(Code::NotFound)?;
    Ok(Done { request, bond, opened })
}

/// Makes two people contacts with a conversation.
async fn befriend(tx: &mut Tx, caller: Caller, peer: UserId) -> Result<((Bond, Bond), Opened)> {
    let contact = |side: Side| Side { contact: true, ..side };
    let opened =
        conversations::put_direct(tx, caller, peer, SystemKind::Contact, Reach::Them).await?;
    let bond = put_bond(tx, caller.user, peer, |bond| Bond {
        mine: contact(bond.mine),
        theirs: contact(bond.theirs),
    })
    .await?;
    Ok((bond, opened))
}

/// Tells of what was committed; returns the request as `me` sees it.
async fn tell(node: &Node, me: UserId, peer: UserId, done: Done) -> Result<ContactRequest> {
    if let Some(opened) = done.opened {
        conversations::tell_opened(node, opened, [me, peer]).await?;
    }
    if let Some(bond) = done.bond {
        tell_bond(node, me, peer, bond).await?;
    }
    // somebody who blocks me or whom I block hears nothing
    if done.request.status != RequestStatus::Blocked {
        let request = view(node, peer, done.request.clone()).await?;
        node.bus.to_users([peer], ServerFrame::ContactRequest { request });
    }
    let request = view(node, me, done.request).await?;
    node.bus.to_users([me], ServerFrame::ContactRequest { request: request.clone() });
    Ok(request)
}

/// Requests in one page.
pub const REQUESTS_PAGE_MAX: i64 = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Incoming,
    Outgoing,
}

/// A page of requests.
pub struct Requests {
    pub requests: Vec<ContactRequest>,
    /// Where the next page begins.
    pub next: Option<Cursor>,
    /// Incoming ones that were not looked at.
    pub unread: i64,
}

/// Requests, newest first.
pub async fn requests(
    node: &Node,
    caller: Caller,
    direction: Direction,
    before: Cursor,
    limit: i64,
) -> Result<Requests> {
    let cursor = |request: &Request| Cursor { at: request.updated_at, id: request.id.0 };
    let find = |before, limit| async move {
        match direction {
            Direction::Incoming => rows::incoming(&node.db, caller.user, before, limit).await,
            Direction::Outgoing => rows::outgoing(&node.db, caller.user, before, limit).await,
        }
    };
    let (found, next) = paging::page(before, limit, cursor, find).await?;
    let unread = rows::unread(&node.db, caller.user).await?;
    let requests = views(node, caller.user, found).await?;
    Ok(Requests { requests, next, unread })
}

pub async fn mark_requests_read(node: &Node, caller: Caller) -> Result<()> {
    rows::mark_seen(&node.db, caller.user).await?;
    Ok(())
}

async fn view(node: &Node, viewer: UserId, request: Request) -> Result<ContactRequest> {
    views(node, viewer, vec![request]).await?.pop().ok_or(Code::NotFound.into())
}

async fn views(node: &Node, viewer: UserId, requests: Vec<Request>) -> Result<Vec<ContactRequest>> {
    let ids: Vec<_> = requests.iter().flat_map(|r| [r.from, r.to]).collect();
    let profiles = people::profiles(node, viewer, &ids).await?;
    let view = |r: Request| {
        // whoever was blocked sees their request wait
        let hidden = r.status == RequestStatus::Blocked && r.from == viewer;
        Some(ContactRequest {
            id: r.id,
            from: profiles.get(&r.from)?.clone(),
            to: profiles.get(&r.to)?.clone(),
            message: r.message,
            way: r.way,
            status: if hidden { RequestStatus::Pending } else { r.status },
            at: r.created_at,
            updated_at: r.updated_at,
            // whether it was looked at is for those who look
            read: r.seen && r.to == viewer,
        })
    };
    Ok(requests.into_iter().filter_map(view).collect())
}
