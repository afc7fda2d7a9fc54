//! New accounts.

use std::net::IpAddr;

use secrecy::{ExposeSecret, SecretString};

use super::{Credentials, Issued, new_login};
use crate::clock::now_ms;
use crate::domain::ids::{AppId, UserId};
use crate::domain::login::{Device, SignedIn};
use crate::domain::network::Network;
use crate::domain::refusal::{Code, Refusal, Result};
use crate::domain::text;
use crate::domain::user::{AccountRole, User};
use crate::node::Node;
use crate::passwords::Passwords;
use crate::shares::Holder;
use crate::store;

/// Somebody who asks for an account, or for whom one is asked.
pub(crate) struct NewUser<'a> {
    pub name: &'a str,
    pub password: &'a SecretString,
    /// The name if there is none.
    pub nickname: Option<&'a str>,
    pub network: Option<Network>,
}

impl NewUser<'_> {
    /// Somebody who is not in the store yet, and the hash of their password.
    pub(crate) async fn checked(&self, passwords: &Passwords) -> Result<(User, String)> {
        let name = text::name(self.name)?;
        let nickname = match self.nickname {
            Some(nickname) => text::line(nickname, text::NICKNAME_CHARS_MAX, "nickname")?,
            None => name.clone(),
        };
        let password = text::password(self.password.expose_secret(), "password")?;
        let user = User {
            id: UserId::fresh(),
            app: AppId::DEFAULT,
            name,
            nickname,
            avatar: None,
            direct_add: false,
            disabled: false,
            role: AccountRole::User,
            created_at: now_ms(),
        };
        let asks = Holder { person: Some(user.id), network: self.network };
        let hash = passwords.hash(password, asks).await?;
        Ok((user, hash))
    }
}

/// What it means that an account could not be stored.
pub(crate) fn not_created(error: store::sql::Error) -> Refusal {
    match store::users::name_taken(&error) {
        true => Refusal { field: Some("name"), ..Code::NameTaken.into() },
        false => error.into(),
    }
}

/// Registers somebody and signs them in.
pub async fn register(
    node: &Node,
    Credentials { name, password }: Credentials<'_>,
    nickname: Option<&str>,
    device: Device,
    from: IpAddr,
) -> Result<(SignedIn, Issued)> {
    if !node.config.accounts.registration {
        return Err(Code::Denied.into());
    }
    let network = Network::of(from);
    node.limits.register(network).await?;
    let device = device.checked()?;
    let new = NewUser { name, password: &password, nickname, network: Some(network) };
    let (user, hash) = new.checked(&node.passwords).await?;
    let (new, issued) = new_login(&user, device, from);
    store::logins::create_with_account(&node.db, &user, &hash, &new).await.map_err(not_created)?;
    metrics::counter!("beckon_users_registered_total").increment(1);
    metrics::counter!("beckon_sign_ins_total").increment(1);
    Ok((issued.signed_in(user.to_me(), new.id), issued))
}
