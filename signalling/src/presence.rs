//! Presence: who is there, told to contacts only.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crate::accounts::Caller;
use crate::clock::{now_ms, ticks_ms};
use crate::domain::frame::ServerFrame;
use crate::domain::ids::{NodeId, UserId};
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
    if let Some(at) = last_seen_at {
        store::users::set_last_seen(&node.db, user, at).await?;
    }
    let watchers = store::contacts::open_bonds(&node.db, user).await?;
    let frame = ServerFrame::Presence(Presence { user_id: user, state: after, last_seen_at });
    node.bus.to_users(watchers, frame);
    Ok(())
}

/// How each of `users` is, as `me` may know it: strangers and whoever blocked me are offline, with no time.
pub async fn of(node: &Node, me: UserId, users: &[UserId]) -> Result<Vec<Presence>> {
    let open: HashSet<_> = store::contacts::open_bonds(&node.db, me).await?.into_iter().collect();
    let visible: Vec<_> = users.iter().copied().filter(|user| open.contains(user)).collect();
    let states = node.cache.presences(&visible).await;
    let last_seen = store::users::last_seen(&node.db, visible.iter().copied()).await?;
    let states: HashMap<_, _> = visible.iter().copied().zip(states).collect();
    let last_seen: HashMap<_, _> = last_seen.into_iter().collect();
    let presence = |user: &UserId| {
        let seen = last_seen.get(user).copied();
        match states.get(user).copied() {
            Some(Availability::Offline) => {
                Presence { user_id: *user, state: Availability::Offline, last_seen_at: seen }
            }
            state => {
                Presence { user_id: *user, state: state.unwrap_or_default(), last_seen_at: None }
            }
        }
    };
    Ok(users.iter().map(presence).collect())
}

/// What a presence frame would say between two people who have just become visible, or invisible, to each other.
pub async fn exchange(node: &Node, a: UserId, b: UserId) -> Result<()> {
    for (viewer, seen) in [(a, b), (b, a)] {
        for presence in of(node, viewer, &[seen]).await? {
            node.bus.to_users([viewer], ServerFrame::Presence(presence));
        }
    }
    Ok(())
}
