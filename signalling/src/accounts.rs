//! Accounts and logins: registering, signing in, staying signed in, signing out.

mod tokens;

use std::net::IpAddr;

use secrecy::{ExposeSecret, SecretString};

pub use self::tokens::Issued;
use crate::bus::Notice;
use crate::cache::Ticket;
use crate::clock::now_ms;
use crate::contacts;
use crate::domain::frame::ServerFrame;
use crate::domain::ids::{AppId, AvatarId, DeviceId, LoginId, UserId};
use crate::domain::login::{Device, Login, SignedIn};
use crate::domain::refusal::{Code, Refusal, Result};
use crate::domain::text;
use crate::domain::user::{Me, User};
use crate::node::Node;
use crate::store;
use crate::store::logins::{Holder, NewLogin};

/// Who asks: always from the token, never from the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    pub app: AppId,
    pub user: UserId,
    pub login: LoginId,
}

/// What somebody types to register or sign in.
pub struct Credentials<'a> {
    pub name: &'a str,
    pub password: SecretString,
}

/// A login's last use is written at most this often, in milliseconds.
const TOUCH_MS: i64 = 60_000;

pub async fn create_user(
    node: &Node,
    name: &str,
    password: &SecretString,
    nickname: Option<&str>,
) -> Result<User> {
    let name = text::name(name)?;
    let nickname = match nickname {
        Some(nickname) => text::line(nickname, text::NICKNAME_CHARS_MAX, "nickname")?,
        None => name.clone(),
    };
    let password = text::password(password.expose_secret(), "password")?;
    let user = User {
        id: UserId::fresh(),
        app: AppId::DEFAULT,
        name,
        nickname,
        avatar: None,
        direct_add: false,
        disabled: false,
        created_at: now_ms(),
    };
    let hash = node.passwords.hash(password).await?;
    store::users::create(&node.db, &user, &hash).await.map_err(|e| match e {
        e if e.taken("name_key") => Refusal { field: Some("name"), ..Code::NameTaken.into() },
        e => e.into(),
    })?;
    metrics::counter!("beckon_users_registered_total").increment(1);
    Ok(user)
}

/// Registers somebody and signs them in.
pub async fn register(
    node: &Node,
    credentials: Credentials<'_>,
    nickname: Option<&str>,
    device: Device,
    from: IpAddr,
) -> Result<(SignedIn, Issued)> {
    if !node.config.accounts.registration {
        return Err(Code::Denied.into());
    }
    node.limits.register(from)?;
    let device = device.checked()?;
    let user = create_user(node, credentials.name, &credentials.password, nickname).await?;
    open_login(node, &user, device, from).await
}

/// The answer and its time are the same for an unknown name and a wrong password.
pub async fn sign_in(
    node: &Node,
    credentials: Credentials<'_>,
    device: Device,
    from: IpAddr,
) -> Result<(SignedIn, Issued)> {
    let device = device.checked()?;
    let password = credentials.password.expose_secret();
    // a name or password that breaks the rules cannot exist, but must not answer sooner
    let plausible = password.chars().count() <= *text::PASSWORD_CHARS.end()
        && credentials.name.chars().count() <= 4 * text::NAME_CHARS.end();
    if !plausible {
        return Err(Code::WrongCredentials.into());
    }
    node.limits.sign_in(from, credentials.name)?;
    let user = store::users::by_name(&node.db, AppId::DEFAULT, credentials.name).await?;
    let id = user.as_ref().map_or(UserId(uuid::Uuid::nil()), |user| user.id);
    let stored = store::users::password_hash(&node.db, id).await?;
    let fits = node.passwords.verify(password, stored).await?;
    match user {
        Some(user) if fits && !user.disabled => open_login(node, &user, device, from).await,
        _ => {
            metrics::counter!("beckon_sign_ins_refused_total").increment(1);
            Err(Code::WrongCredentials.into())
        }
    }
}

async fn open_login(
    node: &Node,
    user: &User,
    device: Device,
    from: IpAddr,
) -> Result<(SignedIn, Issued)> {
    let id = LoginId::fresh();
    let now = now_ms();
    let (issued, tokens) = tokens::issue(id, now);
    let new = NewLogin {
        id,
        user: user.id,
        device_id: device.id.unwrap_or_else(DeviceId::fresh),
        device,
        address: from.to_string(),
        tokens,
        at: now,
    };
    if let Some(replaced) = store::logins::create(&node.db, &new).await? {
        node.bus.publish(Notice::LoginsEnded { ids: vec![replaced] });
    }
    metrics::counter!("beckon_sign_ins_total").increment(1);
    Ok((issued.signed_in(user.to_me(), id), issued))
}

/// Trades a refresh token for new tokens. It works once: whoever uses it again may be a thief, so the whole
/// login ends.
pub async fn refresh(node: &Node, token: &str) -> Result<(SignedIn, Issued)> {
    let (login, hash) = tokens::parse(token).ok_or(Code::Unauthenticated)?;
    let holder = store::logins::holder(&node.db, login).await?.ok_or(Code::Unauthenticated)?;
    let now = now_ms();
    if holder.disabled || holder.refresh_expires_at <= now {
        return Err(Code::Unauthenticated.into());
    }
    let (issued, new) = tokens::issue(login, now);
    if !store::logins::rotate(&node.db, login, hash, &new, now).await? {
        metrics::counter!("beckon_refresh_reused_total").increment(1);
        end_login(node, holder.user, login).await?;
        return Err(Code::RefreshReused.into());
    }
    let user = store::users::by_id(&node.db, holder.user).await?.ok_or(Code::Unauthenticated)?;
    Ok((issued.signed_in(user.to_me(), login), issued))
}

/// Who holds this access token.
pub async fn authenticate(node: &Node, token: &str) -> Result<Caller> {
    let (login, hash) = tokens::parse(token).ok_or(Code::Unauthenticated)?;
    let holder = store::logins::holder(&node.db, login).await?.ok_or(Code::Unauthenticated)?;
    let now = now_ms();
    let valid = tokens::fits(&hash, &holder.access_hash) && holder.access_expires_at > now;
    if !valid || holder.disabled {
        return Err(Code::Unauthenticated.into());
    }
    touch(node, &holder, now).await?;
    Ok(Caller { app: holder.app, user: holder.user, login })
}

async fn touch(node: &Node, holder: &Holder, now: i64) -> Result<()> {
    if now - holder.last_seen_at > TOUCH_MS {
        store::logins::touch(&node.db, holder.login, now).await?;
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

pub async fn redeem(node: &Node, ticket: &str) -> Result<Caller> {
    if ticket.len() > tokens::SECRET_TEXT_LEN {
        return Err(Code::Unauthenticated.into());
    }
    let Ticket { login, user, app } =
        node.cache.take_ticket(ticket).await.ok_or(Code::Unauthenticated)?;
    // the login may have ended since
    store::logins::holder(&node.db, login).await?.ok_or(Code::Unauthenticated)?;
    Ok(Caller { app, user, login })
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
pub async fn end_login(node: &Node, user: UserId, login: LoginId) -> Result<()> {
    if !store::logins::delete(&node.db, user, login).await? {
        return Err(Code::NotFound.into());
    }
    node.bus.publish(Notice::LoginsEnded { ids: vec![login] });
    Ok(())
}

pub async fn change_password(
    node: &Node,
    caller: Caller,
    old: &SecretString,
    new: &SecretString,
) -> Result<()> {
    node.limits.look_up(caller.user)?;
    let new = text::password(new.expose_secret(), "new_password")?;
    let stored = store::users::password_hash(&node.db, caller.user).await?;
    if !node.passwords.verify(old.expose_secret(), stored).await? {
        return Err(Refusal { field: Some("old_password"), ..Code::WrongCredentials.into() });
    }
    let hash = node.passwords.hash(new).await?;
    store::users::set_password_hash(&node.db, caller.user, &hash).await?;
    let ids = store::logins::delete_all_but(&node.db, caller.user, caller.login).await?;
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
    let user = store::users::by_id(&node.db, caller.user).await?.ok_or(Code::Unauthenticated)?;
    let nickname = match nickname {
        Some(nickname) => text::line(nickname, text::NICKNAME_CHARS_MAX, "nickname")?,
        None => user.nickname.clone(),
    };
    let direct_add = direct_add.unwrap_or(user.direct_add);
    store::users::set_profile(&node.db, caller.user, &nickname, direct_add).await?;
    if nickname != user.nickname {
        contacts::tell_all_of(node, caller.user).await?;
    }
    tell_me(node, caller).await
}

pub async fn set_avatar(node: &Node, caller: Caller, avatar: Option<AvatarId>) -> Result<Me> {
    store::users::set_avatar(&node.db, caller.user, avatar).await?;
    contacts::tell_all_of(node, caller.user).await?;
    tell_me(node, caller).await
}

/// Tells all devices of a person what their account looks like now.
async fn tell_me(node: &Node, caller: Caller) -> Result<Me> {
    let me = me(node, caller).await?;
    node.bus.to_users([caller.user], ServerFrame::Me { user: me.clone() });
    Ok(me)
}
