//! The path of a media packet through the room. Nothing here allocates once buffers are warm.

use std::time::{Duration, Instant};

use beckon_sfu_api::{Kind, Source};
use slotmap::SlotMap;

use super::{Context, Room};
use crate::connection::{Connection, MediaPacket};
use crate::demux::Owner;
use crate::downlink::Admission;
use crate::extension::{Extension, ExtensionMap};
use crate::forwarder::{Forwarder, Outbound};
use crate::keys::{ParticipantKey, TrackKey};
use crate::layers::{Layers, Received};
use crate::outgoing::Sink;
use crate::participant::{Participant, STREAMS_MAX, Unsettled};
use crate::rtp::Header;
use crate::speakers;
use crate::stats::Discard;
use crate::track::{Claim, Parts, Track};

/// No packet is sent again sooner, whatever round-trip time a client's reports suggest.
const REPAIR_INTERVAL_MIN: Duration = Duration::from_millis(10);

/// Packets collected before they are forwarded; with one more they are forwarded at once. No history is shorter.
pub(super) const ARRIVALS_MAX: usize = 64;

/// A received packet that waits to be forwarded.
pub(super) struct Arrival {
    track: TrackKey,
    order: usize,
    now: Instant,
    received: Received,
}

impl Arrival {
    pub(super) fn is_of(&self, track: TrackKey) -> bool {
        self.track == track
    }
}

/// What the packets of one track have in common while they are forwarded.
struct PublishedTrack<'a> {
    track: TrackKey,
    kind: Kind,
    layers: &'a Layers,
    extensions: &'a ExtensionMap,
}

/// Subscribers whose state is prefetched together: it fits into the smallest cache.
const WARM_AHEAD: usize = 8;

/// Bytes of the shared send buffer: more than a frame of video.
pub(super) const TRAIN_BYTES: usize = 16 << 10;

impl Room {
    pub(super) fn handle_rtp(
        &mut self,
        now: Instant,
        key: ParticipantKey,
        datagram: &mut [u8],
        ctx: &mut Context<'_>,
    ) -> Result<(), Discard> {
        let participant = self.participants.get_mut(key).ok_or(Discard::UnknownSource)?;
        let packet: &[u8] = participant.publisher.open_rtp(now, datagram)?;
        ctx.counters.received += 1;
        let header = Header::read(packet).ok_or(Discard::Malformed)?;
        // Recorded even if it is discarded below: otherwise its sender would count it as lost.
        let number = participant.transport_cc.and_then(|id| header.extension(packet, id));
        if let Some(&[high, low]) = number {
            let sequence = u16::from_be_bytes([high, low]);
            participant.publisher.record_arrival(now, header.ssrc, sequence);
        }
        let (track_key, claim) = claimed(participant, &self.tracks, &header, packet)?;
        let mut track = self.tracks.get_mut(track_key).ok_or(Discard::UnknownSsrc)?;
        if track.is_news(claim, &header) {
            self.identify(track_key, header.payload_type, ctx)?;
            track = self.tracks.get_mut(track_key).ok_or(Discard::UnknownSsrc)?;
        }
        let find = |extension| header.extension(packet, track.extensions.id(extension)?);
        let level = find(Extension::AudioLevel).and_then(speakers::level_dbov);
        // The sound of a shared screen is not speech of its participant.
        let is_voice = !track.is_muted() && track.source != Source::ScreenShareAudio;
        if let Some(level) = level.filter(|_| is_voice) {
            self.speakers.observe(now, key, level);
        }
        let received = track.handle_rtp(now, claim, &header, packet)?;
        if track.is_waiting() {
            self.schedule_tick(now);
        }
        let Some(received) = received else { return Ok(()) };
        let order = self.arrivals.len();
        self.arrivals.push(Arrival { track: track_key, order, now, received });
        if self.arrivals.len() >= ARRIVALS_MAX {
            self.forward(ctx, None);
        } else if order == 0 {
            ctx.busy.push(self.key);
        }
        Ok(())
    }

    /// Forwards the packets received: to each subscriber all of one track, while its state is in the CPU's caches. With the
    /// last track a subscriber's datagrams are complete and go to `send`; without `send` they stay queued.
    pub(crate) fn forward(&mut self, ctx: &mut Context<'_>, mut send: Option<&mut Sink<'_>>) {
        self.arrivals.sort_unstable_by_key(|arrival| (arrival.track, arrival.order));
        let mut tracks = self.arrivals.chunk_by(|one, other| one.track == other.track).peekable();
        while let Some(arrivals) = tracks.next() {
            let Some(track) = arrivals.first().map(|first| first.track) else { continue };
            let Some(parts) = self.tracks.get_mut(track).map(Track::split) else { continue };
            let Parts { kind, layers, extensions, forwarders } = parts;
            let mut send = send.as_mut().filter(|_| tracks.peek().is_none());
            for at in 0..forwarders.len() {
                if at.is_multiple_of(WARM_AHEAD) {
                    warm(forwarders.iter().skip(at).take(WARM_AHEAD), &mut self.participants);
                }
                let Some(forwarder) = forwarders.get_mut(at) else { continue };
                let key = forwarder.to;
                let Some(to) = self.participants.get_mut(key) else { continue };
                let owner = Owner { room: self.key, participant: key, side: to.down_side() };
                let connection = to.down();
                let exchanged = send.is_some() && connection.outgoing.exchange(&mut self.train);
                let was_holding = connection.downlink.pacer.is_holding();
                for arrival in arrivals {
                    let from = PublishedTrack { track, kind, layers, extensions };
                    ctx.counters.forwarded +=
                        u64::from(pass_on(arrival, &from, forwarder, connection));
                }
                if !was_holding && connection.downlink.pacer.is_holding() {
                    self.holding.push(key);
                }
                match &mut send {
                    Some(send) => connection.outgoing.flush(send),
                    None => connection.mark(owner, ctx.dirty),
                }
                if exchanged {
                    connection.outgoing.exchange(&mut self.train);
                }
            }
        }
        if let Some(last) = self.arrivals.last().filter(|_| !self.holding.is_empty()) {
            self.schedule_tick(last.now);
        }
        self.arrivals.clear();
    }

    /// Sends the packets whose time has come, of all pacers that hold some back.
    pub(super) fn release_held(&mut self, now: Instant, ctx: &mut Context<'_>) {
        let mut holding = std::mem::take(&mut self.holding);
        holding.retain(|key| {
            self.release(now, *key, ctx);
            let participant = self.participants.get_mut(*key);
            participant.is_some_and(|participant| participant.down().downlink.pacer.is_holding())
        });
        self.holding = holding;
    }

    /// Sends the packets to one participant whose time has come.
    fn release(&mut self, now: Instant, key: ParticipantKey, ctx: &mut Context<'_>) {
        while let Some(to) = self.participants.get_mut(key)
            && let Some((track, sequence)) = to.down().downlink.pacer.release(now)
        {
            self.resend(now, key, track, ctx, |forwarder| forwarder.release(sequence));
        }
    }

    /// Answers a NACK for one packet, if the pacer permits another repair.
    pub(super) fn repair(
        &mut self,
        now: Instant,
        key: ParticipantKey,
        track: TrackKey,
        sequence: u16,
        ctx: &mut Context<'_>,
    ) {
        let Some(to) = self.participants.get_mut(key) else { return };
        let downlink = &mut to.down().downlink;
        if !downlink.pacer.may_repair(now) {
            return;
        }
        let rtt = downlink.rtt().max(REPAIR_INTERVAL_MIN);
        let find = |forwarder: &mut Forwarder| forwarder.repair(now, sequence, rtt);
        let Some(bytes) = self.resend(now, key, track, ctx, find) else { return };
        ctx.counters.repaired += 1;
        if let Some(to) = self.participants.get_mut(key) {
            to.down().downlink.pacer.repaired(bytes);
        }
    }

    /// Sends a packet from the history and returns its approximate size in bytes.
    fn resend(
        &mut self,
        now: Instant,
        key: ParticipantKey,
        track: TrackKey,
        ctx: &mut Context<'_>,
        find: impl FnOnce(&mut Forwarder) -> Option<Outbound>,
    ) -> Option<usize> {
        let track = self.tracks.get_mut(track)?;
        let forwarder = track.forwarder_mut(key)?;
        let outbound = find(forwarder)?;
        let bound = forwarder.binding?;
        let to = self.participants.get_mut(key)?;
        let owner = Owner { room: self.key, participant: key, side: to.down_side() };
        let Parts { layers, extensions, .. } = track.split();
        let packet = MediaPacket { outbound: &outbound, layers, from: extensions, bound: &bound };
        if !to.down().send_packet(now, &packet) {
            return None;
        }
        ctx.counters.forwarded += 1;
        to.down().mark(owner, ctx.dirty);
        Some(outbound.size())
    }

    /// Starts the forwarders to a participant, each with a keyframe, now that media can flow to it.
    pub(super) fn start_forwarders(&mut self, now: Instant, key: ParticipantKey) {
        let Some(participant) = self.participants.get_mut(key) else { return };
        if !participant.down().is_secure() || participant.lost_reported {
            return;
        }
        for subscription in participant.subscriptions.iter() {
            let track = self.tracks.get_mut(subscription.track);
            if let Some(forwarder) = track.and_then(|track| track.forwarder_mut(key)) {
                forwarder.started = true;
            }
        }
        self.unsettle(key, Unsettled { shares: true, descriptions: false });
        // Keyframes are requested in the next tick, which is now.
        self.due = now;
    }
}

/// Prefetches the state that forwarding to these needs. It leaves the CPU's caches between two frames, and fetching it for
/// several subscribers at once takes hardly longer than for one.
fn warm<'a>(
    forwarders: impl Iterator<Item = &'a Forwarder>,
    participants: &mut SlotMap<ParticipantKey, Participant>,
) {
    let read = |forwarder: &Forwarder| {
        let to = participants.get_mut(forwarder.to).map_or(0, |to| to.down().warm());
        forwarder.warm().wrapping_add(to)
    };
    std::hint::black_box(forwarders.map(read).fold(0, usize::wrapping_add));
}

/// Sends a packet to a subscriber if allowed, or queues it. Returns whether it was sent.
fn pass_on(
    arrival: &Arrival,
    from: &PublishedTrack<'_>,
    forwarder: &mut Forwarder,
    connection: &mut Connection,
) -> bool {
    let Arrival { now, received, .. } = arrival;
    let Some(outbound) = forwarder.forward(*now, from.layers, received) else { return false };
    let Some(bound) = &forwarder.binding else { return false };
    let (size, pacer) = (outbound.size(), &mut connection.downlink.pacer);
    if pacer.admit(*now, size, from.kind) == Admission::Hold {
        // A full queue drops packets, as any congested link does.
        let sequence = outbound.fields.sequence;
        if pacer.hold(from.track, sequence, size) {
            forwarder.hold(sequence);
        }
        return false;
    }
    let packet =
        MediaPacket { outbound: &outbound, layers: from.layers, from: from.extensions, bound };
    connection.send_packet(*now, &packet)
}

/// Finds the track of an SSRC, and remembers an SSRC that is new.
fn claimed(
    participant: &mut Participant,
    tracks: &SlotMap<TrackKey, Track>,
    header: &Header,
    packet: &[u8],
) -> Result<(TrackKey, Claim), Discard> {
    if let Some(known) = participant.sources.get(&header.ssrc) {
        return Ok(*known);
    }
    let claim = |key: TrackKey| Some((key, tracks.get(key)?.claims(header, packet)?));
    let found = participant.published.iter().find_map(|(_, key)| claim(*key));
    let found = found.ok_or(Discard::UnknownSsrc)?;
    if participant.sources.len() >= STREAMS_MAX {
        return Err(Discard::TooMany);
    }
    participant.sources.insert(header.ssrc, found);
    Ok(found)
}
