//! People as others see them.

use std::collections::HashMap;

use crate::domain::contact::{Bond, Side};
use crate::domain::ids::UserId;
use crate::domain::login::Caller;
use crate::domain::refusal::{Code, Result};
use crate::domain::user::{Profile, Relation, User};
use crate::node::Node;
use crate::store;

/// The profiles of `ids` as `me` sees them; unknown ids are left out.
pub async fn profiles(node: &Node, me: UserId, ids: &[UserId]) -> Result<HashMap<UserId, Profile>> {
    let users = store::users::by_ids(&node.db, ids.iter().copied()).await?;
    let sides: HashMap<UserId, Side> = store::contacts::sides(&node.db, me, ids.iter().copied())
        .await?
        .into_iter()
        .map(|entry| (entry.peer, entry.side))
        .collect();
    let strangers: Vec<_> =
        ids.iter().copied().filter(|id| !sides.get(id).is_some_and(|s| s.contact)).collect();
    let pending = match strangers.is_empty() {
        true => vec![],
        false => store::requests::pending_among(&node.db, me, &strangers).await?,
    };
    let relation = |user: UserId| {
        if user == me {
            return Relation::Oneself;
        }
        let mine = sides.get(&user).copied().unwrap_or_default();
        Bond { mine, theirs: Side::default() }
            .relation(pending.contains(&(me, user)), pending.contains(&(user, me)))
    };
    Ok(users.into_iter().map(|user| (user.id, user.to_profile(relation(user.id)))).collect())
}

pub async fn profile(node: &Node, me: UserId, id: UserId) -> Result<Profile> {
    profiles(node, me, &[id]).await?.remove(&id).ok_or(Code::NotFound.into())
}

/// Exact search by name.
pub async fn find(node: &Node, caller: Caller, name: &str) -> Result<Option<Profile>> {
    node.limits.look_up(caller.user)?;
    let found = store::users::by_name(&node.db, caller.app, name).await?;
    match found {
        Some(user) if !user.disabled => Ok(Some(profile(node, caller.user, user.id).await?)),
        _ => Ok(None),
    }
}

/// Somebody whose account is open.
pub async fn active(node: &Node, id: UserId) -> Result<User> {
    let user = store::users::by_id(&node.db, id).await?;
    user.filter(|user| !user.disabled).ok_or(Code::NotFound.into())
}

/// Somebody of the caller's app whose account is open.
pub async fn reachable(node: &Node, caller: Caller, id: UserId) -> Result<User> {
    let user = active(node, id).await?;
    if user.app != caller.app {
        return Err(Code::NotFound.into());
    }
    Ok(user)
}
