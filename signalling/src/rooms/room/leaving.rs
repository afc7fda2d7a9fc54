//! Going out of a room, and the end of the room itself.

use std::time::{Duration, Instant};

use beckon_sfu_api::{Command, Lost, ParticipantId};

use super::super::Happening;
use super::super::departure::{DisconnectReason, LeaveAction};
use super::super::dialect::Shared;
use super::super::info::ParticipantInfo;
use super::super::notice::Notice;
use super::super::seat::SocketId;
use super::Room;
use crate::domain::refusal::{Code, Result};

/// How long it is remembered who left; longer than anybody may be without a socket.
const REMEMBER: Duration = Duration::from_secs(60);
/// At most so many of them.
const REMEMBER_MAX: usize = 1000;

impl Room {
    /// A socket is gone. That alone is no departure: media goes on, and the client may come back.
    pub(super) fn handle_gone(&mut self, now: Instant, from: &SocketId) {
        let who = &from.participant;
        let Some(participant) = self.participants.get_mut(who) else { return };
        if participant.socket != from.socket {
            return;
        }
        participant.detach(now);
        if participant.closed_at.is_some() {
            self.depart(now, who, DisconnectReason::ClientInitiated, None);
        }
    }

    /// The media connection of a participant is gone.
    pub(super) fn lost(&mut self, now: Instant, who: &ParticipantId, why: Lost) {
        let Some(participant) = self.participants.get_mut(who) else { return };
        match why {
            // whoever closes it says so on the socket too, if there still is one
            Lost::Closed if participant.is_attached() => participant.closed_at = Some(now),
            Lost::Closed => self.depart(now, who, DisconnectReason::ClientInitiated, None),
            Lost::Silent => {
                let reason = DisconnectReason::ConnectionTimeout;
                self.depart(now, who, reason, Some(LeaveAction::Reconnect));
            }
            Lost::Failed | Lost::Data => {
                let reason = DisconnectReason::MediaFailure;
                self.depart(now, who, reason, Some(LeaveAction::Reconnect));
            }
        }
    }

    /// The login behind a socket is over, and the participant goes with it.
    pub(super) fn expel(&mut self, now: Instant, from: &SocketId) {
        if self.participants.get(&from.participant).is_some_and(|one| one.is_at(from)) {
            let reason = DisconnectReason::ParticipantRemoved;
            self.depart(now, &from.participant, reason, Some(LeaveAction::Disconnect));
        }
    }

    pub(super) fn remove(&mut self, now: Instant, identity: &str) -> Result<()> {
        let who = self.find(identity).map(|one| one.id.clone()).ok_or(Code::NotFound)?;
        let reason = DisconnectReason::ParticipantRemoved;
        self.depart(now, &who, reason, Some(LeaveAction::Disconnect));
        Ok(())
    }

    /// Takes a participant out, and tells who listens to the rooms.
    pub(super) fn depart(
        &mut self,
        now: Instant,
        who: &ParticipantId,
        reason: DisconnectReason,
        farewell: Option<LeaveAction>,
    ) {
        if let Some(identity) = self.part(now, who, reason, farewell) {
            self.rooms.notify(&self.name, Happening::Left { identity, reason });
        }
    }

    /// Takes a participant out: from the media node, from the others' lists, and with a last word to itself if it
    /// does not know yet. Tells whose place it was.
    pub(super) fn part(
        &mut self,
        now: Instant,
        who: &ParticipantId,
        reason: DisconnectReason,
        farewell: Option<LeaveAction>,
    ) -> Option<String> {
        let mut participant = self.participants.remove(who)?;
        metrics::gauge!("beckon_room_participants").decrement(1);
        let why = reason.as_str();
        metrics::counter!("beckon_room_departures_total", "why" => why).increment(1);
        tracing::info!(room.id = %self.id, participant.id = %who, why, "a participant is out");
        if let Some(action) = farewell {
            participant.send(Notice::Leave(reason, action));
        }
        self.media.tell(Command::Leave { participant: who.clone() });
        self.rooms.ice.revoke(participant.holder());
        for track in &participant.tracks {
            self.forget(&track.id);
        }
        if !participant.is_hidden() {
            let info = participant.farewell(reason);
            self.tell_others_farewell(info.clone());
            self.remember(now, info);
        }
        if self.participants.is_empty() {
            self.empty_since = Some(now);
        }
        Some(participant.identity().to_owned())
    }

    fn remember(&mut self, now: Instant, info: ParticipantInfo) {
        if self.departed.len() >= REMEMBER_MAX {
            self.departed.pop_front();
        }
        self.departed.push_back((now, info));
    }

    pub(super) fn forget_departed(&mut self, now: Instant) {
        let old = |at: Instant| now.saturating_duration_since(at) > REMEMBER;
        while self.departed.front().is_some_and(|&(at, _)| old(at)) {
            self.departed.pop_front();
        }
    }

    /// Ends the room for everybody; the media node hears of it when the room is dropped.
    pub(super) fn end(&mut self, reason: DisconnectReason, action: LeaveAction) {
        let why = reason.as_str();
        metrics::counter!("beckon_rooms_ended_total", "why" => why).increment(1);
        tracing::info!(room.id = %self.id, participants = self.participants.len(), why, "a room is over");
        let mut last = Shared::new(Notice::Leave(reason, action));
        for participant in self.participants.values_mut() {
            participant.send_shared(&mut last);
            self.rooms.ice.revoke(participant.holder());
        }
        self.over = true;
    }
}
