//! What a room knows of itself, of who is in it and of what they publish, as everybody there is told.

use std::collections::HashMap;
use std::time::Duration;

use beckon_sfu_api::{Codec, Kind, ParticipantId, RoomId, Source, TrackId};

use super::departure::DisconnectReason;
use super::request::{Layer, PassedOn};

/// What clients may publish, the baseline first.
pub const PUBLISH_CODECS: [Codec; 5] =
    [Codec::Opus, Codec::Vp8, Codec::H264, Codec::Vp9, Codec::Av1];

/// A room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomInfo {
    pub id: RoomId,
    pub name: String,
    pub metadata: String,
    /// How long it stays when nobody is in it.
    pub empty_for: Duration,
    /// How long it waits for somebody without a socket.
    pub grace: Duration,
    pub participants_max: usize,
    /// Milliseconds since 1970.
    pub created_ms: i64,
    /// Those who are to be seen.
    pub participants: u32,
    pub publishers: u32,
}

/// Somebody in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParticipantInfo {
    pub id: ParticipantId,
    pub identity: String,
    pub name: String,
    pub metadata: String,
    pub attributes: HashMap<String, String>,
    pub state: ParticipantState,
    pub tracks: Vec<TrackInfo>,
    pub is_publisher: bool,
    /// Milliseconds since 1970.
    pub joined_ms: i64,
    /// Grows with every change: what has an older one is out of date.
    pub version: u32,
    pub permission: ParticipantPermission,
    pub kind: ParticipantKind,
    pub kind_details: Vec<KindDetail>,
    pub client: ClientAbilities,
    /// Why it is out.
    pub disconnect_reason: Option<DisconnectReason>,
}

/// What a client says it can do, which other clients understand: LiveKit's numbers, passed on as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientAbilities {
    pub protocol: i32,
    pub capabilities: Vec<i32>,
}

/// How far somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParticipantState {
    Joined,
    /// Its media flows.
    Active,
    Disconnected,
}

/// What somebody may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParticipantPermission {
    pub subscribe: bool,
    pub publish: bool,
    /// None named: all.
    pub publish_sources: Vec<Source>,
    pub publish_data: bool,
    pub update_metadata: bool,
    pub subscribe_metrics: bool,
    pub hidden: bool,
    pub recorder: bool,
    pub agent: bool,
}

/// What somebody is to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParticipantKind {
    Standard,
    Ingress,
    Egress,
    Sip,
    Agent,
    Connector,
    Bridge,
}

impl ParticipantKind {
    /// From its name in a token, in any case.
    pub(super) fn from_name(name: &str) -> Option<ParticipantKind> {
        Some(match name.to_ascii_lowercase().as_str() {
            "standard" => ParticipantKind::Standard,
            "ingress" => ParticipantKind::Ingress,
            "egress" => ParticipantKind::Egress,
            "sip" => ParticipantKind::Sip,
            "agent" => ParticipantKind::Agent,
            "connector" => ParticipantKind::Connector,
            "bridge" => ParticipantKind::Bridge,
            _ => return None,
        })
    }
}

/// More about what somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KindDetail {
    CloudAgent,
    Forwarded,
    ConnectorWhatsapp,
    ConnectorTwilio,
    BridgeRtsp,
    Simulation,
}

impl KindDetail {
    /// From its name in a token, in any case.
    pub(super) fn from_name(name: &str) -> Option<KindDetail> {
        Some(match name.to_ascii_lowercase().as_str() {
            "cloud_agent" => KindDetail::CloudAgent,
            "forwarded" => KindDetail::Forwarded,
            "connector_whatsapp" => KindDetail::ConnectorWhatsapp,
            "connector_twilio" => KindDetail::ConnectorTwilio,
            "bridge_rtsp" => KindDetail::BridgeRtsp,
            "simulation" => KindDetail::Simulation,
            _ => return None,
        })
    }
}

/// A track that somebody publishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackInfo {
    pub id: TrackId,
    /// Its publisher's own name of it.
    pub cid: String,
    pub kind: Kind,
    pub source: Source,
    pub name: String,
    /// Groups tracks: those of one stream are played in time with each other.
    pub stream: String,
    pub muted: bool,
    pub width: u32,
    pub height: u32,
    pub layers: Vec<Layer>,
    /// As it was announced, then as it is; `None`: not known yet.
    pub codec: Option<Codec>,
    /// Its section in its publisher's description; empty: it has none yet.
    pub mid: String,
    pub stereo: bool,
    pub disable_dtx: bool,
    pub disable_red: bool,
    pub passed_on: PassedOn,
}
