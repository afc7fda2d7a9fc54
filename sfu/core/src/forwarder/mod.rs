//! One subscription: the stream of one track to one participant.

mod frame_numbers;
mod outbound;
mod rewriter;
mod selector;
mod sent;

use std::time::{Duration, Instant};

use beckon_sfu_api::Preference;

pub use self::outbound::Outbound;
use self::rewriter::Rewriter;
use self::selector::{Selector, Verdict};
use self::sent::{Sent, SentPacket};
use crate::extension::{Extension, ExtensionMap};
use crate::keys::ParticipantKey;
use crate::layers::{Layers, Received, ticks};
use crate::negotiation::Binding;
use crate::rtp::Fields;

/// One subscription to a track: it selects the layer, rewrites its packets into one stream, and remembers them for repairs.
pub struct Forwarder {
    /// The subscriber.
    pub to: ParticipantKey,
    /// Our SSRC of the stream.
    pub ssrc: u32,
    /// Our SSRC of its repair stream (RFC 4588).
    pub rtx_ssrc: u32,
    /// The media section of the subscriber that carries it, once there is one.
    pub binding: Option<Bound>,
    pub preference: Preference,
    /// Whether the subscriber's transport is secure; nothing is forwarded before.
    pub started: bool,
    selector: Selector,
    rewriter: Rewriter,
    sent: Sent,
    /// Next extended sequence number of the repair stream.
    rtx_next: u64,
    /// Sent, for sender reports; both wrap.
    packets: u32,
    /// Bytes of payload sent.
    octets: u32,
}

/// What was negotiated with the subscriber for this stream.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    pub payload_type: u8,
    pub rtx_payload_type: Option<u8>,
    /// With [`Extension::TransportCc`], packets are numbered for congestion control.
    pub extensions: ExtensionMap,
}

impl From<&Binding> for Bound {
    fn from(binding: &Binding) -> Self {
        Bound {
            payload_type: binding.payload_type,
            rtx_payload_type: binding.rtx_payload_type,
            extensions: binding.extensions,
        }
    }
}

/// What a sender report of ours says (RFC 3550, section 6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderInfo {
    pub ntp: u64,
    pub rtp: u32,
    pub packets: u32,
    pub octets: u32,
}

impl Forwarder {
    /// Starts with the best layer as its target, until the allocator sets one.
    pub fn new(to: ParticipantKey, ssrc: u32, rtx_ssrc: u32) -> Self {
        let mut selector = Selector::default();
        selector.set_target(Some(u8::MAX));
        Forwarder {
            to,
            ssrc,
            rtx_ssrc,
            binding: None,
            preference: Preference::default(),
            started: false,
            selector,
            rewriter: Rewriter::new(),
            sent: Sent::default(),
            rtx_next: u64::from(rand::random::<u16>() >> 1),
            packets: 0,
            octets: 0,
        }
    }

    /// Sets the layer that the subscriber is to get; `None` pauses.
    pub fn set_target(&mut self, target: Option<u8>) {
        self.selector.set_target(target);
    }

    pub fn target(&self) -> Option<u8> {
        self.selector.target()
    }

    /// The layer that is forwarded.
    pub fn layer(&self) -> Option<u8> {
        self.selector.current().map(|cursor| cursor.layer)
    }

    /// Whether anything can go to the subscriber, and it wants it.
    pub fn is_active(&self) -> bool {
        self.started && self.binding.is_some() && self.preference.enabled
    }

    /// Stops until the next keyframe.
    pub fn pause(&mut self) {
        self.selector.stop();
    }

    /// Stops until it is started again.
    pub fn halt(&mut self) {
        self.started = false;
        self.selector.stop();
    }

    /// The layer whose keyframe it needs to start or to switch.
    pub fn wants_keyframe(&self, now: Instant, layers: &Layers) -> Option<u8> {
        if self.is_active() { self.selector.awaits(now, layers) } else { None }
    }

    /// Reads what the next packet will need; see `Connection::warm`.
    pub fn warm(&self) -> usize {
        let next = self.rewriter.next();
        let sent = self.sent.warm(next) + self.sent.warm(next + 2);
        let target = self.selector.target().map_or(0, usize::from);
        sent + target + usize::from(self.started) + self.packets as usize
    }

    /// Decides whether a packet of the track goes to this subscriber, and as which packet.
    pub fn forward(
        &mut self,
        now: Instant,
        layers: &Layers,
        received: &Received,
    ) -> Option<Outbound> {
        let bound = self.binding.as_ref().filter(|_| self.started)?;
        if !self.preference.enabled {
            self.selector.stop();
            return None;
        }
        let payload_type = bound.payload_type;
        let verdict = self.selector.select(now, layers, received);
        if verdict == Verdict::Drop {
            return None;
        }
        if verdict == Verdict::Switch {
            self.rewriter.switch(now, layers, received);
        }
        let rewritten = match verdict {
            Verdict::Late => self.rewriter.rewrite_late(received),
            _ => self.rewriter.rewrite(now, received),
        };
        let packet = SentPacket::new(rewritten?, received);
        self.sent.put(layers.kind, packet);
        if verdict == Verdict::Switch {
            self.catch_up(now, layers, received);
        }
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(received.payload_len.into());
        Some(self.outbound(payload_type, &packet))
    }

    /// Notes that the packet of this outgoing sequence number is held back by the pacer.
    pub fn hold(&mut self, sequence: u16) {
        let kept = self.rewriter.locate(sequence).and_then(|out| self.sent.get_mut(out));
        if let Some(packet) = kept {
            packet.hold();
        }
    }

    /// The packet that was held back, once: sent again with another number for congestion control, it would use an SRTP
    /// nonce twice.
    pub fn release(&mut self, sequence: u16) -> Option<Outbound> {
        let payload_type = self.binding.as_ref()?.payload_type;
        let packet = self.sent.get_mut(self.rewriter.locate(sequence)?)?;
        let packet = packet.release().then_some(*packet)?;
        Some(self.outbound(payload_type, &packet))
    }

    /// Answers a NACK, not twice within a round trip. Without a repair stream the same packet goes out once more, which
    /// is safe only if it is the same to the last bit: SRTP uses the same nonce. One with a number for congestion
    /// control is not, and is not repeated.
    pub fn repair(&mut self, now: Instant, sequence: u16, rtt: Duration) -> Option<Outbound> {
        let bound = *self.binding.as_ref().filter(|_| self.started)?;
        let numbered = bound.extensions.id(Extension::TransportCc).is_some();
        if bound.rtx_payload_type.is_none() && numbered {
            return None;
        }
        let packet = self.sent.repair(now, self.rewriter.locate(sequence)?, rtt)?;
        let original = self.outbound(bound.payload_type, &packet);
        Some(match bound.rtx_payload_type {
            Some(payload_type) => self.wrap(payload_type, original),
            None => original,
        })
    }

    /// A sender report by the publisher's clock if that is known, else by the arrival of the last packet. `ntp` is the time
    /// of `now`.
    pub fn sender_report(&self, now: Instant, ntp: u64, layers: &Layers) -> Option<SenderInfo> {
        if !self.started {
            return None;
        }
        let clock_rate = layers.codec.clock_rate();
        let (cursor, shift) = self.rewriter.timestamp_shift()?;
        let layer = layers.get(cursor.layer).filter(|layer| layer.epoch() == cursor.epoch);
        let told = layer.and_then(|layer| layer.sender_report());
        let (rtp, at) = match told {
            Some(report) => (report.rtp.wrapping_add(shift), report.at),
            None => self.rewriter.newest()?,
        };
        let passed = ticks(now.saturating_duration_since(at), clock_rate) as u32;
        let rtp = rtp.wrapping_add(passed);
        Some(SenderInfo { ntp, rtp, packets: self.packets, octets: self.octets })
    }

    /// The start of a keyframe may have been overtaken, or lost and repaired. What came before it and belongs behind it
    /// counts as sent, so that the subscriber finds it missing and gets it.
    fn catch_up(&mut self, now: Instant, layers: &Layers, start: &Received) {
        let Some(newest) = layers.get(start.layer).map(|layer| layer.newest()) else { return };
        for index in start.index + 1..=newest {
            let Some(overtaken) = layers.recall(start.layer, index) else { continue };
            if let Some(rewritten) = self.rewriter.rewrite(now, &overtaken) {
                self.sent.put(layers.kind, SentPacket::new(rewritten, &overtaken));
            }
        }
    }

    fn outbound(&self, payload_type: u8, packet: &SentPacket) -> Outbound {
        let SentPacket { layer, index, marker, payload_len, .. } = *packet;
        let rewritten = packet.rewritten();
        Outbound {
            fields: Fields {
                marker,
                payload_type,
                sequence: rewritten.out as u16,
                timestamp: rewritten.timestamp,
                ssrc: self.ssrc,
            },
            roc: (rewritten.out >> 16) as u32,
            layer,
            index,
            payload_len,
            numbers: rewritten.numbers,
            osn: None,
        }
    }

    /// As a packet of the repair stream (RFC 4588, section 4).
    fn wrap(&mut self, payload_type: u8, original: Outbound) -> Outbound {
        let next = self.rtx_next;
        self.rtx_next += 1;
        let fields =
            Fields { payload_type, sequence: next as u16, ssrc: self.rtx_ssrc, ..original.fields };
        let osn = Some(original.fields.sequence);
        Outbound { fields, roc: (next >> 16) as u32, osn, ..original }
    }
}

#[cfg(test)]
#[path = "forwarder_tests.rs"]
mod tests;
