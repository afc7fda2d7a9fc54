//! Who may try a password: wrong tries count against the name and the network they come from, never against a device
//! that its owner has signed in from before.

use std::net::IpAddr;

use sha2::{Digest, Sha256};

use crate::domain::ids::AppId;
use crate::domain::login::Device;
use crate::domain::network::Network;
use crate::domain::refusal::Result;
use crate::domain::text::name_fold;
use crate::limits::Attempt;
use crate::node::Node;
use crate::store;
use crate::store::logins::Mark;

/// Counts a try before it is made, so that many at once are counted too.
pub(super) async fn attempt(
    node: &Node,
    name: &str,
    device: &Device,
    from: IpAddr,
) -> Result<Attempt> {
    match node.limits.sign_in(Network::of(from), &name_fold(name)).await {
        Ok(attempt) => Ok(attempt),
        Err(refusal) => known(node, name, device, from).await?.ok_or(refusal),
    }
}

/// A device or network of the owner has tries of its own.
async fn known(node: &Node, name: &str, device: &Device, from: IpAddr) -> Result<Option<Attempt>> {
    let Some(user) = store::users::by_name(&node.db, AppId::DEFAULT, name).await? else {
        return Ok(None);
    };
    let mut known = vec![];
    for mark in marks(device, from) {
        if store::logins::knows(&node.db, user.id, &mark).await? {
            known.push(mark);
        }
    }
    // signed in before devices were remembered
    let network = Network::of(from);
    for login in store::logins::list(&node.db, user.id).await? {
        let device = device.id.filter(|_| login.device.id == device.id).map(device_mark);
        let there = login.address.parse().is_ok_and(|address| Network::of(address) == network);
        known.extend(device.into_iter().chain(there.then(|| network_mark(network))));
    }
    for mark in known {
        if let Ok(attempt) = node.limits.known_sign_in(user.id, mark).await {
            return Ok(Some(attempt));
        }
    }
    Ok(None)
}

/// What is remembered of where somebody signs in, the surest first.
pub(super) fn marks(device: &Device, from: IpAddr) -> Vec<Mark> {
    let device = device.id.map(device_mark);
    device.into_iter().chain([network_mark(Network::of(from))]).collect()
}

fn device_mark(id: crate::domain::ids::DeviceId) -> Mark {
    Sha256::digest(format!("device {id}")).into()
}

fn network_mark(network: Network) -> Mark {
    Sha256::digest(format!("network {network}")).into()
}
