//! The timers of a room: its tick, its round, and reports.

use std::time::{Duration, Instant};

use beckon_sfu_api::{Event, Lost, NetworkQuality, Speaker};

use super::{Context, Room};
use crate::demux::Owner;
use crate::keys::ParticipantKey;
use crate::participant::Participant;
use crate::track::Track;

/// How often a room services its tracks while packets are missing or held back, or a keyframe is awaited.
const TICK: Duration = Duration::from_millis(10);
/// How often it services all connections, and its tracks in any case.
const ROUND: Duration = Duration::from_millis(50);
const QUALITY_INTERVAL: Duration = Duration::from_secs(5);
/// Clients renew their consent every few seconds (RFC 7675, section 5.1).
const SILENCE_MAX: Duration = Duration::from_secs(20);

/// Thresholds of loss and round-trip time for excellent and good network quality.
const EXCELLENT: (f64, Duration) = (0.02, Duration::from_millis(250));
const GOOD: (f64, Duration) = (0.06, Duration::from_millis(500));
/// A participant that was silent for this long is reported as lost quality.
const QUALITY_SILENCE: Duration = Duration::from_secs(8);

impl Room {
    /// When to call [`Room::handle_timeout`].
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        // Chores are due as soon as there is time for them.
        let due = if self.chores.is_empty() { self.due } else { self.opened_at };
        (!self.participants.is_empty()).then_some(due)
    }

    /// Does what is due, and chores until `effort` is spent.
    pub(crate) fn handle_timeout(&mut self, now: Instant, effort: usize, ctx: &mut Context<'_>) {
        self.do_chores(now, effort, ctx);
        if now < self.due {
            return;
        }
        if now >= self.round_at {
            self.round_at = now + ROUND;
            self.service_participants(now, ctx);
            self.tell_speakers(now, ctx);
        }
        self.ask_publishers(now, ctx);
        self.release_held(now, ctx);
        self.due = self.round_at;
        if !self.holding.is_empty() || self.tracks.values().any(Track::is_waiting) {
            self.schedule_tick(now);
        }
        if now >= self.quality_at {
            self.quality_at = now + QUALITY_INTERVAL;
            self.tell_quality(now, ctx);
        }
    }

    /// Brings the next tick forward: something cannot wait for the round.
    pub(super) fn schedule_tick(&mut self, now: Instant) {
        self.due = self.due.min(now + TICK);
    }

    fn service_participants(&mut self, now: Instant, ctx: &mut Context<'_>) {
        let mut keys = std::mem::take(&mut self.keys);
        keys.clear();
        keys.extend(self.participants.keys());
        for key in &keys {
            self.service_participant(now, *key, ctx);
        }
        self.keys = keys;
    }

    fn service_participant(&mut self, now: Instant, key: ParticipantKey, ctx: &mut Context<'_>) {
        let Some(participant) = self.participants.get_mut(key) else { return };
        let sides = participant.sides();
        let is_due = now >= participant.allocate_at;
        if !participant.lost_reported {
            self.report(now, key, ctx);
        }
        if is_due {
            self.allocate(now, key, ctx);
        }
        for side in sides {
            let owner = Owner { room: self.key, participant: key, side };
            let Some(connection) = self.connection(owner) else { continue };
            connection.handle_timeout(now);
            self.drive(now, owner, ctx);
        }
        self.check_liveness(now, key, ctx);
    }

    /// Reports a participant that fell silent as lost, or one that is heard again as connected.
    fn check_liveness(&mut self, now: Instant, key: ParticipantKey, ctx: &mut Context<'_>) {
        let Some(participant) = self.participants.get_mut(key) else { return };
        // Signalling decides how long to wait for the first connection.
        if !participant.down().was_secure() {
            return;
        }
        if now.saturating_duration_since(participant.last_heard()) >= SILENCE_MAX {
            self.lost(key, Lost::Silent, "nothing comes from it", ctx);
        } else if participant.lost_reported && participant.is_open() {
            self.connected(now, key, ctx);
        }
    }

    fn tell_speakers(&mut self, now: Instant, ctx: &mut Context<'_>) {
        let Some(changes) = self.speakers.poll(now) else { return };
        let speaker = |(key, level, active): &(ParticipantKey, f32, bool)| {
            let participant = self.participants.get(*key)?.id.clone();
            Some(Speaker { participant, level: *level, active: *active })
        };
        ctx.tell(&self.id, Event::Speakers(changes.iter().filter_map(speaker).collect()));
    }

    fn tell_quality(&mut self, now: Instant, ctx: &mut Context<'_>) {
        let mut qualities = Vec::with_capacity(self.participants.len());
        for participant in self.participants.values_mut() {
            if participant.down().was_secure() {
                qualities.push((participant.id.clone(), quality(now, participant)));
            }
        }
        if !qualities.is_empty() {
            ctx.tell(&self.id, Event::Quality(qualities));
        }
    }
}

fn quality(now: Instant, participant: &mut Participant) -> NetworkQuality {
    let silent = now.saturating_duration_since(participant.last_heard());
    let paused = participant.subscriptions.iter().any(|subscription| subscription.paused);
    let uplink_loss = participant.uplink_loss;
    let downlink = &participant.down().downlink;
    let (loss, rtt) = (downlink.loss().max(uplink_loss), downlink.rtt());
    let within = |(most_loss, most_rtt)| loss <= most_loss && rtt <= most_rtt;
    if silent >= QUALITY_SILENCE {
        NetworkQuality::Lost
    } else if !paused && within(EXCELLENT) {
        NetworkQuality::Excellent
    } else if !paused && within(GOOD) {
        NetworkQuality::Good
    } else {
        NetworkQuality::Poor
    }
}
