//! The frames of the WebSocket, both ways. PROTOCOL.md tells their meaning.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;

use super::call_record::{CallMedia, CallOutcome};
use super::contact::{Contact, ContactRequest};
use super::conversation::{Conversation, Receipt};
use super::group_call::GroupCallState;
use super::ids::{CallId, ClientMsgId, ConversationId, LoginId, SocketId, UserId};
use super::message::{Ack, Change, Draft, Message};
use super::refusal::WireError;
use super::schema;
use super::user::{Availability, Me, Presence, Profile};

/// Longer client frames close the socket with 1009.
pub const FRAME_BYTES_MAX: usize = 64 * 1024;

/// The longest fact that is looked at; ours take half of it.
pub const FACT_BYTES_MAX: usize = 1024;

/// What a client shows of a call that it was in.
pub fn fact_schema() -> Object {
    schema::text(0, FACT_BYTES_MAX, None)
}

/// Told in `welcome`. Raised with `REVISION` in `web/src/api/revision.ts` when pages that are open cannot understand
/// what has changed; frames and fields they do not know they ignore.
pub const CLIENT_MIN: u32 = 1;

/// `ref` only has to tell a client's own requests apart.
pub const REF_CHARS_MAX: usize = 64;

fn reference_schema() -> Object {
    schema::text(0, REF_CHARS_MAX, None)
}

/// What a client says.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientFrame {
    Hello {
        #[serde(default)]
        lang: Option<String>,
    },
    Resume {
        socket_id: SocketId,
        n: u64,
        #[serde(default)]
        lang: Option<String>,
    },
    Send {
        #[serde(default, rename = "ref")]
        #[schema(schema_with = reference_schema, required = false)]
        reference: Option<String>,
        conversation_id: ConversationId,
        client_msg_id: ClientMsgId,
        body: Draft,
    },
    Receipt {
        #[serde(default, rename = "ref")]
        #[schema(schema_with = reference_schema, required = false)]
        reference: Option<String>,
        conversation_id: ConversationId,
        #[serde(default)]
        received_seq: i64,
        #[serde(default)]
        read_seq: i64,
    },
    Typing {
        conversation_id: ConversationId,
    },
    Presence {
        state: Availability,
    },
    Ping {
        #[serde(default, rename = "ref")]
        #[schema(schema_with = reference_schema, required = false)]
        reference: Option<String>,
    },
    CallStart {
        #[serde(default, rename = "ref")]
        #[schema(schema_with = reference_schema, required = false)]
        reference: Option<String>,
        call_id: CallId,
        user_id: UserId,
        media: CallMedia,
    },
    CallAccept {
        #[serde(default, rename = "ref")]
        #[schema(schema_with = reference_schema, required = false)]
        reference: Option<String>,
        call_id: CallId,
    },
    CallDecline {
        #[serde(default, rename = "ref")]
        #[schema(schema_with = reference_schema, required = false)]
        reference: Option<String>,
        call_id: CallId,
    },
    CallHangup {
        #[serde(default, rename = "ref")]
        #[schema(schema_with = reference_schema, required = false)]
        reference: Option<String>,
        call_id: CallId,
    },
    CallSignal {
        #[serde(default, rename = "ref")]
        #[schema(schema_with = reference_schema, required = false)]
        reference: Option<String>,
        call_id: CallId,
        signal: Signal,
        /// The media connection that it is about, for the other side.
        #[serde(default)]
        connection: Option<u32>,
    },
    /// Carry an answered call on from this socket.
    CallResume {
        #[serde(default, rename = "ref")]
        #[schema(schema_with = reference_schema, required = false)]
        reference: Option<String>,
        call_id: CallId,
        /// From the newest `CallState` of the call.
        #[schema(schema_with = fact_schema)]
        fact: String,
        /// The media connection that is still there, by its number in the newest `CallState`.
        #[serde(default)]
        connection: Option<u32>,
    },
}

impl ClientFrame {
    pub fn reference(&self) -> Option<&String> {
        use ClientFrame::*;
        match self {
            Send { reference, .. }
            | Receipt { reference, .. }
            | Ping { reference }
            | CallStart { reference, .. }
            | CallAccept { reference, .. }
            | CallDecline { reference, .. }
            | CallHangup { reference, .. }
            | CallSignal { reference, .. }
            | CallResume { reference, .. } => reference.as_ref(),
            Hello { .. } | Resume { .. } | Typing { .. } | Presence { .. } => None,
        }
    }
}

/// What the server says; every frame is sent with its number `n` beside these fields.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerFrame {
    Welcome {
        socket_id: SocketId,
        recovered: bool,
        user_id: UserId,
        login_id: LoginId,
        server_time: i64,
        /// The oldest revision of the web client that is still served; an older page has to be loaded again.
        client_min: u32,
        calls: Vec<CallState>,
        group_calls: Vec<GroupCallState>,
    },
    Ok {
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<String>,
    },
    Error {
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<String>,
        error: WireError,
        #[serde(skip_serializing_if = "Option::is_none")]
        client_msg_id: Option<ClientMsgId>,
    },
    Ack {
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<String>,
        #[serde(flatten)]
        ack: Ack,
    },
    Message {
        message: Message,
    },
    Change {
        conversation_id: ConversationId,
        change: Change,
    },
    Receipt(Receipt),
    Conversation {
        conversation: Conversation,
    },
    ConversationRemoved {
        conversation_id: ConversationId,
    },
    Typing {
        conversation_id: ConversationId,
        user_id: UserId,
    },
    Presence(Presence),
    Contact {
        contact: Contact,
    },
    ContactRequest {
        request: ContactRequest,
    },
    Me {
        user: Me,
    },
    Sync,
    CallRinging {
        call: CallState,
    },
    CallAccepted {
        call: CallState,
    },
    CallSignal {
        call_id: CallId,
        signal: Signal,
        #[serde(skip_serializing_if = "Option::is_none")]
        connection: Option<u32>,
    },
    /// Both are there again, and this is their media connection.
    CallResumed {
        call: CallState,
    },
    /// The other one's page is gone, and may be back in a moment.
    CallAway {
        call_id: CallId,
    },
    /// The node that held my call is gone: whoever carries it presents it anew.
    CallOrphaned {
        call_id: CallId,
    },
    CallEnded {
        call_id: CallId,
        outcome: CallOutcome,
        #[serde(skip_serializing_if = "Option::is_none")]
        by: Option<UserId>,
    },
    /// Something in a group call changed.
    GroupCall {
        call: GroupCallState,
    },
    /// Somebody asks me into a group call.
    GroupCallRinging {
        call: GroupCallState,
        by: Profile,
    },
    /// My one-to-one call became this group call.
    CallMoved {
        call_id: CallId,
        call: GroupCallState,
    },
}

/// A call as one of its two people sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CallState {
    pub id: CallId,
    pub conversation_id: ConversationId,
    pub caller: Profile,
    pub callee: Profile,
    pub media: CallMedia,
    pub state: CallPhase,
    pub started_at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_at: Option<i64>,
    /// Whether this socket is one of the two that carry the call.
    pub mine: bool,
    pub ice_servers: Vec<IceServer>,
    /// Which media connection the two have, counted from 1; none before the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<u32>,
    /// Signed by the server, for the two sockets that carry an answered call: lets them come back into it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fact: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallPhase {
    Ringing,
    Active,
}

/// W3C `RTCIceServer`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct IceServer {
    pub urls: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

/// What the two ends of a call tell each other through the server, which reads none of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Signal {
    Offer { sdp: String },
    Answer { sdp: String },
    Candidate { candidate: IceCandidate },
    CandidatesEnd,
    Media { microphone: bool, camera: bool, screen: bool },
}

/// W3C `RTCIceCandidateInit`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct IceCandidate {
    pub candidate: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sdp_mid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sdp_m_line_index: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username_fragment: Option<String>,
}

/// A server frame in its final text, but for its number: made once, shared by all its receivers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Payload(Arc<str>);

impl Payload {
    /// The text of this frame as frame number `n` of a socket.
    pub fn numbered(&self, n: u64) -> String {
        format!("{{\"n\":{n},{}", &self.0[1..])
    }

    /// Size in bytes.
    pub fn size(&self) -> usize {
        self.0.len()
    }
}

impl From<&ServerFrame> for Payload {
    fn from(frame: &ServerFrame) -> Self {
        Payload(serde_json::to_string(frame).expect("frames have only text keys").into())
    }
}

impl From<ServerFrame> for Payload {
    fn from(frame: ServerFrame) -> Self {
        (&frame).into()
    }
}
