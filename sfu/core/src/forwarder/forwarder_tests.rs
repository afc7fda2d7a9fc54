use std::time::Instant;

use beckon_sfu_api::Codec;

use super::*;
use crate::extension::Extension;
use crate::rtp::Header;
use crate::track::Track;
use crate::track::stage::{AUDIO_LEVEL, Encoder, FRAME, KEYFRAME, MID, Part, ms, receive, track};

const TRANSPORT_CC: u8 = 5;
const LEVEL: u8 = 9;
const DESCRIPTOR: u8 = 11;

fn bound(rtx: bool, transport_cc: bool) -> Bound {
    let mut extensions = ExtensionMap::default();
    if transport_cc {
        extensions.set(TRANSPORT_CC, Extension::TransportCc);
    }
    extensions.set(LEVEL, Extension::AudioLevel);
    extensions.set(MID, Extension::Mid);
    extensions.set(DESCRIPTOR, Extension::DependencyDescriptor);
    Bound { payload_type: 120, rtx_payload_type: rtx.then_some(121), extensions }
}

fn forwarder(bound: Bound) -> Forwarder {
    let mut forwarder = Forwarder::new(ParticipantKey::default(), 1000, 2000);
    forwarder.binding = Some(bound);
    forwarder.started = true;
    forwarder
}

fn payload(packet: &[u8]) -> &[u8] {
    Header::read(packet).unwrap().payload(packet)
}

struct Stage {
    track: Track,
    encoder: Encoder,
    forwarder: Forwarder,
    now: Instant,
}

impl Stage {
    fn new(bound: Bound) -> Self {
        Stage {
            track: track(Codec::Vp8, 1),
            encoder: Encoder::new(0),
            forwarder: forwarder(bound),
            now: Instant::now(),
        }
    }

    fn sends(&mut self, part: Part) -> Option<Outbound> {
        let packet = self.encoder.packet(part);
        self.delivers(&packet)
    }

    fn delivers(&mut self, packet: &[u8]) -> Option<Outbound> {
        let received = receive(&mut self.track, self.now, packet)?;
        self.forwarder.forward(self.now, self.track.layers(), &received)
    }

    fn writes(&self, outbound: &Outbound, number: Option<u16>) -> Vec<u8> {
        let to = self.forwarder.binding.unwrap().extensions;
        let mut out = vec![7];
        let from = &self.track.extensions;
        let header_len = outbound.write(self.track.layers(), from, &to, number, &mut out).unwrap();
        assert_eq!(Header::read(&out[1..]).unwrap().payload_start(), header_len);
        out.remove(0);
        out
    }
}

#[test]
fn a_subscriber_gets_the_packet_under_its_own_names() {
    let mut stage = Stage::new(bound(true, true));
    let outbound = stage.sends(KEYFRAME).unwrap();
    let packet = stage.writes(&outbound, Some(0x1234));
    let header = Header::read(&packet).unwrap();
    assert_eq!((header.ssrc, header.payload_type, header.marker), (1000, 120, true));
    assert_eq!(header.extension(&packet, TRANSPORT_CC), Some(&[0x12, 0x34][..]));
    let sent = Encoder::new(0).packet(KEYFRAME);
    assert_eq!(header.payload(&packet), payload(&sent));
}

#[test]
fn extensions_between_two_hops_stay_there() {
    let now = Instant::now();
    let mut track = track(Codec::Opus, 1);
    let fields = Fields { marker: false, payload_type: 96, sequence: 1, timestamp: 1, ssrc: 10 };
    let mut packet = Vec::new();
    let extensions = [(MID, &b"0"[..]), (AUDIO_LEVEL, &[0x85])];
    crate::rtp::write(&mut packet, &fields, extensions.into_iter(), &[1, 2, 3], 0);
    let received = receive(&mut track, now, &packet).unwrap();
    let mut forwarder = forwarder(bound(false, false));
    let outbound = forwarder.forward(now, track.layers(), &received).unwrap();
    let (mut out, to) = (Vec::new(), forwarder.binding.unwrap().extensions);
    outbound.write(track.layers(), &track.extensions, &to, None, &mut out);
    let header = Header::read(&out).unwrap();
    assert_eq!(header.extension(&out, LEVEL), Some(&[0x85][..]));
    assert_eq!(header.extension(&out, MID), None);
    assert_eq!(header.payload(&out), [1, 2, 3]);
}

#[test]
fn packets_within_a_frame_make_equal_segments() {
    let mut stage = Stage::new(bound(true, true));
    let parts = [(true, false), (false, false), (false, true)];
    let mut frame = Vec::new();
    for (first, last) in parts {
        let outbound = stage.sends(Part { keyframe: true, first, last }).unwrap();
        frame.push(stage.writes(&outbound, Some(1)));
    }
    assert_eq!(frame[0].len() % 16, 0);
    assert_eq!(frame[1].len() % 16, 0);
    let header = Header::read(&frame[0]).unwrap();
    let sent = Encoder::new(0).packet(Part { last: false, ..KEYFRAME });
    assert_eq!(header.payload(&frame[0]), payload(&sent), "padding is no payload");
    assert_eq!(frame[2][0] & 0x20, 0, "the last is as short as it is");
}

#[test]
fn nothing_goes_out_before_the_section_and_the_keys_are_there() {
    let mut stage = Stage::new(bound(true, true));
    stage.forwarder.started = false;
    assert!(stage.sends(KEYFRAME).is_none());
    assert_eq!(stage.forwarder.wants_keyframe(stage.now, stage.track.layers()), None);
    stage.forwarder.started = true;
    let binding = stage.forwarder.binding.take();
    assert!(stage.sends(KEYFRAME).is_none());
    stage.forwarder.binding = binding;
    assert_eq!(stage.forwarder.wants_keyframe(stage.now, stage.track.layers()), Some(0));
    assert!(stage.sends(KEYFRAME).is_some());
}

#[test]
fn a_disabled_track_starts_again_with_a_keyframe() {
    let mut stage = Stage::new(bound(true, true));
    stage.sends(KEYFRAME).unwrap();
    stage.forwarder.preference.enabled = false;
    assert!(stage.sends(FRAME).is_none());
    stage.forwarder.preference.enabled = true;
    assert!(stage.sends(FRAME).is_none());
    assert!(stage.sends(KEYFRAME).is_some());
}

#[test]
fn a_repair_is_the_packet_on_the_other_stream() {
    let mut stage = Stage::new(bound(true, true));
    let lost = stage.sends(KEYFRAME).unwrap();
    stage.sends(FRAME).unwrap();
    let repair = stage.forwarder.repair(stage.now, lost.fields.sequence, ms(50)).unwrap();
    let (original, packet) = (stage.writes(&lost, Some(1)), stage.writes(&repair, Some(2)));
    let (header, before) = (Header::read(&packet).unwrap(), Header::read(&original).unwrap());
    assert_eq!((header.ssrc, header.payload_type), (2000, 121));
    assert_eq!((header.timestamp, header.marker), (before.timestamp, before.marker));
    let (osn, payload) = header.payload(&packet).split_at(2);
    assert_eq!(osn, lost.fields.sequence.to_be_bytes());
    assert_eq!(payload, before.payload(&original));
    let again = |stage: &mut Stage, after| {
        let now = stage.now + ms(after);
        stage.forwarder.repair(now, lost.fields.sequence, ms(50)).map(|out| out.fields.sequence)
    };
    assert_eq!(again(&mut stage, 49), None, "within a round trip");
    let next = repair.fields.sequence.wrapping_add(1);
    assert_eq!(again(&mut stage, 50), Some(next));
}

#[test]
fn without_a_repair_stream_the_very_same_packet_goes_out() {
    let mut stage = Stage::new(bound(false, false));
    let lost = stage.sends(KEYFRAME).unwrap();
    let repair = stage.forwarder.repair(stage.now, lost.fields.sequence, ms(50)).unwrap();
    assert_eq!(repair.roc, lost.roc);
    assert_eq!(stage.writes(&lost, None), stage.writes(&repair, None));
}

#[test]
fn a_numbered_packet_is_never_sealed_twice() {
    let mut stage = Stage::new(bound(false, true));
    let lost = stage.sends(KEYFRAME).unwrap();
    assert!(stage.forwarder.repair(stage.now, lost.fields.sequence, ms(50)).is_none());
}

#[test]
fn what_was_never_sent_or_long_ago_is_not_repaired() {
    let mut stage = Stage::new(bound(true, true));
    let first = stage.sends(KEYFRAME).unwrap().fields.sequence;
    let ahead = first.wrapping_add(1);
    assert!(stage.forwarder.repair(stage.now, ahead, ms(50)).is_none());
    (0..512).for_each(|_| assert!(stage.sends(FRAME).is_some()));
    assert!(stage.forwarder.repair(stage.now, first, ms(50)).is_none());
    assert!(stage.forwarder.repair(stage.now, ahead, ms(50)).is_some());
}

#[test]
fn a_packet_that_was_held_back_is_sent_once() {
    let mut stage = Stage::new(bound(true, true));
    let held = stage.sends(KEYFRAME).unwrap();
    stage.sends(FRAME).unwrap();
    let sequence = held.fields.sequence;
    assert!(stage.forwarder.release(sequence).is_none(), "it was not held back");
    stage.forwarder.hold(sequence);
    let again = stage.forwarder.release(sequence).unwrap();
    assert!(stage.forwarder.release(sequence).is_none());
    assert_eq!(stage.writes(&held, Some(1)), stage.writes(&again, Some(1)));
}

#[test]
fn what_overtook_the_start_of_a_keyframe_is_there_for_the_asking() {
    let mut stage = Stage::new(bound(true, true));
    let parts = [(true, false), (false, false), (false, true)];
    let frame =
        parts.map(|(first, last)| stage.encoder.packet(Part { keyframe: true, first, last }));
    assert!(stage.delivers(&frame[1]).is_none());
    assert!(stage.delivers(&frame[2]).is_none());
    let start = stage.delivers(&frame[0]).unwrap().fields.sequence;
    for (after, packet) in (1..).zip(&frame[1..]) {
        let repair = stage.forwarder.repair(stage.now, start.wrapping_add(after), ms(50)).unwrap();
        let repair = stage.writes(&repair, None);
        let header = Header::read(&repair).unwrap();
        assert_eq!(&header.payload(&repair)[2..], payload(packet));
    }
    let next = stage.sends(FRAME).unwrap().fields.sequence;
    assert_eq!(next, start.wrapping_add(3));
}

#[test]
fn a_sender_report_speaks_of_our_timestamps() {
    let mut stage = Stage::new(bound(true, true));
    assert_eq!(stage.forwarder.sender_report(stage.now, 9, stage.track.layers()), None);
    let first = stage.sends(KEYFRAME).unwrap();
    let told = |stage: &Stage, after| {
        let (now, layers) = (stage.now + ms(after), stage.track.layers());
        stage.forwarder.sender_report(now, 9, layers).unwrap()
    };
    let report = told(&stage, 100);
    assert_eq!(report.rtp, first.fields.timestamp.wrapping_add(9000), "by arrival");
    assert_eq!((report.packets, report.octets), (1, first.payload_len.into()));
    let rtp = stage.encoder.timestamp;
    stage.track.handle_sender_report(stage.now, 10, 1 << 32, rtp);
    assert_eq!(told(&stage, 100).rtp, rtp.wrapping_add(9000), "by the publisher's clock");
}

#[test]
fn the_rollover_counter_goes_with_the_number() {
    let mut stage = Stage::new(bound(true, true));
    let first = stage.sends(KEYFRAME).unwrap();
    assert!(first.roc == 0 && first.fields.sequence < 1 << 15);
    // Nearly a round later, in jumps that are still losses.
    while stage.sends(FRAME).is_some_and(|out| out.roc == 0 && out.fields.sequence < 65_000) {
        stage.encoder.sequence = stage.encoder.sequence.wrapping_add(900);
    }
    let mut before = stage.sends(FRAME).unwrap();
    for _ in 0..1000 {
        let next = stage.sends(FRAME).unwrap();
        let wrapped = next.fields.sequence == 0;
        assert_eq!(next.roc, before.roc + u32::from(wrapped));
        before = next;
    }
    assert_eq!(before.roc, 1);
}

#[test]
fn what_comes_late_from_before_a_layer_switch_fills_its_gap() {
    let mut stage = Stage::new(bound(true, true));
    stage.track = track(Codec::Vp8, 2);
    let mut upper = Encoder::new(1);
    stage.forwarder.set_target(Some(0));
    let first = stage.sends(KEYFRAME).unwrap().fields.sequence;
    let late = stage.encoder.packet(FRAME);
    stage.sends(FRAME).unwrap();
    stage.delivers(&upper.packet(FRAME));
    stage.forwarder.set_target(Some(1));
    let switched = stage.delivers(&upper.packet(KEYFRAME)).unwrap().fields.sequence;
    assert_eq!(switched, first + 3);
    assert_eq!(stage.delivers(&late).unwrap().fields.sequence, first + 1);
    assert!(stage.sends(FRAME).is_none(), "the old layer itself is over");
    assert!(stage.forwarder.repair(stage.now, first + 1, ms(50)).is_some());
}

/// A receiver takes a keyframe whose number is behind that of an earlier one for an old one, and waits for another.
#[test]
fn frames_are_numbered_without_a_gap_over_switches_and_pauses() {
    let mut stage = Stage::new(bound(true, true));
    stage.track = track(Codec::Vp8, 2);
    let mut upper = Encoder::new(1);
    let mut numbers = Vec::new();
    for (layer, skipped) in [(0, 0), (1, 0), (1, 40_000), (0, 0), (0, 33_000)] {
        stage.forwarder.set_target(None);
        stage.forwarder.set_target(Some(layer));
        let encoder = if layer == 0 { &mut stage.encoder } else { &mut upper };
        encoder.frame = encoder.frame.wrapping_add(skipped);
        for part in [KEYFRAME, FRAME] {
            let encoder = if layer == 0 { &mut stage.encoder } else { &mut upper };
            let packet = encoder.packet(part);
            let outbound = stage.delivers(&packet).unwrap();
            let written = stage.writes(&outbound, None);
            let header = Header::read(&written).unwrap();
            let &[lead, high, low] = header.extension(&written, DESCRIPTOR).unwrap() else {
                panic!("three bytes");
            };
            assert_eq!(lead, 0xc0, "the rest is as it was");
            numbers.push(u16::from_be_bytes([high, low]));
            let repair = stage.forwarder.repair(stage.now, outbound.fields.sequence, ms(50));
            let repaired = stage.writes(&repair.unwrap(), None);
            let header = Header::read(&repaired).unwrap();
            assert_eq!(header.extension(&repaired, DESCRIPTOR), Some(&[lead, high, low][..]));
        }
    }
    assert!(numbers.is_sorted_by(|one, next| one.wrapping_add(1) == *next), "{numbers:?}");
}
