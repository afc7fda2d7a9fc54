//! Contacts: asking, accepting, deleting, blocking.

use std::collections::HashMap;

use crate::accounts::Caller;
use crate::clock::now_ms;
use crate::conversations;
use crate::domain::contact::{Bond, Contact, ContactRequest, RequestStatus, Side, Way};
use crate::domain::frame::ServerFrame;
use crate::domain::ids::{RequestId, UserId};
use crate::domain::message::SystemKind;
use crate::domain::refusal::{Code, Refusal, Result};
use crate::domain::text;
use crate::domain::user::Profile;
use crate::node::Node;
use crate::store::requests::Request;
use crate::store::sql::{Tx, retry};
use crate::store::{self, contacts as rows};
use crate::{people, presence};

/// Contacts in one answer of the incremental sync.
const SYNC_MAX: i64 = 200;

/// What changed in my contacts after a version, and the version reached.
pub struct Changed {
    pub contacts: Vec<Contact>,
    pub ver: i64,
    pub more: bool,
}

pub async fn since(node: &Node, caller: Caller, after_ver: i64) -> Result<Changed> {
    let entries = rows::since(&node.db, caller.user, after_ver, SYNC_MAX).await?;
    let ver = entries.last().map_or(after_ver, |entry| entry.ver);
    let more = entries.len() as i64 == SYNC_MAX;
    // strangers whom I have merely blocked are rows too, but were never contacts of a fresh client
    let contacts = describe(node, caller.user, entries).await?;
    Ok(Changed { contacts, ver, more })
}

async fn describe(node: &Node, me: UserId, entries: Vec<rows::Entry>) -> Result<Vec<Contact>> {
    let ids: Vec<_> = entries.iter().map(|entry| entry.peer).collect();
    let mut profiles = people::profiles(node, me, &ids).await?;
    let directs: HashMap<_, _> =
        store::conversations::directs_of(&node.db, me, &ids).await?.into_iter().collect();
    let presences = presence::of(node, me, &ids).await?;
    let contact = |(entry, presence): (rows::Entry, _)| {
        Some(Contact {
            user: profiles.remove(&entry.peer)?,
            remark: entry.remark,
            deleted: !entry.side.contact,
            ver: entry.ver,
            conversation_id: directs.get(&entry.peer).copied(),
            presence,
        })
    };
    Ok(entries.into_iter().zip(presences).filter_map(contact).collect())
}

async fn one(node: &Node, me: UserId, peer: UserId) -> Result<Option<Contact>> {
    let entries = rows::sides(&node.db, me, [peer]).await?;
    Ok(describe(node, me, entries).await?.pop())
}

/// Tells all devices of `owner` what `peer` is to them now.
async fn tell(node: &Node, owner: UserId, peer: UserId) -> Result<()> {
    if let Some(contact) = one(node, owner, peer).await? {
        node.bus.to_users([owner], ServerFrame::Contact { contact });
    }
    Ok(())
}

/// Tells the contacts of `user`, here and when they next sync, what this person looks like now.
pub async fn tell_all_of(node: &Node, user: UserId) -> Result<()> {
    let owners = rows::open_bonds(&node.db, user).await?;
    if owners.is_empty() {
        return Ok(());
    }
    retry(|| async {
        let mut tx = node.db.begin().await?;
        rows::touch(&mut tx, user, &owners).await?;
        tx.commit().await?;
        Ok::<_, store::sql::Error>(())
    })
    .await?;
    for owner in owners {
        tell(node, owner, user).await?;
    }
    Ok(())
}

pub async fn set_remark(
    node: &Node,
    caller: Caller,
    peer: UserId,
    remark: &str,
) -> Result<Contact> {
    let remark = text::optional_line(remark, text::REMARK_CHARS_MAX, "remark")?;
    let remark = Some(remark).filter(|remark| !remark.is_empty());
    let found = retry(|| async {
        let mut tx = node.db.begin().await?;
        let found = rows::set_remark(&mut tx, caller.user, peer, remark.as_deref()).await?;
        tx.commit().await?;
        Ok::<_, store::sql::Error>(found)
    })
    .await?;
    if !found {
        return Err(Code::NotFound.into());
    }
    tell(node, caller.user, peer).await?;
    one(node, caller.user, peer).await?.ok_or(Code::NotFound.into())
}

/// Both sides lose the contact; their conversation stays readable.
pub async fn delete(node: &Node, caller: Caller, peer: UserId) -> Result<()> {
    let before = rows::bond(&node.db, caller.user, peer).await?;
    if !before.mine.contact {
        return Err(Code::NotFound.into());
    }
    change_bond(node, caller.user, peer, |bond| Bond {
        mine: Side { contact: false, ..bond.mine },
        theirs: Side { contact: false, ..bond.theirs },
    })
    .await
}

pub async fn set_blocked(node: &Node, caller: Caller, peer: UserId, blocked: bool) -> Result<()> {
    if peer == caller.user {
        return Err(Refusal::invalid("user_id"));
    }
    people::must_exist(node, caller, peer).await?;
    change_bond(node, caller.user, peer, |bond| Bond {
        mine: Side { blocked, ..bond.mine },
        ..bond
    })
    .await
}

pub async fn blocked(node: &Node, caller: Caller) -> Result<Vec<Profile>> {
    let ids = rows::blocked(&node.db, caller.user).await?;
    let mut profiles = people::profiles(node, caller.user, &ids).await?;
    Ok(ids.iter().filter_map(|id| profiles.remove(id)).collect())
}

/// Changes what two people are to each other, and with it whether they may write, in one transaction.
async fn change_bond(
    node: &Node,
    me: UserId,
    peer: UserId,
    change: impl Fn(Bond) -> Bond,
) -> Result<()> {
    let (before, after) = retry(|| async {
        let mut tx = node.db.begin().await?;
        let changed = put_bond(&mut tx, me, peer, &change).await?;
        tx.commit().await?;
        Ok::<_, store::sql::Error>(changed)
    })
    .await?;
    tell(node, me, peer).await?;
    if after.theirs != before.theirs {
        tell(node, peer, me).await?;
    }
    if after.is_open() != before.is_open() {
        presence::exchange(node, me, peer).await?;
        if let Some(id) = store::conversations::direct_of(&node.db, me, peer).await? {
            conversations::tell_all(node, id).await?;
        }
    }
    Ok(())
}

async fn put_bond(
    tx: &mut Tx,
    me: UserId,
    peer: UserId,
    change: &impl Fn(Bond) -> Bond,
) -> store::sql::Result<(Bond, Bond)> {
    lock_pair(tx, me, peer).await?;
    let before = rows::bond(&mut *tx, me, peer).await?;
    let after = change(before);
    if after.mine != before.mine {
        rows::set_side(tx, me, peer, after.mine).await?;
    }
    if after.theirs != before.theirs {
        rows::set_side(tx, peer, me, after.theirs).await?;
    }
    if let Some(id) = store::conversations::direct_of(&mut *tx, me, peer).await? {
        store::conversations::set_writable(tx, id, after.is_open()).await?;
    }
    Ok((before, after))
}

/// Takes both people's rows in one order, so that two changes of one bond wait for each other.
async fn lock_pair(tx: &mut Tx, a: UserId, b: UserId) -> store::sql::Result<()> {
    for user in [a.min(b), a.max(b)] {
        store::users::lock(tx, user).await?;
    }
    Ok(())
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
    let them = store::users::by_id(&node.db, to).await?;
    let them = them.filter(|u| u.app == caller.app && !u.disabled).ok_or(Code::NotFound)?;
    let bond = rows::bond(&node.db, caller.user, to).await?;
    match bond {
        Bond { mine: Side { blocked: true, .. }, .. } => return Err(Code::Blocked.into()),
        Bond {
            mine: Side { contact: true, .. },
            theirs: Side { contact: true, blocked: false },
        } => {
            return Err(Code::AlreadyContacts.into());
        }
        _ => {}
    }
    let theirs = store::requests::between(&node.db, to, caller.user).await?;
    let they_ask = theirs.as_ref().is_some_and(|r| r.status == RequestStatus::Pending);
    // somebody who blocked me sees nothing, and I see the request wait
    let blocked = bond.theirs.blocked;
    let at_once = !blocked && (them.direct_add || they_ask);
    let now = now_ms();
    let mine = Request {
        id: RequestId::fresh(),
        from: caller.user,
        to,
        message,
        way,
        status: match (blocked, at_once) {
            (true, _) => RequestStatus::Blocked,
            (_, true) => RequestStatus::Accepted,
            _ => RequestStatus::Pending,
        },
        seen: blocked,
        created_at: now,
        updated_at: now,
    };
    put_request(node, &mine).await?;
    if at_once {
        if let Some(theirs) = theirs.filter(|_| they_ask) {
            set_status(node, theirs.id, RequestStatus::Accepted).await?;
        }
        befriend(node, caller, to).await?;
    }
    let mine = store::requests::between(&node.db, caller.user, to).await?.ok_or(Code::NotFound)?;
    if !blocked {
        let frame = view(node, to, mine.clone()).await?;
        node.bus.to_users([to], ServerFrame::ContactRequest { request: frame });
    }
    let request = view(node, caller.user, mine).await?;
    node.bus.to_users([caller.user], ServerFrame::ContactRequest { request: request.clone() });
    Ok(request)
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
    let request = store::requests::by_id(&node.db, id).await?;
    let request = request.filter(|r| r.to == caller.user).ok_or(Code::NotFound)?;
    match (request.status, verdict) {
        (RequestStatus::Pending, _) | (RequestStatus::Refused, Verdict::Accept) => {}
        _ => return Err(Code::Conflict.into()),
    }
    let status = match verdict {
        Verdict::Accept => RequestStatus::Accepted,
        Verdict::Refuse => RequestStatus::Refused,
        Verdict::Block => RequestStatus::Blocked,
    };
    set_status(node, id, status).await?;
    match verdict {
        Verdict::Accept => befriend(node, caller, request.from).await?,
        Verdict::Block => set_blocked(node, caller, request.from, true).await?,
        Verdict::Refuse => {}
    }
    let request = store::requests::by_id(&node.db, id).await?.ok_or(Code::NotFound)?;
    if verdict != Verdict::Block {
        let frame = view(node, request.from, request.clone()).await?;
        node.bus.to_users([request.from], ServerFrame::ContactRequest { request: frame });
    }
    let request = view(node, caller.user, request).await?;
    node.bus.to_users([caller.user], ServerFrame::ContactRequest { request: request.clone() });
    Ok(request)
}

async fn befriend(node: &Node, caller: Caller, peer: UserId) -> Result<()> {
    let contact = |side: Side| Side { contact: true, ..side };
    change_bond(node, caller.user, peer, |bond| Bond {
        mine: contact(bond.mine),
        theirs: contact(bond.theirs),
    })
    .await?;
    conversations::open_direct(node, caller, peer, SystemKind::Contact).await?;
    tell(node, caller.user, peer).await?;
    tell(node, peer, caller.user).await
}

async fn put_request(node: &Node, request: &Request) -> Result<()> {
    retry(|| async {
        let mut tx = node.db.begin().await?;
        store::requests::put(&mut tx, request).await?;
        tx.commit().await
    })
    .await?;
    Ok(())
}

async fn set_status(node: &Node, id: RequestId, status: RequestStatus) -> Result<()> {
    retry(|| async {
        let mut tx = node.db.begin().await?;
        store::requests::set_status(&mut tx, id, status, now_ms()).await?;
        tx.commit().await
    })
    .await?;
    Ok(())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Incoming,
    Outgoing,
}

/// Requests, newest first, and how many incoming ones are unread.
pub async fn requests(
    node: &Node,
    caller: Caller,
    direction: Direction,
) -> Result<(Vec<ContactRequest>, i64)> {
    let found = match direction {
        Direction::Incoming => store::requests::incoming(&node.db, caller.user).await?,
        Direction::Outgoing => store::requests::outgoing(&node.db, caller.user).await?,
    };
    // a request to somebody who had blocked its sender never arrived
    let arrived = |r: &Request| r.from == caller.user || r.status != RequestStatus::Blocked;
    let found: Vec<_> = found.into_iter().filter(arrived).collect();
    let unread = store::requests::unread(&node.db, caller.user).await?;
    Ok((views(node, caller.user, found).await?, unread))
}

pub async fn mark_requests_read(node: &Node, caller: Caller) -> Result<()> {
    store::requests::mark_seen(&node.db, caller.user).await?;
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
            read: r.seen,
        })
    };
    Ok(requests.into_iter().filter_map(view).collect())
}
