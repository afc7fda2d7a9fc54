//! Trading a refresh token for new tokens.

use rand::RngExt;

use super::Issued;
use super::tokens::{self, fits, succeed};
use crate::clock::now_ms;
use crate::domain::ids::LoginId;
use crate::domain::login::SignedIn;
use crate::domain::network::Network;
use crate::domain::refusal::{Code, Result};
use crate::node::Node;
use crate::store;
use crate::store::logins::{Holder, Rotation, TokenHash, Trade};

/// How long a token that was traded in still gets the same answer, in milliseconds: for a second tab, a lost answer,
/// a page reloaded while it waited. The access token that it replaced works as long, for requests under way.
const GRACE_MS: i64 = 60_000;

/// A refresh token as it was presented.
struct Presented<'t> {
    login: LoginId,
    text: &'t str,
    hash: TokenHash,
}

/// Trades a refresh token for new tokens, which anybody who presents the same one within a minute gets again, from
/// any node. Any other token gets nothing and ends no login.
pub async fn refresh(node: &Node, token: &str, from: Network) -> Result<(SignedIn, Issued)> {
    node.limits.refresh(from)?;
    let (login, hash) = tokens::parse(token).ok_or(Code::Unauthenticated)?;
    let presented = Presented { login, text: token, hash };
    let holder = store::logins::holder(&node.db, login).await?.ok_or(Code::Unauthenticated)?;
    let now = now_ms();
    if holder.disabled || holder.refresh_expires_at <= now {
        return Err(Code::Unauthenticated.into());
    }
    let issued = match fits(&hash, &holder.refresh_hash) {
        true => trade(node, &presented, now).await?,
        false => None,
    };
    let issued = match issued {
        Some(issued) => issued,
        None => traded(node, &presented, now).await?.ok_or(Code::Unauthenticated)?,
    };
    let user = store::users::by_id(&node.db, holder.user).await?.ok_or(Code::Unauthenticated)?;
    Ok((issued.signed_in(user.to_me(), login), issued))
}

/// None when somebody else was quicker.
async fn trade(node: &Node, presented: &Presented<'_>, now: i64) -> Result<Option<Issued>> {
    let salt = rand::rng().random::<[u8; 32]>();
    let (issued, new) = succeed(presented.login, presented.text, &salt, now);
    let Presented { login, hash: used, .. } = *presented;
    let trade = Trade { used, new, salt, at: now, former_access_until: now + GRACE_MS };
    Ok(store::logins::rotate(&node.db, login, &trade).await?.then_some(issued))
}

/// Whether an access token lets the holder of this login in: the current one, or the one before for a moment.
pub(super) fn lets_in(holder: &Holder, presented: &TokenHash, now: i64) -> bool {
    let current = Some((&holder.access_hash, holder.access_expires_at));
    let former = holder.former_access.as_ref().map(|(hash, until)| (hash, *until));
    let mut good = [current, former].into_iter().flatten();
    good.any(|(hash, until)| fits(presented, hash) && until > now)
}

/// The answer that this token has got before, if that was a moment ago.
async fn traded(node: &Node, presented: &Presented<'_>, now: i64) -> Result<Option<Issued>> {
    let Some(rotation) = store::logins::rotation(&node.db, presented.login).await? else {
        return Ok(None);
    };
    let Rotation {
        former_refresh_hash: Some(former), salt: Some(salt), rotated_at: Some(at), ..
    } = &rotation
    else {
        return Ok(None);
    };
    if !fits(&presented.hash, former) {
        return Ok(None);
    }
    if now - at > GRACE_MS {
        // somebody has kept a token that was traded in long ago, and perhaps the access token that came with it
        store::logins::end_grace(&node.db, presented.login).await?;
        return Ok(None);
    }
    let (issued, tokens) = succeed(presented.login, presented.text, salt, *at);
    // a node of a former release may have traded again without a note
    let current = fits(&tokens.refresh_hash, &rotation.refresh_hash)
        && fits(&tokens.access_hash, &rotation.access_hash);
    if current {
        metrics::counter!("beckon_refreshes_repeated_total").increment(1);
    }
    Ok(current.then_some(issued))
}
