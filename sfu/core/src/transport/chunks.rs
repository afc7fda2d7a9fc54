//! SCTP packets seen from outside (RFC 9260, 3): bounds that the association does not keep by itself.

use crate::stats::Discard;

const PACKET_HEADER_LEN: usize = 12;
const CHUNK_HEADER_LEN: usize = 4;
/// A DATA chunk's own header, after the chunk header.
const DATA_HEADER_LEN: usize = 12;

const DATA: u8 = 0;
const INIT: u8 = 1;
const SACK: u8 = 3;
/// In a DATA chunk's flags: the last fragment of its message.
const ENDING: u8 = 1;

/// Less than this a sender has no reason to put into a fragment that is not the last. The association's work for a
/// message grows with the square of its fragments.
const FRAGMENT_LEN_MIN: usize = 8;

/// What may come while our window is closed. The association then still takes the next packet in order, since it may
/// complete a message and open the window; a message without an end would grow for ever.
const STARVED_LEN_MAX: usize = 1024 * 1024;

/// Watches one association for floods.
#[derive(Debug, Default)]
pub struct Gate {
    /// Bytes of data received since our window closed; `None` while it is open.
    starved: Option<usize>,
}

impl Gate {
    /// Looks at a packet of the peer. An error asks to give the association up.
    pub fn received(&mut self, packet: &[u8]) -> Result<(), Discard> {
        for (_, flags, value) in chunks(packet).filter(|(kind, ..)| *kind == DATA) {
            let len = value.len().saturating_sub(DATA_HEADER_LEN);
            let len_min = if flags & ENDING == 0 { FRAGMENT_LEN_MIN } else { 1 };
            if len < len_min {
                return Err(Discard::Malformed);
            }
            self.starved = self.starved.map(|starved| starved + len);
        }
        if self.starved.is_some_and(|starved| starved > STARVED_LEN_MAX) {
            return Err(Discard::TooMany);
        }
        Ok(())
    }

    /// Looks at a packet of ours for the window that it advertises.
    pub fn sent(&mut self, packet: &[u8]) {
        for (_, _, value) in chunks(packet).filter(|(kind, ..)| *kind == SACK) {
            let is_closed = value.get(4..8) == Some(&[0; 4]);
            self.starved = is_closed.then(|| self.starved.unwrap_or(0));
        }
    }
}

/// Whether a packet asks for an association (an INIT is alone in its packet, RFC 9260, 3.3.2).
pub fn is_init(packet: &[u8]) -> bool {
    chunks(packet).next().is_some_and(|(kind, ..)| kind == INIT)
}

/// The type, flags and value of each chunk that is whole.
fn chunks(packet: &[u8]) -> impl Iterator<Item = (u8, u8, &[u8])> {
    let mut rest = packet.get(PACKET_HEADER_LEN..).unwrap_or_default();
    std::iter::from_fn(move || {
        let (header, _) = rest.split_first_chunk::<CHUNK_HEADER_LEN>()?;
        let [kind, flags, len @ ..] = *header;
        let len = usize::from(u16::from_be_bytes(len));
        let value = rest.get(CHUNK_HEADER_LEN..len)?;
        rest = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, flags, value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(kind: u8, flags: u8, value: &[u8]) -> Vec<u8> {
        let mut packet = vec![0; PACKET_HEADER_LEN];
        packet.extend([kind, flags]);
        packet.extend((value.len() as u16 + 4).to_be_bytes());
        packet.extend(value);
        packet.resize(packet.len().next_multiple_of(4), 0);
        packet
    }

    fn data(flags: u8, len: usize) -> Vec<u8> {
        packet(DATA, flags, &vec![0; DATA_HEADER_LEN + len])
    }

    fn sack(window: u32) -> Vec<u8> {
        let mut value = vec![0; 4];
        value.extend(window.to_be_bytes());
        value.extend([0; 4]);
        packet(SACK, 0, &value)
    }

    #[test]
    fn an_endless_message_is_given_up() {
        let mut gate = Gate::default();
        for _ in 0..10_000 {
            assert_eq!(gate.received(&data(0, 1000)), Ok(()), "while the window is open");
        }
        gate.sent(&sack(0));
        let taken = (0..10_000).take_while(|_| gate.received(&data(0, 1000)).is_ok()).count();
        assert!((100..=STARVED_LEN_MAX / 1000).contains(&taken), "{taken}");
        gate.sent(&sack(1000));
        assert_eq!(gate.received(&data(0, 1000)), Ok(()), "once the window is open again");
    }

    #[test]
    fn crumbs_are_refused() {
        let mut gate = Gate::default();
        assert_eq!(gate.received(&data(ENDING, 1)), Ok(()));
        assert_eq!(gate.received(&data(ENDING, 0)), Err(Discard::Malformed));
        assert_eq!(gate.received(&data(0, 7)), Err(Discard::Malformed));
        assert_eq!(gate.received(&data(0, 8)), Ok(()));
    }

    #[test]
    fn an_init_is_known_and_a_torn_packet_does_no_harm() {
        let init = packet(INIT, 0, &[0; 16]);
        assert!(is_init(&init) && !is_init(&data(ENDING, 1)));
        for len in 0..init.len() {
            assert!(!is_init(&init[..len]));
            assert_eq!(Gate::default().received(&init[..len]), Ok(()));
        }
    }
}
