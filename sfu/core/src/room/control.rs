//! RTCP: reports and requests of participants, and our reports to them.

use std::time::{Duration, Instant};

use super::{Context, Room};
use crate::demux::{Owner, Side};
use crate::forwarder::{Forwarder, SenderInfo};
use crate::keys::{ParticipantKey, TrackKey};
use crate::rtcp::{self, Packet, Report};
use crate::stats::Discard;

/// A compound packet is sent once it has this many bytes, so that it always fits into one datagram.
const COMPOUND_BYTES: usize = 1000;
/// Receiver reports in one packet, at most (RFC 3550, section 6.4.2).
const REPORTS_AT_ONCE: usize = 31;
/// Packets that one datagram may request again; a client repeats its request for the others. A NACK in a datagram could
/// name six thousand, and finding each takes time.
const REPAIRS_AT_ONCE: usize = 512;
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

impl Room {
    pub(super) fn handle_rtcp(
        &mut self,
        now: Instant,
        owner: Owner,
        datagram: &mut [u8],
        ctx: &mut Context<'_>,
    ) -> Result<(), Discard> {
        let connection = self.connection(owner).ok_or(Discard::UnknownSource)?;
        let compound: &[u8] = connection.open_rtcp(now, datagram)?;
        let key = owner.participant;
        let mut repairs_left = REPAIRS_AT_ONCE;
        for packet in rtcp::packets(compound) {
            match packet {
                Packet::SenderReport { ssrc, ntp, rtp, reports, .. } => {
                    self.hear_sender(now, key, ssrc, ntp, rtp);
                    reports.for_each(|report| self.hear_report(now, owner, &report, ctx));
                }
                Packet::ReceiverReport { reports, .. } => {
                    reports.for_each(|report| self.hear_report(now, owner, &report, ctx));
                }
                Packet::Nack { media, lost, .. } => {
                    let Some(track) = self.received(key, media) else { continue };
                    for sequence in lost.take(repairs_left) {
                        repairs_left -= 1;
                        self.repair(now, key, track, sequence, ctx);
                    }
                }
                Packet::Pli { media, .. } => self.want_keyframe(now, key, media),
                Packet::Fir { targets, .. } => {
                    targets.for_each(|(media, _)| self.want_keyframe(now, key, media));
                }
                Packet::TransportFeedback(feedback) => {
                    if let Some(connection) = self.connection(owner) {
                        connection.downlink.estimator.on_feedback(now, &feedback);
                    }
                }
                Packet::Remb { bitrate, .. } => {
                    if let Some(connection) = self.connection(owner) {
                        connection.downlink.estimator.on_remb(now, bitrate);
                    }
                }
                Packet::Bye { .. } | Packet::Other => {}
            }
        }
        Ok(())
    }

    fn hear_sender(&mut self, now: Instant, key: ParticipantKey, ssrc: u32, ntp: u64, rtp: u32) {
        let Some(participant) = self.participants.get(key) else { return };
        let Some((track, _)) = participant.sources.get(&ssrc) else { return };
        if let Some(track) = self.tracks.get_mut(*track) {
            track.handle_sender_report(now, ssrc, ntp, rtp);
        }
    }

    fn hear_report(&mut self, now: Instant, owner: Owner, report: &Report, ctx: &Context<'_>) {
        if self.received(owner.participant, report.ssrc).is_some()
            && let Some(connection) = self.connection(owner)
        {
            connection.downlink.on_report(now, ctx.clock.ntp(now), report);
        }
    }

    /// Finds the track that this participant receives as the stream `ssrc`.
    fn received(&self, key: ParticipantKey, ssrc: u32) -> Option<TrackKey> {
        self.participants.get(key)?.subscriptions.by_ssrc(ssrc)
    }

    fn want_keyframe(&mut self, now: Instant, key: ParticipantKey, ssrc: u32) {
        let Some(track) = self.received(key, ssrc) else { return };
        let Some(track) = self.tracks.get_mut(track) else { return };
        if let Some(layer) = track.forwarder(key).and_then(Forwarder::layer) {
            track.request_keyframe(layer);
            self.schedule_tick(now);
        }
    }

    /// Sends publishers the NACKs for missing packets and the PLIs for keyframes that subscribers wait for.
    pub(super) fn ask_publishers(&mut self, now: Instant, ctx: &mut Context<'_>) {
        for track in self.tracks.values_mut() {
            let Some(publisher) = self.participants.get_mut(track.owner) else { continue };
            if publisher.lost_reported {
                continue;
            }
            let owner = Owner { room: self.key, participant: track.owner, side: Side::Publisher };
            let connection = &mut publisher.publisher;
            self.rtcp.clear();
            let asked = track.write_feedback(now, connection.rtcp_ssrc(), &mut self.rtcp);
            ctx.counters.keyframe_requests += asked.keyframes as u64;
            if !self.rtcp.is_empty() {
                connection.send_rtcp(&self.rtcp);
                connection.mark(owner, ctx.dirty);
            }
        }
    }

    /// Once a second, sends a participant receiver reports of its streams, and sender reports of those it receives.
    pub(super) fn report(&mut self, now: Instant, key: ParticipantKey, ctx: &Context<'_>) {
        let Some(participant) = self.participants.get_mut(key) else { return };
        if now < participant.report_at {
            return;
        }
        participant.report_at = now + REPORT_INTERVAL;
        self.reports.clear();
        for (_, track) in &participant.published {
            let Some(track) = self.tracks.get_mut(*track) else { continue };
            self.reports.extend(track.reports(now));
        }
        let worst = self.reports.iter().map(|report| report.fraction_lost).max();
        let worst = f64::from(worst.unwrap_or(0)) / 256.0;
        participant.uplink_loss += (worst - participant.uplink_loss) / 4.0;
        if !self.reports.is_empty() {
            let connection = &mut participant.publisher;
            for reports in self.reports.chunks(REPORTS_AT_ONCE) {
                self.rtcp.clear();
                let reports = reports.iter().copied();
                rtcp::write_receiver_report(&mut self.rtcp, connection.rtcp_ssrc(), reports);
                connection.send_rtcp(&self.rtcp);
            }
        }
        self.report_clocks(now, key, ctx);
    }

    fn report_clocks(&mut self, now: Instant, key: ParticipantKey, ctx: &Context<'_>) {
        let Some(participant) = self.participants.get_mut(key) else { return };
        let ntp = ctx.clock.ntp(now);
        self.rtcp.clear();
        for at in 0..participant.subscriptions.len() {
            let Some(subscription) = participant.subscriptions.get(at) else { break };
            let Some(track) = self.tracks.get(subscription.track) else { continue };
            let Some(forwarder) = track.forwarder(key) else { continue };
            let Some(info) = forwarder.sender_report(now, ntp, track.layers()) else { continue };
            let SenderInfo { ntp, rtp, packets, octets } = info;
            let rtcp = &mut self.rtcp;
            rtcp::write_sender_report(rtcp, subscription.ssrc, ntp, rtp, packets, octets);
            if self.rtcp.len() >= COMPOUND_BYTES {
                participant.down().send_rtcp(&self.rtcp);
                self.rtcp.clear();
            }
        }
        if !self.rtcp.is_empty() {
            participant.down().send_rtcp(&self.rtcp);
        }
    }
}
