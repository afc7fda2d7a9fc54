//! Which messages of a conversation one socket has seen.

/// A set of `seq`s above a base, one bit each.
pub(super) struct Timeline {
    base: u64,
    words: Vec<u64>,
    /// Every `seq` up to this one has been seen.
    contiguous: u64,
}

impl Timeline {
    /// Starts after `base`: what was said before is not of this run.
    pub(super) fn after(base: u64) -> Self {
        Self { base, words: Vec::new(), contiguous: base }
    }

    /// Notes a message and tells whether it is new here.
    pub(super) fn see(&mut self, seq: u64) -> bool {
        let Some((word, bit)) = self.place(seq) else { return true };
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        let new = self.words[word] & bit == 0;
        self.words[word] |= bit;
        while self.has(self.contiguous + 1) {
            self.contiguous += 1;
        }
        new
    }

    pub(super) fn has(&self, seq: u64) -> bool {
        self.place(seq)
            .is_none_or(|(word, bit)| self.words.get(word).is_some_and(|seen| seen & bit != 0))
    }

    pub(super) fn contiguous(&self) -> u64 {
        self.contiguous
    }

    fn place(&self, seq: u64) -> Option<(usize, u64)> {
        let offset = seq.checked_sub(self.base + 1)?;
        Some(((offset / 64) as usize, 1 << (offset % 64)))
    }
}

#[cfg(test)]
mod tests {
    use super::Timeline;

    #[test]
    fn a_hole_stops_the_contiguous_run_until_it_is_filled() {
        let mut timeline = Timeline::after(10);
        assert!(timeline.see(11) && timeline.see(13));
        assert_eq!(timeline.contiguous(), 11);
        assert!(timeline.see(12));
        assert_eq!(timeline.contiguous(), 13);
    }

    #[test]
    fn seeing_a_message_twice_is_told() {
        let mut timeline = Timeline::after(0);
        assert!(timeline.see(200));
        assert!(!timeline.see(200));
        assert!(timeline.has(200) && !timeline.has(199));
    }
}
