//! Publishing, subscribing, muting.

use beckon_sfu_api::{Codec, Command, Description, Event, Kind, Quality, Refused, Source, TrackId};
use livekit_protocol::request_response::Reason;
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{
    AddTrackRequest, MuteTrackRequest, SimulcastCodec, SubscriptionPermission, TrackSource,
    TrackType, UpdateSubscription, UpdateTrackSettings, VideoLayer,
};

use super::super::super::TrackSelector;
use super::stage::{Person, Stage, claims, entrance, microphone};
use crate::rooms::Entrance;
use crate::rooms::token::{Claims, Grants};

fn layer(quality: i32, width: u32, height: u32) -> VideoLayer {
    VideoLayer { quality, width, height, bitrate: width * 1000, ..VideoLayer::default() }
}

fn camera(cid: &str) -> AddTrackRequest {
    let layers = vec![layer(2, 1280, 720), layer(0, 320, 180)];
    let codec =
        SimulcastCodec { codec: "vp8".into(), cid: cid.into(), layers, ..Default::default() };
    AddTrackRequest {
        cid: cid.into(),
        r#type: TrackType::Video as i32,
        source: TrackSource::Camera as i32,
        width: 1280,
        height: 720,
        simulcast_codecs: vec![codec],
        ..AddTrackRequest::default()
    }
}

/// The reason of the one refusal that a person has heard.
fn refusal(person: &mut Person) -> Reason {
    match &person.hears()[..] {
        [Message::RequestResponse(response)] => response.reason(),
        other => panic!("no refusal: {other:?}"),
    }
}

fn is_subscribe(command: &Command, person: &Person, track: &TrackId) -> bool {
    matches!(command, Command::Subscribe { participant, tracks } if *participant == person.id && tracks == std::slice::from_ref(track))
}

#[tokio::test]
async fn a_track_goes_to_the_others_once_it_has_its_section() {
    let mut stage = Stage::new(10);
    let [mut alice, mut bob] = stage.people(["alice", "bob"]);
    stage.asks(&alice, Request::AddTrack(camera("c"))).await;
    assert_eq!(bob.hears(), [], "nothing is to be seen yet");
    let Some(Message::TrackPublished(answer)) = alice.next() else { panic!("no answer") };
    let track = TrackId::from(answer.track.as_ref().unwrap().sid.as_str());
    assert_eq!(answer.cid, "c");
    let told = stage.told();
    let [Command::Publish { track: announced, .. }] = &told[..] else { panic!("{told:?}") };
    assert_eq!((announced.kind, announced.source), (Kind::Video, Source::Camera));
    assert_eq!(announced.codec, Some(Codec::Vp8));
    assert_eq!(announced.layers.iter().map(|layer| layer.width).collect::<Vec<_>>(), [320, 1280]);

    let (participant, codec, mid) = (alice.id.clone(), Codec::Vp8, "5".to_owned());
    let answered = false;
    stage.event(Event::Published { participant, track: track.clone(), codec, mid, answered });
    let update = bob.hears_update();
    let info = &update[0].tracks[0];
    assert_eq!(
        (info.sid.as_str(), info.mime_type.as_str(), info.mid.as_str()),
        (track.as_str(), "video/VP8", "5")
    );
    assert_eq!((info.codecs[0].cid.as_str(), info.codecs[0].layers.len()), ("c", 2));
    assert!(is_subscribe(&stage.told()[0], &bob, &track));
    // SDKs know the track when they have the answer, and drop what comes before.
    stage.answers(&alice);
    let heard = alice.hears();
    assert!(matches!(
        &heard[..],
        [Message::Answer(_), Message::TrackSubscribed(it)] if it.track_sid == track.as_str()
    ));
    stage.answers(&alice);
    assert!(matches!(&alice.hears()[..], [Message::Answer(_)]), "it is told once");
}

#[tokio::test]
async fn a_track_without_a_codec_is_what_its_packets_are() {
    let mut stage = Stage::new(10);
    let [mut alice, mut bob] = stage.people(["alice", "bob"]);
    let request = AddTrackRequest { simulcast_codecs: vec![], ..camera("c") };
    stage.asks(&alice, Request::AddTrack(request)).await;
    let Some(Message::TrackPublished(answer)) = alice.next() else { panic!("no answer") };
    let info = answer.track.unwrap();
    assert_eq!((info.mime_type.as_str(), info.codecs[0].mime_type.as_str()), ("", ""));
    let [Command::Publish { track: announced, .. }] = &stage.told()[..] else { panic!("untold") };
    assert_eq!(announced.codec, None);
    stage.answers(&alice);
    assert_eq!(bob.hears(), [], "nobody knows what it is");

    let track = TrackId::from(info.sid.as_str());
    for (codec, mime) in [(Codec::H264, "video/H264"), (Codec::Vp8, "video/VP8")] {
        let (participant, mid) = (alice.id.clone(), "5".to_owned());
        let (track, answered) = (track.clone(), true);
        stage.event(Event::Published { participant, track, codec, mid, answered });
        let told = &bob.hears_update()[0].tracks[0];
        assert_eq!((told.mime_type.as_str(), told.codecs[0].mime_type.as_str()), (mime, mime));
    }
    let subscribed = |message: &Message| matches!(message, Message::TrackSubscribed(_));
    assert_eq!(alice.hears().iter().filter(|message| subscribed(message)).count(), 1);
    assert!(is_subscribe(&stage.told()[0], &bob, &track));
}

#[tokio::test]
#[allow(deprecated, reason = "older clients say it beside the features")]
async fn a_microphone_is_told_as_it_is_sent() {
    let mut stage = Stage::new(10);
    let [mut alice] = stage.people(["alice"]);
    let feature = livekit_protocol::AudioTrackFeature::TfStereo as i32;
    let microphone = AddTrackRequest {
        r#type: TrackType::Audio as i32,
        source: TrackSource::Microphone as i32,
        ..AddTrackRequest::default()
    };
    let said = [
        (AddTrackRequest { cid: "a".into(), ..microphone.clone() }, false),
        (AddTrackRequest { cid: "b".into(), stereo: true, ..microphone.clone() }, true),
        (AddTrackRequest { cid: "c".into(), audio_features: vec![feature], ..microphone }, true),
    ];
    for (request, stereo) in said {
        stage.asks(&alice, Request::AddTrack(request)).await;
        let Some(Message::TrackPublished(answer)) = alice.next() else { panic!("no answer") };
        let info = answer.track.unwrap();
        assert_eq!(info.stereo, stereo);
        assert!(info.disable_red, "no redundant audio is negotiated");
        let [Command::Publish { track, .. }] = &stage.told()[..] else { panic!("untold") };
        assert_eq!(track.stereo, stereo);
    }
}

#[tokio::test]
async fn an_announcement_said_twice_is_one_track() {
    let mut stage = Stage::new(10);
    let [mut alice] = stage.people(["alice"]);
    stage.asks(&alice, Request::AddTrack(microphone("m"))).await;
    stage.asks(&alice, Request::AddTrack(microphone("m"))).await;
    let words = alice.hears();
    assert_eq!(words[0], words[1]);
    assert_eq!(stage.told().len(), 1);
}

#[tokio::test]
async fn publishing_needs_the_grant() {
    let mut stage = Stage::new(10);
    let none = Grants { can_publish: Some(false), ..claims("alice").video };
    let mut alice = stage.join_with(Claims { video: none, ..claims("alice") }, entrance());
    let sources = Some(vec!["microphone".to_owned()]);
    let voice = Grants { can_publish_sources: sources, ..claims("bob").video };
    let mut bob = stage.join_with(Claims { video: voice, ..claims("bob") }, entrance());
    alice.hears();
    bob.hears();
    stage.told();
    stage.asks(&alice, Request::AddTrack(microphone("m"))).await;
    assert_eq!(refusal(&mut alice), Reason::NotAllowed);
    stage.asks(&bob, Request::AddTrack(camera("c"))).await;
    assert_eq!(refusal(&mut bob), Reason::NotAllowed);
    assert_eq!(stage.told(), []);
    stage.publishes(&mut bob, microphone("m")).await;
}

#[tokio::test]
async fn what_is_announced_has_limits() {
    let mut stage = Stage::new(10);
    let [mut alice] = stage.people(["alice"]);
    let odd = [
        (
            AddTrackRequest {
                layers: vec![layer(0, 1, 1); 4],
                simulcast_codecs: vec![],
                ..camera("c")
            },
            Reason::LimitExceeded,
        ),
        (AddTrackRequest { width: 100_000, ..camera("c") }, Reason::LimitExceeded),
        (AddTrackRequest { name: "x".repeat(300), ..camera("c") }, Reason::InvalidRequest),
        (camera(""), Reason::InvalidRequest),
        (
            AddTrackRequest { r#type: TrackType::Data as i32, ..camera("c") },
            Reason::UnsupportedType,
        ),
    ];
    for (request, reason) in odd {
        stage.asks(&alice, Request::AddTrack(request)).await;
        assert_eq!(refusal(&mut alice), reason);
    }
    for number in 0..32 {
        stage.publishes(&mut alice, microphone(&number.to_string())).await;
    }
    alice.hears();
    stage.asks(&alice, Request::AddTrack(microphone("one more"))).await;
    assert_eq!(refusal(&mut alice), Reason::LimitExceeded);
}

#[tokio::test]
async fn who_does_not_subscribe_by_itself_asks() {
    let mut stage = Stage::new(10);
    let [mut alice] = stage.people(["alice"]);
    let mut bob = stage.join_with(claims("bob"), Entrance { auto_subscribe: false, ..entrance() });
    let track = stage.publishes(&mut alice, microphone("m")).await;
    assert!(!stage.told().iter().any(|it| is_subscribe(it, &bob, &track)));
    bob.hears();

    let wish = |subscribe, sid: &str| UpdateSubscription {
        track_sids: vec![sid.into()],
        subscribe,
        participant_tracks: vec![],
    };
    stage.asks(&bob, Request::Subscription(wish(true, track.as_str()))).await;
    assert!(is_subscribe(&stage.told()[0], &bob, &track));
    stage.asks(&bob, Request::Subscription(wish(false, track.as_str()))).await;
    assert!(
        matches!(&stage.told()[..], [Command::Unsubscribe { tracks, .. }] if *tracks == [track])
    );
    stage.asks(&bob, Request::Subscription(wish(true, "TR_nowhere"))).await;
    assert!(
        matches!(&bob.hears()[..], [Message::SubscriptionResponse(no)] if no.track_sid == "TR_nowhere")
    );
}

#[tokio::test]
async fn a_wish_about_a_track_outlives_a_pause_in_receiving_it() {
    let mut stage = Stage::new(10);
    let [mut alice, bob] = stage.people(["alice", "bob"]);
    let track = stage.publishes(&mut alice, camera("c")).await;
    stage.told();
    let sids = vec![track.to_string()];
    let settings = UpdateTrackSettings {
        track_sids: sids.clone(),
        width: 320,
        height: 180,
        ..Default::default()
    };
    stage.asks(&bob, Request::TrackSetting(settings)).await;
    for subscribe in [false, true] {
        let wish =
            UpdateSubscription { track_sids: sids.clone(), subscribe, participant_tracks: vec![] };
        stage.asks(&bob, Request::Subscription(wish)).await;
    }
    let told = stage.told();
    let [
        Command::Prefer { preferences, .. },
        Command::Unsubscribe { .. },
        Command::Subscribe { .. },
        again,
    ] = &told[..]
    else {
        panic!("{told:?}")
    };
    let [(_, preference)] = preferences[..] else { panic!("{preferences:?}") };
    assert_eq!(
        (preference.size, preference.quality, preference.enabled),
        (Some((320, 180)), Quality::High, true)
    );
    assert_eq!(*again, told[0]);
}

#[tokio::test]
async fn a_publisher_chooses_its_audience() {
    let mut stage = Stage::new(10);
    let [mut alice, mut bob] = stage.people(["alice", "bob"]);
    let track = stage.publishes(&mut alice, microphone("m")).await;
    bob.hears();
    stage.told();
    for allowed in [false, true] {
        let audience =
            SubscriptionPermission { all_participants: allowed, track_permissions: vec![] };
        stage.asks(&alice, Request::SubscriptionPermission(audience)).await;
        assert!(
            matches!(&bob.hears()[..], [Message::SubscriptionPermissionUpdate(it)] if it.allowed == allowed)
        );
        let told = stage.told();
        match &told[..] {
            [Command::Unsubscribe { .. }] => assert!(!allowed),
            [it] => assert!(allowed && is_subscribe(it, &bob, &track)),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn muting_is_told_to_the_others() {
    let mut stage = Stage::new(10);
    let [mut alice, mut bob] = stage.people(["alice", "bob"]);
    let track = stage.publishes(&mut alice, microphone("m")).await;
    alice.hears();
    bob.hears();
    stage.told();
    let sid = track.to_string();
    stage.asks(&alice, Request::Mute(MuteTrackRequest { sid: sid.clone(), muted: true })).await;
    assert!(bob.hears_update()[0].tracks[0].muted);
    assert_eq!(stage.told(), [Command::Mute { track: track.clone(), muted: true }]);
    stage.asks(&alice, Request::Mute(MuteTrackRequest { sid: sid.clone(), muted: false })).await;
    bob.hears();

    stage.room.mute("alice", &TrackSelector::Source(Source::Microphone)).unwrap();
    assert_eq!(alice.hears(), [Message::Mute(MuteTrackRequest { sid: sid.clone(), muted: true })]);
    assert!(bob.hears_update()[0].tracks[0].muted);
    stage.asks(&bob, Request::Mute(MuteTrackRequest { sid, muted: false })).await;
    assert_eq!(refusal(&mut bob), Reason::NotFound, "only one's own");
}

#[tokio::test]
async fn what_cannot_be_received_is_said() {
    let mut stage = Stage::new(10);
    let [mut alice, mut bob] = stage.people(["alice", "bob"]);
    let track = stage.publishes(&mut alice, camera("c")).await;
    alice.hears();
    bob.hears();
    let refused = |who: &Person| Event::Refused {
        participant: who.id.clone(),
        track: Some(track.clone()),
        why: Refused::Codec,
    };
    stage.event(refused(&bob));
    assert!(matches!(&bob.hears()[..], [Message::SubscriptionResponse(_)]));
    stage.event(refused(&alice));
    assert!(matches!(&alice.hears()[..], [Message::TrackUnpublished(_)]));
    assert!(bob.hears_update()[0].tracks.is_empty());
}

#[tokio::test]
async fn a_track_announced_again_waits_until_the_one_before_is_gone() {
    let mut stage = Stage::new(10);
    let [mut alice, mut bob] = stage.people(["alice", "bob"]);
    let old = stage.publishes(&mut alice, microphone("m")).await;
    alice.hears();
    bob.hears();
    stage.asks(&alice, Request::AddTrack(microphone("m"))).await;
    assert_eq!(refusal(&mut alice), Reason::Queued);
    stage.told();
    stage.event(Event::Unpublished { participant: alice.id.clone(), track: old.clone() });
    let words = alice.hears();
    let Some(Message::TrackPublished(answer)) = words.first() else { panic!("{words:?}") };
    let new = TrackId::from(answer.track.as_ref().unwrap().sid.as_str());
    assert!(answer.cid == "m" && new != old);
    assert!(matches!(&stage.told()[..], [Command::Publish { track, .. }] if track.id == new));
    assert!(bob.hears_update()[0].tracks.is_empty());
}

#[tokio::test]
async fn candidates_are_told_beside_the_first_description_of_a_connection() {
    let mut stage = Stage::new(10);
    let [mut alice] = stage.people(["alice"]);
    let sdp = "v=0\r\nm=application 9 UDP/DTLS/SCTP x\r\na=candidate:1 1 udp 2130706431 203.0.113.7 7881 typ host\r\n\
               a=candidate:2 1 udp 2130706430 192.0.2.1 7881 typ host\r\na=end-of-candidates\r\na=mid:7\r\n";
    let answer = |id| Description { id, sdp: sdp.into() };
    for id in 1..3 {
        let participant = alice.id.clone();
        stage.event(Event::Answer { participant, answer: answer(id), mids: vec![] });
    }
    let words = alice.hears();
    let [Message::Answer(_), Message::Trickle(first), Message::Trickle(last), Message::Answer(_)] =
        &words[..]
    else {
        panic!("{words:?}")
    };
    assert!(!first.r#final && last.r#final);
    let init: serde_json::Value = serde_json::from_str(&first.candidate_init).unwrap();
    assert_eq!(init["sdpMid"], "7");
    assert_eq!(init["candidate"], "candidate:1 1 udp 2130706431 203.0.113.7 7881 typ host");
}
