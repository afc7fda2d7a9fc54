//! Messages between participants, over their data channels.

use beckon_sfu_api::{DataKind, DataMessage, ParticipantId};
use bytes::Bytes;
use livekit_protocol::data_packet::{Kind, Value};
use livekit_protocol::participant_info::State;
use livekit_protocol::{DataPacket, UserPacket};
use prost::Message as _;

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
        let Ok(mut packet) = DataPacket::decode(payload) else { return drop_data("malformed") };
        if !may_pass(&packet) {
            return drop_data("not_for_others");
        }
        stamp(&mut packet, sender, kind);
        let to = self.recipients(from, &packet);
        if !to.is_empty() {
            let payload = packet.encode_to_vec().into();
            self.media.send(DataMessage { from: from.clone(), kind, to, payload });
        }
    }

    /// Those it is meant for; everybody else if it names nobody.
    #[allow(deprecated, reason = "older clients name recipients inside the user packet")]
    fn recipients(&self, from: &ParticipantId, packet: &DataPacket) -> Vec<ParticipantId> {
        let none = (&[][..], &[][..]);
        let (old_sids, old_identities) = match &packet.value {
            Some(Value::User(user)) => {
                (user.destination_sids.as_slice(), user.destination_identities.as_slice())
            }
            _ => none,
        };
        let identities = packet.destination_identities.iter().chain(old_identities);
        let everybody = identities.clone().next().is_none() && old_sids.is_empty();
        let is_metrics = matches!(packet.value, Some(Value::Metrics(_)));
        let meant = |other: &Participant| match is_metrics {
            true => other.may_hear_metrics(),
            false => {
                everybody
                    || identities.clone().any(|identity| identity == other.identity())
                    || old_sids.iter().any(|sid| sid == other.id.as_str())
            }
        };
        let there = self.participants.values().filter(|other| other.state == State::Active);
        let others = there.filter(|other| other.id != *from && meant(other));
        others.map(|other| other.id.clone()).collect()
    }
}

/// Speakers are ours to tell.
#[allow(deprecated, reason = "clients of today may still send it")]
fn may_pass(packet: &DataPacket) -> bool {
    !matches!(packet.value, None | Some(Value::Speaker(_)))
}

/// Whoever is hidden stays so.
#[allow(deprecated, reason = "older clients read the sender inside the user packet")]
fn stamp(packet: &mut DataPacket, sender: &Participant, kind: DataKind) {
    let (identity, sid) = match sender.is_hidden() {
        true => Default::default(),
        false => (sender.identity().to_owned(), sender.id.to_string()),
    };
    packet.kind = match kind {
        DataKind::Reliable => Kind::Reliable as i32,
        DataKind::Lossy => Kind::Lossy as i32,
    };
    if let Some(Value::User(UserPacket { participant_identity, participant_sid, .. })) =
        &mut packet.value
    {
        participant_identity.clone_from(&identity);
        participant_sid.clone_from(&sid);
    }
    packet.participant_identity = identity;
    packet.participant_sid = sid;
}

fn drop_data(why: &'static str) {
    metrics::counter!("beckon_room_data_dropped_total", "why" => why).increment(1);
}
