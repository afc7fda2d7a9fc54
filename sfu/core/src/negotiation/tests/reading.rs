use beckon_sfu_api::{Codec, Kind, Refused};

use super::{CHROMIUM_FIRST, CHROMIUM_ONE_LAYER, FIREFOX_SIMULCAST, OFFERS, mids, read};
use crate::extension::Extension;
use crate::negotiation::read_session;
use crate::negotiation::sdp::{Direction, Media, SECTIONS_MAX, Setup, TEXT_MAX};

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

/// What is wrong, and in which line if it is one.
fn fault(text: &str) -> String {
    match read_session(text) {
        Err(Refused::Malformed(fault)) => fault.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_cannot_be_answered_is_refused_with_its_place() {
    let table = [
        ("", "line 1: a description begins with v=0"),
        ("hello", "line 1: a description begins with v=0"),
        (&without("a=ice-ufrag"), "there is no a=ice-ufrag"),
        (&without("a=ice-pwd"), "there is no a=ice-pwd"),
        (&without("a=fingerprint"), "there is no a=fingerprint of SHA-256, SHA-384 or SHA-512"),
        (&but("sha-256", "sha-1"), "there is no a=fingerprint of SHA-256, SHA-384 or SHA-512"),
    ];
    for (text, why) in table {
        assert_eq!(fault(text), why);
    }
    let long = format!("a=mid:{}", "m".repeat(65));
    let digest = "the fingerprint is not as long as its hash, in octets of two digits";
    let lines = [
        ("E7:8D", "E78D", digest),
        ("E7:8D", "G1:E5", digest),
        ("a=mid:1", &long, "the name of the section is longer than 64 bytes"),
        ("a=mid:1", "a=mid:1 2", "the name of the section is no word"),
        ("a=mid:1", "a=mid:\u{7}", "the name of the section is no word"),
        ("a=ice-ufrag:", "a=ice-ufrag:\u{e9}", "a=ice-ufrag has no name in it"),
        ("a=ice-pwd:", "a=ice-pwd:a b ", "a=ice-pwd has no password in it"),
        ("a=fmtp:111 ", "a=fmtp:111 a\rb;", "it has a control character in it"),
        ("m=audio 9 ", "m=audio 9 \u{85}", "it has a control character in it"),
        (
            "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 126",
            "m=audio 9",
            "m= has no media, port and protocol",
        ),
        ("m=audio 9 UDP/TLS/RTP/SAVPF 111 63 126", "m=audio 9 RTP/SAVPF", "m= lists no format"),
    ];
    for (from, to, why) in lines {
        let line = 1 + CHROMIUM_FIRST.lines().position(|line| line.contains(from)).unwrap();
        assert_eq!(fault(&but(from, to)), format!("line {line}: {why}"), "{to}");
    }
    assert!(fault(&but("a=mid:1", "a=mid:0")).ends_with(": another section has the same a=mid"));
}

#[test]
fn what_is_too_much_is_refused() {
    let section = "m=text 9 UDP/TLS/RTP/SAVPF 98\r\na=mid:";
    let many: String = (0..SECTIONS_MAX).map(|mid| format!("\r\n{section}x{mid}")).collect();
    let layers: String = (0..97).map(|rid| format!("\r\na=rid:l{rid} send")).collect();
    let table = [
        format!("{CHROMIUM_FIRST}{}", "a=x:y\r\n".repeat(TEXT_MAX / 7)),
        format!("{CHROMIUM_FIRST}{many}"),
        format!("{CHROMIUM_FIRST}{layers}"),
        but("a=fmtp:111 ", &format!("a=fmtp:111 {}", "a".repeat(50_000))),
    ];
    for text in table {
        assert_eq!(read_session(&text).err(), Some(Refused::Limit));
    }
}

/// Each is read as the offer that it was made from.
#[test]
fn lines_that_are_not_used_decide_nothing_and_spaces_do_not_count() {
    let plain = read(CHROMIUM_FIRST);
    let long = format!("s={}", "a".repeat(50_000));
    let table = [
        ("s=-", "s=a\tb"),
        ("s=-", "s=\u{85}\u{9f}"),
        ("s=-", "s=\u{0}"),
        ("s=-", "s=a\rb"),
        ("s=-", &long),
        ("s=-", "s=-\r\na=x:\u{7}\ta"),
        ("v=0", "\u{feff}v=0"),
        ("v=0", "\r\nv=0"),
        ("sha-256 ", "sha-256   "),
        ("sha-256 ", "SHA-256\t"),
        ("a=mid:", "a=mid: "),
        ("a=ice-ufrag:", "a=ice-ufrag: "),
        ("SAVPF 111 63", "SAVPF  111\t 63"),
        ("SAVPF 96", "SAVPF  96 "),
        ("m=audio 9 ", "m=audio  9  "),
        ("a=rtpmap:111 opus/48000/2", "a=rtpmap:111  opus/48000/2"),
        ("a=rtcp-fb:96 nack pli", "a=rtcp-fb:96  nack\tpli "),
        ("a=fmtp:97 apt=96", "a=fmtp:97   apt = 96"),
        ("a=group:BUNDLE 0 1", "a=group:BUNDLE  0\t1"),
        ("a=setup:actpass", "a=setup:holdconn"),
        ("a=mid:1", "a=mid:1\r\na=ssrc:4294967296 cname:x"),
        ("a=mid:1", "a=mid:1\r\na=ssrc:-1 cname:x"),
        ("a=mid:1", "a=mid:1\r\na=ssrc-group:FID 1"),
        ("a=mid:1", "a=mid:1\r\na=rid:b\u{e9} send"),
        ("\r\n", "\r"),
        ("\r\n", "\n"),
    ];
    for (from, to) in table {
        assert_eq!(read(&but(from, to)), plain, "{from:?} is {to:?}");
    }
}

#[test]
fn a_payload_type_that_cannot_be_is_no_format() {
    let offer = read(&but("SAVPF 111 63 126", "SAVPF 311 111 x"));
    assert_eq!(offer.sections[0].offers.len(), 1);
    let offer = read(&but("SAVPF 111 63 126", "SAVPF 311"));
    assert!(offer.sections[0].offers.is_empty() && !offer.sections[3].offers.is_empty());
}

#[test]
fn names_and_credentials_of_any_visible_characters_are_taken() {
    for name in ["a/b", "a:b", "<1>", "audio(1)", "\u{4e2d}"] {
        let text = but("BUNDLE 0 1 ", &format!("BUNDLE 0 {name} "));
        let offer = read(&text.replace("a=mid:1\r", &format!("a=mid:{name}\r")));
        assert_eq!((mids(&offer)[1], offer.sections[1].rejected), (name, false));
    }
    let credentials = [("a=ice-ufrag:", "a=ice-ufrag:a-_="), ("a=ice-pwd:", "a=ice-pwd:a-_=")];
    for (from, to) in credentials {
        let offer = read(&but(from, to));
        assert!(offer.ufrag.starts_with("a-_=") || offer.pwd.starts_with("a-_="));
    }
}

#[test]
fn longer_hashes_are_taken_where_the_usual_one_is_missing() {
    for (name, len) in [("sha-384", 48), ("SHA-512", 64)] {
        let digest = vec!["ab"; len].join(":");
        let line = format!("\r\na=fingerprint:{name} {digest}");
        let offer = read(&(without("a=fingerprint") + &line));
        assert_eq!(offer.fingerprint, format!("{} {}", name.to_lowercase(), digest.to_uppercase()));
    }
}

#[test]
fn what_the_session_says_each_section_says() {
    let session = format!("t=0 0\r\na=inactive\r\na=extmap:17 {}", Extension::Rid.uri());
    let text = but("t=0 0", &session);
    let text = text.replace("a=recvonly\r\n", "").replace("a=extmap:10 ", "a=x:");
    let offer = read(&text);
    assert!(offer.sections.iter().all(|section| section.direction == Direction::Inactive));
    assert_eq!(offer.sections[3].extensions.id(Extension::Rid), Some(17));
}

/// Another transport than that of the bundle may stand before it.
#[test]
fn the_transport_of_the_first_section_that_is_taken_counts() {
    let outside = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:x\r\na=ice-ufrag:xxxx\r\n";
    let text = CHROMIUM_FIRST.replacen("m=audio", &format!("{outside}m=audio"), 1);
    let offer = read(&text);
    assert!(offer.sections[0].rejected);
    assert_eq!(offer.ufrag, read(CHROMIUM_FIRST).ufrag);
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
    let with =
        |lines: usize| read_session(&(CHROMIUM_FIRST.to_owned() + &"a=x:y\r\n".repeat(lines)));
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
            read_session(&(CHROMIUM_FIRST.to_owned() + &lines)).err(),
            Some(Refused::Limit),
            "{name}"
        );
    }
}
