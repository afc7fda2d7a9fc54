//! Acts that somebody may have to answer for: who did what to whom.

use serde_json::Value;

use super::ids::{AuditId, LoginId, UserId};

/// How long an act is remembered, in milliseconds: a year, as long as operators are asked about.
pub const KEPT_MS: i64 = 365 * 24 * 60 * 60 * 1000;

/// Who did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// An operator, on the command line.
    Command,
    User(UserId),
}

/// Whom or what it was done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    User(UserId),
    Login(LoginId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// By the command; whoever registers is not noted.
    CreateUser,
    SetRole,
    /// By whom it belongs to; the detail says how many other logins it ended.
    ChangePassword,
    /// A device of one's own that is not the one that asks.
    RevokeLogin,
}

/// One act, to be written in the transaction that does it.
#[derive(Clone, Debug)]
pub struct Act {
    pub actor: Actor,
    pub action: Action,
    pub target: Target,
    /// What else is to be known, as a JSON object; no secrets.
    pub detail: Value,
    /// In milliseconds since 1970.
    pub at: i64,
}

/// An act as it is read, with the names of those in it that still exist.
#[derive(Clone, Debug, PartialEq)]
pub struct Noted {
    pub id: AuditId,
    /// In milliseconds since 1970.
    pub at: i64,
    /// None: the command line.
    pub actor: Option<Named>,
    /// As it was written, also by a newer version: for people to read.
    pub action: String,
    pub target_kind: String,
    pub target: Named,
    pub detail: String,
}

/// An id, and the name of the account if it is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub id: uuid::Uuid,
    pub name: Option<String>,
}

impl std::fmt::Display for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.name {
            Some(name) => f.write_str(name),
            None => self.id.fmt(f),
        }
    }
}

impl std::fmt::Display for Noted {
    /// One line: time, actor, action, target and detail, with two spaces between them. Names hold no spaces, so
    /// somebody called `command` is told from the command line by the word before.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let at = time::OffsetDateTime::from_unix_timestamp(self.at.div_euclid(1000));
        let at = at.unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
        let (date, (hour, minute, second)) = (at.date(), at.to_hms());
        write!(f, "{date}T{hour:02}:{minute:02}:{second:02}Z  ")?;
        match &self.actor {
            None => f.write_str("command")?,
            Some(actor) => write!(f, "user {actor}")?,
        }
        let Noted { action, target_kind, target, detail, .. } = self;
        write!(f, "  {action}  {target_kind} {target}  {detail}")
    }
}
