//! Writes our session descriptions.

use std::fmt::Write as _;

use beckon_sfu_api::Kind;
use rand::RngExt as _;

use super::policy;
use super::sdp::{Agreed, Direction, Section};
use super::{Local, Wanted};
use crate::ice::IceCredentials;
use crate::role::Role;

/// Names a series of descriptions; each new one has the next version (RFC 8866, 5.2).
#[derive(Clone, Copy)]
pub(super) struct Origin {
    id: u64,
    version: u64,
}

impl Origin {
    pub(super) fn new() -> Origin {
        // JSEP keeps it positive as a signed number (RFC 9429, 5.2.1)
        Origin { id: rand::rng().random::<u64>() >> 2, version: 1 }
    }

    /// How the next description begins.
    pub(super) fn open(&mut self, says: Says) -> SessionHeader {
        self.version += 1;
        SessionHeader { origin: *self, says }
    }
}

/// Which of the two a description is.
#[derive(Clone, Copy)]
pub(super) enum Says {
    Offer,
    Answer {
        /// The offer allows header extensions of one and two bytes to be mixed.
        mixed_extensions: bool,
    },
}

/// How a description begins.
pub(super) struct SessionHeader {
    origin: Origin,
    says: Says,
}

/// A description while it is written.
pub(super) struct Writer<'a> {
    text: String,
    local: &'a Local<'a>,
    setup: &'static str,
    /// Candidates stand in the first section that is not rejected: the others are bundled with it.
    candidates_due: bool,
}

/// A section with RTP in it, or ready for it.
pub(super) struct Rtp<'a> {
    pub(super) mid: &'a str,
    /// As its offer has it (RFC 9429, 5.1.2).
    pub(super) protocol: &'a str,
    pub(super) direction: Direction,
    /// Preferred first; the header extensions are those of the first.
    pub(super) agreed: &'a [Agreed],
    /// What we send.
    pub(super) sends: Option<&'a Wanted>,
    /// The layers that we receive.
    pub(super) layers: &'a [String],
    pub(super) simulcast: bool,
}

// Writing to a String cannot fail: the results of write! are dropped.
impl<'a> Writer<'a> {
    pub(super) fn new<'m>(
        opening: SessionHeader,
        local: &'a Local<'a>,
        mids: impl Iterator<Item = &'m str>,
    ) -> Writer<'a> {
        let SessionHeader { origin: Origin { id, version }, says } = opening;
        let mut text = String::with_capacity(4096);
        let _ = write!(text, "v=0\r\no=- {id} {version} IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n");
        let mids: Vec<&str> = mids.collect();
        if !mids.is_empty() {
            let _ = write!(text, "a=group:BUNDLE {}\r\n", mids.join(" "));
        }
        let _ = write!(text, "a=ice-lite\r\na=fingerprint:{}\r\n", local.fingerprint);
        if mids.is_empty() {
            // Perhaps no section is left to say it, and without it this is no description (RFC 8839, 5.4).
            text.push_str(&ice(local.credentials));
        }
        text.push_str("a=msid-semantic: WMS *\r\n");
        let (setup, mixed) = match says {
            // Once agreed on, the role stays (RFC 8842, 5.5).
            Says::Offer => ("actpass", true),
            Says::Answer { mixed_extensions } => match local.role {
                Some(Role::Client) => ("active", mixed_extensions),
                Some(Role::Server) | None => ("passive", mixed_extensions),
            },
        };
        if mixed {
            text.push_str("a=extmap-allow-mixed\r\n");
        }
        Writer { text, local, setup, candidates_due: true }
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    /// Refuses a section in the words in which it was offered.
    pub(super) fn rejected(&mut self, section: &Section) {
        let [media, protocol, formats] = &section.line;
        self.closed(media, protocol, formats, section.told_mid());
    }

    /// A section with port 0.
    pub(super) fn closed(&mut self, media: &str, protocol: &str, formats: &str, mid: &str) {
        let _ = write!(self.text, "m={media} 0 {protocol} {formats}\r\nc=IN IP4 0.0.0.0\r\n");
        self.name(mid);
        self.text.push_str("a=inactive\r\n");
    }

    /// Where the offer has no name, the answer has none (RFC 9143, 7.3.1).
    fn name(&mut self, mid: &str) {
        if !mid.is_empty() {
            let _ = write!(self.text, "a=mid:{mid}\r\n");
        }
    }

    /// Data channels: RFC 8841, or its draft of before 2014 if they were offered so.
    pub(super) fn data(&mut self, mid: &str, protocol: &str) {
        let is_draft = protocol == "DTLS/SCTP";
        let format = if is_draft { "5000" } else { "webrtc-datachannel" };
        let _ = write!(self.text, "m=application 9 {protocol} {format}\r\n");
        self.transport(mid);
        self.text.push_str(if is_draft {
            "a=sctpmap:5000 webrtc-datachannel 64\r\n"
        } else {
            "a=sctp-port:5000\r\na=max-message-size:65535\r\n"
        });
    }

    pub(super) fn rtp(&mut self, rtp: &Rtp<'_>) {
        let Some(first) = rtp.agreed.first() else { return };
        let media = match first.codec.kind() {
            Kind::Audio => "audio",
            Kind::Video => "video",
        };
        let _ = write!(self.text, "m={media} 9 {}", rtp.protocol);
        for number in rtp.agreed.iter().flat_map(|agreed| [Some(agreed.payload_type), agreed.rtx]) {
            let _ = number.map(|number| write!(self.text, " {number}"));
        }
        self.text.push_str("\r\n");
        self.transport(rtp.mid);
        let text = &mut self.text;
        let _ = write!(text, "a={}\r\na=rtcp-mux\r\na=rtcp-rsize\r\n", rtp.direction.name());
        rtp.agreed.iter().for_each(|agreed| self.format(agreed));
        for (id, extension) in first.extensions.iter() {
            let _ = write!(self.text, "a=extmap:{id} {}\r\n", extension.uri());
        }
        if let Some(wanted) = rtp.sends {
            self.source(wanted, first.rtx.is_some());
        }
        self.layers(rtp);
    }

    fn format(&mut self, agreed: &Agreed) {
        let Agreed { codec, payload_type, rtx, parameters, feedback, .. } = agreed;
        let channels = if codec.kind() == Kind::Audio { "/2" } else { "" };
        let (name, rate) = (codec.name(), codec.clock_rate());
        let text = &mut self.text;
        let _ = write!(text, "a=rtpmap:{payload_type} {name}/{rate}{channels}\r\n");
        if !parameters.is_empty() {
            let _ = write!(text, "a=fmtp:{payload_type} {parameters}\r\n");
        }
        for feedback in feedback.names() {
            let _ = write!(text, "a=rtcp-fb:{payload_type} {feedback}\r\n");
        }
        if let Some(rtx) = rtx {
            let _ =
                write!(text, "a=rtpmap:{rtx} rtx/{rate}\r\na=fmtp:{rtx} apt={payload_type}\r\n");
        }
    }

    fn transport(&mut self, mid: &str) {
        self.text.push_str("c=IN IP4 0.0.0.0\r\n");
        self.name(mid);
        let text = &mut self.text;
        let _ = write!(text, "a=setup:{}\r\n", self.setup);
        text.push_str(&ice(self.local.credentials));
        if !std::mem::take(&mut self.candidates_due) {
            return;
        }
        for (at, address) in (0u32..).zip(self.local.candidates) {
            let (ip, port) = (address.ip(), address.port());
            // RFC 8445, 5.1.2.1: host candidates, the first preferred
            let priority = (126 << 24) | ((65_535 - at.min(65_535)) << 8) | 255;
            let foundation = at + 1;
            let _ =
                write!(text, "a=candidate:{foundation} 1 udp {priority} {ip} {port} typ host\r\n");
        }
        text.push_str("a=end-of-candidates\r\n");
    }

    /// Names the stream that we send, so that its receiver knows the first packet by its SSRC.
    fn source(&mut self, wanted: &Wanted, repaired: bool) {
        let Wanted { track, publisher, ssrc, rtx_ssrc, .. } = wanted;
        let stream = policy::stream(wanted);
        let text = &mut self.text;
        let _ = write!(text, "a=msid:{stream} {track}\r\n");
        if repaired {
            let _ = write!(text, "a=ssrc-group:FID {ssrc} {rtx_ssrc}\r\n");
        }
        for ssrc in [ssrc].into_iter().chain(repaired.then_some(rtx_ssrc)) {
            let _ = write!(text, "a=ssrc:{ssrc} cname:{publisher}\r\n");
            let _ = write!(text, "a=ssrc:{ssrc} msid:{stream} {track}\r\n");
        }
    }

    fn layers(&mut self, rtp: &Rtp<'_>) {
        for rid in rtp.layers {
            let _ = write!(self.text, "a=rid:{rid} recv\r\n");
        }
        if rtp.simulcast && !rtp.layers.is_empty() {
            let _ = write!(self.text, "a=simulcast:recv {}\r\n", rtp.layers.join(";"));
        }
    }
}

fn ice(IceCredentials { ufrag, pwd }: &IceCredentials) -> String {
    format!("a=ice-ufrag:{ufrag}\r\na=ice-pwd:{pwd}\r\n")
}
