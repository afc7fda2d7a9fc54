//! Presence: who is there, told to contacts only.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{now_ms, ticks_ms};
use crate::domain::frame::ServerFrame;
use crate::domain::ids::{NodeId, UserId};
use crate::domain::login::Caller;
use crate::domain::refusal::Result;
use crate::domain::user::{Availability, Presence};
use crate::hub::{Close, Mailbox};
use crate::node::Node;
use crate::store;

/// A page that is reloaded says hello again within this time; until then nobody hears that it left.
const RELOAD_WITHIN: Duration = Duration::from_secs(2);

/// Opens a socket. It is registered first and what it listens to is read then, so that nothing falls between.
pub async fn arrive(node: &Node, caller: Caller) -> Result<Arc<Mailbox>> {
    let mailbox = node.hub.open(caller.user, caller.login);
    let reading = node.hub.reading(caller.user);
    let conversations = store::conversations::ids_of(&node.db, caller.user).await;
    let listening = async {
        node.hub.listen(reading, conversations.iter().flatten().copied());
        conversations?;
        update(node, caller.user).await
    };
    if let Err(refusal) = listening.await {
        tracing::error!(error = %refusal, "a socket could not be opened");
        mailbox.close(Close::Restart);
        node.hub.detach(&mailbox, 0, ticks_ms());
        return Err(refusal);
    }
    Ok(mailbox)
}

/// What follows when a socket will not come back.
pub async fn depart(node: &Node, user: UserId) {
    tokio::select! {
        () = tokio::time::sleep(RELOAD_WITHIN) => {}
        () = node.stop.cancelled() => {}
    }
    if let Err(refusal) = update(node, user).await {
        tracing::warn!(error = %refusal, "somebody's absence could not be noted");
    }
}

/// Notes how somebody is over their devices on this node; contacts hear of it when it changes what they are over
/// all nodes.
pub async fn update(node: &Node, user: UserId) -> Result<()> {
    loop {
        let state = node.hub.availability(user);
        note(node, user, state).await?;
        // who came or went meanwhile may have noted it before us
        if node.hub.availability(user) == state {
            return Ok(());
        }
    }
}

async fn note(node: &Node, user: UserId, state: Availability) -> Result<()> {
    let (before, after) = node.cache.set_presence(user, state).await;
    if before == after { Ok(()) } else { tell(node, user, after).await }
}

/// Contacts of whoever was on a node that is gone hear how they are without it.
pub async fn node_gone(node: &Node, gone: NodeId) {
    for user in node.cache.clear_presence(gone).await {
        let state = node.cache.presence(user).await;
        if let Err(refusal) = tell(node, user, state).await {
            tracing::warn!(error = %refusal, "somebody's absence could not be told");
        }
    }
}

async fn tell(node: &Node, user: UserId, after: Availability) -> Result<()> {
    let last_seen_at = (after == Availability::Offline).then(now_ms);
    if let Some(at) = last_seen_at
        && let Err(error) = store::users::set_last_seen(&node.db, user, at).await
    {
        // whoever is there hears of it even if nothing can be written
        tracing::warn!(%error, "when somebody was last seen could not be noted");
    }
    let watchers = store::contacts::open_bonds(&node.db, user).await?;
    let frame = ServerFrame::Presence(Presence { user_id: user, state: after, last_seen_at });
    node.bus.to_users(watchers, frame);
    Ok(())
}

/// The time, if somebody is connected anywhere.
pub async fn there_at(node: &Node, user: UserId) -> Option<i64> {
    (node.cache.presence(user).await != Availability::Offline).then(now_ms)
}

/// How each of `users` is, as `me` may know it: strangers are offline, with no time, and whoever blocked me is as if they
/// had not been here since.
pub async fn of(node: &Node, me: UserId, users: &[UserId]) -> Result<Vec<Presence>> {
    let open: HashSet<_> = store::contacts::open_bonds(&node.db, me).await?.into_iter().collect();
    let visible: Vec<_> = users.iter().copied().filter(|user| open.contains(user)).collect();
    let known: HashMap<_, _> = current(node, &visible).await?;
    let others: Vec<_> = users.iter().copied().filter(|user| !open.contains(user)).collect();
    let frozen = frozen(node, me, &others).await?;
    let presence = |user: &UserId| {
        let seen = known.get(user).or(frozen.get(user)).cloned();
        seen.unwrap_or_else(|| Presence::unknown(*user))
    };
    Ok(users.iter().map(presence).collect())
}

/// How `user` is, as each of these contacts may know it.
pub async fn to(
    node: &Node,
    user: UserId,
    viewers: &[UserId],
) -> Result<HashMap<UserId, Presence>> {
    let open: HashSet<_> = store::contacts::open_bonds(&node.db, user).await?.into_iter().collect();
    let mut now = current(node, &[user]).await?;
    let now = now.remove(&user).unwrap_or_else(|| Presence::unknown(user));
    let mut seen = HashMap::new();
    for viewer in viewers {
        let presence = match open.contains(viewer) {
            true => now.clone(),
            // the few who are blocked
            false => of(node, *viewer, &[user]).await?.remove(0),
        };
        seen.insert(*viewer, presence);
    }
    Ok(seen)
}

async fn current(node: &Node, users: &[UserId]) -> Result<HashMap<UserId, Presence>> {
    let states = node.cache.presences(users).await;
    let last_seen: HashMap<_, _> =
        store::users::last_seen(&node.db, users.iter().copied()).await?.into_iter().collect();
    let presence = |(user, state): (&UserId, Availability)| {
        let seen = last_seen.get(user).copied().filter(|_| state == Availability::Offline);
        (*user, Presence { user_id: *user, state, last_seen_at: seen })
    };
    Ok(users.iter().zip(states).map(presence).collect())
}

/// Contacts of mine who have blocked me.
async fn frozen(node: &Node, me: UserId, users: &[UserId]) -> Result<HashMap<UserId, Presence>> {
    let frozen = store::frozen::of(&node.db, me, users).await?;
    let ids: Vec<_> = frozen.iter().map(|frozen| frozen.seen).collect();
    let sides = match ids.is_empty() {
        true => vec![],
        false => store::contacts::sides(&node.db, me, ids).await?,
    };
    let shown = |user| sides.iter().any(|e| e.peer == user && e.side.contact && !e.side.blocked);
    let presence = |frozen: store::frozen::Frozen| {
        let last_seen_at = Some(frozen.last_seen_at);
        let state = Availability::Offline;
        (frozen.seen, Presence { user_id: frozen.seen, state, last_seen_at })
    };
    Ok(frozen.into_iter().filter(|frozen| shown(frozen.seen)).map(presence).collect())
}

/// What a presence frame would say between two people who have just become visible, or invisible, to each other.
/// `by` has made it so. The other one hears only what looks as if `by` had come or gone, which nobody does who is away.
pub async fn exchange(node: &Node, by: UserId, other: UserId) -> Result<()> {
    for presence in of(node, by, &[other]).await? {
        node.bus.to_users([by], ServerFrame::Presence(presence));
    }
    if node.cache.presence(by).await != Availability::Offline {
        for presence in of(node, other, &[by]).await? {
            node.bus.to_users([other], ServerFrame::Presence(presence));
        }
    }
    Ok(())
}
