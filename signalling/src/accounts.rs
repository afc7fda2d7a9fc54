//! Accounts and logins: registering, signing in, staying signed in, signing out.

mod guessing;
mod refreshing;
mod registering;
mod tokens;

use std::net::IpAddr;

use secrecy::{ExposeSecret, SecretString};

pub use self::refreshing::refresh;
pub use self::registering::register;
pub(crate) use self::registering::{NewUser, not_created};
pub use self::tokens::Issued;
use crate::cache::Ticket;
use crate::clock::now_ms;
use crate::contacts;
use crate::domain::frame::ServerFrame;
use crate::domain::ids::{AppId, AvatarId, DeviceId, LoginId, UserId};
use crate::domain::login::{Caller, Device, Login, SignedIn};
use crate::domain::network::Network;
use crate::domain::refusal::{Code, Refusal, Result};
use crate::domain::text;
use crate::domain::user::{AccountRole, Me, User};
use crate::hub::Held;
use crate::node::Node;
use crate::notice::Notice;
use crate::passwords::Verdict;
use crate::shares::Holder;
use crate::store;
use crate::store::logins::{self, Made, NewLogin, Proof};
use crate::store::sql::retry;

/// What somebody types to register or sign in.
pub struct Credentials<'a> {
    pub name: &'a str,
    pub password: SecretString,
}

/// A login's last use is written at most this often, in milliseconds.
const TOUCH_MS: i64 = 60_000;
/// Logins asked about in one query when all are looked up again.
const LOOKED_UP_AT_ONCE: usize = 256;

/// The answer and its time are the same for an unknown name and a wrong password.
pub async fn sign_in(
    node: &Node,
    credentials: Credentials<'_>,
    device: Device,
    from: IpAddr,
) -> Result<(SignedIn, Issued)> {
    let device = device.checked()?;
    // a name or password that breaks the rules cannot exist, but must not answer sooner
    let plausible = credentials.password.expose_secret().chars().count()
        <= text::PASSWORD_TYPED_CHARS_MAX
        && credentials.name.chars().count() <= 4 * text::NAME_CHARS.end();
    if !plausible {
        return Err(Code::WrongCredentials.into());
    }
    let attempt = guessing::attempt(node, credentials.name, &device, from).await?;
    let signed_in = verified_sign_in(node, credentials, device, from).await;
    match &signed_in {
        Err(refusal) if refusal.code == Code::WrongCredentials => {
            metrics::counter!("beckon_sign_ins_refused_total").increment(1);
            tracing::info!(address = %from, "a sign-in was refused: wrong name or password");
        }
        _ => attempt.forgive().await,
    }
    signed_in
}

async fn verified_sign_in(
    node: &Node,
    credentials: Credentials<'_>,
    device: Device,
    from: IpAddr,
) -> Result<(SignedIn, Issued)> {
    let (user, proof) = proven(node, credentials, Network::of(from)).await?;
    // whatever else somebody must prove, a code or a passkey, is asked for here, before there is a login
    let_in(node, &user, &proof, device, from).await
}

/// Whose name and password these are.
async fn proven(
    node: &Node,
    Credentials { name, password }: Credentials<'_>,
    from: Network,
) -> Result<(User, Proof)> {
    let user = store::users::by_name(&node.db, AppId::DEFAULT, name).await?;
    let id = user.as_ref().map_or(UserId(uuid::Uuid::nil()), |user| user.id);
    let stored = store::users::password_hash(&node.db, id).await?;
    let stored_hash = stored.clone().unwrap_or_default();
    // whoever has no account waits in line like everybody
    let asks = Holder::new(user.as_ref().map_or_else(UserId::fresh, |u| u.id), from);
    let verdict = node.passwords.verify(password.expose_secret(), stored, asks).await?;
    let renewed_hash = match verdict {
        Verdict::Wrong => return Err(Code::WrongCredentials.into()),
        Verdict::Right => None,
        Verdict::RightFormerly { renewed } => Some(renewed),
    };
    let user = user.ok_or(Code::WrongCredentials)?;
    Ok((user, Proof { stored_hash, renewed_hash }))
}

/// Makes a login for somebody who has proven who they are.
async fn let_in(
    node: &Node,
    user: &User,
    proof: &Proof,
    device: Device,
    from: IpAddr,
) -> Result<(SignedIn, Issued)> {
    let (new, issued) = new_login(user, device, from);
    match store::logins::create(&node.db, &new, proof).await? {
        Made::Disproved => return Err(Code::WrongCredentials.into()),
        Made::Replacing(None) => {}
        Made::Replacing(Some(former)) => {
            node.bus.publish(Notice::LoginsEnded { ids: vec![former] });
        }
    }
    metrics::counter!("beckon_sign_ins_total").increment(1);
    Ok((issued.signed_in(user.to_me(), new.id), issued))
}

fn new_login(user: &User, device: Device, from: IpAddr) -> (NewLogin, Issued) {
    let (id, now) = (LoginId::fresh(), now_ms());
    let (issued, tokens) = tokens::issue(id, now);
    let new = NewLogin {
        id,
        user: user.id,
        device_id: device.id.unwrap_or_else(DeviceId::fresh),
        marks: guessing::marks(&device, from),
        device,
        address: from.to_string(),
        tokens,
        at: now,
    };
    (new, issued)
}

/// Who holds this access token.
pub async fn authenticate(node: &Node, token: &str) -> Result<Caller> {
    let (login, hash) = tokens::parse(token).ok_or(Code::Unauthenticated)?;
    let holder = store::logins::holder(&node.db, login).await?.ok_or(Code::Unauthenticated)?;
    let now = now_ms();
    if holder.disabled || !refreshing::lets_in(&holder, &hash, now) {
        return Err(Code::Unauthenticated.into());
    }
    touch(node, &holder, now);
    Ok(Caller { app: holder.app, user: holder.user, login, role: holder.role })
}

/// Notes the last use of a login, beside the request: reading goes on when nothing can be written.
fn touch(node: &Node, holder: &logins::Holder, now: i64) {
    if now - holder.last_seen_at <= TOUCH_MS || !node.limits.touch(holder.login) {
        return;
    }
    let (db, login) = (node.db.clone(), holder.login);
    tokio::spawn(async move {
        if let Err(error) = store::logins::touch(&db, login, now).await {
            tracing::debug!(%error, "the last use of a login could not be noted");
        }
    });
}

/// Fails when a login does not let its holder in any more: revoked, expired, or the account is disabled. Whatever
/// goes on under a login asks this after it has been registered to end with it.
pub async fn still_holds(node: &Node, login: LoginId) -> Result<()> {
    match store::logins::valid(&node.db, &[login], now_ms()).await?.is_empty() {
        true => Err(Code::Unauthenticated.into()),
        false => Ok(()),
    }
}

/// For work that takes its time under a login: it is told when the login is over.
pub async fn hold(node: &Node, caller: Caller) -> Result<Held> {
    let held = node.hub.hold(caller.login);
    still_holds(node, caller.login).await?;
    Ok(held)
}

/// Looks up again every login that something on this node holds, and ends what is over: nobody may have told us.
pub async fn end_what_is_over(node: &Node) -> Result<()> {
    for logins in node.hub.logins().chunks(LOOKED_UP_AT_ONCE) {
        let valid = store::logins::valid(&node.db, logins, now_ms()).await?;
        let ids: Vec<_> = logins.iter().copied().filter(|id| !valid.contains(id)).collect();
        if !ids.is_empty() {
            node.hub.deliver(&Notice::LoginsEnded { ids });
        }
    }
    Ok(())
}

/// A single-use ticket for a WebSocket handshake, and when it ends.
pub async fn ticket(node: &Node, caller: Caller) -> Result<(String, i64)> {
    let secret = tokens::secret();
    let ticket = Ticket { login: caller.login, user: caller.user, app: caller.app };
    node.cache.put_ticket(&secret, ticket).await;
    Ok((secret, now_ms() + crate::cache::TICKET_LIFE.as_millis() as i64))
}

/// Who may open a socket with this ticket.
pub async fn redeem(node: &Node, ticket: &str) -> Result<Caller> {
    if ticket.len() > tokens::SECRET_TEXT_LEN {
        return Err(Code::Unauthenticated.into());
    }
    let Ticket { login, user, app } =
        node.cache.take_ticket(ticket).await.ok_or(Code::Unauthenticated)?;
    still_holds(node, login).await?; // it may have ended since
    Ok(Caller { app, user, login, role: AccountRole::User })
}

pub async fn logins(node: &Node, caller: Caller) -> Result<Vec<Login>> {
    let listed = store::logins::list(&node.db, caller.user).await?;
    Ok(listed
        .into_iter()
        .map(|login| Login {
            current: login.id == caller.login,
            id: login.id,
            device: login.device,
            created_at: login.created_at,
            last_seen_at: login.last_seen_at,
            address: login.address,
        })
        .collect())
}

/// Signs a device of one's own out; its sockets close.
pub async fn end_login(node: &Node, caller: Caller, login: LoginId) -> Result<()> {
    let Caller { user, login: asks, .. } = caller;
    if !store::logins::delete(&node.db, user, login, asks, now_ms()).await? {
        return Err(Code::NotFound.into());
    }
    node.bus.publish(Notice::LoginsEnded { ids: vec![login] });
    Ok(())
}

/// Changes a password and signs every other device out.
pub async fn change_password(
    node: &Node,
    caller: Caller,
    old: &SecretString,
    new: &SecretString,
    from: Network,
) -> Result<()> {
    node.limits.look_up(caller.user)?;
    let new = text::password(new.expose_secret(), "new_password")?;
    let stored = store::users::password_hash(&node.db, caller.user).await?;
    let proven = stored.clone().ok_or(Code::Unauthenticated)?;
    let wrong = || Refusal { field: Some("old_password"), ..Code::WrongCredentials.into() };
    let asks = Holder::new(caller.user, from);
    if node.passwords.verify(old.expose_secret(), stored, asks).await? == Verdict::Wrong {
        return Err(wrong());
    }
    let hash = node.passwords.hash(new, asks).await?;
    let Caller { user, login, .. } = caller;
    let changed = store::logins::change_password(&node.db, user, login, &proven, &hash, now_ms());
    let Some(ids) = changed.await? else {
        still_holds(node, caller.login).await?;
        return Err(wrong()); // another device has changed it meanwhile
    };
    node.bus.publish(Notice::LoginsEnded { ids });
    Ok(())
}

pub async fn me(node: &Node, caller: Caller) -> Result<Me> {
    let user = store::users::by_id(&node.db, caller.user).await?.ok_or(Code::Unauthenticated)?;
    Ok(user.to_me())
}

pub async fn update_me(
    node: &Node,
    caller: Caller,
    nickname: Option<&str>,
    direct_add: Option<bool>,
) -> Result<Me> {
    let nickname = match nickname {
        Some(nickname) => Some(text::line(nickname, text::NICKNAME_CHARS_MAX, "nickname")?),
        None => None,
    };
    let owners = retry(|| async {
        let mut tx = node.db.begin().await?;
        store::users::lock(&mut tx, caller.user).await?;
        let user = store::users::by_id(&mut tx, caller.user).await?.ok_or(Code::Unauthenticated)?;
        let nickname = nickname.as_deref().unwrap_or(&user.nickname);
        let direct_add = direct_add.unwrap_or(user.direct_add);
        store::users::set_profile(&mut tx, caller.user, nickname, direct_add).await?;
        let owners = match nickname == user.nickname {
            true => vec![],
            false => contacts::touch(&mut tx, caller.user).await?,
        };
        tx.commit().await?;
        Ok::<_, Refusal>(owners)
    })
    .await?;
    contacts::tell_all_of(node, caller.user, &owners).await?;
    tell_me(node, caller).await
}

/// Gives somebody a picture, or none; also tells which one nobody has any more.
pub async fn replace_avatar(
    node: &Node,
    caller: Caller,
    avatar: Option<AvatarId>,
) -> Result<(Me, Option<AvatarId>)> {
    let (replaced, owners) = retry(|| async {
        let mut tx = node.db.begin().await?;
        let replaced = store::users::replace_avatar(&mut tx, caller.user, avatar, now_ms()).await?;
        let owners = contacts::touch(&mut tx, caller.user).await?;
        tx.commit().await?;
        Ok::<_, store::sql::Error>((replaced, owners))
    })
    .await?;
    contacts::tell_all_of(node, caller.user, &owners).await?;
    // A commit that was not known to have worked is tried again, and then finds what it wrote.
    Ok((tell_me(node, caller).await?, replaced.filter(|replaced| Some(*replaced) != avatar)))
}

/// Tells all devices of a person what their account looks like now.
async fn tell_me(node: &Node, caller: Caller) -> Result<Me> {
    let me = me(node, caller).await?;
    node.bus.to_users([caller.user], ServerFrame::Me { user: me.clone() });
    Ok(me)
}
