//! The SDP offers of a headless participant: fixed text around what it sends and hears.

use std::fmt::Write as _;

use beckon_sfu_api::Kind;
use beckon_sfu_core::extension::Extension;

pub(super) const OPUS: u8 = 111;
pub(super) const VP8: u8 = 96;
const VP8_REPAIR: u8 = 97;

pub(super) const AUDIO_LEVEL: u8 = 1;
pub(super) const TRANSPORT_CC: u8 = 3;

const EXTENSIONS: [(u8, Extension); 3] = [
    (AUDIO_LEVEL, Extension::AudioLevel),
    (TRANSPORT_CC, Extension::TransportCc),
    (4, Extension::Mid),
];

/// What a media section is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Receives(Kind),
    Sends { kind: Kind, cid: String, ssrc: u32 },
}

/// Everything an offer says. Sections are only ever added, as RFC 8829 wants it.
#[derive(Clone, Debug)]
pub(super) struct Offer {
    pub(super) ufrag: String,
    pub(super) pwd: String,
    pub(super) fingerprint: String,
    pub(super) sections: Vec<Section>,
}

impl Offer {
    /// The text; `version` grows from offer to offer (RFC 3264, 5).
    pub(super) fn sdp(&self, version: u32) -> String {
        let mids: Vec<String> = (0..self.sections.len()).map(|mid| mid.to_string()).collect();
        let mut sdp = format!(
            "v=0\r\no=- 1 {version} IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {}\r\n",
            mids.join(" ")
        );
        for (section, mid) in self.sections.iter().zip(&mids) {
            self.write_section(&mut sdp, section, mid);
        }
        sdp
    }

    fn write_section(&self, sdp: &mut String, section: &Section, mid: &str) {
        let (kind, direction) = match section {
            Section::Receives(kind) => (*kind, "recvonly"),
            Section::Sends { kind, .. } => (*kind, "sendonly"),
        };
        sdp.push_str(match kind {
            Kind::Audio => "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n",
            Kind::Video => "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n",
        });
        let Offer { ufrag, pwd, fingerprint, .. } = self;
        let _ = write!(
            sdp,
            "c=IN IP4 0.0.0.0\r\na=mid:{mid}\r\na=ice-ufrag:{ufrag}\r\na=ice-pwd:{pwd}\r\n\
             a=fingerprint:{fingerprint}\r\na=setup:actpass\r\na={direction}\r\na=rtcp-mux\r\n\
             a=rtcp-rsize\r\n"
        );
        for (id, extension) in EXTENSIONS {
            let _ = write!(sdp, "a=extmap:{id} {}\r\n", extension.uri());
        }
        write_codec(sdp, kind);
        if let Section::Sends { kind, cid, ssrc } = section {
            write_source(sdp, *kind, cid, *ssrc);
        }
    }
}

fn write_codec(sdp: &mut String, kind: Kind) {
    let _ = match kind {
        Kind::Audio => write!(
            sdp,
            "a=rtpmap:{OPUS} opus/48000/2\r\na=fmtp:{OPUS} minptime=10;useinbandfec=1\r\n\
             a=rtcp-fb:{OPUS} transport-cc\r\n"
        ),
        Kind::Video => write!(
            sdp,
            "a=rtpmap:{VP8} VP8/90000\r\na=rtcp-fb:{VP8} transport-cc\r\na=rtcp-fb:{VP8} ccm fir\r\n\
             a=rtcp-fb:{VP8} nack\r\na=rtcp-fb:{VP8} nack pli\r\n\
             a=rtpmap:{VP8_REPAIR} rtx/90000\r\na=fmtp:{VP8_REPAIR} apt={VP8}\r\n"
        ),
    };
}

fn write_source(sdp: &mut String, kind: Kind, cid: &str, ssrc: u32) {
    let repair = ssrc + 1;
    let _ = write!(sdp, "a=msid:- {cid}\r\n");
    if kind == Kind::Video {
        let _ = write!(sdp, "a=ssrc-group:FID {ssrc} {repair}\r\na=ssrc:{repair} cname:bench\r\n");
    }
    let _ = write!(sdp, "a=ssrc:{ssrc} cname:bench\r\n");
}
