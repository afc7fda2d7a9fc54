//! Transport-wide feedback on arrival times (draft-holmer-rmcat-transport-wide-cc-extensions-01): recorded and written
//! for those who send to us, read from those we send to.

use std::num::NonZeroU32;
use std::time::Instant;

use crate::rtcp::twcc::{self, LARGE, LOST, SMALL, TICK_US, TICKS_PER_REFERENCE};

/// Packets remembered. One that arrives later than this counts as lost.
const WINDOW: usize = 1024;
/// Packets in one feedback: with every delta in two bytes it has 1,100 bytes.
const STATUSES_MAX: usize = 480;
/// Losses reported before the first packet that arrived.
const LOST_BEFORE_MAX: u64 = 240;

/// When the first packet arrived.
const EPOCH_TICKS: u32 = TICKS_PER_REFERENCE;

/// When packets of one transport arrived.
#[derive(Clone, Debug)]
pub struct Recorder {
    /// The first arrival.
    epoch: Option<Instant>,
    /// In ticks, by extended sequence number modulo the window. They wrap as the reference time does; tick 0 is
    /// reported as 1 then.
    arrivals: Box<[Option<NonZeroU32>; WINDOW]>,
    /// Extended sequence numbers: the first not yet reported, and the one after the highest received.
    next: u64,
    end: u64,
    /// Feedbacks written, by which the sender sees that one is missing.
    written: u8,
}

impl Default for Recorder {
    fn default() -> Self {
        Recorder::new()
    }
}

impl Recorder {
    pub fn new() -> Recorder {
        Recorder { epoch: None, arrivals: Box::new([None; WINDOW]), next: 0, end: 0, written: 0 }
    }

    /// A packet arrived. Of duplicates the first counts.
    pub fn record(&mut self, now: Instant, sequence: u16) {
        let epoch = *self.epoch.get_or_insert_with(|| {
            // High enough for what comes late to be counted below it.
            self.end = (1 << 16) + u64::from(sequence);
            self.next = self.end;
            now
        });
        let ahead = sequence.wrapping_sub(self.end as u16) as i16;
        let sequence = self.end.wrapping_add_signed(ahead.into());
        if sequence >= self.end {
            self.advance(sequence + 1);
        } else if self.end - sequence > WINDOW as u64 || self.arrival(sequence).is_some() {
            return;
        }
        // A packet that was reported as lost is reported again once it arrives.
        self.next = self.next.min(sequence);
        let ticks = (now.duration_since(epoch).as_micros() / u128::from(TICK_US)) as u32;
        let ticks = ticks.wrapping_add(EPOCH_TICKS);
        self.arrivals[slot(sequence)] = Some(NonZeroU32::new(ticks).unwrap_or(NonZeroU32::MIN));
    }

    /// Makes room up to `end`: what lies between has not arrived.
    fn advance(&mut self, end: u64) {
        let oldest = end.saturating_sub(WINDOW as u64);
        for sequence in self.end.max(oldest)..end {
            self.arrivals[slot(sequence)] = None;
        }
        self.end = end;
        self.next = self.next.max(oldest);
    }

    fn arrival(&self, sequence: u64) -> Option<u32> {
        self.arrivals[slot(sequence)].map(NonZeroU32::get)
    }

    /// Appends a feedback about what arrived since the last one; false if nothing did. `media` must be an SSRC that the
    /// sender sends, or libwebrtc ignores it. What does not fit into one feedback is left to the next call.
    pub fn write_feedback(&mut self, out: &mut Vec<u8>, sender: u32, media: u32) -> bool {
        let arrived = |sequence| Some((sequence, self.arrival(sequence)?));
        let Some((first, tick)) = (self.next..self.end).find_map(arrived) else { return false };
        let base = self.next.max(first.saturating_sub(LOST_BEFORE_MAX));
        let reference = tick / TICKS_PER_REFERENCE;
        let mut statuses = [LOST; STATUSES_MAX];
        let statuses = self.statuses(base, reference, &mut statuses);

        let start = out.len();
        let head = twcc::Head { base: base as u16, reference, number: self.written };
        twcc::write_statuses(out, sender, media, &head, statuses);
        self.write_deltas(out, base, reference, statuses);
        twcc::finish(out, start);

        self.next = base + statuses.len() as u64;
        self.written = self.written.wrapping_add(1);
        true
    }

    /// The status of each packet from `base` on, as far as one feedback can cover: it ends before a delta that does not fit
    /// into two bytes.
    fn statuses<'s>(&self, base: u64, reference: u32, statuses: &'s mut [u8]) -> &'s [u8] {
        let mut previous = reference * TICKS_PER_REFERENCE;
        let mut count = 0;
        for (sequence, status) in (base..self.end).zip(statuses.iter_mut()) {
            if let Some(tick) = self.arrival(sequence) {
                let delta = tick.wrapping_sub(previous) as i32;
                *status = match delta {
                    0..=255 => SMALL,
                    _ if i16::try_from(delta).is_ok() => LARGE,
                    _ => break,
                };
                previous = tick;
            }
            count += 1;
        }
        &statuses[..count]
    }

    fn write_deltas(&self, out: &mut Vec<u8>, base: u64, reference: u32, statuses: &[u8]) {
        let mut previous = reference * TICKS_PER_REFERENCE;
        for (sequence, status) in (base..).zip(statuses) {
            let Some(tick) = self.arrival(sequence) else { continue };
            let delta = (tick.wrapping_sub(previous) as i16).to_be_bytes();
            out.extend_from_slice(if *status == SMALL { &delta[1..] } else { &delta });
            previous = tick;
        }
    }
}

fn slot(sequence: u64) -> usize {
    sequence as usize % WINDOW
}

#[cfg(test)]
mod tests;
