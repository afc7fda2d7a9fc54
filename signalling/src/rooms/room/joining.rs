//! Coming into a room.

use std::time::Instant;

use beckon_sfu_api::{Codec, Command, ConnectionMode, Held, ParticipantId, RoomSettings};
use livekit_protocol::leave_request::Action;
use livekit_protocol::server_info::Edition;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{self as lk, DisconnectReason, JoinResponse, ServerInfo};
use tokio::sync::mpsc;

use super::super::seat::{DescriptionLine, Outbox, Seat, SocketId};
use super::super::{Admission, Entrance, Happening, NotAdmitted};
use super::participant::{Participant, words_len};
use super::places::Places;
use super::ticking::GRACE;
use super::{Input, Room};
use crate::clock::now_ms;

/// The level of LiveKit's server that clients take us for; they leave out what it lacks.
const SERVER_VERSION: &str = "1.9.0";
const PROTOCOL: i32 = 16;
/// Clients ask for a sign of life this often, and give up after this long without any, in seconds.
const PING_INTERVAL_S: i32 = 5;
const PING_TIMEOUT_S: i32 = 15;
/// Metadata and attributes of all participants: whoever comes hears them at once.
const WORDS_BYTES_MAX: usize = 8 * 1024 * 1024;
/// What clients may publish, the baseline first.
const CODECS: [Codec; 5] = [Codec::Opus, Codec::Vp8, Codec::H264, Codec::Vp9, Codec::Av1];

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
            let seat = self.resume(who.clone(), &identity, room);
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
        participant.send(Message::Join(self.welcome(&participant)));
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
        self.part(now, old, reason, Some(Action::Disconnect));
    }

    fn welcome(&self, participant: &Participant) -> JoinResponse {
        let mut others: Vec<_> = self.visible().map(Participant::info).collect();
        others.sort_by_key(|info| info.joined_at_ms);
        JoinResponse {
            room: Some(self.info()),
            participant: Some(participant.info()),
            other_participants: others,
            server_version: SERVER_VERSION.to_owned(),
            server_info: Some(self.server_info()),
            ice_servers: self.ice_servers(participant),
            subscriber_primary: participant.connection == ConnectionMode::Dual,
            ping_interval: PING_INTERVAL_S,
            ping_timeout: PING_TIMEOUT_S,
            enabled_publish_codecs: enabled_codecs(),
            ..JoinResponse::default()
        }
    }

    pub(super) fn info(&self) -> lk::Room {
        let (num_participants, num_publishers) = self.counts();
        lk::Room {
            sid: self.id.to_string(),
            name: self.name.clone(),
            empty_timeout: self.plan.empty_for.as_secs() as u32,
            departure_timeout: GRACE.as_secs() as u32,
            metadata: self.plan.metadata.clone(),
            max_participants: self.plan.participants_max as u32,
            creation_time: self.created_ms / 1000,
            creation_time_ms: self.created_ms,
            enabled_codecs: enabled_codecs(),
            num_participants,
            num_publishers,
            ..lk::Room::default()
        }
    }

    /// Participants and publishers, as far as they are to be seen.
    pub(super) fn counts(&self) -> (u32, u32) {
        let publishers = self.visible().filter(|one| one.published().next().is_some());
        (self.visible().count() as u32, publishers.count() as u32)
    }

    pub(super) fn server_info(&self) -> ServerInfo {
        ServerInfo {
            edition: Edition::Standard as i32,
            version: SERVER_VERSION.to_owned(),
            protocol: PROTOCOL,
            ..ServerInfo::default()
        }
    }

    pub(super) fn ice_servers(&self, participant: &Participant) -> Vec<lk::IceServer> {
        let servers = self.rooms.ice.servers(participant.holder(), now_ms());
        let server = |server: crate::domain::frame::IceServer| lk::IceServer {
            urls: server.urls,
            username: server.username.unwrap_or_default(),
            credential: server.credential.unwrap_or_default(),
        };
        servers.into_iter().map(server).collect()
    }
}

fn enabled_codecs() -> Vec<lk::Codec> {
    let codec = |codec: Codec| lk::Codec { mime: codec.mime().to_owned(), ..Default::default() };
    CODECS.into_iter().map(codec).collect()
}
