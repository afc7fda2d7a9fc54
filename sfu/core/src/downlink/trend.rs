//! Detects a growing queue on a link from the send and arrival times of packets
//! (draft-ietf-rmcat-gcc-02, section 5; the slope is a line through the last delays).

use std::collections::VecDeque;

/// Packets sent within this many milliseconds are one group.
const GROUP_MS: f64 = 5.0;
/// A group that a link let go at once does not grow beyond this.
const GROUP_MS_MAX: f64 = 100.0;
/// Groups the line goes through.
const POINTS: usize = 20;
/// Weight of the past in the smoothed delay.
const SMOOTHING: f64 = 0.9;
const GAIN: f64 = 4.0;
/// How quickly the threshold follows the slope, upwards and downwards.
const THRESHOLD_UP: f64 = 0.0087;
const THRESHOLD_DOWN: f64 = 0.039;
/// A slope this far beyond the threshold is a spike, which the threshold does not follow.
const SPIKE: f64 = 15.0;
/// A delay that changes by more at once is a clock that was set, or one that began again.
const CLOCK_MS: f64 = 3000.0;
/// How long the slope has to be too steep.
const OVERUSE_MS: f64 = 10.0;

/// What the delay says about the use of the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Usage {
    /// A queue drains.
    Under,
    Normal,
    /// A queue grows.
    Over,
}

/// Times are milliseconds, each on its own side's clock.
#[derive(Clone, Copy, Debug)]
struct Group {
    first_sent: f64,
    sent: f64,
    first_arrived: f64,
    arrived: f64,
}

/// The delay trend over the last groups of packets; all times in milliseconds.
#[derive(Debug)]
pub(super) struct Trend {
    group: Option<Group>,
    before: Option<Group>,
    /// Arrival and smoothed delay.
    points: VecDeque<(f64, f64)>,
    accumulated: f64,
    smoothed: f64,
    deltas: u32,
    threshold: f64,
    slope: f64,
    over_ms: f64,
    usage: Usage,
}

impl Default for Trend {
    fn default() -> Self {
        Trend {
            group: None,
            before: None,
            points: VecDeque::with_capacity(POINTS),
            accumulated: 0.0,
            smoothed: 0.0,
            deltas: 0,
            threshold: 12.5,
            slope: 0.0,
            over_ms: 0.0,
            usage: Usage::Normal,
        }
    }
}

impl Trend {
    pub(super) fn usage(&self) -> Usage {
        self.usage
    }

    /// In the order in which they were sent.
    pub(super) fn on_packet(&mut self, sent: f64, arrived: f64) {
        let fresh = Group { first_sent: sent, sent, first_arrived: arrived, arrived };
        let Some(group) = &mut self.group else {
            self.group = Some(fresh);
            return;
        };
        if sent < group.first_sent {
            return; // Overtaken on its way to us: its group is closed.
        }
        if group.takes(sent, arrived) {
            group.sent = group.sent.max(sent);
            group.arrived = group.arrived.max(arrived);
            return;
        }
        let group = std::mem::replace(group, fresh);
        if let Some(before) = self.before.replace(group) {
            self.on_groups(group.sent - before.sent, group.arrived - before.arrived, group.arrived);
        }
    }

    fn on_groups(&mut self, sent_ms: f64, arrived_ms: f64, at: f64) {
        let longer = arrived_ms - sent_ms;
        if longer.abs() > CLOCK_MS {
            *self = Trend::default();
            return;
        }
        self.deltas = (self.deltas + 1).min(60);
        self.accumulated += longer;
        self.smoothed = SMOOTHING * self.smoothed + (1.0 - SMOOTHING) * self.accumulated;
        if self.points.len() == POINTS {
            self.points.pop_front();
        }
        self.points.push_back((at, self.smoothed));
        if self.points.len() == POINTS {
            let slope = slope(&self.points).unwrap_or(self.slope);
            self.detect(slope, sent_ms.max(0.0), arrived_ms);
        }
    }

    fn detect(&mut self, slope: f64, sent_ms: f64, arrived_ms: f64) {
        let scaled = f64::from(self.deltas) * slope * GAIN;
        if scaled > self.threshold {
            self.over_ms += sent_ms;
            if self.over_ms > OVERUSE_MS && slope >= self.slope {
                self.over_ms = 0.0;
                self.usage = Usage::Over;
            }
        } else {
            self.over_ms = 0.0;
            self.usage = if scaled < -self.threshold { Usage::Under } else { Usage::Normal };
        }
        self.slope = slope;
        self.follow(scaled.abs(), arrived_ms.clamp(0.0, 100.0));
    }

    fn follow(&mut self, scaled: f64, ms: f64) {
        if scaled > self.threshold + SPIKE {
            return;
        }
        let speed = if scaled < self.threshold { THRESHOLD_DOWN } else { THRESHOLD_UP };
        self.threshold =
            (self.threshold + speed * (scaled - self.threshold) * ms).clamp(6.0, 600.0);
    }
}

impl Group {
    fn takes(&self, sent: f64, arrived: f64) -> bool {
        if sent - self.first_sent <= GROUP_MS {
            return true;
        }
        // A link that sleeps delivers at once what queued up meanwhile: that is not a shrinking queue.
        let quicker = (arrived - self.arrived) < (sent - self.sent);
        let burst = arrived - self.arrived <= GROUP_MS;
        quicker && burst && arrived - self.first_arrived < GROUP_MS_MAX
    }
}

/// Of the line with the least squares.
fn slope(points: &VecDeque<(f64, f64)>) -> Option<f64> {
    let n = points.len() as f64;
    let (sum_x, sum_y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
    let (mean_x, mean_y) = (sum_x / n, sum_y / n);
    let (above, below) = points.iter().fold((0.0, 0.0), |(above, below), (x, y)| {
        (above + (x - mean_x) * (y - mean_y), below + (x - mean_x) * (x - mean_x))
    });
    (below > 0.0).then(|| above / below)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets every 10 ms through a queue that grows by so much each.
    fn play(trend: &mut Trend, from: u32, packets: u32, growth_ms: f64) -> bool {
        let mut over = false;
        for at in from..from + packets {
            let sent = f64::from(at) * 10.0;
            trend.on_packet(sent, 5000.0 + sent + f64::from(at - from) * growth_ms);
            over |= trend.usage() == Usage::Over;
        }
        over
    }

    #[test]
    fn a_steady_delay_is_normal() {
        assert!(!play(&mut Trend::default(), 0, 500, 0.0));
    }

    #[test]
    fn a_growing_queue_is_overuse() {
        let mut trend = Trend::default();
        play(&mut trend, 0, 100, 0.0);
        assert!(play(&mut trend, 100, 50, 3.0));
    }

    #[test]
    fn a_draining_queue_is_underuse() {
        let mut trend = Trend::default();
        play(&mut trend, 0, 100, 0.0);
        play(&mut trend, 100, 60, -3.0);
        assert_eq!(trend.usage(), Usage::Under);
    }

    #[test]
    fn jitter_around_a_steady_delay_is_normal() {
        let mut trend = Trend::default();
        for at in 0..1000u32 {
            let sent = f64::from(at) * 10.0;
            let jitter = f64::from(at * 7919 % 11) - 5.0;
            trend.on_packet(sent, 5000.0 + sent + jitter);
            assert_ne!(trend.usage(), Usage::Over, "packet {at}");
        }
    }
}
