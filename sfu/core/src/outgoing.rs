//! The datagrams that a connection is about to send, in trains of equal ones that the kernel takes in one call (GSO).

use std::net::{IpAddr, SocketAddr};

/// Datagrams in one train, at most: Linux's UDP_MAX_SEGMENTS.
const SEGMENTS_MAX: usize = 64;
/// Bytes in one train, at most: it travels through the kernel as one UDP datagram.
const TRAIN_BYTES_MAX: usize = 60_000;
/// Bytes waiting between two flushes, at most; more are dropped. One turn of the shard produces far less.
const WAITING_BYTES_MAX: usize = 1 << 20;

/// A larger buffer is released after a flush: it came from a burst of repairs.
const KEPT_BYTES_MAX: usize = 256 << 10;

/// Where datagrams of a connection go, and from which of our addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    pub remote: SocketAddr,
    /// The address of ours that the remote knows; `None` on a socket bound to one.
    pub local: Option<IpAddr>,
}

/// One datagram, or a train of datagrams of `segment` bytes each (the last may be shorter) to one destination.
#[derive(Clone, Copy, Debug)]
pub struct Transmit<'a> {
    pub path: Path,
    pub contents: &'a [u8],
    /// `None`: one datagram.
    pub segment: Option<usize>,
}

/// Receives what is sent.
pub type Sink<'a> = dyn FnMut(&Transmit<'_>) + 'a;

#[derive(Debug)]
struct Train {
    path: Path,
    start: usize,
    segment: usize,
    /// A shorter datagram came: nothing may follow it in this train.
    closed: bool,
}

/// The datagrams of one connection between two flushes. Buffers are kept, so that nothing is allocated once warm.
#[derive(Debug, Default)]
pub struct Outgoing {
    bytes: Vec<u8>,
    trains: Vec<Train>,
}

impl Outgoing {
    /// Appends the datagram that `write` writes at the end of the buffer and returns its result; `None`, with nothing
    /// appended, if there is no room or `write` fails.
    pub fn push<T>(
        &mut self,
        path: Path,
        write: impl FnOnce(&mut Vec<u8>, usize) -> Option<T>,
    ) -> Option<T> {
        let start = self.bytes.len();
        if start >= WAITING_BYTES_MAX {
            return None;
        }
        let Some(made) = write(&mut self.bytes, start) else {
            self.bytes.truncate(start);
            return None;
        };
        self.couple(path, start);
        Some(made)
    }

    /// Couples the datagram at `start` to the last train, or begins one with it.
    fn couple(&mut self, path: Path, start: usize) {
        let len = self.bytes.len() - start;
        if let Some(train) = self.trains.last_mut()
            && !train.closed
            && train.path == path
            && len <= train.segment
            && self.bytes.len() - train.start <= TRAIN_BYTES_MAX.min(SEGMENTS_MAX * train.segment)
        {
            train.closed = len < train.segment;
            return;
        }
        self.trains.push(Train { path, start, segment: len, closed: false });
    }

    /// Reads what the next packet will need; see `Connection::warm`.
    pub fn warm(&self) -> usize {
        self.bytes.len() + self.trains.len()
    }

    pub fn is_empty(&self) -> bool {
        self.trains.is_empty()
    }

    /// Swaps buffers, unless something waits in this one. A buffer that connections use in turn stays in the CPU's cache.
    pub fn exchange(&mut self, buffer: &mut Vec<u8>) -> bool {
        let empty = self.bytes.is_empty();
        if empty {
            std::mem::swap(&mut self.bytes, buffer);
        }
        empty
    }

    /// Drains the queue into `send`.
    pub fn flush(&mut self, send: &mut Sink<'_>) {
        let mut trains = self.trains.drain(..).peekable();
        while let Some(train) = trains.next() {
            let end = trains.peek().map_or(self.bytes.len(), |next| next.start);
            let contents = &self.bytes[train.start..end];
            let segment = (contents.len() > train.segment).then_some(train.segment);
            send(&Transmit { path: train.path, contents, segment });
        }
        self.bytes.clear();
        if self.bytes.capacity() > KEPT_BYTES_MAX {
            self.bytes.shrink_to(KEPT_BYTES_MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(port: u16) -> Path {
        Path { remote: ([127, 0, 0, 1], port).into(), local: None }
    }

    fn push(outgoing: &mut Outgoing, port: u16, len: usize) {
        outgoing.push(path(port), |bytes, start| {
            bytes.resize(start + len, len as u8);
            Some(())
        });
    }

    fn trains(outgoing: &mut Outgoing) -> Vec<(u16, usize, Option<usize>)> {
        let mut seen = Vec::new();
        outgoing.flush(&mut |train| {
            seen.push((train.path.remote.port(), train.contents.len(), train.segment));
        });
        seen
    }

    #[test]
    fn equal_datagrams_to_one_destination_travel_as_one_train() {
        let mut outgoing = Outgoing::default();
        for len in [100, 100, 60, 100, 120] {
            push(&mut outgoing, 1, len);
        }
        push(&mut outgoing, 2, 120);
        let expected = [(1, 260, Some(100)), (1, 100, None), (1, 120, None), (2, 120, None)];
        assert_eq!(trains(&mut outgoing), expected);
        assert!(outgoing.is_empty());
    }

    #[test]
    fn a_train_is_never_longer_than_the_kernel_takes() {
        let mut outgoing = Outgoing::default();
        for _ in 0..200 {
            push(&mut outgoing, 1, 10);
            push(&mut outgoing, 1, 10);
        }
        let seen = trains(&mut outgoing);
        assert!(seen.iter().all(|(_, len, _)| *len <= SEGMENTS_MAX * 10), "{seen:?}");
        assert_eq!(seen.iter().map(|(_, len, _)| len).sum::<usize>(), 4000);
    }

    #[test]
    fn what_gives_up_leaves_nothing_behind() {
        let mut outgoing = Outgoing::default();
        let made = outgoing.push(path(1), |bytes, _| {
            bytes.extend_from_slice(b"half");
            None::<()>
        });
        assert!(made.is_none());
        push(&mut outgoing, 1, 5);
        assert_eq!(trains(&mut outgoing), [(1, 5, None)]);
    }
}
