//! Messages between participants, over their data channels.

use beckon_sfu_api::{DataKind, DataMessage, ParticipantId};
use bytes::Bytes;

use super::super::dialect::{Addressed, Recipients, Sender};
use super::super::info::ParticipantState;
use super::Room;
use super::participant::Participant;

/// The longest message; clients cut what is longer into a stream of them.
const PAYLOAD_BYTES_MAX: usize = 64 * 1024;

impl Room {
    /// Passes a message on, under its sender's true name.
    pub(super) fn data(&mut self, from: &ParticipantId, kind: DataKind, payload: Bytes) {
        let Some(sender) = self.participants.get(from) else { return };
        if !sender.may_send_data() {
            return drop_data("denied");
        }
        if payload.len() > PAYLOAD_BYTES_MAX {
            return drop_data("too_large");
        }
        // whoever is hidden stays so
        let (identity, participant) = match sender.is_hidden() {
            true => ("", ""),
            false => (sender.identity(), sender.id.as_str()),
        };
        match (sender.dialect.address)(payload, Sender { identity, participant, kind }) {
            Err(why) => drop_data(why),
            Ok(Addressed { to, payload }) => {
                let to = self.recipients(from, &to);
                if !to.is_empty() {
                    self.media.send(DataMessage { from: from.clone(), kind, to, payload });
                }
            }
        }
    }

    fn recipients(&self, from: &ParticipantId, to: &Recipients) -> Vec<ParticipantId> {
        let meant = |other: &Participant| match to {
            Recipients::All => true,
            Recipients::MetricsListeners => other.may_hear_metrics(),
            Recipients::Named { identities, participants } => {
                identities.iter().any(|identity| identity == other.identity())
                    || participants.iter().any(|id| id == other.id.as_str())
            }
        };
        let is_there = |other: &&Participant| other.state == ParticipantState::Active;
        let there = self.participants.values().filter(is_there);
        let others = there.filter(|other| other.id != *from && meant(other));
        others.map(|other| other.id.clone()).collect()
    }
}

fn drop_data(why: &'static str) {
    metrics::counter!("beckon_room_data_dropped_total", "why" => why).increment(1);
}
