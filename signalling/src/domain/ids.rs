//! Newtype ids: UUIDs as text on the wire, 16 bytes in the store.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $Id:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        pub struct $Id(pub Uuid);

        impl $Id {
            /// A fresh id; ids sort by the time they were made (UUIDv7).
            pub fn fresh() -> Self {
                $Id(Uuid::now_v7())
            }
        }

        impl std::fmt::Display for $Id {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

ids! {
    /// A tenant; all rows of one app are invisible to every other.
    AppId,
    /// A person.
    UserId,
    /// One signed-in device.
    LoginId,
    /// A device, as the client names it: signing in again from it replaces its former login.
    DeviceId,
    /// One live WebSocket, through all its resumes.
    SocketId,
    /// A one-to-one or group conversation.
    ConversationId,
    /// A message, as the server names it.
    MessageId,
    /// A message, as its sender names it; unique per sender for ever.
    ClientMsgId,
    /// A contact request.
    RequestId,
    /// A call, made by the caller.
    CallId,
    /// An uploaded file.
    FileId,
    /// A picture of a person.
    AvatarId,
    /// An act that was noted.
    AuditId,
    /// One running `beckon` process.
    NodeId,
}

impl AppId {
    /// The app that exists out of the box.
    pub const DEFAULT: AppId = AppId(Uuid::nil());
}
