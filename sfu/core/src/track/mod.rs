//! A published track: its received layers, missing packets and subscribers.

mod claim;
#[cfg(test)]
pub(crate) mod stage;

use std::time::Instant;

use beckon_sfu_api::{Announced, Codec, Kind, LAYERS_MAX, Source, TrackId};

pub use self::claim::Claim;
use crate::codec;
use crate::extension::{Extension, ExtensionMap};
use crate::forwarder::Forwarder;
use crate::keys::ParticipantKey;
use crate::layers::{Fit, Layer, Layers, Received};
use crate::negotiation::{Incoming, Publication};
use crate::rtcp::{self, Report};
use crate::rtp::Header;
use crate::stats::Discard;

/// Changes of codec. A browser may fall back once or twice; each change is a new stream to every subscriber.
const CHANGES_MAX: u8 = 8;

/// A track that a participant publishes. It keeps the packets of its layers and a [`Forwarder`] for each subscriber.
pub struct Track {
    pub id: TrackId,
    /// Its publisher.
    pub owner: ParticipantKey,
    pub source: Source,
    /// The media section that carries it, in the publisher's description.
    pub mid: String,
    pub payload_type: u8,
    pub rtx_payload_type: Option<u8>,
    /// Its audio has two channels.
    pub stereo: bool,
    /// Whether its codec is certain, so that it can be announced to others.
    pub is_known: bool,
    /// Every format in which it may arrive.
    formats: Vec<Incoming>,
    /// How often its codec has changed.
    changes: u8,
    /// Whether its publisher can be asked for lost packets.
    nack: bool,
    pub extensions: ExtensionMap,
    /// One per subscriber, sorted by [`Forwarder::to`].
    pub forwarders: Vec<Forwarder>,
    layers: Layers,
    rids: Vec<String>,
    /// Layers as the publisher announced them, lowest first.
    announced: Vec<beckon_sfu_api::AnnouncedLayer>,
    muted: bool,
    /// A buffer of [`Track::write_feedback`], kept to save allocations.
    missing: Vec<u16>,
}

/// A track split into what is read and what is changed while packets are forwarded.
pub struct Parts<'t> {
    pub kind: Kind,
    pub layers: &'t Layers,
    pub extensions: &'t ExtensionMap,
    pub forwarders: &'t mut [Forwarder],
}

/// How much was requested of a publisher.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    pub packets: usize,
    pub keyframes: usize,
}

impl Track {
    pub fn new(owner: ParticipantKey, announced: &Announced, publication: &Publication) -> Self {
        let mut track = Track {
            id: announced.id.clone(),
            owner,
            source: announced.source,
            mid: String::new(),
            payload_type: 0,
            rtx_payload_type: None,
            stereo: announced.stereo,
            is_known: announced.codec == Some(publication.codec())
                || publication.formats.len() == 1,
            formats: Vec::new(),
            changes: 0,
            nack: false,
            extensions: ExtensionMap::default(),
            forwarders: Vec::new(),
            layers: Layers::new(publication.codec(), claim::layers(publication)),
            rids: Vec::new(),
            announced: announced.layers.clone(),
            muted: announced.muted,
            missing: Vec::with_capacity(64 * LAYERS_MAX),
        };
        track.renegotiate(publication);
        track
    }

    /// Applies a later description of the track's section.
    pub fn renegotiate(&mut self, publication: &Publication) {
        self.mid.clone_from(&publication.mid);
        self.formats.clone_from(&publication.formats);
        let current = self.formats.iter().find(|format| format.codec == self.codec());
        let current = current.copied().unwrap_or(publication.preferred());
        self.payload_type = current.payload_type;
        self.rtx_payload_type = current.rtx_payload_type;
        self.nack = publication.nack;
        self.extensions = publication.extensions;
        self.rids.clone_from(&publication.rids);
        for (layer, (ssrc, rtx)) in self.layers.iter_mut().zip(&publication.ssrcs) {
            (layer.ssrc, layer.rtx_ssrc) = (Some(*ssrc), *rtx);
        }
    }

    pub fn kind(&self) -> Kind {
        self.layers.kind
    }

    pub fn codec(&self) -> Codec {
        self.layers.codec
    }

    pub fn layers(&self) -> &Layers {
        &self.layers
    }

    /// Adds a subscriber. They are kept in order, to be found quickly.
    pub fn attach(&mut self, forwarder: Forwarder) {
        let Err(at) = self.place_of(forwarder.to) else { return };
        self.forwarders.insert(at, forwarder);
    }

    pub fn detach(&mut self, to: ParticipantKey) {
        if let Ok(at) = self.place_of(to) {
            self.forwarders.remove(at);
        }
    }

    pub fn forwarder(&self, to: ParticipantKey) -> Option<&Forwarder> {
        self.place_of(to).ok().and_then(|at| self.forwarders.get(at))
    }

    pub fn forwarder_mut(&mut self, to: ParticipantKey) -> Option<&mut Forwarder> {
        self.place_of(to).ok().and_then(|at| self.forwarders.get_mut(at))
    }

    fn place_of(&self, to: ParticipantKey) -> Result<usize, usize> {
        self.forwarders.binary_search_by_key(&to, |forwarder| forwarder.to)
    }

    /// Splits it, to walk the subscribers while packets are read.
    pub fn split(&mut self) -> Parts<'_> {
        Parts {
            kind: self.layers.kind,
            layers: &self.layers,
            extensions: &self.extensions,
            forwarders: &mut self.forwarders,
        }
    }

    /// The bitrate announced for a layer, in bits per second; 0 if there is none.
    pub(crate) fn announced_bitrate(&self, layer: usize) -> u64 {
        self.announced.get(layer).map_or(0, |layer| u64::from(layer.bitrate))
    }

    pub fn is_muted(&self) -> bool {
        self.muted
    }

    /// A muted track is received and not forwarded. Afterwards video starts again with a keyframe.
    pub fn mute(&mut self, muted: bool) {
        self.muted = muted;
        if muted {
            self.forwarders.iter_mut().for_each(Forwarder::pause);
        }
    }

    /// Whether a packet says something new about the track's codec.
    pub fn is_news(&self, claim: Claim, header: &Header) -> bool {
        !claim.repair && (!self.is_known || header.payload_type != self.payload_type)
    }

    /// Sets the codec to that of this payload type. Returns whether it changed.
    pub fn identify(&mut self, payload_type: u8) -> Result<bool, Discard> {
        let mut formats = self.formats.iter();
        let format = formats.find(|format| format.payload_type == payload_type).copied();
        let format = format.ok_or(Discard::UnknownPayloadType)?;
        self.is_known = true;
        if format.payload_type == self.payload_type {
            return Ok(false);
        }
        if self.changes == CHANGES_MAX {
            return Err(Discard::TooMany);
        }
        self.changes += 1;
        (self.payload_type, self.rtx_payload_type) = (payload_type, format.rtx_payload_type);
        let fresh = self
            .layers
            .iter()
            .map(|layer| Layer::new(format.codec.kind(), layer.ssrc, layer.rtx_ssrc));
        self.layers = Layers::new(format.codec, fresh.collect());
        Ok(true)
    }

    /// Takes in a decrypted packet. `None` if there is nothing to forward: a duplicate, padding, a muted track.
    pub fn handle_rtp(
        &mut self,
        now: Instant,
        claim: Claim,
        header: &Header,
        packet: &[u8],
    ) -> Result<Option<Received>, Discard> {
        let payload = header.payload(packet);
        if claim.repair {
            return self.handle_repair(now, claim.layer, header, packet, payload);
        }
        if header.payload_type != self.payload_type {
            return Err(Discard::UnknownPayloadType);
        }
        let clock_rate = self.codec().clock_rate();
        let layer = self.layers.get_mut(claim.layer).ok_or(Discard::UnknownSsrc)?;
        let fit = layer.place(now, header, clock_rate);
        self.layers.heard(now, claim.layer, packet.len(), header.marker);
        match fit {
            Fit::Fits { index } => {
                Ok(self.keep(claim.layer, index, header, packet, payload, *header))
            }
            Fit::Duplicate | Fit::Stale => Err(Discard::Stale),
        }
    }

    /// Unwraps a packet of a repair stream (RFC 4588, section 4). One without an original only probes the path.
    fn handle_repair(
        &mut self,
        now: Instant,
        layer: u8,
        header: &Header,
        packet: &[u8],
        payload: &[u8],
    ) -> Result<Option<Received>, Discard> {
        if Some(header.payload_type) != self.rtx_payload_type {
            return Err(Discard::UnknownPayloadType);
        }
        let Some((osn, payload)) = payload.split_first_chunk() else { return Ok(None) };
        let sequence = u16::from_be_bytes(*osn);
        let payload_type = self.payload_type;
        let repaired = self.layers.get_mut(layer).ok_or(Discard::UnknownSsrc)?;
        match repaired.place_repaired(now, sequence) {
            Fit::Fits { index } => {
                let mut original = *header;
                (original.sequence, original.payload_type) = (sequence, payload_type);
                original.ssrc = repaired.ssrc.unwrap_or(header.ssrc);
                Ok(self.keep(layer, index, header, packet, payload, original))
            }
            Fit::Duplicate => Ok(None),
            Fit::Stale => Err(Discard::Stale),
        }
    }

    fn keep(
        &mut self,
        layer: u8,
        index: u64,
        header: &Header,
        packet: &[u8],
        payload: &[u8],
        original: Header,
    ) -> Option<Received> {
        let descriptor = self.extensions.id(Extension::DependencyDescriptor);
        let descriptor = descriptor.and_then(|id| header.extension(packet, id));
        let info = codec::describe(self.codec(), payload, descriptor);
        let head = packet.get(..header.payload_start())?;
        let kept = self.layers.get_mut(layer)?;
        kept.keep(index, &original, &info, head, payload);
        if info.keyframe {
            kept.keyframes.arrived();
        }
        let payload_len = payload.len() as u16;
        let epoch = kept.epoch();
        (!self.muted).then_some(Received {
            layer,
            epoch,
            index,
            header: original,
            info,
            payload_len,
        })
    }

    /// Notes that a subscriber needs a keyframe of this layer.
    pub fn request_keyframe(&mut self, layer: u8) {
        if let Some(layer) = self.layers.get_mut(layer) {
            layer.keyframes.request();
        }
    }

    /// Whether packets or a keyframe are awaited.
    pub fn is_waiting(&self) -> bool {
        let asks = !self.muted;
        self.layers
            .iter()
            .any(|layer| layer.misses_packets() || asks && layer.keyframes.is_wanted())
    }

    /// Appends the NACKs and PLIs that are due, including those for keyframes that forwarders need.
    pub fn write_feedback(&mut self, now: Instant, sender_ssrc: u32, out: &mut Vec<u8>) -> Asked {
        let mut asked = Asked::default();
        let nack = self.nack || self.kind() == Kind::Video || self.rtx_payload_type.is_some();
        if self.kind() == Kind::Video && !self.muted {
            self.gather_wishes(now);
        }
        for layer in self.layers.iter_mut() {
            let Some(media) = layer.ssrc else { continue };
            self.missing.clear();
            layer.missing(now, &mut self.missing);
            if nack && !self.missing.is_empty() {
                rtcp::write_nack(out, sender_ssrc, media, &self.missing);
                asked.packets += self.missing.len();
            }
            if !self.muted && layer.keyframes.ask(now) {
                rtcp::write_pli(out, sender_ssrc, media);
                asked.keyframes += 1;
            }
        }
        asked
    }

    fn gather_wishes(&mut self, now: Instant) {
        for forwarder in &self.forwarders {
            let wish = forwarder.wants_keyframe(now, &self.layers);
            if let Some(layer) = wish.and_then(|layer| self.layers.get_mut(layer)) {
                layer.keyframes.request();
            }
        }
    }

    /// Report blocks of all layers received, for a receiver report to the publisher.
    pub fn reports(&mut self, now: Instant) -> impl Iterator<Item = Report> {
        self.layers.iter_mut().filter_map(move |layer| layer.report(now))
    }

    /// Takes in the clock reading of a publisher's report, if it is about a layer of this track.
    pub fn handle_sender_report(&mut self, now: Instant, ssrc: u32, ntp: u64, rtp: u32) {
        let mut streams = self.layers.iter_mut().filter_map(|layer| layer.reception.as_mut());
        if let Some(stream) = streams.find(|stream| stream.ssrc() == ssrc) {
            stream.heard_sender(now, ntp, rtp);
        }
    }
}

#[cfg(test)]
#[path = "track_tests.rs"]
mod tests;
