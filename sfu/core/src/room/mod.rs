//! A room: who is in it, what they publish, and who receives what. It owns all of that, so nothing in it needs a lock.

mod allocating;
mod chores;
mod consistency;
mod control;
mod messages;
mod negotiate;
mod packets;
mod tick;
mod tracks;

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use beckon_sfu_api::{
    Command, Connection as Mode, Event, Lost, Outgoing as Message, ParticipantId, Permissions,
    Refused, RoomId, RoomSettings, TrackId,
};
use slotmap::SlotMap;

use self::chores::Chores;
pub use self::chores::{EFFORT_MAX, EFFORT_MIN};
use self::packets::{ARRIVALS_MAX, Arrival, TRAIN_BYTES};
use crate::clock::Clock;
use crate::config::ShardConfig;
use crate::connection::{Connection, Happened};
use crate::demux::{Class, Demux, Place, RoomKey, Side, classify};
use crate::described::Described;
use crate::downlink::allocator::{Demand, Grant};
use crate::keys::{ParticipantKey, TrackKey};
use crate::outgoing::Path;
use crate::participant::Participant;
use crate::rtcp::Report;
use crate::speakers::Speakers;
use crate::stats::{Counters, Discard, Way};
use crate::stun;
use crate::track::Track;

/// What a room may reach of its shard.
pub struct Context<'a> {
    pub config: &'a ShardConfig,
    pub clock: Clock,
    pub demux: &'a mut Demux,
    pub counters: &'a mut Counters,
    /// Rooms with something to forward.
    pub busy: &'a mut Vec<RoomKey>,
    /// Connections with something to send.
    pub dirty: &'a mut Vec<Place>,
    /// Datagrams of connections that are no more.
    pub farewells: &'a mut Vec<(Path, Vec<u8>)>,
    pub events: &'a mut VecDeque<(RoomId, Event)>,
}

pub struct Room {
    pub id: RoomId,
    key: RoomKey,
    settings: RoomSettings,
    opened_at: Instant,
    participants: SlotMap<ParticipantKey, Participant>,
    by_id: HashMap<ParticipantId, ParticipantKey>,
    tracks: SlotMap<TrackKey, Track>,
    track_ids: HashMap<TrackId, TrackKey>,
    speakers: Speakers<ParticipantKey>,
    quality_at: Instant,
    due: Instant,
    /// When to look at everybody.
    round_at: Instant,
    /// What is to be forwarded before anything is sent.
    arrivals: Vec<Arrival>,
    chores: Chores,
    /// Participants on whose way something waits.
    holding: Vec<ParticipantKey>,
    // Kept for their memory.
    demands: Vec<Demand>,
    grants: Vec<Grant>,
    reports: Vec<Report>,
    rtcp: Vec<u8>,
    /// What goes around among the connections while packets are forwarded.
    train: Vec<u8>,
    keys: Vec<ParticipantKey>,
}

impl Room {
    pub fn new(key: RoomKey, id: RoomId, settings: RoomSettings, now: Instant) -> Room {
        Room {
            id,
            key,
            settings,
            opened_at: now,
            participants: SlotMap::with_key(),
            by_id: HashMap::new(),
            tracks: SlotMap::with_key(),
            track_ids: HashMap::new(),
            speakers: Speakers::new(),
            quality_at: now,
            due: now,
            round_at: now,
            arrivals: Vec::with_capacity(ARRIVALS_MAX),
            chores: Chores::default(),
            holding: Vec::new(),
            demands: Vec::new(),
            grants: Vec::new(),
            reports: Vec::new(),
            rtcp: Vec::with_capacity(1500),
            train: Vec::with_capacity(TRAIN_BYTES),
            keys: Vec::new(),
        }
    }

    pub fn participants(&self) -> usize {
        self.participants.len()
    }

    pub fn ways(&self) -> impl Iterator<Item = Way> {
        self.participants.values().filter_map(Participant::way)
    }

    /// Carries out a command; a refused one is told as an event.
    pub fn command(&mut self, now: Instant, command: Command, ctx: &mut Context<'_>) {
        let command = match Described::read(command, self.settings) {
            Ok(described) => return self.describe(now, described, ctx),
            Err(command) => command,
        };
        self.hurry(now);
        match command {
            Command::Join { participant, connection, permissions } => {
                self.join(now, participant, connection, permissions, ctx);
            }
            Command::Leave { participant } => self.leave(&participant, ctx),
            // Taken above.
            Command::Offer { .. } | Command::Answer { .. } => {}
            Command::Publish { participant, track } => self.announce(&participant, track, ctx),
            Command::Restart { participant } => self.restart(&participant, ctx),
            Command::Unpublish { track } => self.unpublish(&track, ctx),
            Command::Mute { track, muted } => self.mute(&track, muted),
            Command::Subscribe { participant, tracks } => {
                self.subscribe(&participant, &tracks, ctx);
            }
            Command::Unsubscribe { participant, tracks } => {
                self.unsubscribe(&participant, &tracks);
            }
            Command::Prefer { participant, preferences } => {
                self.prefer(&participant, preferences);
            }
            Command::Permit { participant, permissions } => {
                self.permit(&participant, permissions, ctx);
            }
            Command::Send(message) => self.send(message, ctx),
            Command::Close => self.close(now, ctx),
        }
    }

    fn join(
        &mut self,
        now: Instant,
        id: ParticipantId,
        mode: Mode,
        permissions: Permissions,
        ctx: &mut Context<'_>,
    ) {
        let full = self.participants.len() >= self.settings.participants_max;
        if full || self.by_id.contains_key(&id) {
            return self.refuse(&id, None, Refused::Limit, ctx);
        }
        let mut participant =
            Participant::new(id.clone(), mode, permissions, &ctx.config.identity, now);
        let room = self.key;
        let key = self.participants.insert_with_key(|key| {
            participant.expect(room, key, ctx.demux);
            participant
        });
        self.by_id.insert(id, key);
        self.renegotiate(key);
    }

    /// Whoever leaves hears of it from signalling; a goodbye from here might overtake that, and look like a failure.
    fn leave(&mut self, id: &ParticipantId, ctx: &mut Context<'_>) {
        let Some(key) = self.by_id.remove(id) else { return };
        self.end_tracks_of(key, ctx);
        let Some(mut participant) = self.participants.remove(key) else { return };
        self.chores.take_out(key, participant.subscriptions.iter().map(|it| it.track));
        for side in participant.sides() {
            let place = Place { room: self.key, participant: key, side };
            let Some(connection) = participant.connection(side) else { continue };
            connection.forget(place, ctx.demux);
        }
        self.speakers.forget(key);
    }

    fn close(&mut self, now: Instant, ctx: &mut Context<'_>) {
        for participant in self.participants.values_mut() {
            for side in participant.sides() {
                if let Some(connection) = participant.connection(side) {
                    connection.close(now, ctx.farewells);
                }
            }
        }
        let everybody: Vec<ParticipantId> = self.by_id.keys().cloned().collect();
        for id in everybody {
            self.leave(&id, ctx);
        }
    }

    /// A datagram of the connection at `place`, or a STUN request that names it.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        place: Place,
        path: Path,
        datagram: &mut [u8],
        ctx: &mut Context<'_>,
    ) -> Result<(), Discard> {
        let handled = match classify(datagram) {
            Class::Rtp if place.side == Side::Publisher => {
                return self.handle_rtp(now, place.participant, datagram, ctx);
            }
            Class::Rtp => return Err(Discard::UnknownSsrc),
            Class::Rtcp => return self.handle_rtcp(now, place, datagram, ctx),
            Class::Dtls => {
                let connection = self.connection(place).ok_or(Discard::UnknownSource)?;
                connection.handle_dtls(now, path.remote, datagram)
            }
            Class::Stun => {
                let message = stun::read(datagram).ok_or(Discard::Malformed)?;
                let connection = self.connection(place).ok_or(Discard::UnknownSource)?;
                connection.handle_stun(now, path, &message, place, ctx.demux)
            }
            Class::Unknown => return Err(Discard::Malformed),
        };
        self.drive(now, place, ctx);
        handled
    }

    pub(crate) fn connection(&mut self, place: Place) -> Option<&mut Connection> {
        self.participants.get_mut(place.participant)?.connection(place.side)
    }

    /// Tells what became of a connection after it was given something, and remembers that it may have something to send.
    fn drive(&mut self, now: Instant, place: Place, ctx: &mut Context<'_>) {
        while let Some(participant) = self.participants.get_mut(place.participant) {
            let Some(connection) = participant.connection(place.side) else { return };
            let Some(happened) = connection.poll() else {
                connection.mark(place, ctx.dirty);
                return;
            };
            let id = participant.id.clone();
            match happened {
                Happened::Secure => self.secured(now, place, ctx),
                Happened::Data(kind, payload) => {
                    ctx.tell(&self.id, Event::Data { participant: id, kind, payload });
                }
                Happened::Undelivered(why) => ctx.counters.undelivered(why),
                Happened::Dropped(why) => ctx.counters.discard(why),
                Happened::Closed => {
                    self.lost(place.participant, Lost::Closed, "it said goodbye", ctx);
                }
                Happened::Ended(lost, why) => self.lost(place.participant, lost, why, ctx),
            }
        }
    }

    fn secured(&mut self, now: Instant, place: Place, ctx: &mut Context<'_>) {
        let Some(participant) = self.participants.get_mut(place.participant) else { return };
        if let Some(subscriber) = &mut participant.subscriber
            && place.side == Side::Subscriber
        {
            subscriber.connection.open_channels(now);
        }
        if participant.down_side() == place.side {
            self.connected(now, place.participant, ctx);
        }
    }

    /// Media can flow to the participant, for the first time or again.
    fn connected(&mut self, now: Instant, key: ParticipantKey, ctx: &mut Context<'_>) {
        let Some(participant) = self.participants.get_mut(key) else { return };
        participant.told_lost = false;
        ctx.tell(&self.id, Event::Connected { participant: participant.id.clone() });
        self.start_forwarders(now, key);
    }

    /// Ends what goes to a participant, once, whatever the cause: logged here, counted and carried out by signalling.
    fn lost(&mut self, key: ParticipantKey, why: Lost, cause: &'static str, ctx: &mut Context<'_>) {
        let Some(participant) = self.participants.get_mut(key) else { return };
        if std::mem::replace(&mut participant.told_lost, true) {
            return;
        }
        let who = &participant.id;
        tracing::info!(room.id = %self.id, participant.id = %who, why = why.as_str(), cause, "media ended");
        ctx.tell(&self.id, Event::Lost { participant: participant.id.clone(), why });
        for subscription in participant.subscriptions.iter() {
            let track = self.tracks.get_mut(subscription.track);
            if let Some(forwarder) = track.and_then(|track| track.forwarder_mut(key)) {
                forwarder.halt();
            }
        }
    }

    /// Whoever hears of it from here does so soon: encrypting it for many takes long.
    fn send(&mut self, message: Message, ctx: &mut Context<'_>) {
        if let Err(why) = self.chores.messages.push(message) {
            ctx.counters.undelivered(why);
        }
    }

    fn refuse(
        &self,
        participant: &ParticipantId,
        track: Option<TrackId>,
        why: Refused,
        ctx: &mut Context<'_>,
    ) {
        let participant = participant.clone();
        ctx.tell(&self.id, Event::Refused { participant, track, why });
    }
}

impl Context<'_> {
    pub fn tell(&mut self, room: &RoomId, event: Event) {
        self.events.push_back((room.clone(), event));
    }
}
