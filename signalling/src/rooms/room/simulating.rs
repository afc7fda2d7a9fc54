//! What a client asks to have simulated, to see what its application does then.

use std::time::Instant;

use beckon_sfu_api::ParticipantId;
use livekit_protocol::leave_request::Action;
use livekit_protocol::request_response::Reason;
use livekit_protocol::simulate_scenario::Scenario;
use livekit_protocol::{CandidateProtocol, DisconnectReason, SimulateScenario};

use super::Room;
use super::frames::No;

impl Room {
    pub(super) fn simulate(&mut self, now: Instant, who: &ParticipantId, asked: SimulateScenario) {
        let reason = DisconnectReason::ServerShutdown;
        match asked.scenario {
            Some(Scenario::ServerLeave(_)) => {
                self.depart(now, who, reason, Some(Action::Disconnect));
            }
            Some(Scenario::LeaveRequestFullReconnect(_)) => {
                self.depart(now, who, reason, Some(Action::Reconnect));
            }
            // the socket just ends, and whoever comes back is not known any more
            Some(Scenario::NodeFailure(_)) => self.depart(now, who, reason, None),
            // the socket ends, and the client goes on over another
            Some(Scenario::Migration(_)) => {
                if let Some(participant) = self.participants.get_mut(who) {
                    participant.detach(now);
                }
            }
            Some(Scenario::SwitchCandidateProtocol(protocol)) => {
                self.tell(who, switch(protocol).answer(0, None));
            }
            _ => {
                let no = No(Reason::UnsupportedType, "this server does not simulate that");
                self.tell(who, no.answer(0, None));
            }
        }
    }
}

fn switch(protocol: i32) -> No {
    match CandidateProtocol::try_from(protocol) {
        Ok(CandidateProtocol::Udp) => No(Reason::Ok, ""),
        _ => No(
            Reason::UnsupportedType,
            "media comes over UDP or through a relay: ICE over TCP and TLS is not supported",
        ),
    }
}
