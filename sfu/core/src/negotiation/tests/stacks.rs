//! Offers as other stacks write them: aiortc, GStreamer's webrtcbin, and Chromium of before 2018.

use beckon_sfu_api::{Announced, Codec, Kind};

use super::{FINGERPRINT, Us, announced, read, section};
use crate::negotiation::sdp::{Media, Setup};
use crate::negotiation::{Answered, Answerer};

fn answer(offer: &str, announced: &[Announced]) -> Answered {
    Answerer::new().answer(&read(offer).into(), &Us::new().local(), announced, &[])
}

fn lines(lines: &[&str]) -> String {
    lines.iter().map(|line| format!("{line}\r\n")).collect()
}

/// Everything of the transport stands in each section; formats first, then ICE; three fingerprints, in lower case here.
fn aiortc() -> String {
    let fingerprint = FINGERPRINT.to_lowercase();
    let sha_512 = ["ab"; 64].join(":");
    let transport = [
        "a=ice-ufrag:Fs8g".to_owned(),
        "a=ice-pwd:3vaL6Xw1SqsVqYZqdtfBmk".to_owned(),
        format!("a=fingerprint:{fingerprint}"),
        format!("a=fingerprint:sha-512 {sha_512}"),
        "a=setup:actpass".to_owned(),
    ];
    let head = lines(&[
        "v=0",
        "o=- 3973180 3973180 IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE 0 1 2",
        "a=msid-semantic:WMS *",
        "m=audio 50217 UDP/TLS/RTP/SAVPF 96 9 0 8",
        "c=IN IP4 192.0.2.7",
        "a=sendrecv",
        "a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid",
        "a=extmap:2 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
        "a=mid:0",
        "a=msid:2e9bdb1e 6f4dbf2e",
        "a=rtcp:9 IN IP4 0.0.0.0",
        "a=rtcp-mux",
        "a=ssrc:1944796561 cname:53d6ffb1",
        "a=rtpmap:96 opus/48000/2",
        "a=rtpmap:9 G722/8000",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:8 PCMA/8000",
        "a=candidate:0 1 udp 2130706431 192.0.2.7 50217 typ host",
        "a=end-of-candidates",
    ]);
    let video = lines(&[
        "m=video 50217 UDP/TLS/RTP/SAVPF 97 98 99 100",
        "c=IN IP4 192.0.2.7",
        "a=sendrecv",
        "a=mid:1",
        "a=msid:2e9bdb1e 8b1d6a1c",
        "a=rtcp-mux",
        "a=ssrc-group:FID 1234 5678",
        "a=ssrc:1234 cname:53d6ffb1",
        "a=ssrc:5678 cname:53d6ffb1",
        "a=rtpmap:97 VP8/90000",
        "a=rtcp-fb:97 nack",
        "a=rtcp-fb:97 nack pli",
        "a=rtcp-fb:97 goog-remb",
        "a=rtpmap:98 rtx/90000",
        "a=fmtp:98 apt=97",
        "a=rtpmap:99 H264/90000",
        "a=fmtp:99 packetization-mode=1;level-asymmetry-allowed=1;profile-level-id=42001f",
        "a=rtpmap:100 rtx/90000",
        "a=fmtp:100 apt=99",
    ]);
    let data = lines(&[
        "m=application 50217 UDP/DTLS/SCTP webrtc-datachannel",
        "c=IN IP4 192.0.2.7",
        "a=mid:2",
        "a=sctp-port:5000",
        "a=max-message-size:65536",
    ]);
    let transport = transport.map(|line| format!("{line}\r\n")).concat();
    format!("{head}{transport}{video}{transport}{data}{transport}")
}

#[test]
fn aiortc_is_answered() {
    let offer = aiortc();
    assert_eq!(read(&offer).fingerprint, FINGERPRINT, "whatever the case of its letters");
    let tracks = [
        announced("TR_a", "6f4dbf2e", Codec::Opus),
        Announced { codec: None, ..announced("TR_v", "8b1d6a1c", Codec::Vp8) },
    ];
    let answered = answer(&offer, &tracks);
    let [audio, video] = &answered.published[..] else { panic!("{:?}", answered.refused) };
    assert_eq!((audio.track.as_str(), audio.preferred().payload_type), ("TR_a", 96));
    assert_eq!(video.formats.iter().map(|it| it.payload_type).collect::<Vec<_>>(), [97, 99]);
    assert_eq!(video.ssrcs, [(1234, Some(5678))]);
    let session = read(&answered.sdp);
    assert_eq!(session.setup, Setup::Passive);
    assert!(session.has_data());
    assert!(!answered.sdp.contains("extmap-allow-mixed"), "it was not offered");
}

/// Names with the media and the number, session-level setup, profiles of before RFC 8841, every section on its own port.
fn webrtcbin() -> String {
    lines(&[
        "v=0",
        "o=- 5923672937 0 IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
        "a=ice-options:trickle",
        "a=group:BUNDLE video0 audio1 application2",
        "a=setup:actpass",
        "m=video 9 UDP/TLS/RTP/SAVPF 96",
        "c=IN IP4 0.0.0.0",
        "a=ice-ufrag:8t5Jk+Ab/lNoPqRs",
        "a=ice-pwd:Q9fUF7HuGeJXrVTtKkZyWcVbNm12345A",
        "a=rtcp-mux",
        "a=rtcp-rsize",
        "a=sendonly",
        "a=rtpmap:96 H264/90000",
        "a=rtcp-fb:96 nack pli",
        "a=rtcp-fb:96 ccm fir",
        "a=fmtp:96 packetization-mode=1;profile-level-id=42c01f",
        "a=ssrc:3181527402 msid:user1@host-1 webrtctransceiver0",
        "a=ssrc:3181527402 cname:user1@host-1",
        "a=mid:video0",
        &format!("a=fingerprint:{FINGERPRINT}"),
        "m=audio 0 UDP/TLS/RTP/SAVPF 97",
        "c=IN IP4 0.0.0.0",
        "a=bundle-only",
        "a=rtcp-mux",
        "a=rtcp-mux-only",
        "a=sendonly",
        "a=rtpmap:97 OPUS/48000/2",
        "a=fmtp:97 sprop-maxcapturerate=48000;sprop-stereo=0",
        "a=ssrc:2938463512 msid:user1@host-1 webrtctransceiver1",
        "a=mid:audio1",
        "m=application 0 UDP/DTLS/SCTP webrtc-datachannel",
        "c=IN IP4 0.0.0.0",
        "a=bundle-only",
        "a=mid:application2",
        "a=sctp-port:5000",
    ])
}

#[test]
fn gstreamer_is_answered() {
    let tracks = [
        Announced { codec: None, ..announced("TR_v", "webrtctransceiver0", Codec::H264) },
        announced("TR_a", "webrtctransceiver1", Codec::Opus),
    ];
    let answered = answer(&webrtcbin(), &tracks);
    let found: Vec<_> = answered.published.iter().map(|it| (it.mid.as_str(), it.codec())).collect();
    assert_eq!(found, [("video0", Codec::H264), ("audio1", Codec::Opus)]);
    assert!(answered.sdp.contains("a=group:BUNDLE video0 audio1 application2\r\n"));
    assert!(section(&answered.sdp, "application2").contains("a=sctp-port:5000\r\n"));
}

/// Data channels as the draft of RFC 8841 had them, and RTP without a word of DTLS in its profile.
fn old_chromium() -> String {
    lines(&[
        "v=0",
        "o=- 4962303333179871722 1 IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE audio video data",
        "a=msid-semantic: WMS stream",
        "m=audio 9 RTP/SAVPF 111 103 0",
        "c=IN IP4 0.0.0.0",
        "a=rtcp:9 IN IP4 0.0.0.0",
        "a=ice-ufrag:O2DL",
        "a=ice-pwd:3eKBXqQv5kCRBvQRpWYoKl1T",
        &format!("a=fingerprint:{FINGERPRINT}"),
        "a=setup:active",
        "a=mid:audio",
        "a=sendrecv",
        "a=rtcp-mux",
        "a=rtpmap:111 opus/48000/2",
        "a=fmtp:111 minptime=10;useinbandfec=1",
        "a=rtpmap:103 ISAC/16000",
        "a=rtpmap:0 PCMU/8000",
        "a=ssrc:1001 cname:c",
        "a=ssrc:1001 msid:stream sound",
        "a=ssrc:1001 mslabel:stream",
        "a=ssrc:1001 label:sound",
        "m=video 9 RTP/SAVPF 100 101",
        "c=IN IP4 0.0.0.0",
        "a=mid:video",
        "a=sendrecv",
        "a=rtcp-mux",
        "a=rtpmap:100 VP8/90000",
        "a=rtcp-fb:100 ccm fir",
        "a=rtcp-fb:100 nack",
        "a=rtpmap:101 rtx/90000",
        "a=fmtp:101 apt=100",
        "a=ssrc-group:FID 2001 2002",
        "a=ssrc:2001 msid:stream picture",
        "a=ssrc:2002 msid:stream picture",
        "m=application 9 DTLS/SCTP 5000",
        "c=IN IP4 0.0.0.0",
        "a=mid:data",
        "a=sctpmap:5000 webrtc-datachannel 1024",
    ])
}

#[test]
fn chromium_of_old_is_answered_in_its_own_words() {
    let tracks =
        [announced("TR_a", "sound", Codec::Opus), announced("TR_v", "picture", Codec::Vp8)];
    let answered = answer(&old_chromium(), &tracks);
    assert_eq!(answered.published.len(), 2, "{:?}", answered.refused);
    assert_eq!(answered.published[1].ssrcs, [(2001, Some(2002))]);
    let data = section(&answered.sdp, "data");
    assert!(data.starts_with("application 9 DTLS/SCTP 5000\r\n"), "{data}");
    assert!(data.contains("a=sctpmap:5000 webrtc-datachannel ") && !data.contains("a=sctp-port"));
    assert!(answered.sdp.contains("\r\nm=audio 9 RTP/SAVPF 111\r\n"), "{}", answered.sdp);
    let session = read(&answered.sdp);
    assert_eq!(session.setup, Setup::Passive);
    assert!(session.sections.iter().all(|section| !section.rejected));
    assert_eq!(session.sections[2].media, Media::Data);
}

#[test]
fn all_names_of_the_profiles_are_known_and_mirrored() {
    for profile in
        ["UDP/TLS/RTP/SAVPF", "TCP/DTLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP", "RTP/SAVPF", "RTP/SAVP"]
    {
        let offer = aiortc().replace("UDP/TLS/RTP/SAVPF", profile);
        let answered = answer(&offer, &[announced("TR_a", "6f4dbf2e", Codec::Opus)]);
        assert!(answered.sdp.contains(&format!("\r\nm=audio 9 {profile} 96\r\n")), "{profile}");
    }
    let foreign = aiortc().replace("UDP/TLS/RTP/SAVPF", "RTP/AVP");
    assert!(answer(&foreign, &[]).sdp.contains("\r\nm=audio 0 RTP/AVP 96"), "no DTLS, no media");
    for profile in ["UDP/DTLS/SCTP", "TCP/DTLS/SCTP"] {
        let answered = answer(&aiortc().replace("UDP/DTLS/SCTP", profile), &[]);
        assert!(
            answered.sdp.contains(&format!("\r\nm=application 9 {profile} webrtc-datachannel"))
        );
    }
}

#[test]
fn a_server_at_the_other_end_is_answered_by_a_client() {
    let offer = read(&aiortc().replace("a=setup:actpass", "a=setup:passive"));
    let us = Us::new();
    let local = crate::negotiation::Local { role: offer.setup.our_role(), ..us.local() };
    let answered = Answerer::new().answer(&offer.into(), &local, &[], &[]);
    assert_eq!(read(&answered.sdp).setup, Setup::Active);
}

#[test]
fn names_of_sections_are_tokens_of_any_kind() {
    for name in ["video.0", "{6c2c0b3e-1f0a-4a57-9d2b-2f3f3f0d6a11}", "a", "%7", &"m".repeat(64)] {
        let offer = old_chromium().replace("a=mid:video", &format!("a=mid:{name}"));
        let offer = offer.replace("audio video data", &format!("audio {name} data"));
        let session = read(&answer(&offer, &[]).sdp);
        assert_eq!((session.sections[1].mid.as_str(), session.sections[1].rejected), (name, false));
        assert_eq!(session.sections[1].kind(), Some(Kind::Video));
    }
}

/// As stacks write it that know no bundles.
#[test]
fn a_section_without_a_name_is_taken_where_it_is_the_only_one() {
    let nameless = |offer: &str| {
        let kept =
            offer.lines().filter(|it| !it.starts_with("a=mid") && !it.starts_with("a=group"));
        kept.map(|line| format!("{line}\r\n")).collect::<String>()
    };
    let tracks = [announced("TR_a", "6f4dbf2e", Codec::Opus)];
    let answered = answer(&nameless(&aiortc()), &tracks);
    assert_eq!(answered.published[0].ssrcs, [(1944796561, None)]);
    for name in ["a=mid", "a=group"] {
        assert!(!answered.sdp.contains(name), "{}", answered.sdp);
    }
    let ports = ["\r\nm=audio 9 ", "\r\nm=video 0 ", "\r\nm=application 0 "];
    assert!(ports.iter().all(|port| answered.sdp.contains(port)), "there is one transport");

    let answered = answer(&aiortc().replace("a=mid:1\r\n", ""), &tracks);
    assert!(answered.sdp.contains("a=group:BUNDLE 0 2\r\n"), "{}", answered.sdp);
    assert!(answered.sdp.contains("\r\nm=video 0 "));
}
