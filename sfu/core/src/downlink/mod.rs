//! The network path to one participant: its bandwidth, its quality, and when to send.

pub mod allocator;
mod estimator;
mod pacer;
mod trend;

use std::time::{Duration, Instant};

pub use self::estimator::Estimator;
pub use self::pacer::{Admission, Pacer};
use crate::rtcp::Report;

/// Before the first report.
const RTT_INITIAL: Duration = Duration::from_millis(100);
/// After this long without a report the loss counts as zero: a participant that receives nothing loses nothing.
const REPORT_MAX_AGE: Duration = Duration::from_secs(10);
/// A longer round trip in a report is an error.
const RTT_MAX: Duration = Duration::from_secs(10);

/// What is known of the path to one participant.
#[derive(Debug)]
pub struct Downlink {
    pub estimator: Estimator,
    pub pacer: Pacer,
    transport_sequence: u16,
    rtt: Option<Duration>,
    loss: f64,
    reported: Option<Instant>,
}

impl Downlink {
    pub fn new(now: Instant) -> Self {
        Downlink {
            estimator: Estimator::new(now),
            pacer: Pacer::new(),
            transport_sequence: 0,
            rtt: None,
            loss: 0.0,
            reported: None,
        }
    }

    /// Reads what the next packet will need; see `Connection::warm`.
    pub fn warm(&self) -> usize {
        let next = self.transport_sequence.wrapping_add(1);
        self.estimator.warm(next).wrapping_add(self.pacer.warm())
    }

    /// The number of the next packet, for transport-wide congestion control.
    pub fn next_transport_sequence(&mut self) -> u16 {
        self.transport_sequence = self.transport_sequence.wrapping_add(1);
        self.transport_sequence
    }

    /// Takes in a report block about a stream that we send; `ntp` is the time of `now` as in our sender reports (RFC 3550,
    /// section 6.4.1).
    pub fn on_report(&mut self, now: Instant, ntp: u64, report: &Report) {
        let fraction = f64::from(report.fraction_lost) / 256.0;
        self.loss += (fraction - self.loss) / 4.0;
        self.reported = Some(now);
        self.estimator.on_report(now, report.fraction_lost);
        if report.last_sr == 0 {
            return;
        }
        let units = ((ntp >> 16) as u32).wrapping_sub(report.last_sr).wrapping_sub(report.delay);
        let sample = Duration::from_secs(1) * units / 65_536;
        // Clock drift can make a short round trip negative, which wraps to a huge one.
        if sample <= RTT_MAX {
            let rtt = self.rtt.unwrap_or(sample);
            self.rtt = Some((rtt * 7 + sample) / 8);
        }
    }

    /// Advances the estimate. To be called about every 100 ms.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.estimator.handle_timeout(now);
        let old = |at| now.saturating_duration_since(at) > REPORT_MAX_AGE;
        if self.reported.is_some_and(old) {
            self.loss = 0.0;
        }
        self.pacer.set_rate(self.estimator.estimate_bps());
    }

    /// Round-trip time, smoothed; a guess before the first report.
    pub fn rtt(&self) -> Duration {
        self.rtt.unwrap_or(RTT_INITIAL)
    }

    /// Round-trip time, smoothed; `None` before the first report that tells it.
    pub fn measured_rtt(&self) -> Option<Duration> {
        self.rtt
    }

    /// The fraction of our packets that is lost, from 0 to 1, smoothed, by receiver reports.
    pub fn loss(&self) -> f64 {
        self.loss
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1 << 32;

    fn report(last_sr: u32, delay: u32) -> Report {
        Report { last_sr, delay, ..Report::default() }
    }

    #[test]
    fn the_round_trip_is_what_the_other_side_did_not_take() {
        let now = Instant::now();
        let mut downlink = Downlink::new(now);
        downlink.on_report(now, 10 * SECOND, &report(0, 0));
        assert_eq!(downlink.rtt(), RTT_INITIAL, "no sender report came there yet");
        let sent = ((9 * SECOND) >> 16) as u32;
        downlink.on_report(now, 10 * SECOND, &report(sent, 65_536 * 3 / 4));
        assert_eq!(downlink.rtt(), Duration::from_millis(250));
        downlink.on_report(now, 10 * SECOND, &report(sent, 65_536 * 2));
        assert_eq!(downlink.rtt(), Duration::from_millis(250), "less than nothing is no time");
    }

    #[test]
    fn losses_are_smoothed() {
        let now = Instant::now();
        let mut downlink = Downlink::new(now);
        let lossy = Report { fraction_lost: 64, ..Report::default() };
        downlink.on_report(now, 0, &lossy);
        assert!((0.06..0.07).contains(&downlink.loss()));
        (0..20).for_each(|_| downlink.on_report(now, 0, &lossy));
        assert!(downlink.loss() > 0.24);
    }
}
