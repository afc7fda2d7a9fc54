use std::sync::Arc;

use beckon_sfu_api::{Codec, Kind, Refused, Source};

use super::{
    CHROMIUM_FIRST, CHROMIUM_ONE_LAYER, CHROMIUM_PUBLISHER, CHROMIUM_SIMULCAST, FIREFOX_FIRST,
    FIREFOX_SIMULCAST, OFFERS, Us, announced, assert_lines, carried, mids, read, section, wanted,
};
use crate::extension::Extension;
use crate::negotiation::sdp::{Direction, Setup};
use crate::negotiation::{Answered, Answerer, Binding, Local, Wanted};
use crate::role::Role;

/// The first answer of a connection.
fn answer(offer: &str, announced: &[super::Announced], wanted: &[Wanted]) -> Answered {
    Answerer::new().answer(&read(offer).into(), &Us::new().local(), announced, wanted)
}

#[test]
fn every_browsers_offer_is_answered_in_its_order_in_one_bundle() {
    for offer in OFFERS {
        let text = answer(offer, &[], &[]).sdp;
        let (offer, answer) = (read(offer), read(&text));
        assert_eq!(mids(&answer), mids(&offer));
        assert!(text.contains(&format!("a=group:BUNDLE {}\r\n", mids(&offer).join(" "))));
        assert!(text.contains("a=ice-lite\r\n"));
        assert_eq!(answer.setup, Setup::Passive);
        assert!(answer.sections.iter().all(|section| !section.rejected));
        assert!(answer.sections.iter().all(|section| section.kind().is_none() || section.direction == Direction::Inactive));
    }
}

#[test]
fn an_offer_of_nothing_is_answered_so_that_it_can_be_read() {
    let closed = CHROMIUM_FIRST.replace("a=group:BUNDLE", "a=group:BUNDLE none\r\na=x:");
    let answered = read(&answer(&closed, &[], &[]).sdp);
    assert!(answered.sections.iter().all(|section| section.rejected));
}

#[test]
fn our_addresses_stand_in_the_first_section_alone() {
    let us = Us::new();
    let text = answer(CHROMIUM_FIRST, &[], &[]).sdp;
    assert_eq!(read(&text).candidates, us.candidates);
    assert_eq!(text.matches("a=candidate:").count(), 2);
    assert_eq!(text.matches("a=end-of-candidates").count(), 1);
    assert!(
        section(&text, "0").contains("a=candidate:1 1 udp 2130706431 192.0.2.1 7882 typ host\r\n")
    );
}

#[test]
fn idle_sections_accept_what_later_ones_need() {
    let answered = read(&answer(CHROMIUM_SIMULCAST, &[], &[]).sdp);
    let video = &answered.sections[3].extensions;
    for needed in [
        Extension::Mid,
        Extension::Rid,
        Extension::RepairedRid,
        Extension::TransportCc,
        Extension::VideoOrientation,
        Extension::ColorSpace,
    ] {
        assert!(video.id(needed).is_some(), "{needed:?}");
    }
    assert_eq!(answered.sections[0].extensions.id(Extension::AudioLevel), Some(1));
}

#[test]
fn layers_are_received_lowest_first() {
    let tracks = [announced("TR_v", "other", Codec::Vp8), announced("TR_a", "other", Codec::Opus)];
    let answered = answer(CHROMIUM_SIMULCAST, &tracks, &[]);
    let [audio, video] = &answered.published[..] else { panic!("{:?}", answered.published) };
    assert_eq!(
        (audio.track.as_str(), audio.mid.as_str(), audio.preferred().payload_type),
        ("TR_a", "7", 111)
    );
    assert_eq!(audio.ssrcs.len(), 1);
    assert_eq!(
        (video.track.as_str(), video.mid.as_str(), video.codec()),
        ("TR_v", "8", Codec::Vp8)
    );
    assert_eq!(
        (video.preferred().payload_type, video.preferred().rtx_payload_type),
        (96, Some(97))
    );
    assert_eq!(video.rids, ["q", "h", "f"]);
    assert!(video.ssrcs.is_empty() && video.extensions.id(Extension::TransportCc).is_some());
    let text = section(&answered.sdp, "8");
    assert!(text.contains("a=recvonly\r\n"));
    assert!(
        text.contains("a=rid:q recv\r\na=rid:h recv\r\na=rid:f recv\r\na=simulcast:recv q;h;f\r\n")
    );
}

#[test]
fn layers_in_another_order_are_received_lowest_first_with_their_ssrcs() {
    let backwards = FIREFOX_SIMULCAST.replace(
        "a=rid:q send\r\na=rid:h send\r\na=rid:f send",
        "a=rid:f send\r\na=rid:h send\r\na=rid:q send",
    );
    let tracks = [announced("TR_v", "{a}", Codec::Vp8)];
    let answered = answer(&backwards, &tracks, &[]);
    let mut ssrcs = read(FIREFOX_SIMULCAST).sections[8].ssrcs.clone();
    ssrcs.reverse();
    assert_eq!(answered.published[0].rids, ["q", "h", "f"]);
    assert_eq!(answered.published[0].ssrcs, ssrcs);
}

#[test]
fn firefox_has_numbers_of_its_own() {
    let tracks = [announced("TR_v", "{v}", Codec::Vp8), announced("TR_a", "{a}", Codec::Opus)];
    let answered = answer(FIREFOX_SIMULCAST, &tracks, &[]);
    let numbers: Vec<_> = answered
        .published
        .iter()
        .map(|track| (track.track.as_str(), track.preferred().payload_type))
        .collect();
    assert_eq!(numbers, [("TR_a", 109), ("TR_v", 120)]);
    assert_eq!(answered.published[1].ssrcs.len(), 3);
    assert!(!answered.sdp.contains("\r\nm=video 0 "), "a section of the bundle has a port");
    // its limits as a receiver are not ours
    assert!(!answered.sdp.contains("max-fs"));
}

#[test]
fn a_published_section_has_the_codec_that_was_announced_if_it_can() {
    let table = [
        (CHROMIUM_ONE_LAYER, Codec::Vp8, (Codec::Vp8, 96, Some(97)), None),
        (CHROMIUM_ONE_LAYER, Codec::Vp9, (Codec::Vp9, 98, Some(99)), Some("profile-id=0")),
        (
            CHROMIUM_ONE_LAYER,
            Codec::Av1,
            (Codec::Av1, 45, Some(46)),
            Some("level-idx=5;profile=0;tier=0"),
        ),
        (
            CHROMIUM_ONE_LAYER,
            Codec::H264,
            (Codec::H264, 108, Some(109)),
            Some("level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"),
        ),
        (FIREFOX_SIMULCAST, Codec::Av1, (Codec::Av1, 99, Some(100)), None),
        (FIREFOX_SIMULCAST, Codec::H264, (Codec::Vp8, 120, Some(124)), None),
    ];
    for (offer, announces, expected, parameters) in table {
        let answered = answer(offer, &[announced("TR_v", "x", announces)], &[]);
        let first = answered.published[0].preferred();
        assert_eq!((first.codec, first.payload_type, first.rtx_payload_type), expected);
        let section = &read(&answered.sdp).sections[8];
        assert_eq!(section.offers[0].parameters, parameters.unwrap_or_default());
    }
}

#[test]
fn a_track_without_a_codec_that_we_know_is_refused_and_its_section_too() {
    let offer = CHROMIUM_PUBLISHER
        .replace("opus/48000/2", "ISAC/16000")
        .replace("red/48000/2", "G722/8000");
    let answered = answer(&offer, &[announced("TR_a", "x", Codec::Opus)], &[]);
    assert_eq!(answered.refused, [("TR_a".into(), Refused::Codec)]);
    assert!(answered.published.is_empty());
    assert!(answered.sdp.contains("\r\nm=audio 0 UDP/TLS/RTP/SAVPF 111"));
    assert!(answered.sdp.contains("a=group:BUNDLE 1\r\n"));
}

#[test]
fn congestion_feedback_is_taken_with_its_numbers_or_not_at_all() {
    let tracks = [announced("TR_a", "x", Codec::Opus)];
    let numbers = format!("a=extmap:3 {}\r\n", Extension::TransportCc.uri());
    let answered = answer(CHROMIUM_PUBLISHER, &tracks, &[]);
    assert!(answered.published[0].extensions.id(Extension::TransportCc).is_some());
    for missing in [numbers.as_str(), "a=rtcp-fb:111 transport-cc\r\n"] {
        assert!(CHROMIUM_PUBLISHER.contains(missing));
        let answered = answer(&CHROMIUM_PUBLISHER.replace(missing, ""), &tracks, &[]);
        assert_eq!(answered.published[0].extensions.id(Extension::TransportCc), None);
        assert!(!answered.sdp.contains("transport-cc") && !answered.sdp.contains(&numbers));
    }
}

#[test]
fn a_microphone_is_received_as_it_is_announced_and_other_sound_as_it_is_offered() {
    let offer = CHROMIUM_PUBLISHER.replace("useinbandfec=1", "useinbandfec=1;stereo=1");
    let sources = [
        (Source::Microphone, false, "minptime=10;useinbandfec=1"),
        (Source::Microphone, true, "minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1"),
        (Source::ScreenShareAudio, false, "minptime=10;useinbandfec=1;stereo=1"),
        (Source::ScreenShareAudio, true, "minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1"),
    ];
    for (source, stereo, parameters) in sources {
        let track = super::Announced { source, stereo, ..announced("TR_a", "x", Codec::Opus) };
        let answered = answer(&offer, &[track], &[]);
        assert_eq!(read(&answered.sdp).sections[0].offers[0].parameters, parameters);
    }
}

#[test]
fn a_bit_rate_to_start_with_is_granted() {
    let line = "a=rtpmap:96 VP8/90000\r\n";
    let offer = CHROMIUM_FIRST
        .replace(line, &format!("{line}a=fmtp:96 max-fr=60;x-google-start-bitrate=1200\r\n"));
    let answered = read(&answer(&offer, &[], &[]).sdp);
    assert_eq!(answered.sections[3].offers[0].parameters, "x-google-start-bitrate=1200");
}

#[test]
fn subscribed_tracks_go_out_in_the_clients_numbers() {
    let wanted = [
        wanted("TR_a", Codec::Opus, 10),
        wanted("TR_v", Codec::Vp8, 20),
        wanted("TR_x", Codec::Vp9, 30),
    ];
    let numbers = [(CHROMIUM_FIRST, [111, 96, 98]), (FIREFOX_FIRST, [109, 120, 121])];
    for (offer, payload_types) in numbers {
        let answered = answer(offer, &[], &wanted);
        assert_eq!(carried(&answered.mids), [("0", "TR_a"), ("3", "TR_v"), ("4", "TR_x")]);
        let bound: Vec<u8> = answered.bound.iter().map(|bound| bound.payload_type).collect();
        assert_eq!(bound, payload_types);
        let numbered = |bound: &Binding| bound.extensions.id(Extension::TransportCc).is_some();
        assert!(answered.bound.iter().all(numbered));
        let lines = [
            "a=sendonly",
            "a=msid:PA_ann|camera TR_v",
            "a=ssrc-group:FID 20 21",
            "a=ssrc:20 cname:PA_ann",
            "a=ssrc:20 msid:PA_ann|camera TR_v",
            "a=ssrc:21 cname:PA_ann",
        ];
        assert_lines(section(&answered.sdp, "3"), &lines);
        assert!(section(&answered.sdp, "0").contains("a=msid:PA_ann|camera TR_a\r\n"));
    }
}

#[test]
fn a_shared_screen_and_its_sound_are_a_stream_of_their_own() {
    let mut screen = wanted("TR_s", Codec::Vp8, 20);
    screen.source = Source::ScreenShare;
    let mut sound = wanted("TR_t", Codec::Opus, 30);
    sound.source = Source::ScreenShareAudio;
    let answered = answer(CHROMIUM_FIRST, &[], &[screen, sound]);
    assert!(section(&answered.sdp, "3").contains("a=msid:PA_ann|screen TR_s\r\n"));
    assert!(section(&answered.sdp, "0").contains("a=msid:PA_ann|screen TR_t\r\n"));
}

#[test]
fn a_descriptor_goes_out_with_any_codec() {
    let uri = format!("a=mid:3\r\na=extmap:12 {}", Extension::DependencyDescriptor.uri());
    let offer = CHROMIUM_FIRST.replace("a=mid:3", &uri);
    for codec in [Codec::Vp8, Codec::Av1] {
        let answered = answer(&offer, &[], &[wanted("TR_v", codec, 1)]);
        assert_eq!(answered.bound[0].mid, "3");
        assert_eq!(answered.bound[0].extensions.id(Extension::DependencyDescriptor), Some(12));
    }
}

#[test]
fn what_the_client_rejects_or_we_do_not_know_is_rejected_in_its_own_words() {
    let second = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:7\r\n";
    let text = "m=text 9 RTP/AVP 98\r\na=mid:8\r\n";
    let offer = CHROMIUM_FIRST.replace("BUNDLE 0 1 2 3 4 5 6", "BUNDLE 1 2 3 4 5 6 7 8").replacen(
        "m=audio 9 ",
        "m=audio 0 ",
        1,
    ) + second
        + text;
    let answered = answer(&offer, &[], &[]).sdp;
    assert!(answered.contains("a=group:BUNDLE 1 2 3 4 5 6\r\n"));
    assert!(answered.contains("m=audio 0 UDP/TLS/RTP/SAVPF 111 63 126\r\n"));
    assert!(answered.contains("m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n"));
    assert!(answered.contains("m=text 0 RTP/AVP 98\r\n"));
    assert!(section(&answered, "1").contains("a=candidate:"));
    assert_eq!(mids(&read(&answered)), ["0", "1", "2", "3", "4", "5", "6", "7", "8"]);
}

#[test]
fn an_answer_says_which_side_of_dtls_we_are() {
    let offer = Arc::new(read(CHROMIUM_FIRST));
    let us = Us::new();
    for (role, says) in [(Role::Client, Setup::Active), (Role::Server, Setup::Passive)] {
        let local = Local { role: Some(role), ..us.local() };
        let answered = Answerer::new().answer(&offer, &local, &[], &[]);
        assert_eq!(read(&answered.sdp).setup, says);
    }
}

#[test]
fn nothing_that_a_publisher_wrote_reaches_a_subscriber() {
    let offer = CHROMIUM_PUBLISHER
        .replace("useinbandfec=1", "useinbandfec=1;evil=1")
        .replace("cname:", "cname:evil")
        .replace("a=sendonly", "a=sendonly\r\na=evil:1");
    let published = answer(&offer, &[announced("TR_a", "evil", Codec::Opus)], &[]).published;
    let wanted = Wanted { kind: Kind::Audio, ..wanted("TR_a", published[0].codec(), 1) };
    assert!(!answer(CHROMIUM_FIRST, &[], &[wanted]).sdp.contains("evil"));
}

/// pion knows us by what the first sections of a connection are answered with.
#[test]
fn sections_without_a_track_and_those_of_subscribers_take_every_codec_that_is_offered() {
    let film = wanted("TR_v", Codec::H264, 20);
    let answered = answer(CHROMIUM_FIRST, &[], &[film]);
    let session = read(&answered.sdp);
    let offer = read(CHROMIUM_FIRST);
    for (section, offered) in session.sections.iter().zip(&offer.sections) {
        let formats = |of: &crate::negotiation::sdp::Section| {
            let formats = of.offers.iter().map(|it| (it.payload_type, it.rtx, it.feedback));
            let mut formats: Vec<_> = formats.collect();
            formats.sort_by_key(|(payload_type, ..)| *payload_type);
            formats
        };
        assert_eq!(formats(section), formats(offered), "{}", section.mid);
    }
    assert_eq!(answered.bound[0].mid, "3");
    assert_eq!(session.sections[3].offers[0].codec, Codec::H264, "its own is the first");
    assert_eq!(session.sections[4].offers[0].codec, offer.sections[4].offers[0].codec);
}

/// The ids of a section, moved beyond what a one-byte element can have.
fn above_fourteen(offer: &str) -> String {
    let moved = |line: &str| match line.strip_prefix("a=extmap:").and_then(|it| it.split_once(' '))
    {
        Some((id, uri)) => format!("a=extmap:{} {uri}\r\n", id.parse::<u8>().unwrap() + 14),
        None => format!("{line}\r\n"),
    };
    offer.lines().map(moved).collect()
}

#[test]
fn extensions_with_ids_above_fourteen_are_taken() {
    let offer = above_fourteen(CHROMIUM_SIMULCAST);
    let tracks = [announced("TR_v", "other", Codec::Vp8), announced("TR_a", "other", Codec::Opus)];
    let answered = answer(&offer, &tracks, &[wanted("TR_w", Codec::Vp8, 1)]);
    let low = answer(CHROMIUM_SIMULCAST, &tracks, &[wanted("TR_w", Codec::Vp8, 1)]);
    let video = &answered.published[1];
    for extension in Extension::ALL {
        let moved = low.published[1].extensions.id(extension).map(|id| id + 14);
        assert_eq!(video.extensions.id(extension), moved, "{extension:?}");
        let moved = low.bound[0].extensions.id(extension).map(|id| id + 14);
        assert_eq!(answered.bound[0].extensions.id(extension), moved, "{extension:?}");
    }
    let rid = format!("a=extmap:24 {}\r\n", Extension::Rid.uri());
    assert!(section(&answered.sdp, "8").contains(&rid), "{}", answered.sdp);
    assert!(section(&answered.sdp, "8").contains("a=simulcast:recv q;h;f\r\n"));
}

#[test]
fn layers_that_nothing_tells_apart_are_not_agreed_to() {
    let tracks = [announced("TR_v", "other", Codec::Vp8)];
    for unnamed in [Extension::Mid, Extension::Rid] {
        let offer = CHROMIUM_SIMULCAST.replace(unnamed.uri(), "urn:x");
        let answered = answer(&offer, &tracks, &[]);
        assert!(answered.published[0].rids.is_empty());
        assert!(!answered.sdp.contains("a=simulcast") && !answered.sdp.contains("a=rid"));
    }
    let declared = FIREFOX_SIMULCAST.replace(Extension::Rid.uri(), "urn:x");
    let answered = answer(&declared, &[announced("TR_v", "{v}", Codec::Vp8)], &[]);
    assert_eq!(answered.published[0].rids.len(), 3, "their SSRCs do");
}
