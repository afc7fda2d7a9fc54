//! What a token asks for beside coming in: honoured, or refused with a word.

use beckon_sfu_api::Source;
use serde_json::Value;

use super::info::{KindDetail, ParticipantKind};
use super::not_admitted::NotAdmitted;
use super::token::{Claims, RoomConfig};
use crate::config;

/// The names of sources, as grants write them; LiveKit's server takes the protocol's capitals for the same.
pub(super) fn source(name: &str) -> Option<Source> {
    Some(match name.to_ascii_lowercase().as_str() {
        "camera" => Source::Camera,
        "microphone" => Source::Microphone,
        "screen_share" => Source::ScreenShare,
        "screen_share_audio" => Source::ScreenShareAudio,
        "unknown" => Source::Unknown,
        _ => return None,
    })
}

/// What somebody is to the others. `recorder` and `agent` are what older tokens say.
pub(super) fn kind(claims: &Claims) -> Option<ParticipantKind> {
    match claims.kind.as_str() {
        "" if claims.video.recorder == Some(true) => Some(ParticipantKind::Egress),
        "" if claims.video.agent == Some(true) => Some(ParticipantKind::Agent),
        "" => Some(ParticipantKind::Standard),
        name => ParticipantKind::from_name(name),
    }
}

pub(super) fn kind_details(claims: &Claims) -> Option<Vec<KindDetail>> {
    claims.kind_details.iter().map(|name| KindDetail::from_name(name)).collect()
}

/// Refuses what this server could only pass over in silence.
pub(super) fn check(claims: &Claims, limits: &config::Rooms) -> Result<(), NotAdmitted> {
    let sources = claims.video.can_publish_sources.as_deref().unwrap_or_default();
    let config = claims.room_config.as_ref();
    let words = claims.metadata.len().max(config.map_or(0, |config| config.metadata.len()));
    let refused = if kind(claims).is_none() || kind_details(claims).is_none() {
        "the token names a kind of participant that does not exist"
    } else if sources.iter().any(|name| source(name).is_none()) {
        "the token names a source of tracks that does not exist"
    } else if !claims.room_preset.is_empty() {
        "the token names a room preset, and this server has none"
    } else if claims.video.more.iter().any(|(name, value)| !is_of_other_doors(name, value)) {
        "the token has a video grant that this server does not know"
    } else if let Some(why) = config.and_then(unsupported) {
        why
    } else if words > limits.metadata_bytes_max {
        "the token has more metadata than this server allows"
    } else if claims.attributes_len() > limits.attributes_bytes_max {
        "the token has more attributes than this server allows"
    } else {
        return Ok(());
    };
    Err(NotAdmitted::Denied(refused))
}

/// Grants of LiveKit for its services, which say nothing of what their bearer may do in a room.
const OF_OTHER_DOORS: [&str; 7] = [
    "roomCreate",
    "roomList",
    "roomRecord",
    "roomAdmin",
    "ingressAdmin",
    "destinationRoom",
    "canManageAgentSession",
];

fn is_of_other_doors(name: &str, value: &Value) -> bool {
    says_nothing(value) || OF_OTHER_DOORS.contains(&name)
}

fn unsupported(config: &RoomConfig) -> Option<&'static str> {
    let (name, _) = config.more.iter().find(|(_, value)| !says_nothing(value))?;
    Some(match name.as_str() {
        "agents" => "the token asks for agents, which this server does not have",
        "egress" => "the token asks for egress, which this server does not have",
        _ => "the token's roomConfig asks for what this server does not have",
    })
}

/// What proto3 takes for not set.
fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(says_nothing),
    }
}

#[cfg(test)]
mod tests {
    use super::super::token::Grants;
    use super::*;

    fn refused(claims: Claims) -> Option<String> {
        check(&claims, &config::Rooms::default()).err().map(|no| no.to_string())
    }

    fn configured(json: &str) -> Claims {
        let room_config = Some(serde_json::from_str(json).unwrap());
        Claims { room_config, ..Claims::default() }
    }

    #[test]
    fn what_cannot_be_had_is_refused_by_name() {
        let sources = Some(vec!["camra".to_owned()]);
        let more = [("canTeleport".to_owned(), Value::Bool(true))].into_iter().collect();
        let unknown_grant = Grants { more, ..Grants::default() };
        let odd_source = Grants { can_publish_sources: sources, ..Grants::default() };
        for (claims, word) in [
            (Claims { kind: "robot".into(), ..Claims::default() }, "kind"),
            (Claims { kind_details: vec!["odd".into()], ..Claims::default() }, "kind"),
            (Claims { video: odd_source, ..Claims::default() }, "source"),
            (Claims { video: unknown_grant, ..Claims::default() }, "grant"),
            (Claims { room_preset: "hd".into(), ..Claims::default() }, "preset"),
            (Claims { metadata: "x".repeat(600_000), ..Claims::default() }, "metadata"),
            (configured(r#"{"agents": [{"agentName": "x"}]}"#), "agents"),
            (configured(r#"{"egress": {"room": {"roomName": "x"}}}"#), "egress"),
            (configured(r#"{"agents": [{}]}"#), "agents"),
            (configured(r#"{"minPlayoutDelay": 200}"#), "roomConfig"),
        ] {
            let why = refused(claims).unwrap_or_default();
            assert!(why.contains(word), "{word}: {why}");
        }
    }

    #[test]
    fn every_grant_that_livekit_has_is_honoured_or_of_another_door() {
        // the fields of `VideoGrant` in auth/grants.go of livekit/protocol
        let grants = r#"{"roomCreate": true, "roomList": true, "roomRecord": true, "roomAdmin": true, "roomJoin": true,
            "room": "r", "canPublish": true, "canSubscribe": true, "canPublishData": true, "canPublishSources": ["camera"],
            "canUpdateOwnMetadata": true, "ingressAdmin": true, "hidden": true, "recorder": true, "agent": false,
            "canSubscribeMetrics": true, "canManageAgentSession": true, "destinationRoom": "s"}"#;
        let video: Grants = serde_json::from_str(grants).unwrap();
        let mut more: Vec<_> = video.more.keys().map(String::as_str).collect();
        more.sort_unstable();
        let mut others = OF_OTHER_DOORS;
        others.sort_unstable();
        assert_eq!(more, others);
        assert_eq!(refused(Claims { video, ..Claims::default() }), None);
    }

    #[test]
    fn what_can_be_had_or_says_nothing_is_let_in() {
        let sources = Some(vec!["CAMERA".to_owned(), "Screen_Share".to_owned()]);
        let capitals = Grants { can_publish_sources: sources, ..Grants::default() };
        for claims in [
            Claims::default(),
            Claims { kind: "agent".into(), kind_details: vec![], ..Claims::default() },
            Claims { video: capitals, ..Claims::default() },
            configured(
                r#"{"name": "garden", "maxParticipants": 3, "departure_timeout": 60, "metadata": "m"}"#,
            ),
            configured(
                r#"{"agents": [], "egress": {"participant": null, "tracks": {}}, "syncStreams": false, "minPlayoutDelay": 0, "tags": {}}"#,
            ),
        ] {
            assert_eq!(refused(claims), None);
        }
    }

    #[test]
    fn older_tokens_say_what_somebody_is_in_their_grants() {
        let grants = |recorder, agent| Claims {
            video: Grants { recorder, agent, ..Grants::default() },
            ..Claims::default()
        };
        assert_eq!(kind(&grants(Some(true), None)), Some(ParticipantKind::Egress));
        assert_eq!(kind(&grants(None, Some(true))), Some(ParticipantKind::Agent));
        assert_eq!(
            kind(&Claims { kind: "sip".into(), ..Claims::default() }),
            Some(ParticipantKind::Sip)
        );
        assert_eq!(kind(&Claims::default()), Some(ParticipantKind::Standard));
    }
}
