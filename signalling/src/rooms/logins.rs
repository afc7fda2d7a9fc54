//! Tickets that were made for a login end with it: with its revocation, its expiry, or its person's account.

use super::NotAdmitted;
use super::token::Claims;
use crate::clock::now_ms;
use crate::domain::ids::LoginId;
use crate::node::Node;
use crate::store::{logins, sql};

/// Whether the login behind a token is still good.
pub(super) async fn check(node: &Node, claims: &Claims) -> Result<(), NotAdmitted> {
    let Some(login) = claims.login else { return Ok(()) };
    match is_over(node, login).await {
        Ok(false) => Ok(()),
        Ok(true) => Err(NotAdmitted::Denied("the login that the token was made for is over")),
        Err(error) => {
            tracing::warn!(%error, "the login behind a token could not be looked up");
            Err(NotAdmitted::Busy)
        }
    }
}

/// Ends when a login is over, for whoever came in under it: at once when that is told, and at the latest when the logins
/// held are looked up again. Never without one.
pub async fn login_over(node: &Node, login: Option<LoginId>) {
    let Some(login) = login else { return std::future::pending().await };
    // held first and looked up then, so that no end falls between
    let held = node.hub.hold(login);
    // a store that does not answer ends nobody's call
    if !is_over(node, login).await.unwrap_or(false) {
        held.over().await;
    }
}

async fn is_over(node: &Node, login: LoginId) -> sql::Result<bool> {
    let holder = logins::holder(&node.db, login).await?;
    Ok(holder.is_none_or(|holder| holder.disabled || holder.refresh_expires_at <= now_ms()))
}
