use super::stage::{
    AUDIO_LEVEL, Encoder, FRAME, KEYFRAME, MID, PAYLOAD_TYPE, Part, REPAIRED_RID, RID,
    RTX_PAYLOAD_TYPE, claim, extensions, ms, receive, repair, track,
};
use super::*;
use crate::rtcp::{Packet, packets};
use crate::rtp::{self, Fields};

fn feedback(track: &mut Track, now: Instant) -> (Vec<u16>, Vec<u32>) {
    let mut out = Vec::new();
    let asked = track.write_feedback(now, 1, &mut out);
    let (mut lost, mut keyframes) = (Vec::new(), Vec::new());
    for packet in packets(&out) {
        match packet {
            Packet::Nack { lost: sequences, .. } => lost.extend(sequences),
            Packet::Pli { media, .. } => keyframes.push(media),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((asked.packets, asked.keyframes), (lost.len(), keyframes.len()));
    (lost, keyframes)
}

#[test]
fn a_packet_is_received_once() {
    let now = Instant::now();
    let mut track = track(Codec::Vp8, 1);
    let packet = Encoder::new(0).packet(KEYFRAME);
    let received = receive(&mut track, now, &packet).unwrap();
    assert!(received.info.keyframe);
    let stored = track.layers().get(0).unwrap().stored(received.index).unwrap();
    assert_eq!(stored.payload(), Header::read(&packet).unwrap().payload(&packet));
    let header = Header::read(&packet).unwrap();
    assert_eq!(track.handle_rtp(now, claim(0), &header, &packet).unwrap_err(), Discard::Stale);
}

#[test]
fn a_lost_packet_is_asked_for_and_its_repair_is_the_packet() {
    let now = Instant::now();
    let mut track = track(Codec::Vp8, 1);
    let mut encoder = Encoder::new(0);
    receive(&mut track, now, &encoder.packet(KEYFRAME)).unwrap();
    let lost = encoder.packet(FRAME);
    let after = receive(&mut track, now, &encoder.packet(FRAME)).unwrap();
    assert_eq!(feedback(&mut track, now + ms(10)).0, [20_001]);
    let repaired = receive(&mut track, now + ms(30), &repair(&lost, 7)).unwrap();
    assert_eq!(repaired.index, after.index - 1);
    assert_eq!(repaired.header.sequence, 20_001);
    assert_eq!((repaired.header.ssrc, repaired.header.payload_type), (10, PAYLOAD_TYPE));
    let stored = track.layers().get(0).unwrap().stored(repaired.index).unwrap();
    assert_eq!(stored.payload(), Header::read(&lost).unwrap().payload(&lost));
    assert_eq!(stored.info.frame, after.info.frame.map(|after| after - 1));
    assert!(feedback(&mut track, now + ms(500)).0.is_empty());
    assert!(receive(&mut track, now + ms(31), &repair(&lost, 8)).is_none(), "it probes");
}

#[test]
fn repairs_that_carry_nothing_only_probe() {
    let now = Instant::now();
    let mut track = track(Codec::Vp8, 1);
    receive(&mut track, now, &Encoder::new(0).packet(KEYFRAME)).unwrap();
    let fields = Fields {
        marker: false,
        payload_type: RTX_PAYLOAD_TYPE,
        sequence: 1,
        timestamp: 0,
        ssrc: 20,
    };
    let mut padding = Vec::new();
    rtp::write(&mut padding, &fields, std::iter::empty(), &[], 200);
    assert!(receive(&mut track, now, &padding).is_none());
}

#[test]
fn a_payload_type_that_was_not_negotiated_is_refused() {
    let now = Instant::now();
    let mut track = track(Codec::Vp8, 1);
    let mut packet = Encoder::new(0).packet(KEYFRAME);
    packet[1] = 0x80 | 50;
    let header = Header::read(&packet).unwrap();
    for repair in [false, true] {
        let result = track.handle_rtp(now, Claim { layer: 0, repair }, &header, &packet);
        assert_eq!(result.unwrap_err(), Discard::UnknownPayloadType);
    }
}

#[test]
fn audio_losses_are_not_asked_for() {
    let now = Instant::now();
    let mut track = track(Codec::Opus, 1);
    let mut encoder = Encoder::new(0);
    receive(&mut track, now, &encoder.wrap(false, &[1])).unwrap();
    encoder.wrap(false, &[2]);
    receive(&mut track, now, &encoder.wrap(false, &[3])).unwrap();
    assert_eq!(feedback(&mut track, now + ms(100)), (vec![], vec![]));
}

#[test]
fn a_storm_of_wishes_is_one_keyframe_request() {
    let now = Instant::now();
    let mut track = track(Codec::Vp8, 2);
    for layer in 0..2 {
        receive(&mut track, now, &Encoder::new(layer).packet(FRAME)).unwrap();
    }
    let mut asked = Vec::new();
    for at in 0..30 {
        (0..50).for_each(|_| track.request_keyframe(1));
        asked.extend(feedback(&mut track, now + ms(10 * at)).1);
    }
    assert_eq!(asked, [11]);
}

#[test]
fn a_muted_track_is_received_and_not_forwarded() {
    let now = Instant::now();
    let mut track = track(Codec::Vp8, 1);
    let mut encoder = Encoder::new(0);
    track.mute(true);
    assert!(receive(&mut track, now, &encoder.packet(KEYFRAME)).is_none());
    track.request_keyframe(0);
    assert!(feedback(&mut track, now).1.is_empty());
    track.mute(false);
    assert!(receive(&mut track, now, &encoder.packet(KEYFRAME)).is_some());
    assert_eq!(track.reports(now).next().unwrap().lost, 0);
}

fn named(ssrc: u32, payload_type: u8, names: &[(u8, &[u8])]) -> Vec<u8> {
    let fields = Fields { marker: false, payload_type, sequence: 1, timestamp: 1, ssrc };
    let mut packet = Vec::new();
    rtp::write(&mut packet, &fields, names.iter().copied(), &[1, 2, 3], 0);
    packet
}

#[test]
fn unknown_streams_are_claimed_by_section_and_layer() {
    let mut track = track(Codec::Vp8, 0);
    track.renegotiate(&Publication {
        track: "TR_a".into(),
        mid: "5".into(),
        formats: vec![Incoming {
            codec: Codec::Vp8,
            payload_type: PAYLOAD_TYPE,
            rtx_payload_type: Some(RTX_PAYLOAD_TYPE),
        }],
        extensions: extensions(),
        nack: true,
        ssrcs: Vec::new(),
        rids: vec!["q".into()],
    });
    let claimed = |names: &[(u8, &[u8])]| {
        let packet = named(99, PAYLOAD_TYPE, names);
        track.claims(&Header::read(&packet).unwrap(), &packet)
    };
    let own = Some(Claim { layer: 0, repair: false });
    let repair = Some(Claim { layer: 0, repair: true });
    assert_eq!(claimed(&[(MID, b"5"), (RID, b"q")]), own);
    assert_eq!(claimed(&[(MID, b"5"), (REPAIRED_RID, b"q")]), repair);
    assert_eq!(claimed(&[(MID, b"5")]), own);
    assert_eq!(claimed(&[(MID, b"6"), (RID, b"q")]), None, "another section");
    assert_eq!(claimed(&[(MID, b"5"), (RID, b"f")]), None, "no such layer");
    assert_eq!(claimed(&[(RID, b"q")]), None, "no section");
    assert_eq!(claimed(&[(AUDIO_LEVEL, b"5")]), None);
}

#[test]
fn declared_streams_are_claimed_by_ssrc() {
    let track = track(Codec::Vp8, 3);
    let claimed = |ssrc| {
        let packet = named(ssrc, PAYLOAD_TYPE, &[]);
        track.claims(&Header::read(&packet).unwrap(), &packet)
    };
    assert_eq!(claimed(12), Some(Claim { layer: 2, repair: false }));
    assert_eq!(claimed(21), Some(Claim { layer: 1, repair: true }));
    assert_eq!(claimed(30), None);
}

#[test]
fn a_silent_layer_is_away_and_a_still_screen_is_not() {
    let start = Instant::now();
    let mut track = track(Codec::Vp8, 2);
    let mut encoders = [Encoder::new(0), Encoder::new(1)];
    // Both once a second.
    for second in 0..5 {
        for (layer, encoder) in encoders.iter_mut().enumerate() {
            let now = start + ms(1000 * second + layer as u64);
            receive(&mut track, now, &encoder.packet(FRAME));
            assert_eq!(track.layers().best(now, 1), u8::from(second > 0 || layer > 0));
        }
    }
    // The higher one stops.
    let stop = start + ms(5000);
    for frame in 0..30 {
        receive(&mut track, stop + ms(33 * frame), &encoders[0].packet(FRAME));
    }
    assert_eq!(track.layers().best(stop + ms(960), 1), 0);
}

#[test]
fn a_subscriber_gets_no_more_than_it_shows() {
    use beckon_sfu_api::{Preference, Quality};
    let track = track(Codec::Vp8, 3);
    let layer = |quality, size| track.layer_for(&Preference { enabled: true, quality, size });
    assert_eq!(layer(Quality::High, None), 2);
    assert_eq!(layer(Quality::Medium, None), 1);
    assert_eq!(layer(Quality::Low, Some((4000, 4000))), 0);
    assert_eq!(layer(Quality::High, Some((300, 170))), 0);
    assert_eq!(layer(Quality::High, Some((345, 190))), 0, "scaled up a little");
    assert_eq!(layer(Quality::High, Some((600, 400))), 1);
    assert_eq!(layer(Quality::High, Some((200, 700))), 0, "as wide as it is shown");
    assert_eq!(layer(Quality::High, Some((4000, 4000))), 2);
}

#[test]
fn another_stream_in_a_layer_is_a_new_beginning() {
    let now = Instant::now();
    let mut track = track(Codec::Vp8, 1);
    let mut encoder = Encoder::new(0);
    let before = receive(&mut track, now, &encoder.packet(KEYFRAME)).unwrap();
    let mut packet = encoder.packet(Part { keyframe: true, ..FRAME });
    packet[8..12].copy_from_slice(&77u32.to_be_bytes());
    let header = Header::read(&packet).unwrap();
    let after = track.handle_rtp(now, claim(0), &header, &packet).unwrap().unwrap();
    assert!(after.epoch > before.epoch && after.index > before.index);
    track.request_keyframe(0);
    let mut out = Vec::new();
    track.layers.get_mut(0).unwrap().keyframes.request();
    assert_eq!(track.write_feedback(now, 1, &mut out).keyframes, 1);
    assert!(matches!(packets(&out).next(), Some(Packet::Pli { media: 77, .. })));
}

#[test]
fn a_track_is_in_the_codec_of_its_packets() {
    let mut track = track(Codec::Vp8, 1);
    let vp8 = track.formats[0];
    let h264 = Incoming { codec: Codec::H264, payload_type: 102, rtx_payload_type: Some(103) };
    (track.formats, track.is_known) = (vec![vp8, h264], false);
    let own = Claim { layer: 0, repair: false };
    let header = |payload_type| {
        let packet = named(10, payload_type, &[]);
        Header::read(&packet).unwrap()
    };
    assert!(track.is_news(own, &header(PAYLOAD_TYPE)), "nobody knows yet");
    assert!(!track.is_news(Claim { repair: true, ..own }, &header(103)), "repairs say nothing");
    assert_eq!(track.identify(PAYLOAD_TYPE), Ok(false));
    assert!(!track.is_news(own, &header(PAYLOAD_TYPE)));
    assert!(track.is_news(own, &header(102)));
    assert_eq!(track.identify(102), Ok(true));
    assert_eq!(
        (track.codec(), track.payload_type, track.rtx_payload_type),
        (Codec::H264, 102, Some(103))
    );
    assert_eq!(track.claims(&header(103), &named(10, 103, &[])), Some(own), "the SSRC stays");
    assert_eq!(track.identify(99), Err(Discard::UnknownPayloadType));
    let changes = (0..20).map(|at| track.identify(if at % 2 == 0 { PAYLOAD_TYPE } else { 102 }));
    assert!(changes.last().unwrap() == Err(Discard::TooMany), "it does not go on for ever");
}

#[test]
fn a_later_description_leaves_the_codec_as_the_packets_told_it() {
    let mut track = track(Codec::Vp8, 1);
    let vp8 = Incoming { codec: Codec::Vp8, payload_type: 120, rtx_payload_type: None };
    let h264 = Incoming { codec: Codec::H264, payload_type: 126, rtx_payload_type: Some(127) };
    track.formats.push(Incoming { payload_type: 102, ..h264 });
    assert_eq!(track.identify(102), Ok(true));
    track.renegotiate(&Publication {
        track: "TR_a".into(),
        mid: "5".into(),
        formats: vec![vp8, h264],
        extensions: extensions(),
        nack: true,
        ssrcs: vec![(10, None)],
        rids: Vec::new(),
    });
    assert_eq!(
        (track.codec(), track.payload_type, track.rtx_payload_type),
        (Codec::H264, 126, Some(127))
    );
}
