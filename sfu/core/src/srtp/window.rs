//! Which packets were seen: an index window for each sender, against replay (RFC 3711, 3.3.2).

use crate::stats::Discard;

/// How far behind the newest packet another may arrive. Repairs arrive late, and a burst of video is hundreds of packets.
const WINDOW: u64 = 1024;
const WORDS: usize = WINDOW as usize / 64;

/// Senders on one connection. Beyond it the one that was silent longest is forgotten, so that a long call, in which each
/// screen share brings new SSRCs, can continue; what an attacker could replay then belongs to a track that ended long ago.
const SENDERS_MAX: usize = 64;

/// The replay windows of all senders on one connection.
#[derive(Default)]
pub(super) struct Windows {
    ssrcs: Vec<u32>,
    windows: Vec<Window>,
    accepted: u64,
}

struct Window {
    highest: u64,
    /// Bit `index % WINDOW` of the newest `WINDOW` indices.
    seen: [u64; WORDS],
    /// The count of accepted packets when the last one came here.
    used: u64,
}

impl Windows {
    pub(super) fn senders(&self) -> usize {
        self.ssrcs.len()
    }

    /// The packet index of a sequence number: the one nearest to the newest (RFC 3711, 3.3.1). `None` if that would be
    /// before the first.
    pub(super) fn index_of(&self, ssrc: u32, sequence: u16) -> Option<u64> {
        let Some(window) = self.find(ssrc) else { return Some(u64::from(sequence)) };
        let distance = sequence.wrapping_sub(window.highest as u16) as i16;
        window.highest.checked_add_signed(i64::from(distance))
    }

    pub(super) fn check(&self, ssrc: u32, index: u64) -> Result<(), Discard> {
        match self.find(ssrc) {
            Some(window) if window.is_seen(index) => Err(Discard::Replayed),
            _ => Ok(()),
        }
    }

    /// Remembers an authentic packet.
    pub(super) fn accept(&mut self, ssrc: u32, index: u64) {
        self.accepted += 1;
        let at = self.position(ssrc).unwrap_or_else(|| self.add(ssrc, index));
        let window = &mut self.windows[at];
        window.used = self.accepted;
        window.accept(index);
    }

    fn position(&self, ssrc: u32) -> Option<usize> {
        self.ssrcs.iter().position(|known| *known == ssrc)
    }

    fn find(&self, ssrc: u32) -> Option<&Window> {
        self.windows.get(self.position(ssrc)?)
    }

    fn add(&mut self, ssrc: u32, index: u64) -> usize {
        let window = Window { highest: index, seen: [0; WORDS], used: self.accepted };
        let oldest = (0..self.windows.len()).min_by_key(|at| self.windows[*at].used);
        match oldest.filter(|_| self.windows.len() >= SENDERS_MAX) {
            Some(at) => {
                self.ssrcs[at] = ssrc;
                self.windows[at] = window;
                at
            }
            None => {
                self.ssrcs.push(ssrc);
                self.windows.push(window);
                self.windows.len() - 1
            }
        }
    }
}

impl Window {
    /// Too old to tell counts as seen.
    fn is_seen(&self, index: u64) -> bool {
        let bit = 1 << (index % 64);
        index + WINDOW <= self.highest || index <= self.highest && self.seen[word(index)] & bit != 0
    }

    fn accept(&mut self, index: u64) {
        let newer = index.saturating_sub(self.highest).min(WINDOW);
        for step in 1..=newer {
            let passed = self.highest + step;
            self.seen[word(passed)] &= !(1 << (passed % 64));
        }
        self.highest = self.highest.max(index);
        self.seen[word(index)] |= 1 << (index % 64);
    }
}

fn word(index: u64) -> usize {
    (index % WINDOW / 64) as usize
}
