//! Bytes from strangers, read by everything that reads packets: nothing panics, nothing reaches beyond its packet, and
//! what was understood can be written again. `cargo bolero` fuzzes the same targets for as long as one likes.

use std::time::{Duration, Instant};

use beckon_sfu_api::Codec;
use beckon_sfu_core::codec::{FrameInfo, describe, vp8};
use beckon_sfu_core::rtcp::{self, Packet, TransportFeedback};
use beckon_sfu_core::rtp::{self, Fields, Header};
use beckon_sfu_core::twcc::Recorder;

const CODECS: [Codec; 5] = [Codec::Opus, Codec::Vp8, Codec::H264, Codec::Vp9, Codec::Av1];

/// A target, bounded so that a plain `cargo test` runs it too.
macro_rules! fuzz {
    ($body:expr) => {
        // Left to itself the generator makes 64 bytes at most.
        bolero::check!()
            .with_generator(bolero::produce::<Vec<u8>>().with().len(0..400_usize))
            .with_iterations(20_000)
            .with_test_time(Duration::from_secs(2))
            .for_each(|input: &Vec<u8>| $body(input))
    };
}

#[test]
fn rtp_header() {
    fuzz!(|input: &[u8]| {
        check_rtp(input);
        // Most strangers do not guess the version, or the profile of an extension block of the right length.
        let mut packet = vec![0x90, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
        let (profile, rest) =
            if input.len().is_multiple_of(2) { (0xbede_u16, 4) } else { (0x1000, 7) };
        packet.extend_from_slice(&profile.to_be_bytes());
        packet.extend_from_slice(&[0, (input.len() / rest) as u8]);
        packet.extend_from_slice(input);
        packet[0] |= input.first().map_or(0, |byte| byte & 0x20);
        check_rtp(&packet);
    });
}

/// What is read of a packet is read again when it was written anew.
fn check_rtp(packet: &[u8]) {
    let Some(header) = Header::read(packet) else { return };
    assert_eq!(rtp::header_len(packet), Some(header.payload_start()));
    let Header { marker, payload_type, sequence, timestamp, ssrc, .. } = header;
    let fields = Fields { marker, payload_type, sequence, timestamp, ssrc };
    let extensions = (0..=255).filter_map(|id| Some((id, header.extension(packet, id)?)));
    let mut copy = Vec::new();
    rtp::write(&mut copy, &fields, extensions, header.payload(packet), 16);
    let again = Header::read(&copy).unwrap();
    assert_eq!(again.payload(&copy), header.payload(packet));
    assert_eq!((again.sequence, again.ssrc), (header.sequence, header.ssrc));
    for id in 0..=255 {
        assert_eq!(again.extension(&copy, id), header.extension(packet, id));
    }
}

#[test]
fn rtcp_compound() {
    fuzz!(|input: &[u8]| {
        check_rtcp(input);
        // The same bytes as packets of every kind with the right length.
        let mut compound = Vec::new();
        let kinds = (200..=207).cycle().skip(input.len() % 8);
        for (packet, kind) in input.chunks(28).zip(kinds) {
            let body = &packet[1..packet.len() - (packet.len() - 1) % 4];
            let head = compound.len();
            compound.extend_from_slice(&[0x80 | packet[0] & 0x3f, kind, 0, body.len() as u8 / 4]);
            compound.extend_from_slice(body);
            if kind == 206 && body.len() > 16 {
                compound[head] |= 15;
                compound[head + 12..head + 16].copy_from_slice(b"REMB");
                compound[head + 16] &= 3;
            }
            check_rtcp(&compound[head..]);
        }
        check_rtcp(&compound);
    });
}

fn check_rtcp(compound: &[u8]) {
    let mut things = 0;
    for packet in rtcp::packets(compound) {
        things += match packet {
            Packet::SenderReport { reports, .. } | Packet::ReceiverReport { reports, .. } => {
                reports.count()
            }
            Packet::Nack { lost, .. } => lost.count(),
            Packet::Fir { targets, .. } => targets.count(),
            Packet::Remb { media, .. } => media.count(),
            Packet::Bye { ssrcs } => ssrcs.count(),
            Packet::TransportFeedback(feedback) => {
                check_feedback(&feedback);
                0
            }
            Packet::Pli { .. } | Packet::Other => 1,
        };
    }
    // The most that four bytes can say are 17 losses.
    assert!(things <= compound.len() * 17 / 4);
}

#[test]
fn twcc_feedback() {
    fuzz!(|input: &[u8]| {
        let body = &input[..input.len() / 4 * 4];
        let mut packet = vec![0x8f, 205, 0, (2 + body.len() / 4) as u8, 0, 0, 0, 1, 0, 0, 0, 2];
        packet.extend_from_slice(body);
        check_rtcp(&packet);
        // A count that the bytes can fulfil.
        if let Some(high) = packet.get_mut(14) {
            *high = 0;
        }
        check_rtcp(&packet);
    });
}

/// Every packet it is about is told of, in order.
fn check_feedback(feedback: &TransportFeedback<'_>) {
    let sequences = feedback.arrivals().map(|(sequence, _)| sequence);
    let expected = (0..feedback.count).map(|at| feedback.base.wrapping_add(at));
    assert!(sequences.eq(expected));
}

#[test]
fn twcc_recorder() {
    fuzz!(|input: &[u8]| {
        let mut now = Instant::now();
        let mut recorder = Recorder::new();
        let mut out = Vec::new();
        for step in input.chunks_exact(4) {
            now += Duration::from_micros(u64::from(step[0]).pow(3));
            let sequence = if step[1] < 200 { [0, step[2]] } else { [step[2], step[3]] };
            recorder.record(now, u16::from_be_bytes(sequence));
            if step[3] == 0 {
                check_written(&mut recorder, &mut out);
            }
        }
        check_written(&mut recorder, &mut out);
    });
}

/// What is written fits a datagram and is read back, and after a few feedbacks all is told.
fn check_written(recorder: &mut Recorder, out: &mut Vec<u8>) {
    for _ in 0..=1024 {
        out.clear();
        if !recorder.write_feedback(out, 1, 2) {
            return;
        }
        assert!(out.len() <= 1200);
        let mut packets = rtcp::packets(out);
        let Some(Packet::TransportFeedback(feedback)) = packets.next() else {
            panic!("not feedback: {out:?}");
        };
        check_feedback(&feedback);
        assert!(feedback.arrivals().any(|(_, at)| at.is_some()));
        assert!(packets.next().is_none());
    }
    panic!("feedback without an end");
}

#[test]
fn every_codec() {
    fuzz!(|input: &[u8]| {
        let (descriptor, payload) = input.split_at(input.len() / 8);
        check_codecs(payload, descriptor);
        // Units of H.264 behind each other, each with its length: STAP-A.
        let mut units = vec![24];
        for unit in payload.chunks(5) {
            units.extend_from_slice(&[0, unit.len() as u8]);
            units.extend_from_slice(unit);
        }
        check_codecs(&units, descriptor);
    });
}

fn check_codecs(payload: &[u8], descriptor: &[u8]) {
    for codec in CODECS {
        for descriptor in [None, Some(descriptor)] {
            let info = describe(codec, payload, descriptor);
            assert!(info.first || !info.keyframe, "a keyframe in the middle of a frame");
        }
    }
}

#[test]
fn vp8_patch() {
    fuzz!(|input: &[u8]| {
        let (counters, payload) = input.split_at(input.len().min(3));
        let &[high, low, tl0] = counters else { return };
        let Some(ids) = describe(Codec::Vp8, payload, None).vp8 else { return };
        let mut patched = payload.to_vec();
        vp8::patch(&mut patched, &ids, u16::from_be_bytes([high, low]), tl0);
        check_patched(payload, &patched, tl0);
        // The payload that was described may not be the one that is patched.
        for len in 0..payload.len().min(6) {
            vp8::patch(&mut patched[..len], &ids, 0, 0);
        }
    });
}

fn check_patched(before: &[u8], after: &[u8], tl0: u8) {
    let changed = before.iter().zip(after).filter(|(before, after)| before != after);
    assert!(changed.count() <= 3, "a picture id and TL0PICIDX");
    let (before, after) = (describe(Codec::Vp8, before, None), describe(Codec::Vp8, after, None));
    let without_ids = |info: FrameInfo| FrameInfo { vp8: None, ..info };
    assert_eq!(without_ids(after), without_ids(before));
    assert_eq!(after.vp8.and_then(|ids| ids.tl0), before.vp8.and_then(|ids| ids.tl0.map(|_| tl0)));
}
