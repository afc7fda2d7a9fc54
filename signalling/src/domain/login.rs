//! Logins: one signed-in device each, held by a pair of tokens.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ids::{AppId, DeviceId, LoginId, UserId};
use super::refusal::Result;
use super::user::{AccountRole, Me};
use super::{schema, text};

/// How long an access token works, in milliseconds.
pub const ACCESS_MS: i64 = 15 * 60 * 1000;
/// How long a refresh token works, in milliseconds.
pub const REFRESH_MS: i64 = 30 * 24 * 3600 * 1000;

/// Who asks: always from the token, never from the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    pub app: AppId,
    pub user: UserId,
    pub login: LoginId,
    /// As of this request. Sockets, which outlive a change of it, have that of everybody.
    pub role: AccountRole,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Device {
    /// Kept by the client; a new one is made when it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<DeviceId>,
    #[serde(default)]
    pub kind: DeviceKind,
    #[serde(default)]
    #[schema(schema_with = schema::device_name)]
    pub name: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    Web,
    Desktop,
    Ios,
    Android,
    #[default]
    Other,
}

impl Device {
    pub fn checked(self) -> Result<Device> {
        let name = text::optional_line(&self.name, text::DEVICE_NAME_CHARS_MAX, "device.name")?;
        Ok(Device { name, ..self })
    }
}

/// One of my signed-in devices.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Login {
    pub id: LoginId,
    pub device: Device,
    pub created_at: i64,
    pub last_seen_at: i64,
    pub address: String,
    /// Whether this is the device that asks.
    pub current: bool,
}

/// How a client wants to hold its tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// In the answer, to be sent back as `Authorization: Bearer`.
    #[default]
    Bearer,
    /// In `HttpOnly` cookies, out of reach of scripts.
    Cookie,
}

/// The answer to signing in. With `transport: "cookie"` the tokens are in the cookies only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SignedIn {
    pub user: Me,
    pub login_id: LoginId,
    pub access_expires_at: i64,
    pub refresh_expires_at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_token: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
}
