//! Data messages to many receivers, sent to one after the other.

use std::collections::{HashMap, VecDeque};

use beckon_sfu_api::{DataKind, DataMessage, ParticipantId};
use bytes::Bytes;

use crate::stats::DataError;

/// Bytes of messages that a room has not yet sent to all receivers. More are dropped, as on a congested network.
const BYTES_MAX: usize = 4 * 1024 * 1024;
/// The same, of one sender.
const SENDER_BYTES_MAX: usize = BYTES_MAX / 4;
/// Bytes of one entry in the list of receivers.
const RECEIVER_BYTES: usize = size_of::<ParticipantId>();

/// The data messages of one room that wait to be sent.
#[derive(Default)]
pub(super) struct Messages {
    in_order: VecDeque<DataMessage>,
    bytes: usize,
    by_sender: HashMap<ParticipantId, usize>,
}

impl Messages {
    pub(super) fn is_empty(&self) -> bool {
        self.in_order.is_empty()
    }

    /// Queues a message, or refuses it as [`DataError::Full`]. Its receivers are served from the end of the list.
    pub(super) fn push(&mut self, message: DataMessage) -> Result<(), DataError> {
        let len = len(&message);
        let of_sender = self.by_sender.get(&message.from).copied().unwrap_or(0);
        // No sender is shut out by others: each may always queue one message.
        let is_full = of_sender > 0 && self.bytes + len > BYTES_MAX;
        if is_full || of_sender + len > SENDER_BYTES_MAX {
            return Err(DataError::Full);
        }
        self.bytes += len;
        self.by_sender.insert(message.from.clone(), of_sender + len);
        self.in_order.push_back(message);
        Ok(())
    }

    /// Takes the next message to send and its receiver.
    pub(super) fn next(&mut self) -> Option<(ParticipantId, DataKind, Bytes)> {
        loop {
            let message = self.in_order.front_mut()?;
            let before = len(message);
            let next = message.to.pop().map(|to| (to, message.kind, message.payload.clone()));
            let after = next.as_ref().map_or(0, |_| len(message));
            let from = message.from.clone();
            self.forget(&from, before - after);
            match next {
                Some(next) => return Some(next),
                None => _ = self.in_order.pop_front(),
            }
        }
    }

    fn forget(&mut self, from: &ParticipantId, len: usize) {
        self.bytes -= len;
        let Some(of_sender) = self.by_sender.get_mut(from) else { return };
        *of_sender -= len;
        if *of_sender == 0 {
            self.by_sender.remove(from);
        }
    }
}

fn len(message: &DataMessage) -> usize {
    message.payload.len() + message.to.len() * RECEIVER_BYTES + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(from: &str, len: usize) -> DataMessage {
        let to = vec!["PA_1".into(), "PA_2".into()];
        DataMessage {
            from: from.into(),
            kind: DataKind::Reliable,
            to,
            payload: vec![0; len].into(),
        }
    }

    #[test]
    fn a_sender_has_a_share_and_all_together_a_limit() {
        let mut messages = Messages::default();
        let taken = |messages: &mut Messages, from: &str| {
            (0..1000).take_while(|_| messages.push(message(from, 64_000)).is_ok()).count()
        };
        assert_eq!(taken(&mut messages, "PA_a"), 16);
        assert_eq!(taken(&mut messages, "PA_b"), 16);
        assert_eq!(std::iter::from_fn(|| messages.next()).count(), 2 * 32);
        assert_eq!(messages.bytes, 0);
        assert!(messages.by_sender.is_empty());
        assert_eq!(taken(&mut messages, "PA_a"), 16);
    }

    #[test]
    fn everybody_gets_all_in_order() {
        let mut messages = Messages::default();
        (1..4).for_each(|len| messages.push(message("PA_a", len)).unwrap());
        let to_first = std::iter::from_fn(|| messages.next())
            .filter(|(to, ..)| to.as_str() == "PA_1")
            .map(|(_, _, payload)| payload.len());
        assert_eq!(to_first.collect::<Vec<_>>(), [1, 2, 3]);
    }
}
