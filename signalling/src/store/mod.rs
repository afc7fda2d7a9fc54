//! The store: the only truth. One SQL text and one plain function per query, for both engines.

pub mod audit;
pub mod contacts;
pub mod conversations;
pub mod files;
pub mod frozen;
pub mod logins;
pub mod members;
pub mod messages;
pub mod removals;
pub mod requests;
pub mod secrets;
pub mod sql;
#[cfg(test)]
pub(crate) mod tests;
pub mod users;

use self::sql::{column_ids, column_words};
use crate::domain::audit::Action;
use crate::domain::contact::{RequestStatus, Way};
use crate::domain::conversation::{Kind, Role, Writing};
use crate::domain::ids::*;
use crate::domain::login::DeviceKind;
use crate::domain::refusal::{Code, Refusal};
use crate::domain::user::AccountRole;

column_ids!(
    AppId,
    UserId,
    LoginId,
    DeviceId,
    ConversationId,
    MessageId,
    ClientMsgId,
    RequestId,
    FileId,
    AvatarId,
    AuditId,
);

column_words! {
    Kind { Direct = "direct", Group = "group" }
    AccountRole { User = "user", Admin = "admin" }
    Action {
        CreateUser = "create_user", SetRole = "set_role", ChangePassword = "change_password",
        RevokeLogin = "revoke_login"
    }
    Role { Member = "member", Owner = "owner" }
    RequestStatus { Pending = "pending", Accepted = "accepted", Refused = "refused", Blocked = "blocked" }
    Way { Name = "name", Id = "id", Group = "group", Qr = "qr" }
    DeviceKind { Web = "web", Desktop = "desktop", Ios = "ios", Android = "android", Other = "other" }
}

impl sql::Column for Writing {
    type Raw = i64;
    fn from_raw(raw: i64) -> sql::Result<Self> {
        match raw {
            0 => Ok(Writing::Closed),
            1 => Ok(Writing::Open),
            2 => Ok(Writing::Withheld),
            _ => Err(sql::unknown_word("Writing", &raw.to_string())),
        }
    }
}

impl From<Writing> for sql::Value<'_> {
    fn from(writing: Writing) -> Self {
        sql::Value::Int(match writing {
            Writing::Closed => 0,
            Writing::Open => 1,
            Writing::Withheld => 2,
        })
    }
}

impl From<sql::Error> for Refusal {
    fn from(error: sql::Error) -> Self {
        match error {
            sql::Error::Missing => Code::NotFound.into(),
            sql::Error::Taken(_) => Code::Conflict.into(),
            sql::Error::Busy(_) => Refusal { source: Some(error.into()), ..Code::Busy.into() },
            sql::Error::Crowded => Code::Busy.into(),
            error if error.trouble() == sql::Trouble::ReadOnly => {
                Refusal { source: Some(error.into()), ..Code::ReadOnly.into() }
            }
            error if error.trouble() == sql::Trouble::Full => {
                Refusal { source: Some(error.into()), ..Code::StorageFull.into() }
            }
            sql::Error::Silent | sql::Error::InUse(_) | sql::Error::Db(_) => {
                Refusal::unavailable(error)
            }
        }
    }
}
