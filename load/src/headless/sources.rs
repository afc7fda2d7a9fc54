//! What a receiver tells senders of their streams (RFC 3550, 6.4.1).

use std::time::{Duration, Instant};

use beckon_sfu_core::rtcp::Report;

/// The streams one participant receives.
#[derive(Default)]
pub struct Sources(Vec<Source>);

struct Source {
    ssrc: u32,
    base: u32,
    /// The highest sequence number, with how often it went round in the upper half.
    highest: u32,
    received: u32,
    /// What the last report said of loss.
    told: (u32, u32),
    /// The middle of the last sender report's time, and when it came.
    sender_report: Option<(u32, Instant)>,
}

impl Sources {
    pub fn note_packet(&mut self, ssrc: u32, sequence: u16) {
        match self.0.iter_mut().find(|source| source.ssrc == ssrc) {
            Some(source) => source.note(sequence),
            None => self.0.push(Source {
                ssrc,
                base: sequence.into(),
                highest: sequence.into(),
                received: 1,
                told: (0, 0),
                sender_report: None,
            }),
        }
    }

    pub fn note_sender_report(&mut self, now: Instant, ssrc: u32, ntp: u64) {
        if let Some(source) = self.0.iter_mut().find(|source| source.ssrc == ssrc) {
            source.sender_report = Some(((ntp >> 16) as u32, now));
        }
    }

    /// A stream that feedback may name.
    pub fn any(&self) -> Option<u32> {
        self.0.first().map(|source| source.ssrc)
    }

    pub fn reports(&mut self, now: Instant) -> impl Iterator<Item = Report> {
        self.0.iter_mut().map(move |source| source.report(now))
    }
}

impl Source {
    fn note(&mut self, sequence: u16) {
        let ahead = sequence.wrapping_sub(self.highest as u16) as i16;
        if ahead > 0 {
            self.highest = self.highest.wrapping_add(ahead as u32);
        }
        self.received = self.received.wrapping_add(1);
    }

    fn report(&mut self, now: Instant) -> Report {
        let expected = self.highest.wrapping_sub(self.base).wrapping_add(1);
        let lost = expected.saturating_sub(self.received);
        let (expected_before, received_before) = self.told;
        let expected_since = expected.wrapping_sub(expected_before);
        let lost_since = expected_since.saturating_sub(self.received.wrapping_sub(received_before));
        self.told = (expected, self.received);
        let delay = |at| now.saturating_duration_since(at);
        Report {
            ssrc: self.ssrc,
            fraction_lost: (u64::from(lost_since) * 256 / u64::from(expected_since.max(1))).min(255)
                as u8,
            lost: lost as i32,
            highest: self.highest,
            jitter: 0,
            last_sr: self.sender_report.map_or(0, |(middle, _)| middle),
            delay: self.sender_report.map_or(0, |(_, at)| in_65536ths(delay(at))),
        }
    }
}

fn in_65536ths(duration: Duration) -> u32 {
    (duration.as_micros() * 65_536 / 1_000_000) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_reported_once_as_a_share_and_stays_in_the_sum() {
        let mut sources = Sources::default();
        for sequence in [65_534, 65_535, 1, 2] {
            sources.note_packet(9, sequence);
        }
        let now = Instant::now();
        let report = sources.reports(now).next().unwrap();
        assert_eq!((report.lost, report.fraction_lost, report.highest), (1, 51, 65_538));
        sources.note_packet(9, 3);
        let report = sources.reports(now).next().unwrap();
        assert_eq!((report.lost, report.fraction_lost), (1, 0));
    }
}
