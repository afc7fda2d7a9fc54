//! Which codecs a section is answered with, and what a track's codec is when nobody said it.

use beckon_sfu_api::{Announced, Codec, Source};

use super::{CHROMIUM_ONE_LAYER, CHROMIUM_PUBLISHER, Us, announced, read, section, wanted};
use crate::extension::Extension;
use crate::negotiation::{Answered, Answerer, Offerer, Wanted};

fn answer(offer: &str, announced: &[Announced], wanted: &[Wanted]) -> Answered {
    Answerer::new().answer(&read(offer).into(), &Us::new().local(), announced, wanted)
}

fn codecs(answered: &Answered) -> Vec<Codec> {
    answered.published[0].formats.iter().map(|format| format.codec).collect()
}

/// The codecs of a section of the answer, repairs left out.
fn answered_with(answered: &Answered, mid: &str) -> Vec<Codec> {
    let session = read(&answered.sdp);
    let section = session.sections.iter().find(|section| section.mid == mid).unwrap();
    section.offers.iter().map(|offer| offer.codec).collect()
}

#[test]
fn a_track_without_a_codec_may_be_all_that_is_offered_as_its_client_prefers_it() {
    let track = Announced { codec: None, ..announced("TR_v", "x", Codec::Vp8) };
    let chromium = answer(CHROMIUM_ONE_LAYER, std::slice::from_ref(&track), &[]);
    assert_eq!(codecs(&chromium)[..2], [Codec::Av1, Codec::Vp8]);
    assert_eq!(codecs(&chromium), answered_with(&chromium, "8"));
    for codec in [Codec::H264, Codec::Vp9] {
        assert!(codecs(&chromium).contains(&codec), "{codec:?}");
    }

    let pion = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n\
        a=fingerprint:sha-256 F1:E5:F3:53:50:41:E0:F4:CE:DA:5E:A0:BF:D1:D3:3E:45:48:42:58:3B:9E:42:0F:1E:0B:8B:BF:23:BF:E0:62\r\n\
        a=group:BUNDLE 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 102 103 96 97\r\nc=IN IP4 0.0.0.0\r\n\
        a=setup:actpass\r\na=mid:0\r\na=ice-ufrag:WqHhDPvDHnYzfFsF\r\na=ice-pwd:QbzDzAqSQbhQqUrHBuTAmRzGWCVtsWls\r\n\
        a=rtcp-mux\r\na=rtcp-rsize\r\n\
        a=rtpmap:102 H264/90000\r\na=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n\
        a=rtpmap:103 rtx/90000\r\na=fmtp:103 apt=102\r\n\
        a=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n\
        a=ssrc:11 cname:c\r\na=msid:s x\r\na=sendrecv\r\n";
    let pion = answer(pion, &[track], &[]);
    assert_eq!(codecs(&pion), [Codec::H264, Codec::Vp8]);
    let text = section(&pion.sdp, "0");
    assert!(text.starts_with("video 9 UDP/TLS/RTP/SAVPF 102 103 96 97\r\n"), "{text}");
    assert!(text.contains("a=recvonly\r\n"));
}

#[test]
fn the_announced_codec_comes_first_and_the_others_may_follow() {
    for codec in [Codec::Vp8, Codec::H264, Codec::Vp9, Codec::Av1] {
        let answered = answer(CHROMIUM_ONE_LAYER, &[announced("TR_v", "x", codec)], &[]);
        assert_eq!(codecs(&answered)[0], codec);
        assert_eq!(answered_with(&answered, "8"), codecs(&answered));
        let mut all = codecs(&answered);
        all.dedup();
        assert_eq!(all.len(), codecs(&answered).len(), "each once");
    }
}

#[test]
fn a_codec_of_the_other_kind_is_no_wish() {
    let track = Announced { codec: Some(Codec::H264), ..announced("TR_a", "x", Codec::Opus) };
    assert_eq!(codecs(&answer(CHROMIUM_PUBLISHER, &[track], &[])), [Codec::Opus]);
}

const AUDIO_NACK: &str = "a=rtcp-fb:111 transport-cc\r\na=rtcp-fb:111 nack";

#[test]
fn lost_audio_is_asked_for_where_that_is_offered() {
    let track = announced("TR_a", "x", Codec::Opus);
    let plain = answer(CHROMIUM_PUBLISHER, std::slice::from_ref(&track), &[]);
    assert!(!plain.published[0].nack && !plain.sdp.contains("a=rtcp-fb:111 nack\r\n"));
    let offer = CHROMIUM_PUBLISHER.replace("a=rtcp-fb:111 transport-cc", AUDIO_NACK);
    let answered = answer(&offer, &[track], &[]);
    assert!(answered.published[0].nack && answered.sdp.contains("a=rtcp-fb:111 nack\r\n"));
}

/// What is sent again must be the same to the last bit, with the number for congestion control in it.
#[test]
fn audio_that_is_repeated_is_not_numbered() {
    let offer = CHROMIUM_PUBLISHER.replace("a=sendonly", "a=recvonly");
    let sound = Wanted { kind: beckon_sfu_api::Kind::Audio, ..wanted("TR_a", Codec::Opus, 1) };
    let plain = answer(&offer, &[], std::slice::from_ref(&sound));
    assert!(plain.bound[0].extensions.id(Extension::TransportCc).is_some());
    let offer = offer.replace("a=rtcp-fb:111 transport-cc", AUDIO_NACK);
    let repeated = answer(&offer, &[], &[sound]);
    assert_eq!(repeated.bound[0].extensions.id(Extension::TransportCc), None);
}

#[test]
fn subscribers_hear_that_a_sound_has_two_channels() {
    let sound = Wanted {
        kind: beckon_sfu_api::Kind::Audio,
        source: Source::Microphone,
        stereo: true,
        ..wanted("TR_a", Codec::Opus, 1)
    };
    let offer = CHROMIUM_PUBLISHER.replace("a=sendonly", "a=recvonly");
    let answered = answer(&offer, &[], std::slice::from_ref(&sound));
    let offered = Offerer::new().offer(&Us::new().local(), &[sound]).unwrap();
    for text in [answered.sdp, offered.sdp] {
        let session = read(&text);
        let parameters: Vec<&str> = session
            .sections
            .iter()
            .filter_map(|section| section.offer(Codec::Opus))
            .map(|offer| offer.parameters.as_str())
            .collect();
        assert_eq!(parameters, ["minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1"]);
    }
}
