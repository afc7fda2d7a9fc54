//! Contacts: listing, naming, deleting, blocking; asking and accepting are in [`requests`].

mod requests;

use std::collections::HashMap;

pub use self::requests::{
    Direction, REQUESTS_PAGE_MAX, Requests, Verdict, answer, mark_requests_read, request, requests,
};
use crate::conversations;
use crate::domain::contact::{Bond, Contact, Side};
use crate::domain::frame::ServerFrame;
use crate::domain::ids::UserId;
use crate::domain::login::Caller;
use crate::domain::refusal::{Code, Refusal, Result};
use crate::domain::text;
use crate::domain::user::{Presence, Profile, Relation};
use crate::node::Node;
use crate::store::sql::{Tx, retry};
use crate::store::{self, contacts as rows};
use crate::{people, presence};

/// Contacts in one answer of the incremental sync.
const SYNC_MAX: i64 = 200;
/// Blocked people in one page.
pub const BLOCKS_PAGE_MAX: i64 = 1000;

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

/// Marks `user` as changed in the lists of their contacts, whom it returns. Belongs into the transaction that changes
/// what contacts see; [`tell_all_of`] follows the commit.
pub async fn touch(tx: &mut Tx, user: UserId) -> store::sql::Result<Vec<UserId>> {
    let owners = rows::listed_by(&mut *tx, user).await?;
    if !owners.is_empty() {
        rows::touch(tx, user, &owners).await?;
    }
    Ok(owners)
}

/// Tells contacts of `user` what this person looks like now, in a fixed number of queries.
pub async fn tell_all_of(node: &Node, user: UserId, owners: &[UserId]) -> Result<()> {
    let Some(seen) = store::users::by_id(&node.db, user).await? else { return Ok(()) };
    let directs: HashMap<_, _> =
        store::conversations::directs_of(&node.db, user, owners).await?.into_iter().collect();
    let presences = presence::to(node, user, owners).await?;
    for (owner, entry) in rows::about(&node.db, user, owners).await? {
        let contact = Contact {
            user: seen.to_profile(Relation::Contact),
            remark: entry.remark,
            deleted: false,
            ver: entry.ver,
            conversation_id: directs.get(&owner).copied(),
            presence: presences.get(&owner).cloned().unwrap_or_else(|| Presence::unknown(user)),
        };
        node.bus.to_users([owner], ServerFrame::Contact { contact });
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
    let changed = retry(|| async {
        let mut tx = node.db.begin().await?;
        let changed = put_bond(&mut tx, caller.user, peer, |bond| Bond {
            mine: Side { contact: false, ..bond.mine },
            theirs: Side { contact: false, ..bond.theirs },
        });
        let (before, after) = changed.await?;
        if !before.mine.contact {
            return Err(Refusal::from(Code::NotFound));
        }
        tx.commit().await?;
        Ok((before, after))
    })
    .await?;
    tell_bond(node, caller.user, peer, changed).await
}

pub async fn set_blocked(node: &Node, caller: Caller, peer: UserId, blocked: bool) -> Result<()> {
    if peer == caller.user {
        return Err(Refusal::invalid("user_id"));
    }
    people::reachable(node, caller, peer).await?;
    let there_at = presence::there_at(node, caller.user).await;
    let changed = retry(|| async {
        let mut tx = node.db.begin().await?;
        let changed = put_blocked(&mut tx, caller.user, peer, blocked, there_at).await?;
        tx.commit().await?;
        Ok::<_, store::sql::Error>(changed)
    })
    .await?;
    tell_bond(node, caller.user, peer, changed).await
}

/// Whom I blocked, the last first, before that `ver`; and the `ver` at which the next page begins.
pub async fn blocked(
    node: &Node,
    caller: Caller,
    before_ver: i64,
    limit: i64,
) -> Result<(Vec<Profile>, Option<i64>)> {
    let mut found = rows::blocked(&node.db, caller.user, before_ver, limit + 1).await?;
    let more = found.len() as i64 > limit;
    found.truncate(limit as usize);
    let ids: Vec<_> = found.iter().map(|(id, _)| *id).collect();
    let mut profiles = people::profiles(node, caller.user, &ids).await?;
    let blocked = ids.iter().filter_map(|id| profiles.remove(id)).collect();
    Ok((blocked, found.last().map(|(_, ver)| *ver).filter(|_| more)))
}

/// `there_at` is the time if I am connected: to whom I block it looks as if I left now.
async fn put_blocked(
    tx: &mut Tx,
    me: UserId,
    peer: UserId,
    blocked: bool,
    there_at: Option<i64>,
) -> store::sql::Result<(Bond, Bond)> {
    let block = |bond: Bond| Bond { mine: Side { blocked, ..bond.mine }, ..bond };
    let (before, after) = put_bond(tx, me, peer, block).await?;
    match (before.mine.blocked, blocked) {
        (false, true) => {
            let direct = store::conversations::direct_of(&mut *tx, me, peer).await?;
            store::frozen::freeze(tx, peer, me, direct, there_at).await?;
        }
        (true, false) => store::frozen::thaw(tx, peer, me).await?,
        _ => {}
    }
    Ok((before, after))
}

/// Changes what two people are to each other, and with it whether they may write; returns what they were and are.
async fn put_bond(
    tx: &mut Tx,
    me: UserId,
    peer: UserId,
    change: impl Fn(Bond) -> Bond,
) -> store::sql::Result<(Bond, Bond)> {
    store::users::lock_pair(tx, me, peer).await?;
    let before = rows::bond(&mut *tx, me, peer).await?;
    let after = change(before);
    if after.mine != before.mine {
        rows::set_side(tx, me, peer, after.mine).await?;
    }
    if after.theirs != before.theirs {
        rows::set_side(tx, peer, me, after.theirs).await?;
    }
    if let Some(id) = store::conversations::direct_of(&mut *tx, me, peer).await? {
        store::conversations::set_writing(tx, id, me, after.my_writing()).await?;
        store::conversations::set_writing(tx, id, peer, after.reversed().my_writing()).await?;
    }
    Ok((before, after))
}

/// Tells of a committed change of a bond. Being blocked is not told: it looks as if the other one had left.
async fn tell_bond(
    node: &Node,
    me: UserId,
    peer: UserId,
    (before, after): (Bond, Bond),
) -> Result<()> {
    tell(node, me, peer).await?;
    if after.theirs != before.theirs {
        tell(node, peer, me).await?;
    }
    if after.is_open() == before.is_open() {
        return Ok(());
    }
    presence::exchange(node, me, peer).await?;
    if let Some(id) = store::conversations::direct_of(&node.db, me, peer).await? {
        conversations::tell_one(node, id, me).await?;
        if after.theirs != before.theirs {
            conversations::tell_one(node, id, peer).await?;
        }
    }
    Ok(())
}
