//! Whatever strangers and bad participants send is counted, costs little, and is nobody else's trouble.

use std::net::SocketAddr;

use beckon_load::headless::description::{MID, OPUS, VP8};
use beckon_sfu_api::{ConnectionMode, Kind, TrackId};
use beckon_sfu_core::ice::IceCredentials;
use beckon_sfu_core::rtp::{self, Fields};
use beckon_sfu_core::stats::Discard;
use beckon_sfu_core::stun::{self, Check};

use crate::stage::source::Plain;
use crate::stage::{Stage, ms, secs};

/// Alice speaks and shows herself to Bob; Mallory is there too.
struct Meeting {
    stage: Stage,
    alice: usize,
    bob: usize,
    mallory: usize,
    tracks: [TrackId; 2],
}

impl Meeting {
    fn new() -> Meeting {
        let mut stage = Stage::new(666);
        let [alice, bob, mallory] =
            ["PA_alice", "PA_bob", "PA_mallory"].map(|id| stage.join(id, ConnectionMode::Single));
        let tracks = [stage.publish(alice, Kind::Audio, 1), stage.publish(alice, Kind::Video, 3)];
        stage.run(secs(2));
        Meeting { stage, alice, bob, mallory, tracks }
    }

    fn discarded(&self, why: Discard) -> u64 {
        self.stage.shard.counters().discarded(why)
    }

    fn inject(&mut self, from: SocketAddr, mut datagram: Vec<u8>) {
        self.stage.shard.handle_datagram(self.stage.now, from, None, &mut datagram);
    }

    /// Mallory's packet, authentic.
    fn send(&mut self, payload_type: u8, ssrc: u32, sequence: u16, mid: &str) {
        let fields = Fields { marker: true, payload_type, sequence, timestamp: 1, ssrc };
        let mut bytes = Vec::new();
        let mid = [(MID, mid.as_bytes())];
        let header_len = rtp::write(&mut bytes, &fields, mid.into_iter(), &[1; 50], 0);
        self.stage.clients[self.mallory].publisher.send_rtp(&Plain { bytes, header_len, roc: 0 });
    }

    /// Bob misses nothing, then and now.
    fn assert_unharmed(&mut self) {
        self.stage.run(secs(2));
        for (track, source) in self.tracks.iter().zip(&self.stage.clients[self.alice].sources) {
            let sink = self.stage.sink(self.bob, track);
            assert_eq!((sink.lost(), sink.duplicates), (0, 0));
            let last = sink.frames().last().expect("frames").stamp.frame;
            assert!(last + 10 > source.frames, "{last} of {} frames", source.frames);
        }
    }
}

fn spoofed(at: u32) -> SocketAddr {
    let [_, high, middle, low] = at.to_be_bytes();
    ([203, high, middle, low], 1024 + (at % 60_000) as u16).into()
}

fn check(remote_ufrag: &str, local_ufrag: &str, password: &str) -> Vec<u8> {
    let mut request = Vec::new();
    let check = Check {
        transaction: &rand::random(),
        remote_ufrag,
        local_ufrag,
        priority: 1,
        tie_breaker: 1,
        role: stun::IceRole::Controlling { use_candidate: true },
        password,
    };
    stun::write_request(&mut request, &check);
    request
}

#[test]
fn ten_thousand_strangers_leave_no_trace() {
    let mut meeting = Meeting::new();
    let known = meeting.stage.shard.demux().len();
    let IceCredentials { ufrag, .. } = meeting.stage.clients[meeting.alice].server();
    meeting.stage.settle();
    for at in 0..10_000 {
        let datagram = match at % 5 {
            0 => check("nobody00", "me", "a password that is long enough"),
            1 => check(&ufrag, "me", "a password that is long enough"),
            2 => vec![22, 254, 253, 0, 0, 0, 0, 0, 0],
            3 => vec![0x80; 60],
            _ => vec![200; 20],
        };
        meeting.inject(spoofed(at), datagram);
    }
    meeting.stage.shard.flush(&mut |_| panic!("nobody is answered"));
    assert_eq!(meeting.stage.shard.demux().len(), known);
    assert!(meeting.discarded(Discard::UnknownUfrag) >= 2000);
    assert!(meeting.discarded(Discard::UnknownSource) >= 4000);
    assert!(meeting.discarded(Discard::Malformed) >= 2000);
    meeting.assert_unharmed();
}

#[test]
fn a_stolen_ufrag_without_its_password_is_worth_nothing() {
    let mut meeting = Meeting::new();
    let IceCredentials { ufrag, .. } = meeting.stage.clients[meeting.alice].server();
    let own = meeting.stage.clients[meeting.alice].publisher.headless.credentials().ufrag.clone();
    meeting.inject(spoofed(1), check(&ufrag, &own, "a password that is long enough"));
    assert_eq!(meeting.discarded(Discard::BadIntegrity), 1);
    meeting.assert_unharmed();
}

#[test]
fn nobody_takes_anothers_address_by_forging_it() {
    let mut meeting = Meeting::new();
    let IceCredentials { ufrag, pwd } = meeting.stage.clients[meeting.mallory].server();
    let mallory = &meeting.stage.clients[meeting.mallory].publisher;
    let own = mallory.headless.credentials().ufrag.clone();
    for client in [meeting.alice, meeting.bob] {
        let address = meeting.stage.clients[client].publisher.address;
        meeting.inject(address, check(&ufrag, &own, &pwd));
    }
    assert_eq!(meeting.discarded(Discard::AddressTaken), 2);
    meeting.assert_unharmed();
}

#[test]
fn a_participant_with_ever_new_addresses_takes_no_room() {
    let mut meeting = Meeting::new();
    let known = meeting.stage.shard.demux().len();
    let IceCredentials { ufrag, pwd } = meeting.stage.clients[meeting.mallory].server();
    let mallory = &meeting.stage.clients[meeting.mallory].publisher;
    let own = mallory.headless.credentials().ufrag.clone();
    for at in 0..1000 {
        meeting.inject(spoofed(at), check(&ufrag, &own, &pwd));
    }
    assert!(meeting.stage.shard.demux().len() < known + 16);
    meeting.assert_unharmed();
}

#[test]
fn replayed_altered_and_truncated_packets_are_dropped() {
    let mut meeting = Meeting::new();
    meeting.stage.tap = Some(meeting.alice);
    meeting.stage.run(secs(1));
    let taken = std::mem::take(&mut meeting.stage.tapped);
    meeting.stage.tap = None;
    meeting.stage.run(ms(100));
    let is_media = |datagram: &&Vec<u8>| datagram[0] >> 6 == 2 && !rtp::is_rtcp(datagram);
    let media: Vec<&Vec<u8>> = taken.iter().filter(is_media).collect();
    let address = meeting.stage.clients[meeting.alice].publisher.address;
    for datagram in &media {
        meeting.inject(address, datagram.to_vec());
    }
    assert_eq!(meeting.discarded(Discard::Replayed), media.len() as u64);
    for (at, datagram) in media.iter().enumerate() {
        meeting.inject(address, datagram[..datagram.len() * at / media.len()].to_vec());
        let mut altered = datagram.to_vec();
        // Ahead of all, or the window would speak before the tag does.
        altered[2] = altered[2].wrapping_add(0x20);
        meeting.inject(address, altered);
    }
    assert!(meeting.discarded(Discard::BadTag) as usize >= media.len());
    meeting.assert_unharmed();
}

#[test]
fn media_before_the_keys_is_dropped() {
    let mut meeting = Meeting::new();
    let late = meeting.stage.join("PA_late", ConnectionMode::Single);
    meeting.stage.clients[late].publisher.deaf_to_dtls = true;
    meeting.stage.run(ms(500));
    let address = meeting.stage.clients[late].publisher.address;
    meeting.inject(address, [vec![0x80, VP8], vec![0; 60]].concat());
    meeting.inject(address, [vec![0x80, 200], vec![0; 60]].concat());
    assert_eq!(meeting.discarded(Discard::BeforeKeys), 2);
    meeting.assert_unharmed();
}

#[test]
fn streams_that_nobody_announced_go_nowhere() {
    let mut meeting = Meeting::new();
    (0..100).for_each(|at| meeting.send(VP8, 0xdead_0000 + at, 1, "9"));
    meeting.stage.run(ms(100));
    assert_eq!(meeting.discarded(Discard::UnknownSsrc), 100);
    // Once there is a section for them, they are as many as it can have.
    let microphone = meeting.stage.publish(meeting.mallory, Kind::Audio, 1);
    meeting.stage.clients[meeting.mallory].sources[0].silent = true;
    meeting.stage.run(secs(1));
    let mid = meeting.stage.clients[meeting.mallory].sources[0].mid.clone();
    (0..1000).for_each(|at| meeting.send(OPUS, 0xbeef_0000 + at, 1, &mid));
    (0..10).for_each(|at| meeting.send(VP8, 0xbeef_0000, 2 + at, &mid));
    meeting.stage.run(ms(100));
    assert!(meeting.discarded(Discard::TooMany) >= 800);
    assert_eq!(meeting.discarded(Discard::UnknownPayloadType), 10);
    assert_eq!(meeting.stage.sink(meeting.bob, &microphone).lost(), 0);
    meeting.assert_unharmed();
}

#[test]
fn two_publishers_may_have_chosen_the_same_number() {
    let mut meeting = Meeting::new();
    let stream = meeting.stage.clients[meeting.alice].sources[1].stream;
    meeting.stage.next_stream = Some(stream);
    let camera = meeting.stage.publish(meeting.mallory, Kind::Video, 1);
    meeting.stage.run(secs(2));
    assert!(meeting.stage.sink(meeting.bob, &camera).frames().len() > 30);
    // The same number twice is only its owner's trouble.
    meeting.stage.next_stream = Some(stream);
    meeting.stage.publish(meeting.mallory, Kind::Audio, 1);
    meeting.stage.next_stream = Some(stream);
    meeting.stage.publish(meeting.mallory, Kind::Video, 1);
    meeting.assert_unharmed();
}

#[test]
fn a_stream_that_jumps_goes_on_with_a_keyframe() {
    let mut meeting = Meeting::new();
    for _ in 0..5 {
        for layer in &mut meeting.stage.clients[meeting.alice].sources[1].layers {
            layer.next += 9000;
        }
        meeting.stage.run(secs(1));
    }
    meeting.assert_unharmed();
}
