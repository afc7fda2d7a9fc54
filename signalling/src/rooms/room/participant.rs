//! One participant, as the room knows it.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use beckon_sfu_api::{ConnectionMode, ParticipantId, Permissions, Preference, Source, TrackId};
use bytes::Bytes;

use super::super::departure::DisconnectReason;
use super::super::dialect::{Dialect, Shared};
use super::super::info::{
    ClientAbilities, ParticipantInfo, ParticipantKind, ParticipantPermission, ParticipantState,
    TrackInfo,
};
use super::super::notice::{Notice, Target};
use super::super::request::{AddTrack, Audience, TrackPermission};
use super::super::seat::{DescriptionLine, Outbox, SocketId};
use super::super::token::{Claims, Grants};
use super::super::{Admission, Entrance, sid, terms};
use super::places::Places;
use crate::clock::now_ms;
use crate::ice::{Holder, in_room};

/// A client gets a new token this often, so that it can come back long after its first one has ended.
pub(super) const REFRESH_EVERY: Duration = Duration::from_secs(5 * 60);
/// More than the clients of today have.
const CAPABILITIES_MAX: usize = 32;

pub(super) struct Participant {
    pub id: ParticipantId,
    /// Of its request to come in.
    pub number: u64,
    /// Its token, with what it has changed of its own name, metadata and attributes since.
    pub claims: Claims,
    pub connection: ConnectionMode,
    pub auto_subscribe: bool,
    /// How its client is spoken to.
    pub dialect: &'static Dialect,
    client: ClientAbilities,
    joined_ms: i64,
    pub joined_at: Instant,
    pub state: ParticipantState,
    /// Grows with every change that others are told.
    pub version: u32,
    /// The number of its present or last socket.
    pub socket: u64,
    outbox: Option<Outbox>,
    /// Without a socket since.
    pub detached_at: Option<Instant>,
    /// Its media connection was closed by itself.
    pub closed_at: Option<Instant>,
    pub refresh_at: Instant,
    pub tracks: Vec<Track>,
    /// What it asked for itself, against or beside `auto_subscribe`.
    pub chosen: HashMap<TrackId, bool>,
    /// What the media node was told to send to it.
    pub subscribed: HashSet<TrackId>,
    pub preferences: HashMap<TrackId, Preference>,
    /// How much it can receive.
    pub places: Places,
    /// Connections whose candidates its socket was told.
    pub trickled: Vec<Target>,
    /// What it would receive if there were room, as it was told.
    pub unplaced: HashSet<TrackId>,
    /// Tracks that it announced again before the ones of the same name were gone.
    pub waiting: Vec<AddTrack>,
    /// Where its descriptions wait, whatever socket they come on.
    pub descriptions: DescriptionLine,
    /// Who may receive its tracks.
    pub audience: Audience,
}

/// A track of a participant, announced or published.
pub(super) struct Track {
    pub id: TrackId,
    /// The client's own name of it.
    pub cid: String,
    /// What the others are told.
    pub info: TrackInfo,
    pub announced_at: Instant,
    /// An offer was answered since without it.
    pub passed_over: bool,
    /// It has its media section: the others know of it.
    pub published: bool,
    /// Its publisher has the answer with its section.
    pub answered: bool,
    /// Muted by the server, which the client is told again when it comes back.
    pub silenced: bool,
    /// Somebody receives it, as its publisher is told once it has the answer.
    pub heard: bool,
}

impl Participant {
    pub(super) fn new(
        now: Instant,
        admission: Admission,
        entrance: &Entrance,
        places: Places,
        descriptions: DescriptionLine,
    ) -> Participant {
        let Admission { claims, number } = admission;
        let mut client = entrance.client.clone();
        client.capabilities.truncate(CAPABILITIES_MAX);
        let life = Duration::try_from_secs_f64(claims.expires_at() - now_ms() as f64 / 1000.0);
        Participant {
            id: ParticipantId::from(sid("PA_")),
            number,
            refresh_at: now + (life.unwrap_or_default() / 2).min(REFRESH_EVERY),
            claims,
            connection: entrance.connection,
            auto_subscribe: entrance.auto_subscribe,
            dialect: entrance.dialect,
            client,
            joined_ms: now_ms(),
            joined_at: now,
            state: ParticipantState::Joined,
            version: 1,
            socket: 0,
            outbox: None,
            detached_at: Some(now),
            closed_at: None,
            tracks: Vec::new(),
            chosen: HashMap::new(),
            subscribed: HashSet::new(),
            preferences: HashMap::new(),
            places,
            trickled: Vec::new(),
            unplaced: HashSet::new(),
            waiting: Vec::new(),
            descriptions,
            audience: Audience { everybody: true, permissions: vec![] },
        }
    }

    /// Whose TURN credential it has.
    pub(super) fn holder(&self) -> Holder {
        in_room(&self.id, &self.claims.sub, &self.claims.iss)
    }

    pub(super) fn identity(&self) -> &str {
        &self.claims.sub
    }

    pub(super) fn is_hidden(&self) -> bool {
        self.grants().hidden == Some(true)
    }

    /// Nobody could see whose a hidden participant's tracks are, so it has none.
    pub(super) fn may_publish(&self) -> bool {
        self.grants().can_publish != Some(false) && !self.is_hidden()
    }

    pub(super) fn may_publish_from(&self, source: Source) -> bool {
        let sources = self.publish_sources();
        self.may_publish() && (sources.is_empty() || sources.contains(&source))
    }

    pub(super) fn may_subscribe(&self) -> bool {
        self.grants().can_subscribe != Some(false)
    }

    pub(super) fn may_send_data(&self) -> bool {
        self.grants().can_publish_data != Some(false)
    }

    pub(super) fn may_update_itself(&self) -> bool {
        self.grants().can_update_own_metadata == Some(true)
    }

    pub(super) fn may_hear_metrics(&self) -> bool {
        self.grants().can_subscribe_metrics == Some(true)
    }

    pub(super) fn permissions(&self) -> Permissions {
        Permissions { publish: self.may_publish(), subscribe: self.may_subscribe() }
    }

    fn grants(&self) -> &Grants {
        &self.claims.video
    }

    /// The sources it may publish from; none named: all.
    fn publish_sources(&self) -> Vec<Source> {
        let named = self.grants().can_publish_sources.as_deref().unwrap_or_default();
        named.iter().filter_map(|name| terms::source(name)).collect()
    }

    /// Bytes that it says of itself to everybody.
    pub(super) fn words_len(&self) -> usize {
        words_len(&self.claims)
    }

    /// Whether it would receive this track, were it allowed to.
    pub(super) fn wants(&self, track: &TrackId) -> bool {
        self.chosen.get(track).copied().unwrap_or(self.auto_subscribe)
    }

    /// Whether somebody may receive a track of this participant.
    pub(super) fn permits(&self, other: &Participant, track: &TrackId) -> bool {
        allows(&self.audience, other, track)
    }

    pub(super) fn track_mut(&mut self, id: &str) -> Option<&mut Track> {
        self.tracks.iter_mut().find(|track| track.id.as_str() == id)
    }

    pub(super) fn published(&self) -> impl Iterator<Item = &Track> {
        self.tracks.iter().filter(|track| track.published)
    }

    /// What the others are told of it.
    pub(super) fn info(&self) -> ParticipantInfo {
        ParticipantInfo {
            id: self.id.clone(),
            identity: self.claims.sub.clone(),
            name: self.claims.name.clone(),
            metadata: self.claims.metadata.clone(),
            attributes: self.claims.attributes.clone(),
            state: self.state,
            tracks: self.published().map(|track| track.info.clone()).collect(),
            is_publisher: self.published().next().is_some(),
            joined_ms: self.joined_ms,
            version: self.version,
            permission: self.permission(),
            kind: terms::kind(&self.claims).unwrap_or(ParticipantKind::Standard),
            kind_details: terms::kind_details(&self.claims).unwrap_or_default(),
            client: self.client.clone(),
            disconnect_reason: None,
        }
    }

    /// The last that is told of it.
    pub(super) fn farewell(&self, reason: DisconnectReason) -> ParticipantInfo {
        ParticipantInfo {
            state: ParticipantState::Disconnected,
            tracks: vec![],
            version: self.version + 1,
            disconnect_reason: Some(reason),
            ..self.info()
        }
    }

    fn permission(&self) -> ParticipantPermission {
        ParticipantPermission {
            subscribe: self.may_subscribe(),
            publish: self.may_publish(),
            publish_sources: self.publish_sources(),
            publish_data: self.may_send_data(),
            update_metadata: self.may_update_itself(),
            subscribe_metrics: self.may_hear_metrics(),
            hidden: self.is_hidden(),
            recorder: self.grants().recorder == Some(true),
            agent: self.grants().agent == Some(true),
        }
    }

    /// Gives it a socket; the one before, if any, is closed once all is sent.
    pub(super) fn attach(&mut self, socket: u64, outbox: Outbox) {
        self.socket = socket;
        self.outbox = Some(outbox);
        self.detached_at = None;
        self.trickled.clear();
    }

    pub(super) fn detach(&mut self, now: Instant) {
        self.outbox = None;
        self.detached_at.get_or_insert(now);
    }

    pub(super) fn is_attached(&self) -> bool {
        self.outbox.is_some()
    }

    pub(super) fn is_at(&self, socket: &SocketId) -> bool {
        self.is_attached() && self.socket == socket.socket
    }

    /// Lays a notice into its socket's queue, if it has a socket.
    pub(super) fn send(&mut self, notice: Notice) {
        if self.is_attached() {
            self.send_frame((self.dialect.encode)(notice));
        }
    }

    /// The same with one that others hear too.
    pub(super) fn send_shared(&mut self, notice: &mut Shared) {
        if self.is_attached() {
            self.send_frame(notice.frame(self.dialect));
        }
    }

    /// A client that does not read loses its socket.
    fn send_frame(&mut self, frame: Bytes) {
        if self.outbox.as_ref().is_some_and(|outbox| outbox.push(frame).is_err()) {
            metrics::counter!("beckon_rtc_sockets_too_slow_total").increment(1);
            self.outbox = None;
        }
    }
}

/// Bytes that a token says of its bearer to everybody.
pub(super) fn words_len(claims: &Claims) -> usize {
    claims.metadata.len() + claims.attributes_len()
}

/// Whether a publisher's choice of its audience has room for somebody.
pub(super) fn allows(audience: &Audience, other: &Participant, track: &TrackId) -> bool {
    let named = |one: &&TrackPermission| {
        one.identity == other.identity() || one.participant == other.id.as_str()
    };
    let it = |one: &TrackPermission| one.tracks.iter().any(|sid| sid == track.as_str());
    let mut of_other = audience.permissions.iter().filter(named);
    audience.everybody || of_other.any(|one| one.all_tracks || it(one))
}
