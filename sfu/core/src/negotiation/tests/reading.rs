use beckon_sfu_api::{Codec, Kind, Refused};

use super::{CHROMIUM_FIRST, CHROMIUM_ONE_LAYER, FIREFOX_SIMULCAST, OFFERS, mids, read};
use crate::extension::Extension;
use crate::negotiation::sdp::{self, Direction, Media, SECTIONS_MAX, Setup, TEXT_MAX};

#[test]
fn a_browsers_first_offer_is_understood() {
    let offer = read(CHROMIUM_FIRST);
    assert_eq!((offer.ufrag.len(), offer.pwd.len()), (4, 24));
    assert!(offer.fingerprint.starts_with("sha-256 ") && offer.fingerprint.len() == 103);
    assert_eq!(offer.setup, Setup::Either);
    assert!(offer.mixed_extensions);
    assert_eq!(mids(&offer), ["0", "1", "2", "3", "4", "5", "6"]);
    let kinds: Vec<Media> = offer.sections.iter().map(|section| section.media).collect();
    let (audio, video) = (Media::Rtp(Kind::Audio), Media::Rtp(Kind::Video));
    assert_eq!(kinds, [audio, audio, audio, video, video, video, Media::Data]);
    let video = &offer.sections[3];
    assert_eq!(video.direction, Direction::Receive);
    assert_eq!(video.extensions.id(Extension::Rid), Some(10));
    let vp8 = &video.offers[0];
    assert_eq!((vp8.payload_type, vp8.codec, vp8.rtx), (96, Codec::Vp8, Some(97)));
    assert!(vp8.feedback.transport_cc && vp8.feedback.fir && vp8.feedback.nack && vp8.feedback.pli);
}

#[test]
fn no_section_of_a_browser_is_rejected() {
    // Firefox offers sections of a bundle with port 0
    for offer in OFFERS.map(read) {
        assert!(offer.sections.iter().all(|section| !section.rejected));
    }
}

#[test]
fn streams_are_told_from_their_repair() {
    let camera = &read(CHROMIUM_ONE_LAYER).sections[8];
    assert_eq!(camera.ssrcs.len(), 1);
    assert!(camera.ssrcs[0].1.is_some());
    let camera = &read(FIREFOX_SIMULCAST).sections[8];
    assert_eq!(camera.ssrcs.len(), 3);
    assert_eq!(camera.rids, ["q", "h", "f"]);
    assert!(camera.simulcast);
}

/// Chromium's first offer with one thing different.
fn but(from: &str, to: &str) -> String {
    assert!(CHROMIUM_FIRST.contains(from), "nothing to change: {from}");
    CHROMIUM_FIRST.replace(from, to)
}

fn without(name: &str) -> String {
    let lines = CHROMIUM_FIRST.lines().filter(|line| !line.starts_with(name));
    lines.collect::<Vec<_>>().join("\r\n")
}

#[test]
fn what_cannot_be_answered_is_refused() {
    let section = "m=text 9 UDP/TLS/RTP/SAVPF 98\r\na=mid:";
    let many: String = (0..SECTIONS_MAX).map(|mid| format!("\r\n{section}x{mid}")).collect();
    let layers: String = (0..97).map(|rid| format!("\r\na=rid:l{rid} send")).collect();
    let table = [
        ("", Refused::Malformed),
        ("hello", Refused::Malformed),
        (&without("a=ice-ufrag"), Refused::Malformed),
        (&without("a=ice-pwd"), Refused::Malformed),
        (&without("a=fingerprint"), Refused::Malformed),
        (&without("a=mid"), Refused::Malformed),
        (&but("sha-256", "sha-1"), Refused::Malformed),
        (&but("E7:8D", "E78D"), Refused::Malformed),
        (&but("E7:8D", "G1:E5"), Refused::Malformed),
        (&but("a=setup:actpass", "a=setup:both"), Refused::Malformed),
        (&but("a=mid:1", "a=mid:0"), Refused::Malformed),
        (&but("a=mid:1", "a=mid:<1>"), Refused::Malformed),
        (&but("a=mid:1", "a=mid:"), Refused::Malformed),
        (&but("a=mid:1", &format!("a=mid:{}", "m".repeat(65))), Refused::Malformed),
        (&but("a=mid:1", "a=mid:1\r\na=rid:b\u{e9} send"), Refused::Malformed),
        (&but("a=mid:1", "a=mid:1\r\na=ssrc:-1 cname:x"), Refused::Malformed),
        (&but("a=ice-ufrag:", "a=ice-ufrag: "), Refused::Malformed),
        (&but("s=-", "s=\u{0}"), Refused::Malformed),
        (&but("s=-", "s=a\rb"), Refused::Malformed),
        (&but("s=-", &format!("s={}", "a".repeat(50_000))), Refused::Malformed),
        (
            &but("m=audio 9 UDP/TLS/RTP/SAVPF 111", "m=audio 9 UDP/TLS/RTP/SAVPF 311"),
            Refused::Malformed,
        ),
        (&but("m=audio 9 UDP/TLS/RTP/SAVPF 111 63 126", "m=audio 9"), Refused::Malformed),
        (&format!("{CHROMIUM_FIRST}{}", "a=x:y\r\n".repeat(TEXT_MAX / 7)), Refused::Malformed),
        (&format!("{CHROMIUM_FIRST}{many}"), Refused::Limit),
        (&format!("{CHROMIUM_FIRST}{layers}"), Refused::Limit),
    ];
    for (at, (text, why)) in table.into_iter().enumerate() {
        assert_eq!(sdp::read(text).err(), Some(why), "entry {at}");
    }
}

#[test]
fn a_second_fingerprint_is_taken_when_the_first_is_of_another_hash() {
    let longer = format!("a=fingerprint:sha-512 {}\r\na=fingerprint:sha-256", ["AB"; 64].join(":"));
    let offer = read(&but("a=fingerprint:sha-256", &longer));
    assert_eq!(offer.fingerprint, read(CHROMIUM_FIRST).fingerprint);
}

#[test]
fn sections_that_are_closed_unknown_or_outside_of_the_bundle_are_rejected() {
    let offer = read(&but("m=audio 9 ", "m=audio 0 "));
    assert!(offer.sections[..3].iter().all(|section| section.rejected));
    let offer = read(&but("BUNDLE 0 1 2 3 4 5 6", "BUNDLE 0 1 2 3 4 6"));
    assert!(offer.sections[5].rejected);
    let offer = read(&but("m=application 9 UDP/DTLS/SCTP", "m=application 9 TCP/MSRP"));
    assert_eq!((offer.sections[6].media, offer.sections[6].rejected), (Media::Unknown, true));
}

#[test]
fn candidates_of_names_other_protocols_and_components_are_left_out() {
    let candidates = "a=mid:0\r\n\
        a=candidate:1 1 udp 2130706431 192.0.2.7 40000 typ host\r\n\
        a=candidate:2 1 UDP 2130706175 2001:db8::7 40001 typ host generation 0\r\n\
        a=candidate:3 1 tcp 1518280447 192.0.2.7 9 typ host tcptype active\r\n\
        a=candidate:4 2 udp 2130706430 192.0.2.7 40002 typ host\r\n\
        a=candidate:5 1 udp 2130706431 0b3f.local 40003 typ host\r\n\
        a=candidate:6";
    let offer = read(&but("a=mid:0", candidates));
    let expected: [std::net::SocketAddr; 2] =
        ["192.0.2.7:40000", "[2001:db8::7]:40001"].map(|text| text.parse().unwrap());
    assert_eq!(offer.candidates, expected);
}

/// However many formats are listed, what is left of a section is small, and so is the work of answering it.
#[test]
fn no_more_is_kept_of_a_section_than_one_offer_of_each_codec() {
    let formats: Vec<String> = (32..128).map(|number| number.to_string()).collect();
    let names = ["VP8", "H264", "VP9", "AV1", "opus", "rtx", "x"];
    let mut section = format!("m=video 9 UDP/TLS/RTP/SAVPF {}\r\na=mid:x", formats.join(" "));
    for (format, name) in formats.iter().zip(names.iter().cycle()) {
        section += &format!("\r\na=rtpmap:{format} {name}/90000\r\na=fmtp:{format} apt=32");
    }
    let offer = read(&(CHROMIUM_FIRST.to_owned() + &section));
    let kept: Vec<Codec> = offer.sections[7].offers.iter().map(|offer| offer.codec).collect();
    assert_eq!(kept, [Codec::Vp8, Codec::H264, Codec::Vp9, Codec::Av1]);
}

#[test]
fn a_section_with_attributes_without_end_is_refused() {
    let with = |lines: usize| sdp::read(&(CHROMIUM_FIRST.to_owned() + &"a=x:y\r\n".repeat(lines)));
    assert!(with(900).is_ok());
    for name in [
        "x",
        "rtcp-fb:96 nack",
        "extmap:3 urn:x",
        "ssrc:1 cname:x",
        "candidate:1 1 udp 1 192.0.2.1 9 typ host",
    ] {
        let lines = format!("a={name}\r\n").repeat(1100);
        assert_eq!(
            sdp::read(&(CHROMIUM_FIRST.to_owned() + &lines)).err(),
            Some(Refused::Limit),
            "{name}"
        );
    }
}
