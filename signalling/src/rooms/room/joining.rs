//! Coming into a room.

use std::time::Instant;

use beckon_sfu_api::{Command, Held, ParticipantId, RoomSettings};
use tokio::sync::mpsc;

use super::super::departure::{DisconnectReason, LeaveAction};
use super::super::info::RoomInfo;
use super::super::notice::{Notice, Welcome};
use super::super::seat::{DescriptionLine, Outbox, Seat, SocketId};
use super::super::{Admission, Entrance, Happening, NotAdmitted};
use super::participant::{Participant, words_len};
use super::places::Places;
use super::ticking::GRACE;
use super::{Input, Room};
use crate::clock::now_ms;
use crate::domain::frame::IceServer;

/// Metadata and attributes of all participants: whoever comes hears them at once.
const WORDS_BYTES_MAX: usize = 8 * 1024 * 1024;

impl Room {
    /// Whether there is a place for this identity.
    pub(super) fn check(&self, identity: &str) -> Result<(), NotAdmitted> {
        let replaces = self.find(identity).is_some();
        if self.participants.len() - usize::from(replaces) >= self.plan.participants_max {
            return Err(NotAdmitted::Full);
        }
        Ok(())
    }

    /// Lets somebody in, or lets them go on. In this order: everybody hears of what is told before it happens.
    pub(super) fn enter(
        &mut self,
        now: Instant,
        admission: Admission,
        entrance: Entrance,
        room: mpsc::Sender<Input>,
    ) -> Result<Seat, NotAdmitted> {
        let identity = admission.claims.sub.clone();
        if self.rooms.is_removed(&self.name, &identity) {
            return Err(NotAdmitted::Denied("removed from this room"));
        }
        if let Some(sid) = &entrance.resume {
            let who = ParticipantId::from(sid.as_str());
            let attached = self.participants.get(&who).filter(|one| one.is_attached());
            if attached.is_some_and(|one| one.identity() == identity) && !entrance.is_there {
                return Err(NotAdmitted::Occupied);
            }
            let seat = self.resume(who.clone(), &identity, room, entrance.dialect);
            entrance.sync.into_iter().for_each(|published| self.sync(&who, published));
            return Ok(seat);
        }
        self.check(&identity)?;
        if !self.has_words_for(&identity, words_len(&admission.claims)) {
            return Err(NotAdmitted::Denied("the room has no place for so much metadata"));
        }
        if let Some(old) = self.find(&identity) {
            if old.number > admission.number {
                return Err(NotAdmitted::Superseded);
            }
            if !entrance.is_there {
                return Err(NotAdmitted::Occupied);
            }
            let old = old.id.clone();
            self.replace(now, &old);
        }
        let line = self.descriptions.of_participant();
        let mut participant =
            Participant::new(now, admission, &entrance, self.places(), line.clone());
        let who = participant.id.clone();
        let (seat, outbox) = self.seat(&who, room, line.clone());
        participant.attach(self.sockets, outbox);
        participant.send(Notice::Join(Box::new(self.welcome(&participant))));
        self.media.tell(Command::Join {
            participant: who.clone(),
            connection: participant.connection,
            permissions: participant.permissions(),
        });
        self.participants.insert(who.clone(), participant);
        self.empty_since = None;
        metrics::gauge!("beckon_room_participants").increment(1);

        self.tell_others_of(&who);
        self.reconcile(&who);
        self.add_tracks(now, &who, entrance.tracks);
        if let Some(offer) = entrance.offer {
            self.offer(&who, offer, Held::new(line.first()));
        }
        self.rooms.notify(&self.name, Happening::Joined { identity });
        Ok(seat)
    }

    /// Whether everybody could be told so much of somebody, beside what is told of the others.
    pub(super) fn has_words_for(&self, identity: &str, bytes: usize) -> bool {
        let others = self.participants.values().filter(|other| other.identity() != identity);
        bytes == 0 || others.map(Participant::words_len).sum::<usize>() + bytes <= WORDS_BYTES_MAX
    }

    fn places(&self) -> Places {
        let each = RoomSettings { participants_max: self.plan.participants_max }.received_max();
        Places { audio: each, video: each }
    }

    /// A socket's two ends.
    pub(super) fn seat(
        &mut self,
        who: &ParticipantId,
        room: mpsc::Sender<Input>,
        line: DescriptionLine,
    ) -> (Seat, Outbox) {
        self.sockets += 1;
        Seat::new(SocketId { participant: who.clone(), socket: self.sockets }, room, line)
    }

    /// The same identity comes again: the one before goes, and nobody takes it for having left.
    fn replace(&mut self, now: Instant, old: &ParticipantId) {
        let reason = DisconnectReason::DuplicateIdentity;
        self.part(now, old, reason, Some(LeaveAction::Disconnect));
    }

    fn welcome(&self, participant: &Participant) -> Welcome {
        let mut others: Vec<_> = self.visible().map(Participant::info).collect();
        others.sort_by_key(|info| info.joined_ms);
        Welcome {
            room: self.info(),
            participant: participant.info(),
            others,
            ice_servers: self.ice_servers(participant),
            connection: participant.connection,
        }
    }

    pub(super) fn info(&self) -> RoomInfo {
        let (participants, publishers) = self.counts();
        RoomInfo {
            id: self.id.clone(),
            name: self.name.clone(),
            metadata: self.plan.metadata.clone(),
            empty_for: self.plan.empty_for,
            grace: GRACE,
            participants_max: self.plan.participants_max,
            created_ms: self.created_ms,
            participants,
            publishers,
        }
    }

    /// Participants and publishers, as far as they are to be seen.
    pub(super) fn counts(&self) -> (u32, u32) {
        let publishers = self.visible().filter(|one| one.published().next().is_some());
        (self.visible().count() as u32, publishers.count() as u32)
    }

    pub(super) fn ice_servers(&self, participant: &Participant) -> Vec<IceServer> {
        self.rooms.ice.servers(participant.holder(), now_ms())
    }
}
