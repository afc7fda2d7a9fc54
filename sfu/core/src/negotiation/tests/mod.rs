//! Descriptions of real browsers, and clients made up to live longer than those.

mod answering;
mod codecs;
mod lives;
mod offering;
mod pion;
mod reading;
mod stacks;

use std::fmt::Write as _;
use std::net::SocketAddr;

use beckon_sfu_api::{Announced, Codec, Kind, MidTrack, Source};

use super::read_session;
use super::sdp::Session;
use super::{Local, Wanted};
use crate::ice::IceCredentials;

/// livekit-client in a single connection: three audio and three video sections to receive in, and data.
const CHROMIUM_FIRST: &str = include_str!("../../../tests/offers/chromium-first.sdp");
/// The same, with a microphone and a camera of three layers.
const CHROMIUM_SIMULCAST: &str = include_str!("../../../tests/offers/chromium-simulcast.sdp");
/// The same, with a camera of one layer, AV1 preferred.
const CHROMIUM_ONE_LAYER: &str = include_str!("../../../tests/offers/chromium-one-layer.sdp");
/// The publisher connection of the dual mode.
const CHROMIUM_PUBLISHER: &str = include_str!("../../../tests/offers/chromium-publisher.sdp");
const FIREFOX_FIRST: &str = include_str!("../../../tests/offers/firefox-first.sdp");
const FIREFOX_SIMULCAST: &str = include_str!("../../../tests/offers/firefox-simulcast.sdp");

const OFFERS: [&str; 6] = [
    CHROMIUM_FIRST,
    CHROMIUM_SIMULCAST,
    CHROMIUM_ONE_LAYER,
    CHROMIUM_PUBLISHER,
    FIREFOX_FIRST,
    FIREFOX_SIMULCAST,
];

const FINGERPRINT: &str = "sha-256 F1:E5:F3:53:50:41:E0:F4:CE:DA:5E:A0:BF:D1:D3:3E:45:48:42:58:3B:9E:42:0F:1E:0B:8B:BF:23:BF:E0:62";

/// Our side of the connection.
struct Us {
    credentials: IceCredentials,
    candidates: [SocketAddr; 2],
}

impl Us {
    fn new() -> Us {
        Us {
            credentials: IceCredentials::fresh(),
            candidates: [([192, 0, 2, 1], 7882).into(), ([127, 0, 0, 1], 7882).into()],
        }
    }

    fn local(&self) -> Local<'_> {
        Local {
            credentials: &self.credentials,
            fingerprint: FINGERPRINT,
            role: None,
            candidates: &self.candidates,
            sections_max: 128,
        }
    }
}

fn read(text: &str) -> Session {
    read_session(text).expect("a description that can be read")
}

fn announced(id: &str, cid: &str, codec: Codec) -> Announced {
    Announced {
        id: id.into(),
        cid: cid.into(),
        kind: codec.kind(),
        source: Source::Camera,
        codec: Some(codec),
        stereo: false,
        layers: Vec::new(),
        muted: false,
    }
}

fn wanted(track: &str, codec: Codec, ssrc: u32) -> Wanted {
    Wanted {
        track: track.into(),
        publisher: "PA_ann".into(),
        kind: codec.kind(),
        source: if codec == Codec::Opus { Source::Microphone } else { Source::Camera },
        codec,
        stereo: false,
        ssrc,
        rtx_ssrc: ssrc + 1,
    }
}

fn mids(session: &Session) -> Vec<&str> {
    session.sections.iter().map(|section| section.mid.as_str()).collect()
}

/// `mid` and track of each section that carries one.
fn carried(mids: &[MidTrack]) -> Vec<(&str, &str)> {
    mids.iter().map(|carried| (carried.mid.as_str(), carried.track.as_str())).collect()
}

/// The lines of one section.
fn section<'t>(text: &'t str, mid: &str) -> &'t str {
    let name = format!("a=mid:{mid}\r\n");
    let mut sections = text.split("\r\nm=").skip(1);
    sections.find(|section| section.contains(&name)).expect("a section of that name")
}

fn assert_lines(section: &str, lines: &[&str]) {
    for line in lines {
        assert!(section.contains(&format!("{line}\r\n")), "{line} is missing in {section}");
    }
}

/// A client that goes on offering: sections are added and change, none goes.
#[derive(Default)]
struct Client {
    restarts: u32,
    sections: Vec<String>,
}

impl Client {
    fn add(&mut self, kind: Kind, direction: &str) -> usize {
        let mid = self.sections.len();
        let head = match kind {
            Kind::Audio => "audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\n",
            Kind::Video => {
                "video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=rtpmap:96 VP8/90000\r\n\
                 a=rtcp-fb:96 nack\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"
            }
        };
        self.sections.push(format!("m={head}a=mid:{mid}\r\na={direction}\r\n"));
        mid
    }

    /// Publishes a track whose msid names it `cid`.
    fn publish(&mut self, kind: Kind, cid: &str) -> usize {
        let mid = self.add(kind, "sendonly");
        self.sections[mid] += &format!("a=msid:stream {cid}\r\na=ssrc:{} cname:c\r\n", 1000 + mid);
        mid
    }

    fn turn(&mut self, mid: usize, from: &str, to: &str) {
        assert!(self.sections[mid].contains(from), "section {mid} is not {from}");
        self.sections[mid] = self.sections[mid].replace(from, to);
    }

    fn offer(&self) -> Session {
        let mut text = String::from("v=0\r\na=group:BUNDLE");
        for mid in 0..self.sections.len() {
            let _ = write!(text, " {mid}");
        }
        let _ = write!(
            text,
            "\r\na=ice-ufrag:abc{}\r\na=ice-pwd:{}\r\n",
            self.restarts,
            "p".repeat(24)
        );
        let _ = write!(text, "a=fingerprint:{FINGERPRINT}\r\na=setup:actpass\r\n");
        read(&(text + &self.sections.concat()))
    }
}
