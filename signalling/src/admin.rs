//! What an operator does on the command line, beside running servers or without any: it needs the store and nothing
//! else of a node. Open logins notice at their next request, which reads the store.

use secrecy::SecretString;
use serde_json::json;

use crate::accounts::{self, NewUser};
use crate::clock::now_ms;
use crate::config::Config;
use crate::domain::audit::{Act, Action, Actor, KEPT_MS, Noted, Target};
use crate::domain::ids::{AppId, UserId};
use crate::domain::refusal::Refusal;
use crate::domain::user::AccountRole;
use crate::opening::open_store;
use crate::passwords::Passwords;
use crate::start_error::StartError;
use crate::store;
use crate::store::sql::{Db, retry};

/// The store of a configuration, in the hands of an operator.
pub struct Admin {
    db: Db,
    passwords: Passwords,
}

/// What became of a role that was to be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoleSet {
    Changed,
    /// They had it already; nothing is noted.
    Unchanged,
    /// Nobody has this name.
    Nobody,
}

impl Admin {
    /// Opens the store and brings its schema up to date.
    pub async fn open(config: &Config) -> Result<Admin, StartError> {
        let passwords = Passwords::new(&config.accounts).map_err(StartError::Settings)?;
        Ok(Admin { db: open_store(config).await?, passwords })
    }

    /// Makes an account, whether or not registration is open.
    pub async fn create_user(
        &self,
        name: &str,
        password: &SecretString,
        nickname: Option<&str>,
    ) -> Result<UserId, Refusal> {
        let new = NewUser { name, password, nickname, network: None };
        let (user, hash) = new.checked(&self.passwords).await?;
        let act = Act {
            actor: Actor::Command,
            action: Action::CreateUser,
            target: Target::User(user.id),
            detail: json!({ "name": user.name }),
            at: user.created_at,
        };
        let created = retry(|| async {
            let mut tx = self.db.begin().await?;
            store::users::create(&mut tx, &user, &hash).await?;
            store::audit::note(&mut tx, &act).await?;
            tx.commit().await
        });
        created.await.map_err(accounts::not_created)?;
        Ok(user.id)
    }

    /// Gives the person of this name a role.
    pub async fn set_role(&self, name: &str, role: AccountRole) -> Result<RoleSet, Refusal> {
        let Some(user) = store::users::by_name(&self.db, AppId::DEFAULT, name).await? else {
            return Ok(RoleSet::Nobody);
        };
        retry(|| async {
            let mut tx = self.db.begin().await?;
            let former = store::users::replace_role(&mut tx, user.id, role).await?;
            if former == role {
                return Ok(RoleSet::Unchanged);
            }
            let act = Act {
                actor: Actor::Command,
                action: Action::SetRole,
                target: Target::User(user.id),
                detail: json!({ "former": former, "role": role }),
                at: now_ms(),
            };
            store::audit::note(&mut tx, &act).await?;
            tx.commit().await?;
            Ok(RoleSet::Changed)
        })
        .await
    }

    /// The newest acts that were noted, newest first.
    pub async fn audit(&self, limit: u32) -> Result<Vec<Noted>, Refusal> {
        Ok(store::audit::newest(&self.db, limit.into()).await?)
    }
}

/// Forgets acts that are older than [`KEPT_MS`] at `now`, in milliseconds since 1970.
pub(crate) async fn forget_old_acts(db: &Db, now: i64) -> Result<(), Refusal> {
    store::audit::forget(db, now - KEPT_MS).await?;
    Ok(())
}
