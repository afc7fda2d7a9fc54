//! Messages between participants, over their data channels: LiveKit's `DataPacket`.

use beckon_sfu_api::DataKind;
use bytes::Bytes;
use livekit_protocol::data_packet::{Kind, Value};
use livekit_protocol::{DataPacket, UserPacket};
use prost::Message as _;

use crate::rooms::{Addressed, Recipients, Sender};

/// Reads whom a message is for, and puts its sender's true name on it.
pub(super) fn address(payload: Bytes, sender: Sender<'_>) -> Result<Addressed, &'static str> {
    let mut packet = DataPacket::decode(payload).map_err(|_| "malformed")?;
    if !may_pass(&packet) {
        return Err("not_for_others");
    }
    stamp(&mut packet, sender);
    let payload = packet.encode_to_vec().into();
    Ok(Addressed { to: recipients(packet), payload })
}

/// Everybody else if it names nobody.
#[allow(deprecated, reason = "older clients name recipients inside the user packet")]
fn recipients(packet: DataPacket) -> Recipients {
    let mut identities = packet.destination_identities;
    let participants = match packet.value {
        Some(Value::Metrics(_)) => return Recipients::MetricsListeners,
        Some(Value::User(user)) => {
            identities.extend(user.destination_identities);
            user.destination_sids
        }
        _ => vec![],
    };
    match identities.is_empty() && participants.is_empty() {
        true => Recipients::All,
        false => Recipients::Named { identities, participants },
    }
}

/// Speakers are ours to tell.
#[allow(deprecated, reason = "clients of today may still send it")]
fn may_pass(packet: &DataPacket) -> bool {
    !matches!(packet.value, None | Some(Value::Speaker(_)))
}

#[allow(deprecated, reason = "older clients read the sender inside the user packet")]
fn stamp(packet: &mut DataPacket, sender: Sender<'_>) {
    let (identity, sid) = (sender.identity.to_owned(), sender.participant.to_owned());
    packet.kind = match sender.kind {
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
