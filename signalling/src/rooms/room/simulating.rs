//! What a client asks to have simulated, to see what its application does then.

use std::time::Instant;

use beckon_sfu_api::ParticipantId;

use super::super::denial::{Denial, Outcome};
use super::super::departure::{DisconnectReason, LeaveAction};
use super::super::request::{Reference, Scenario};
use super::Room;

impl Room {
    pub(super) fn simulate(&mut self, now: Instant, who: &ParticipantId, scenario: Scenario) {
        let reason = DisconnectReason::ServerShutdown;
        match scenario {
            Scenario::ServerLeave => self.depart(now, who, reason, Some(LeaveAction::Disconnect)),
            Scenario::FullReconnect => self.depart(now, who, reason, Some(LeaveAction::Reconnect)),
            // the socket just ends, and whoever comes back is not known any more
            Scenario::NodeFailure => self.depart(now, who, reason, None),
            // the socket ends, and the client goes on over another
            Scenario::Migration => {
                if let Some(participant) = self.participants.get_mut(who) {
                    participant.detach(now);
                }
            }
            Scenario::SwitchTransport { udp } => self.deny(who, switch(udp), Reference::default()),
        }
    }
}

fn switch(udp: bool) -> Denial {
    match udp {
        true => Denial(Outcome::Ok, ""),
        false => Denial(
            Outcome::UnsupportedType,
            "media comes over UDP or through a relay: ICE over TCP and TLS is not supported",
        ),
    }
}
