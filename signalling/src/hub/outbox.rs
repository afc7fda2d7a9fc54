//! The frames of one socket on their way out: numbered, bounded, and kept a while so that a broken
//! connection can go on where it stopped. No I/O and no clock.

use std::collections::VecDeque;

use crate::domain::frame::Payload;

/// Frames kept after they were written, for `resume`.
pub const KEPT_MAX: usize = 512;
/// Bytes kept after they were written.
pub const KEPT_BYTES_MAX: usize = 1024 * 1024;
/// Frames waiting to be written; a reader slower than this is cut off with 4000.
pub const WAITING_MAX: usize = 4096;
/// Bytes waiting to be written.
pub const WAITING_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The reader is too slow: frames would have to be dropped, so the socket is given up instead.
#[derive(Debug, PartialEq, Eq)]
pub struct Overflow;

#[derive(Debug)]
pub struct Outbox {
    /// Kept frames, then waiting ones.
    frames: VecDeque<Payload>,
    /// The number of `frames[0]`.
    first: u64,
    /// How many of `frames` were written.
    written: usize,
    written_bytes: usize,
    waiting_bytes: usize,
}

impl Default for Outbox {
    fn default() -> Self {
        Outbox { frames: VecDeque::new(), first: 1, written: 0, written_bytes: 0, waiting_bytes: 0 }
    }
}

impl Outbox {
    pub fn push(&mut self, frame: Payload) -> Result<(), Overflow> {
        if self.waiting() >= WAITING_MAX || self.waiting_bytes >= WAITING_BYTES_MAX {
            return Err(Overflow);
        }
        self.waiting_bytes += frame.size();
        self.frames.push_back(frame);
        Ok(())
    }

    /// Takes up to `max` waiting frames with their numbers; they count as written.
    pub fn take(&mut self, max: usize, into: &mut Vec<(u64, Payload)>) {
        let until = self.frames.len().min(self.written.saturating_add(max));
        for i in self.written..until {
            let frame = self.frames[i].clone();
            self.waiting_bytes -= frame.size();
            self.written_bytes += frame.size();
            into.push((self.first + i as u64, frame));
        }
        self.written = until;
        self.forget_old();
    }

    /// Goes back to just after frame `seen`, so that everything later is taken again.
    /// False when that is impossible: too long ago, or never sent.
    pub fn rewind(&mut self, seen: u64) -> bool {
        let next = self.first + self.written as u64;
        if seen + 1 < self.first || seen >= next {
            return false;
        }
        let written = (seen + 1 - self.first) as usize;
        for frame in self.frames.range(written..self.written) {
            self.written_bytes -= frame.size();
            self.waiting_bytes += frame.size();
        }
        self.written = written;
        true
    }

    pub fn waiting(&self) -> usize {
        self.frames.len() - self.written
    }

    fn forget_old(&mut self) {
        while self.written > KEPT_MAX || (self.written_bytes > KEPT_BYTES_MAX && self.written > 1) {
            let Some(frame) = self.frames.pop_front() else { return };
            self.written_bytes -= frame.size();
            self.written -= 1;
            self.first += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::frame::ServerFrame;

    fn frame() -> Payload {
        ServerFrame::Sync.into()
    }

    fn taken(outbox: &mut Outbox, max: usize) -> Vec<u64> {
        let mut frames = vec![];
        outbox.take(max, &mut frames);
        frames.into_iter().map(|(n, _)| n).collect()
    }

    #[test]
    fn frames_are_numbered_from_one() {
        let mut outbox = Outbox::default();
        outbox.push(frame()).unwrap();
        outbox.push(frame()).unwrap();
        assert_eq!(taken(&mut outbox, 9), [1, 2]);
        assert_eq!(taken(&mut outbox, 9), [] as [u64; 0]);
    }

    #[test]
    fn a_rewound_outbox_repeats_exactly_what_was_missed() {
        let mut outbox = Outbox::default();
        for _ in 0..5 {
            outbox.push(frame()).unwrap();
        }
        assert_eq!(taken(&mut outbox, 4), [1, 2, 3, 4]);
        assert!(outbox.rewind(2));
        assert_eq!(taken(&mut outbox, 9), [3, 4, 5]);
        assert!(outbox.rewind(0), "nothing seen, all kept");
        assert_eq!(taken(&mut outbox, 9), [1, 2, 3, 4, 5]);
        assert!(!outbox.rewind(6), "never sent");
    }

    #[test]
    fn what_is_too_old_cannot_be_recovered() {
        let mut outbox = Outbox::default();
        for _ in 0..KEPT_MAX + 10 {
            outbox.push(frame()).unwrap();
        }
        taken(&mut outbox, usize::MAX);
        assert!(!outbox.rewind(9));
        assert!(outbox.rewind(10));
        assert_eq!(taken(&mut outbox, usize::MAX).len(), KEPT_MAX);
    }

    #[test]
    fn a_reader_that_never_reads_overflows() {
        let mut outbox = Outbox::default();
        for _ in 0..WAITING_MAX {
            outbox.push(frame()).unwrap();
        }
        assert_eq!(outbox.push(frame()), Err(Overflow));
    }

    proptest! {
        /// Whatever the order of pushes, writes and resumes, a client that remembers the last number it saw
        /// sees every number once and in order, or is told that it cannot.
        #[test]
        fn no_frame_is_lost_or_doubled(steps in prop::collection::vec((0..4u8, 0..40usize), 1..200)) {
            let mut outbox = Outbox::default();
            let (mut pushed, mut seen) = (0u64, 0u64);
            for (kind, amount) in steps {
                match kind {
                    0 | 1 => for _ in 0..amount {
                        outbox.push(frame()).unwrap();
                        pushed += 1;
                    },
                    2 => for n in taken(&mut outbox, amount) {
                        prop_assert_eq!(n, seen + 1);
                        seen = n;
                    },
                    _ => {
                        // the connection breaks: the last few written frames never arrive
                        let arrived = seen.saturating_sub(amount as u64);
                        if outbox.rewind(arrived) {
                            seen = arrived;
                        } else {
                            prop_assert!(arrived == seen || pushed > KEPT_MAX as u64);
                        }
                    }
                }
            }
            for n in taken(&mut outbox, usize::MAX) {
                prop_assert_eq!(n, seen + 1);
                seen = n;
            }
            prop_assert_eq!(seen, pushed);
        }
    }
}
