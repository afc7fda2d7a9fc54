//! Sender-side bandwidth estimate from the receiver's transport feedback.
//!
//! Transport-wide feedback about every packet is the best source: a growing queue and lost packets lower the estimate;
//! without either it grows, until the allocator tries a higher layer. Without such feedback, receiver reports and the
//! receiver's own estimate (REMB) are used. Nothing is probed with padding.

use std::time::{Duration, Instant};

use super::trend::{Trend, Usage};
use crate::layers::Rate;
use crate::rtcp::TransportFeedback;

/// The lowest estimate: speech stays intelligible at this rate.
const MIN_BPS: u64 = 30_000;
/// The estimate after the first second, unless more arrived by then.
const START_BPS: u64 = 1_000_000;
/// Packets whose feedback is awaited at once.
const SENT: usize = 2048;
/// The estimate after overuse, as a fraction of the measured throughput (draft-ietf-rmcat-gcc-02, section 5.5).
const DECREASE_PERCENT: u64 = 85;
/// Between two decreases: a queue has to drain before it shows whether the last one was enough.
const DECREASE_INTERVAL: Duration = Duration::from_millis(300);
/// Growth per second: without a known ceiling, below one, and above it (8 percent: draft-ietf-rmcat-gcc-02, section 5.5).
const INCREASE_FREE_PERCENT: f64 = 30.0;
const INCREASE_PERCENT: f64 = 8.0;
const INCREASE_ABOVE_CEILING_PERCENT: f64 = 2.0;
/// Growth per second at least, without a known ceiling: from a very low rate percentages would take too long.
const INCREASE_FREE_BPS: f64 = 100_000.0;
/// How long a ceiling is respected before it is tried again: briefly at first, since it may have been a short disturbance,
/// and three times as long after each failed try.
const CEILING_AGE_MIN: Duration = Duration::from_secs(2);
const CEILING_AGE_MAX: Duration = Duration::from_secs(60);
/// How far the estimate may exceed the measured rate: by half, plus the step to a larger layer.
const BEYOND_PERCENT: u64 = 150;
const BEYOND_BPS: u64 = 1_500_000;
/// Loss above this means congestion; below it, random loss on the radio link.
const LOSS_HIGH: f64 = 0.10;
const LOSS_LOW: f64 = 0.02;
/// Packets over which loss is judged, at least.
const LOSS_PACKETS: u32 = 50;
/// Receiver reports count only without transport feedback for this long.
const FEEDBACK_MAX_AGE: Duration = Duration::from_secs(2);
/// A REMB older than this no longer counts.
const REMB_MAX_AGE: Duration = Duration::from_secs(10);

/// The bandwidth estimate of the path to one participant, in bits per second.
#[derive(Debug)]
pub struct Estimator {
    start: Instant,
    sent: Vec<InFlight>,
    sent_rate: Rate,
    /// The rate of arrivals, by the time of the feedback.
    arrived_rate: Rate,
    trend: Trend,
    /// The estimate from feedback and loss; `None` before there is any.
    bps: Option<u64>,
    /// What the path carried when it was full.
    ceiling: Option<Ceiling>,
    remb: Option<(u64, Instant)>,
    losses: LossCounts,
    fed_back: Option<Instant>,
    updated: Option<Instant>,
    decreased: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Ceiling {
    bps: u64,
    age: Duration,
    until: Instant,
}

/// A packet that was sent and not yet acknowledged.
#[derive(Clone, Copy, Debug)]
struct InFlight {
    sequence: u16,
    /// 0 once its feedback was received.
    bytes: u16,
    at_us: u64,
}

/// Bits per second that arrive.
#[derive(Clone, Copy, Debug)]
struct Arrived {
    /// Over a second, or half of one if that is more.
    peak: u64,
    /// Over half a second: a link that became thin shows in it soon.
    recent: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct LossCounts {
    lost: u32,
    packets: u32,
    /// Of the last packets that were enough to tell.
    fraction: f64,
    /// Since they were used.
    fresh: bool,
}

impl Estimator {
    pub fn new(now: Instant) -> Self {
        Estimator {
            start: now,
            sent: vec![InFlight { sequence: 0, bytes: 0, at_us: 0 }; SENT],
            sent_rate: Rate::default(),
            arrived_rate: Rate::default(),
            trend: Trend::default(),
            bps: None,
            ceiling: None,
            remb: None,
            losses: LossCounts::default(),
            fed_back: None,
            updated: None,
            decreased: None,
        }
    }

    /// Bits per second; `u64::MAX` while nothing is known.
    pub fn estimate_bps(&self) -> u64 {
        let remb = self.remb.map_or(u64::MAX, |(bps, _)| bps);
        self.bps.unwrap_or(u64::MAX).min(remb).max(MIN_BPS)
    }

    /// Reads what the next packet will need; see `Connection::warm`.
    pub fn warm(&self, sequence: u16) -> usize {
        let sent = self.sent[usize::from(sequence) % SENT];
        self.sent_rate.warm().wrapping_add(sent.bytes.into())
    }

    /// Notes a packet that is sent, with its transport-wide number if one was negotiated.
    pub fn on_sent(&mut self, now: Instant, transport_sequence: Option<u16>, bytes: usize) {
        self.sent_rate.add(now, bytes);
        let Some(sequence) = transport_sequence else { return };
        let at_us = now.saturating_duration_since(self.start).as_micros() as u64;
        let bytes = bytes.clamp(1, usize::from(u16::MAX)) as u16;
        self.sent[usize::from(sequence) % SENT] = InFlight { sequence, bytes, at_us };
    }

    pub fn on_feedback(&mut self, now: Instant, feedback: &TransportFeedback<'_>) {
        self.fed_back = Some(now);
        for (sequence, arrival) in feedback.arrivals() {
            let sent = &mut self.sent[usize::from(sequence) % SENT];
            if sent.sequence != sequence || sent.bytes == 0 {
                continue;
            }
            self.losses.count(arrival.is_none());
            let Some(arrival) = arrival else { continue };
            self.trend.on_packet(sent.at_us as f64 / 1000.0, arrival.as_secs_f64() * 1000.0);
            self.arrived_rate.add(now, sent.bytes.into());
            sent.bytes = 0;
        }
        let peak = self.arrived_rate.peak_bits_per_second(now);
        let recent = self.arrived_rate.recent_bits_per_second(now);
        self.update(now, Arrived { peak, recent }, self.trend.usage());
    }

    /// A receiver report about one of our streams: `fraction_lost` as in there.
    pub fn on_report(&mut self, now: Instant, fraction_lost: u8) {
        let recent = |at: Instant| now.saturating_duration_since(at) < FEEDBACK_MAX_AGE;
        if self.fed_back.is_some_and(recent) {
            return;
        }
        let fraction = f64::from(fraction_lost) / 256.0;
        if self.bps.is_none() && fraction <= LOSS_HIGH {
            return;
        }
        self.losses = LossCounts { fraction, fresh: true, ..LossCounts::default() };
        let sent = self.sent_rate.bits_per_second(now);
        let arrived = sent.saturating_sub((sent as f64 * fraction) as u64);
        self.update(now, Arrived { peak: arrived, recent: arrived }, Usage::Normal);
    }

    /// Takes in the receiver's own estimate.
    pub fn on_remb(&mut self, now: Instant, bps: u64) {
        self.remb = Some((bps, now));
    }

    /// Forgets what is too old.
    pub fn handle_timeout(&mut self, now: Instant) {
        let old = |at: Instant, age| now.saturating_duration_since(at) > age;
        self.remb = self.remb.filter(|(_, at)| !old(*at, REMB_MAX_AGE));
    }

    fn update(&mut self, now: Instant, arrived: Arrived, usage: Usage) {
        let fraction = self.losses.fraction;
        let trouble = usage == Usage::Over || fraction > LOSS_HIGH;
        if self.bps.is_none() && !trouble && !self.arrived_rate.is_settled(now) {
            return;
        }
        let proven = (arrived.peak * BEYOND_PERCENT / 100).max(START_BPS);
        let bps = *self.bps.get_or_insert(proven);
        let since = self.updated.replace(now).map_or(Duration::ZERO, |at| now.duration_since(at));
        let may_decrease =
            self.decreased.is_none_or(|at| now.duration_since(at) >= DECREASE_INTERVAL);
        let carried = arrived.recent * DECREASE_PERCENT / 100;
        let next = if usage == Usage::Over {
            if !may_decrease {
                return;
            }
            self.meet_ceiling(now, arrived.recent);
            bps.min(carried)
        } else if fraction > LOSS_HIGH && self.losses.fresh {
            if !may_decrease {
                return;
            }
            self.losses.fresh = false;
            self.meet_ceiling(now, arrived.recent);
            // However much is lost of too much, what gets through does.
            let less = (bps as f64 * (1.0 - fraction / 2.0)) as u64;
            less.max(carried).min(bps)
        } else if fraction < LOSS_LOW && usage == Usage::Normal {
            self.grown(now, bps, arrived.peak, since)
        } else {
            bps
        };
        if next < bps {
            self.decreased = Some(now);
        }
        self.bps = Some(next.max(MIN_BPS));
    }

    fn meet_ceiling(&mut self, now: Instant, bps: u64) {
        let age = match self.ceiling {
            Some(Ceiling { age, until, .. }) if now < until => age,
            Some(Ceiling { age, .. }) => (age * 3).min(CEILING_AGE_MAX),
            None => CEILING_AGE_MIN,
        };
        self.ceiling = Some(Ceiling { bps, age, until: now + age });
    }

    fn grown(&mut self, now: Instant, bps: u64, arrived: u64, since: Duration) -> u64 {
        // What carries twice as much was no ceiling.
        self.ceiling = self.ceiling.filter(|ceiling| arrived < 2 * ceiling.bps);
        let (percent, least) = match self.ceiling {
            Some(Ceiling { until, .. }) if now >= until => {
                (INCREASE_FREE_PERCENT, INCREASE_FREE_BPS)
            }
            Some(ceiling) if bps > ceiling.bps => (INCREASE_ABOVE_CEILING_PERCENT, 0.0),
            Some(_) => (INCREASE_PERCENT, 0.0),
            None => (INCREASE_FREE_PERCENT, INCREASE_FREE_BPS),
        };
        let seconds = since.min(Duration::from_secs(1)).as_secs_f64();
        let more = ((bps as f64 * percent / 100.0).max(least) * seconds) as u64;
        let most = arrived * BEYOND_PERCENT / 100 + BEYOND_BPS;
        (bps + more).min(most).max(bps)
    }
}

impl LossCounts {
    fn count(&mut self, lost: bool) {
        self.packets += 1;
        self.lost += u32::from(lost);
        if self.packets >= LOSS_PACKETS {
            let fraction = f64::from(self.lost) / f64::from(self.packets);
            *self = LossCounts { lost: 0, packets: 0, fraction, fresh: true };
        }
    }
}

#[cfg(test)]
#[path = "estimator_tests.rs"]
mod tests;
