//! Commands and events survive a trip to another process.

use beckon_sfu_api::{
    Announced, AnnouncedLayer, Codec, Command, ConnectionMode, DataKind, DataMessage, Description,
    Event, Fault, Kind, Lost, MidTrack, NetworkQuality, Permissions, Preference, Quality, Refused,
    Source, Speaker,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Sends a value as JSON, in which nothing but text and numbers exists.
fn travelled<T: Serialize + DeserializeOwned>(value: &T) -> T {
    let text = serde_json::to_string(value).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn description() -> Description {
    Description { id: 7, sdp: "v=0\r\n".into() }
}

fn announced() -> Announced {
    Announced {
        id: "TR_1".into(),
        cid: "camera".into(),
        kind: Kind::Video,
        source: Source::ScreenShare,
        codec: Some(Codec::Vp9),
        stereo: false,
        layers: vec![AnnouncedLayer { width: 1280, height: 720, bitrate: 1_500_000 }],
        muted: true,
    }
}

#[test]
fn commands_arrive_as_they_were_sent() {
    let (participant, track) = ("PA_1".into(), "TR_1".into());
    let permissions = Permissions { publish: true, subscribe: false };
    let preference = Preference { enabled: false, quality: Quality::Low, size: Some((640, 360)) };
    let payload = vec![0, 255, 128].into();
    let commands = [
        Command::Join { participant, connection: ConnectionMode::Dual, permissions },
        Command::Leave { participant: "PA_1".into() },
        Command::Offer { participant: "PA_1".into(), offer: description() },
        Command::Answer { participant: "PA_1".into(), answer: description() },
        Command::Restart { participant: "PA_1".into() },
        Command::Publish { participant: "PA_1".into(), track: announced() },
        Command::Unpublish { track: "TR_1".into() },
        Command::Mute { track, muted: true },
        Command::Subscribe { participant: "PA_1".into(), tracks: vec!["TR_1".into()] },
        Command::Unsubscribe { participant: "PA_1".into(), tracks: vec![] },
        Command::Prefer {
            participant: "PA_1".into(),
            preferences: vec![("TR_1".into(), preference)],
        },
        Command::Permit { participant: "PA_1".into(), permissions },
        Command::Send(DataMessage {
            from: "PA_1".into(),
            kind: DataKind::Lossy,
            to: vec!["PA_2".into()],
            payload,
        }),
        Command::Close,
    ];
    for command in commands {
        assert_eq!(travelled(&command), command);
    }
}

#[test]
fn events_arrive_as_they_were_sent() {
    let mids = vec![MidTrack { mid: "0".into(), track: "TR_1".into() }];
    let fault = Fault { line: Some(3), why: "m= lists no format".into() };
    let events = [
        Event::Answer { participant: "PA_1".into(), answer: description(), mids: mids.clone() },
        Event::Offer { participant: "PA_1".into(), offer: description(), mids },
        Event::SectionsWanted { participant: "PA_1".into(), audios: 1, videos: 2 },
        Event::Published {
            participant: "PA_1".into(),
            track: "TR_1".into(),
            codec: Codec::Opus,
            mid: "1".into(),
            answered: true,
        },
        Event::Unpublished { participant: "PA_1".into(), track: "TR_1".into() },
        Event::Connected { participant: "PA_1".into() },
        Event::Lost { participant: "PA_1".into(), why: Lost::Silent },
        Event::Paused { participant: "PA_1".into(), track: "TR_1".into(), paused: true },
        Event::Data {
            participant: "PA_1".into(),
            kind: DataKind::Reliable,
            payload: vec![1, 2].into(),
        },
        Event::Speakers(vec![Speaker { participant: "PA_1".into(), level: 0.5, active: true }]),
        Event::Quality(vec![("PA_1".into(), NetworkQuality::Good)]),
        Event::Refused { participant: "PA_1".into(), track: None, why: Refused::Malformed(fault) },
    ];
    for event in events {
        assert_eq!(travelled(&event), event);
    }
}
