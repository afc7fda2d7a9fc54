//! Data between participants, and what they say of themselves.

use beckon_sfu_api::{Command, DataKind, DataMessage, Event, ParticipantId, Speaker};
use bytes::Bytes;
use livekit_protocol::data_packet::Value;
use livekit_protocol::leave_request::Action;
use livekit_protocol::request_response::Reason;
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message;
use livekit_protocol::simulate_scenario::Scenario;
use livekit_protocol::{
    AddTrackRequest, CandidateProtocol, DataPacket, MetricsBatch, PublishDataTrackRequest,
    SimulateScenario, UpdateParticipantMetadata, UpdateSubscription, UserPacket,
};
use prost::Message as _;

use super::stage::{Person, Stage, claims, entrance, microphone};
use crate::rooms::token::{Claims, Grants};

fn hello() -> DataPacket {
    let user = UserPacket { payload: b"hello".to_vec(), ..UserPacket::default() };
    DataPacket { value: Some(Value::User(user)), ..DataPacket::default() }
}

fn data(from: &Person, packet: impl Into<Bytes>) -> Event {
    let participant = from.id.clone();
    Event::Data { participant, kind: DataKind::Reliable, payload: packet.into() }
}

fn sent(stage: &Stage) -> Option<(Vec<ParticipantId>, DataPacket)> {
    match stage.told().pop()? {
        Command::Send(DataMessage { mut to, payload, kind: DataKind::Reliable, .. }) => {
            to.sort();
            Some((to, DataPacket::decode(payload).unwrap()))
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_message_carries_the_true_name_of_its_sender() {
    let mut stage = Stage::new(10);
    let [alice, bob, eve] = stage.people(["alice", "bob", "eve"]);
    let forged = DataPacket { participant_identity: "bob".into(), ..hello() };
    stage.event(data(&alice, forged.encode_to_vec()));
    let (to, packet) = sent(&stage).unwrap();
    let mut others = vec![bob.id.clone(), eve.id.clone()];
    others.sort();
    assert_eq!(to, others);
    assert_eq!(packet.participant_identity, "alice");
    assert_eq!(packet.participant_sid, alice.id.as_str());

    let to_eve = DataPacket { destination_identities: vec!["eve".into()], ..hello() };
    stage.event(data(&alice, to_eve.encode_to_vec()));
    assert_eq!(sent(&stage).unwrap().0, [eve.id]);
}

#[tokio::test]
async fn what_may_not_pass_does_not() {
    let mut stage = Stage::new(10);
    let [alice, _bob] = stage.people(["alice", "bob"]);
    let mute = Grants { can_publish_data: Some(false), ..claims("eve").video };
    let eve = stage.join_with(Claims { video: mute, ..claims("eve") }, entrance());
    stage.told();
    stage.event(data(&eve, hello().encode_to_vec()));
    stage.event(data(&alice, vec![0xff; 100]));
    stage.event(data(&alice, DataPacket::default().encode_to_vec()));
    let user = UserPacket { payload: vec![0; 70_000], ..UserPacket::default() };
    let large = DataPacket { value: Some(Value::User(user)), ..DataPacket::default() };
    stage.event(data(&alice, large.encode_to_vec()));
    assert_eq!(stage.told(), []);
}

#[tokio::test]
async fn a_participant_changes_its_own_words_if_it_may() {
    let mut stage = Stage::new(10);
    let [mut alice] = stage.people(["alice"]);
    let may = Grants { can_update_own_metadata: Some(true), ..claims("bob").video };
    let mut bob = stage.join_with(Claims { video: may, ..claims("bob") }, entrance());
    alice.hears();
    bob.hears();
    let change = |metadata: String| {
        let attributes = [("mood".to_owned(), "glad".to_owned())].into();
        let request =
            UpdateParticipantMetadata { metadata, attributes, request_id: 9, ..Default::default() };
        Request::UpdateMetadata(request)
    };
    stage.asks(&bob, change("here".into())).await;
    let info = &alice.hears_update()[0];
    assert_eq!((info.metadata.as_str(), info.attributes["mood"].as_str()), ("here", "glad"));
    let words = bob.hears();
    assert!(
        matches!(&words[..], [Message::RequestResponse(ok), Message::Update(_)] if ok.request_id == 9 && ok.reason() == Reason::Ok)
    );
    stage.asks(&bob, change("x".repeat(600_000))).await;
    assert!(
        matches!(&bob.hears()[..], [Message::RequestResponse(no)] if no.reason() == Reason::LimitExceeded)
    );
    stage.asks(&alice, change("me too".into())).await;
    assert!(
        matches!(&alice.hears()[..], [Message::RequestResponse(no)] if no.reason() == Reason::NotAllowed)
    );
}

#[tokio::test]
async fn what_this_server_lacks_is_refused() {
    let mut stage = Stage::new(10);
    let [mut alice] = stage.people(["alice"]);
    let request = PublishDataTrackRequest { pub_handle: 1, ..Default::default() };
    stage.asks(&alice, Request::PublishDataTrackRequest(request)).await;
    assert!(
        matches!(&alice.hears()[..], [Message::RequestResponse(no)] if no.reason() == Reason::UnsupportedType && no.request.is_some())
    );
}

#[tokio::test]
async fn speakers_are_told_without_the_hidden() {
    let mut stage = Stage::new(10);
    let [mut alice] = stage.people(["alice"]);
    let video = Grants { hidden: Some(true), ..claims("eve").video };
    let eve = stage.join_with(Claims { video, ..claims("eve") }, entrance());
    let speaker = |who: &Person| Speaker { participant: who.id.clone(), level: 0.5, active: true };
    stage.event(Event::Speakers(vec![speaker(&eve)]));
    assert_eq!(alice.hears(), []);
    stage.event(Event::Speakers(vec![speaker(&eve), speaker(&alice)]));
    assert!(matches!(&alice.hears()[..], [Message::SpeakersChanged(it)] if it.speakers.len() == 1));
}

#[tokio::test]
async fn nothing_large_is_repeated_in_a_refusal() {
    let mut stage = Stage::new(10);
    let [mut alice] = stage.people(["alice"]);
    let name = "x".repeat(60_000);
    for request in [
        Request::AddTrack(AddTrackRequest { name, ..microphone("m") }),
        Request::UpdateMetadata(UpdateParticipantMetadata {
            metadata: "x".repeat(400_000),
            ..Default::default()
        }),
    ] {
        stage.asks(&alice, request).await;
        let words = alice.hears();
        assert!(matches!(&words[..], [Message::RequestResponse(no)] if no.request.is_none()));
    }
    let subscription = UpdateSubscription {
        track_sids: vec!["x".repeat(60_000)],
        subscribe: true,
        participant_tracks: vec![],
    };
    stage.asks(&alice, Request::Subscription(subscription)).await;
    assert_eq!(alice.hears(), []);
}

#[tokio::test]
async fn metrics_go_to_those_who_may_hear_them() {
    let mut stage = Stage::new(10);
    let [alice, _bob] = stage.people(["alice", "bob"]);
    let video = Grants { can_subscribe_metrics: Some(true), ..claims("eve").video };
    let eve = stage.join_with(Claims { video, ..claims("eve") }, entrance());
    stage.event(Event::Connected { participant: eve.id.clone() });
    stage.told();
    let metrics = DataPacket {
        value: Some(Value::Metrics(MetricsBatch::default())),
        ..DataPacket::default()
    };
    stage.event(data(&alice, metrics.encode_to_vec()));
    assert_eq!(sent(&stage).unwrap().0, [eve.id]);
}

#[tokio::test]
async fn what_is_simulated_ends_as_it_does_in_earnest() {
    let simulate = |scenario| Request::Simulate(SimulateScenario { scenario: Some(scenario) });
    let mut stage = Stage::new(10);
    let [mut alice, mut bob, mut eve, mut dan] = stage.people(["alice", "bob", "eve", "dan"]);
    stage.asks(&alice, simulate(Scenario::ServerLeave(true))).await;
    assert!(
        matches!(alice.hears().last(), Some(Message::Leave(it)) if it.action() == Action::Disconnect)
    );
    stage.asks(&bob, simulate(Scenario::LeaveRequestFullReconnect(true))).await;
    assert!(
        matches!(bob.hears().last(), Some(Message::Leave(it)) if it.action() == Action::Reconnect)
    );
    stage.asks(&eve, simulate(Scenario::Migration(true))).await;
    assert!(eve.is_closed() && stage.room.participants.contains_key(&eve.id));
    for protocol in [CandidateProtocol::Tcp, CandidateProtocol::Tls] {
        dan.hears();
        stage.asks(&dan, simulate(Scenario::SwitchCandidateProtocol(protocol as i32))).await;
        let words = dan.hears();
        assert!(matches!(&words[..], [Message::RequestResponse(no)]
            if no.reason() == Reason::UnsupportedType && no.message.contains("TCP")));
    }
    stage.asks(&dan, simulate(Scenario::NodeFailure(true))).await;
    assert!(dan.is_closed() && !stage.room.participants.contains_key(&dan.id));
}
