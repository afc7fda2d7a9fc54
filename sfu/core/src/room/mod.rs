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
    Command, ConnectionMode, DataMessage, Event, Lost, ParticipantId, Permissions, Refused, RoomId,
    RoomSettings, TrackId,
};
use slotmap::SlotMap;

use self::chores::Chores;
pub(crate) use self::chores::{EFFORT_MAX, EFFORT_MIN};
use self::packets::{ARRIVALS_MAX, Arrival, TRAIN_BYTES};
use crate::clock::Clock;
use crate::config::ShardConfig;
use crate::connection::{Connection, Happened};
use crate::demux::{Datagram, Demux, Owner, RoomKey, Side};
use crate::described::Described;
use crate::downlink::allocator::{Demand, Grant};
use crate::keys::{ParticipantKey, TrackKey};
use crate::outgoing::Path;
use crate::participant::Participant;
use crate::rtcp::Report;
use crate::speakers::Speakers;
use crate::stats::{Counters, Discard, PathQuality};
use crate::track::Track;

/// The parts of its shard that a room may use while it handles something.
pub(crate) struct Context<'a> {
    pub config: &'a ShardConfig,
    pub clock: Clock,
    pub demux: &'a mut Demux,
    pub counters: &'a mut Counters,
    /// Rooms with something to forward.
    pub busy: &'a mut Vec<RoomKey>,
    /// Connections with something to send.
    pub dirty: &'a mut Vec<Owner>,
    /// Datagrams of closed connections.
    pub farewells: &'a mut Vec<(Path, Vec<u8>)>,
    pub events: &'a mut VecDeque<(RoomId, Event)>,
}

/// A room of participants. It owns them, their tracks and all that is forwarded between them, and everything that happens
/// in it goes through `&mut self`: a command, a datagram, or the passing of time.
pub(crate) struct Room {
    pub id: RoomId,
    key: RoomKey,
    settings: RoomSettings,
    opened_at: Instant,
    participants: SlotMap<ParticipantKey, Participant>,
    by_id: HashMap<ParticipantId, ParticipantKey>,
    tracks: SlotMap<TrackKey, Track>,
    track_ids: HashMap<TrackId, TrackKey>,
    speakers: Speakers<ParticipantKey>,
    /// When network quality is reported next.
    quality_at: Instant,
    /// When [`Room::handle_timeout`] has something to do, chores aside.
    due: Instant,
    /// When all participants are serviced next.
    round_at: Instant,
    /// Packets received since the last flush, to be forwarded before anything is sent.
    arrivals: Vec<Arrival>,
    chores: Chores,
    /// Participants whose pacer holds packets back.
    holding: Vec<ParticipantKey>,
    // Buffers, kept to save allocations.
    demands: Vec<Demand>,
    grants: Vec<Grant>,
    reports: Vec<Report>,
    rtcp: Vec<u8>,
    /// The buffer that connections fill in turn while packets are forwarded, so that it stays in the CPU's cache.
    train: Vec<u8>,
    keys: Vec<ParticipantKey>,
}

impl Room {
    pub(crate) fn new(key: RoomKey, id: RoomId, settings: RoomSettings, now: Instant) -> Room {
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

    pub(crate) fn participants(&self) -> usize {
        self.participants.len()
    }

    pub(crate) fn path_qualities(&self) -> impl Iterator<Item = PathQuality> {
        self.participants.values().filter_map(Participant::path_quality)
    }

    /// Carries out a command. A refused one is answered by [`Event::Refused`].
    pub(crate) fn command(&mut self, now: Instant, command: Command, ctx: &mut Context<'_>) {
        let command = match Described::read(command, self.settings) {
            Ok(described) => return self.describe(now, described, ctx),
            Err(command) => command,
        };
        self.schedule_tick(now);
        match command {
            Command::Join { participant, connection, permissions } => {
                self.join(now, participant, connection, permissions, ctx);
            }
            Command::Leave { participant } => self.leave(&participant, ctx),
            // Handled above.
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
        mode: ConnectionMode,
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

    /// Removes a participant. Signalling tells the client; a close_notify from here might overtake that and look like a
    /// failure, so none is sent.
    fn leave(&mut self, id: &ParticipantId, ctx: &mut Context<'_>) {
        let Some(key) = self.by_id.remove(id) else { return };
        self.end_tracks_of(key, ctx);
        let Some(mut participant) = self.participants.remove(key) else { return };
        self.chores
            .take_out(key, participant.subscriptions.iter().map(|subscription| subscription.track));
        for side in participant.sides() {
            let owner = Owner { room: self.key, participant: key, side };
            let Some(connection) = participant.connection(side) else { continue };
            connection.forget(owner, ctx.demux);
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

    /// A datagram of the connection `owner`, or a STUN request that names it.
    pub(crate) fn handle_datagram(
        &mut self,
        now: Instant,
        owner: Owner,
        path: Path,
        datagram: Datagram<'_>,
        ctx: &mut Context<'_>,
    ) -> Result<(), Discard> {
        let handled = match datagram {
            Datagram::Rtp(packet) if owner.side == Side::Publisher => {
                return self.handle_rtp(now, owner.participant, packet, ctx);
            }
            Datagram::Rtp(_) => return Err(Discard::UnknownSsrc),
            Datagram::Rtcp(compound) => return self.handle_rtcp(now, owner, compound, ctx),
            Datagram::Dtls(records) => {
                let connection = self.connection(owner).ok_or(Discard::UnknownSource)?;
                connection.handle_dtls(now, path.remote, records)
            }
            Datagram::Stun(message) => {
                let connection = self.connection(owner).ok_or(Discard::UnknownSource)?;
                connection.handle_stun(now, path, &message, owner, ctx.demux)
            }
        };
        self.drive(now, owner, ctx);
        handled
    }

    pub(crate) fn connection(&mut self, owner: Owner) -> Option<&mut Connection> {
        self.participants.get_mut(owner.participant)?.connection(owner.side)
    }

    /// Handles the events of a connection after it took input, and marks it if it has something to send.
    fn drive(&mut self, now: Instant, owner: Owner, ctx: &mut Context<'_>) {
        while let Some(participant) = self.participants.get_mut(owner.participant) {
            let Some(connection) = participant.connection(owner.side) else { return };
            let Some(happened) = connection.poll() else {
                connection.mark(owner, ctx.dirty);
                return;
            };
            let id = participant.id.clone();
            match happened {
                Happened::Secure => self.secured(now, owner, ctx),
                Happened::Data(kind, payload) => {
                    ctx.tell(&self.id, Event::Data { participant: id, kind, payload });
                }
                Happened::Undelivered(why) => ctx.counters.undelivered(why),
                Happened::Dropped(why) => ctx.counters.discard(why),
                Happened::Closed => {
                    self.lost(owner.participant, Lost::Closed, "it said goodbye", ctx);
                }
                Happened::Ended(lost, why) => self.lost(owner.participant, lost, why, ctx),
            }
        }
    }

    fn secured(&mut self, now: Instant, owner: Owner, ctx: &mut Context<'_>) {
        let Some(participant) = self.participants.get_mut(owner.participant) else { return };
        if let Some(subscriber) = &mut participant.subscriber
            && owner.side == Side::Subscriber
        {
            subscriber.connection.open_channels(now);
        }
        if participant.down_side() == owner.side {
            self.connected(now, owner.participant, ctx);
        }
    }

    /// Media can flow to the participant, for the first time or again.
    fn connected(&mut self, now: Instant, key: ParticipantKey, ctx: &mut Context<'_>) {
        let Some(participant) = self.participants.get_mut(key) else { return };
        participant.lost_reported = false;
        ctx.tell(&self.id, Event::Connected { participant: participant.id.clone() });
        self.start_forwarders(now, key);
    }

    /// Stops all that is forwarded to a participant and reports it as lost, once, whatever the cause. Signalling counts it
    /// and removes the participant.
    fn lost(&mut self, key: ParticipantKey, why: Lost, cause: &'static str, ctx: &mut Context<'_>) {
        let Some(participant) = self.participants.get_mut(key) else { return };
        if std::mem::replace(&mut participant.lost_reported, true) {
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

    /// Queues a data message for its receivers: encrypting it for many takes too long for one turn.
    fn send(&mut self, message: DataMessage, ctx: &mut Context<'_>) {
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
    pub(crate) fn tell(&mut self, room: &RoomId, event: Event) {
        self.events.push_back((room.clone(), event));
    }
}
