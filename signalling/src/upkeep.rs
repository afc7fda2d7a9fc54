//! What a node does by itself, every now and then.

use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::clock::{now_ms, ticks_ms};
use crate::domain::refusal::Refusal;
use crate::node::Node;
use crate::{accounts, admin, calls, group_calls, nodes, presence, store};

/// Sockets that nobody resumed are noticed within this time.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// Well within [`crate::cache::PRESENCE_LIFE`].
const RENEW_EVERY: Duration = Duration::from_secs(25);
const FORGET_EVERY: Duration = Duration::from_secs(60);
/// Acts are kept for a year: nobody minds an hour.
const FORGET_ACTS_EVERY: Duration = Duration::from_secs(3600);
/// How long a login that is over is believed when nobody told us: Redis was away, it expired, its account was disabled.
const LOOK_UP_EVERY: Duration = Duration::from_secs(10);
/// A store that did not answer is asked again after this time.
const READ_AGAIN: Duration = Duration::from_secs(1);

/// Starts the tasks; each ends when the node drains.
pub(crate) fn start(node: &Arc<Node>) {
    let every = |period, work| repeat(Arc::downgrade(node), node.stop.clone(), period, work);
    every(SWEEP_EVERY, Work::Sweep);
    every(RENEW_EVERY, Work::Renew);
    every(FORGET_EVERY, Work::Forget);
    every(LOOK_UP_EVERY, Work::LookUpLogins);
    every(FORGET_ACTS_EVERY, Work::ForgetActs);
    let stop = node.stop.clone();
    tokio::spawn(stop.run_until_cancelled_owned(relisten(node.clone())));
    tokio::spawn(calls::keep(node.clone()));
    tokio::spawn(group_calls::keep(node.clone()));
    tokio::spawn(nodes::keep(node.clone()));
    tokio::spawn(node.files.clone().sweep_forever(node.stop.clone()));
}

#[derive(Clone, Copy)]
enum Work {
    Sweep,
    Renew,
    Forget,
    LookUpLogins,
    ForgetActs,
}

fn repeat(
    node: Weak<Node>,
    stop: tokio_util::sync::CancellationToken,
    period: Duration,
    work: Work,
) {
    let task = async move {
        let mut ticks = tokio::time::interval(period);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let Some(node) = node.upgrade() else { return };
            match work {
                Work::Sweep => sweep(&node),
                Work::Renew => node.cache.renew_presence().await,
                Work::Forget => node.limits.forget_idle(),
                Work::LookUpLogins => look_up_logins(&node).await,
                Work::ForgetActs => forget_acts(&node).await,
            }
        }
    };
    tokio::spawn(stop.run_until_cancelled_owned(task));
}

async fn look_up_logins(node: &Node) {
    if let Err(refusal) = accounts::end_what_is_over(node).await {
        tracing::warn!(error = %refusal, "logins could not be looked up again");
    }
}

async fn forget_acts(node: &Node) {
    if let Err(refusal) = admin::forget_old_acts(&node.db, now_ms()).await {
        tracing::warn!(error = %refusal, "old acts of the audit could not be removed; trying again in an hour");
    }
}

fn sweep(node: &Arc<Node>) {
    for mailbox in node.hub.sweep(ticks_ms()) {
        let node = node.clone();
        tokio::spawn(async move { presence::depart(&node, mailbox.user).await });
    }
}

/// After notices may have been lost, logins are looked up again, for they may have been revoked, and what people
/// listen to is read anew, for they may have joined or left; then they are told to sync.
async fn relisten(node: Arc<Node>) {
    loop {
        node.hub.synced.notified().await;
        while let Err(error) = catch_up(&node).await {
            tracing::warn!(%error, "logins and memberships could not be read anew");
            tokio::time::sleep(READ_AGAIN).await;
        }
        node.hub.tell_to_sync();
    }
}

async fn catch_up(node: &Node) -> Result<(), Refusal> {
    accounts::end_what_is_over(node).await?;
    Ok(relisten_all(node).await?)
}

async fn relisten_all(node: &Node) -> store::sql::Result<()> {
    for user in node.hub.people() {
        let reading = node.hub.reading(user);
        match store::conversations::ids_of(&node.db, user).await {
            Ok(conversations) => node.hub.relisten(reading, conversations),
            Err(error) => {
                node.hub.listen(reading, []);
                return Err(error);
            }
        }
    }
    Ok(())
}
