//! What the relay wants sent and done, collected for its caller.

use std::net::SocketAddr;
use std::ops::Range;

use crate::client::Client;
use crate::opening::{Opening, RelayKey};

/// The destination of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// A client, through the door that it came in by.
    Client(Client),
    /// A peer, from the relayed address of an allocation.
    Peer(RelayKey, SocketAddr),
}

/// One datagram, or one message on a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Send {
    pub(crate) to: To,
    pub(crate) range: Range<usize>,
}

/// An action on relay sockets or streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Open a relay socket for this client and report it to [`Relay::handle_opened`](crate::Relay::handle_opened).
    Open(Client, Opening),
    /// Close this relay socket.
    Close(RelayKey),
    /// End this client's stream: its allocation has ended.
    End(Client),
}

/// Messages to send, in one buffer, and actions. The caller owns and reuses it.
#[derive(Debug, Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    sends: Vec<Send>,
    acts: Vec<Act>,
}

impl Outbox {
    /// Empties it and keeps its memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.sends.clear();
        self.acts.clear();
    }

    /// The messages to send, in order.
    pub fn sends(&self) -> impl Iterator<Item = (To, &[u8])> {
        self.sends.iter().filter_map(|send| Some((send.to, self.bytes.get(send.range.clone())?)))
    }

    /// Runs of messages to one destination that may go out as one train: equal lengths, but for a shorter last one.
    pub fn trains(&self, messages_max: usize) -> Trains<'_> {
        Trains { outbox: self, at: 0, messages_max }
    }

    /// Takes the actions, which are due once everything is sent.
    pub fn take_acts(&mut self) -> Vec<Act> {
        std::mem::take(&mut self.acts)
    }

    /// Total length of the messages, in bytes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is nothing to send or do.
    pub fn is_empty(&self) -> bool {
        self.sends.is_empty() && self.acts.is_empty()
    }

    pub(crate) fn act(&mut self, act: Act) {
        self.acts.push(act);
    }

    /// Adds what `write` appends to the buffer, unless that is nothing.
    pub(crate) fn send(&mut self, to: To, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        write(&mut self.bytes);
        if self.bytes.len() > start {
            self.sends.push(Send { to, range: start..self.bytes.len() });
        }
    }

    pub(crate) fn datagram(&mut self, to: To, bytes: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        self.sends.push(Send { to, range: start..self.bytes.len() });
    }
}

/// Messages to one destination, one behind the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Train<'a> {
    /// Their destination.
    pub to: To,
    /// The messages, concatenated.
    pub bytes: &'a [u8],
    /// The length of each but the last, which may be shorter.
    pub segment: usize,
}

/// See [`Outbox::trains`].
#[derive(Debug)]
pub struct Trains<'a> {
    outbox: &'a Outbox,
    at: usize,
    messages_max: usize,
}

/// A train's bytes must fit one UDP datagram of the largest size, whatever the segments.
const TRAIN_BYTES_MAX: usize = 65_000;

impl<'a> Iterator for Trains<'a> {
    type Item = Train<'a>;

    fn next(&mut self) -> Option<Train<'a>> {
        let rest = self.outbox.sends.get(self.at..)?;
        let (first, others) = rest.split_first()?;
        let (to, start, segment) = (first.to, first.range.start, first.range.len());
        let mut end = first.range.end;
        let mut count = 1;
        for send in others.iter().take(self.messages_max.saturating_sub(1)) {
            let len = send.range.len();
            let is_full = end - start == count * segment;
            let is_small = send.range.end - start <= TRAIN_BYTES_MAX;
            if send.to != to || segment == 0 || len > segment || !is_full || !is_small {
                break;
            }
            end = send.range.end;
            count += 1;
        }
        self.at += count;
        let bytes = self.outbox.bytes.get(start..end)?;
        Some(Train { to, bytes, segment })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trains(messages: &[(u16, usize)], messages_max: usize) -> Vec<(u16, usize, usize)> {
        let mut outbox = Outbox::default();
        for &(port, len) in messages {
            let peer = SocketAddr::from(([192, 0, 2, 1], port));
            outbox.datagram(To::Peer(RelayKey::default(), peer), &vec![0; len]);
        }
        let trains = outbox.trains(messages_max);
        trains
            .map(|train| match train.to {
                To::Peer(_, peer) => (peer.port(), train.bytes.len(), train.segment),
                To::Client(_) => panic!("no clients here"),
            })
            .collect()
    }

    #[test]
    fn equal_messages_to_one_destination_travel_together() {
        assert_eq!(trains(&[(1, 10), (1, 10), (1, 4), (1, 10)], 8), [(1, 24, 10), (1, 10, 10)]);
        assert_eq!(
            trains(&[(1, 10), (2, 10), (1, 10)], 8),
            [(1, 10, 10), (2, 10, 10), (1, 10, 10)]
        );
        assert_eq!(trains(&[(1, 10), (1, 11)], 8), [(1, 10, 10), (1, 11, 11)]);
        assert_eq!(trains(&[(1, 10); 5], 2), [(1, 20, 10), (1, 20, 10), (1, 10, 10)]);
        assert_eq!(trains(&[], 8), []);
    }

    #[test]
    fn a_train_fits_a_datagram() {
        assert_eq!(trains(&[(1, 60_000), (1, 60_000)], 8).len(), 2);
    }

    #[test]
    fn empty_messages_travel_alone() {
        assert_eq!(trains(&[(1, 0), (1, 0)], 8).len(), 2);
    }
}
