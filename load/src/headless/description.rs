//! The descriptions of a headless participant: fixed text around what it sends and hears.

use std::fmt::Write as _;

use beckon_sfu_api::Kind;

use beckon_sfu_core::extension::Extension;
use beckon_sfu_core::negotiation::sdp::{Direction, Media, Session};
use beckon_sfu_core::role::Role;

pub const OPUS: u8 = 111;
pub const VP8: u8 = 96;
pub const VP8_REPAIR: u8 = 97;

pub const AUDIO_LEVEL: u8 = 1;
pub const TRANSPORT_CC: u8 = 3;
pub const MID: u8 = 4;
pub const RID: u8 = 10;
pub const REPAIRED_RID: u8 = 11;

/// Names of simulcast layers, lowest first.
pub const RIDS: [&str; 3] = ["q", "h", "f"];

const EXTENSIONS: [(u8, Extension); 3] = [
    (AUDIO_LEVEL, Extension::AudioLevel),
    (TRANSPORT_CC, Extension::TransportCc),
    (MID, Extension::Mid),
];
const LAYER_EXTENSIONS: [(u8, Extension); 2] =
    [(RID, Extension::Rid), (REPAIRED_RID, Extension::RepairedRid)];

/// What a media section is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Section {
    Data,
    Receives(Kind),
    /// Up to three layers; with more than one they go by their names instead of by `ssrc`.
    Sends {
        kind: Kind,
        cid: String,
        ssrc: u32,
        layers: u8,
    },
    /// Sends no more.
    Idle(Kind),
}

/// Everything an offer says. Sections are only ever added, as RFC 9429 wants it.
#[derive(Clone, Debug)]
pub struct Description {
    pub ufrag: String,
    pub pwd: String,
    pub fingerprint: String,
    pub role: Role,
    pub sections: Vec<Section>,
}

// Writing to a String cannot fail: the results of write! are dropped.
impl Description {
    /// The text of an offer; `version` grows from offer to offer (RFC 3264, 5).
    pub fn offer(&self, version: u32) -> String {
        let mids = (0..self.sections.len()).map(|mid| mid.to_string());
        let setup = if self.role == Role::Client { "actpass" } else { "passive" };
        self.write(version, setup, mids.zip(self.sections.iter().cloned()))
    }

    /// The text of an answer that takes everything that `offer` sends. Our own sections do not matter then.
    pub fn answer(&self, version: u32, offer: &Session) -> String {
        let section = |media, direction| match (media, direction) {
            (Media::Rtp(kind), Direction::Send) => Section::Receives(kind),
            (Media::Rtp(kind), _) => Section::Idle(kind),
            (Media::Data | Media::Unknown, _) => Section::Data,
        };
        let theirs = offer.sections.iter();
        let sections =
            theirs.map(|their| (their.mid.clone(), section(their.media, their.direction)));
        let setup = if self.role == Role::Client { "active" } else { "passive" };
        self.write(version, setup, sections)
    }

    fn write(
        &self,
        version: u32,
        setup: &str,
        sections: impl Iterator<Item = (String, Section)>,
    ) -> String {
        let sections: Vec<(String, Section)> = sections.collect();
        let mids: Vec<&str> = sections.iter().map(|(mid, _)| mid.as_str()).collect();
        let mut sdp = format!(
            "v=0\r\no=- 1 {version} IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {}\r\n",
            mids.join(" ")
        );
        for (mid, section) in &sections {
            self.write_section(&mut sdp, setup, mid, section);
        }
        sdp
    }

    fn write_section(&self, sdp: &mut String, setup: &str, mid: &str, section: &Section) {
        let (kind, direction) = match section {
            Section::Data => (None, ""),
            Section::Receives(kind) => (Some(*kind), "recvonly"),
            Section::Sends { kind, .. } => (Some(*kind), "sendonly"),
            Section::Idle(kind) => (Some(*kind), "inactive"),
        };
        sdp.push_str(match kind {
            None => "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n",
            Some(Kind::Audio) => "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n",
            Some(Kind::Video) => "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n",
        });
        let Description { ufrag, pwd, fingerprint, .. } = self;
        let _ = write!(
            sdp,
            "c=IN IP4 0.0.0.0\r\na=mid:{mid}\r\na=ice-ufrag:{ufrag}\r\na=ice-pwd:{pwd}\r\n\
             a=fingerprint:{fingerprint}\r\na=setup:{setup}\r\n"
        );
        match kind {
            None => sdp.push_str("a=sctp-port:5000\r\n"),
            Some(kind) => {
                let _ = write!(sdp, "a={direction}\r\na=rtcp-mux\r\na=rtcp-rsize\r\n");
                write_codec(sdp, kind);
                write_extensions(sdp, &EXTENSIONS);
            }
        }
        if let Section::Sends { kind, cid, ssrc, layers } = section {
            let _ = write!(sdp, "a=msid:- {cid}\r\n");
            match RIDS.get(..usize::from(*layers)).filter(|rids| rids.len() > 1) {
                Some(rids) => write_layers(sdp, rids),
                None => write_source(sdp, *kind, *ssrc),
            }
        }
    }
}

fn write_extensions(sdp: &mut String, extensions: &[(u8, Extension)]) {
    for (id, extension) in extensions {
        let _ = write!(sdp, "a=extmap:{id} {}\r\n", extension.uri());
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

fn write_layers(sdp: &mut String, rids: &[&str]) {
    write_extensions(sdp, &LAYER_EXTENSIONS);
    for rid in rids {
        let _ = write!(sdp, "a=rid:{rid} send\r\n");
    }
    let _ = write!(sdp, "a=simulcast:send {}\r\n", rids.join(";"));
}

fn write_source(sdp: &mut String, kind: Kind, ssrc: u32) {
    let repair = ssrc + 1;
    if kind == Kind::Video {
        let _ =
            write!(sdp, "a=ssrc-group:FID {ssrc} {repair}\r\na=ssrc:{repair} cname:headless\r\n");
    }
    let _ = write!(sdp, "a=ssrc:{ssrc} cname:headless\r\n");
}
