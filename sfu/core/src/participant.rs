//! A participant of a room: its connections, what it publishes and what it receives.

mod subscriptions;

use std::collections::HashMap;
use std::time::Instant;

use beckon_sfu_api::{Announced, ConnectionMode, ParticipantId, Permissions, TRACKS_MAX, TrackId};

pub(crate) use self::subscriptions::Subscriptions;
use crate::connection::Connection;
use crate::demux::{Demux, Owner, RoomKey, Side};
use crate::keys::{ParticipantKey, TrackKey};
use crate::negotiation::{Answerer, Offerer};
use crate::stats::PathQuality;
use crate::track::Claim;
use crate::transport::Identity;

/// Streams of one participant: three layers per track, each with its repair stream.
pub(crate) const STREAMS_MAX: usize = TRACKS_MAX * 6;

/// A second connection, for receiving only: we offer on it.
pub(crate) struct Subscriber {
    pub connection: Connection,
    pub offerer: Offerer,
}

/// A participant, from its join until it leaves.
pub(crate) struct Participant {
    pub id: ParticipantId,
    pub permissions: Permissions,
    /// The client offers on it; with a single connection it carries both ways.
    pub publisher: Connection,
    pub answerer: Answerer,
    pub subscriber: Option<Subscriber>,
    pub announced: Vec<Announced>,
    /// The extension in which its packets carry their number for congestion control: the same in all sections of a
    /// bundle (RFC 8843, 9.2).
    pub transport_cc: Option<u8>,
    /// The track and layer that each of its SSRCs carries.
    pub sources: HashMap<u32, (TrackKey, Claim)>,
    pub published: Vec<(TrackId, TrackKey)>,
    pub subscriptions: Subscriptions,
    pub unsettled: Unsettled,
    /// Single connection: the client was asked to offer again.
    pub asked: bool,
    /// It was reported as lost, and has not been heard again.
    pub lost_reported: bool,
    /// The fraction of its packets that is lost before it reaches us, smoothed; 0 to 1.
    pub uplink_loss: f64,
    /// When its bandwidth is divided again.
    pub allocate_at: Instant,
    /// When RTCP reports to it are due.
    pub report_at: Instant,
}

/// What has to be settled for a participant.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Unsettled {
    /// Whether its descriptions still match what it is to receive.
    pub descriptions: bool,
    /// How its bandwidth is divided.
    pub shares: bool,
}

impl Participant {
    pub(crate) fn new(
        id: ParticipantId,
        mode: ConnectionMode,
        permissions: Permissions,
        identity: &Identity,
        now: Instant,
    ) -> Participant {
        let subscriber = (mode == ConnectionMode::Dual).then(|| Subscriber {
            connection: Connection::new(identity, now),
            offerer: Offerer::new(),
        });
        Participant {
            id,
            permissions,
            publisher: Connection::new(identity, now),
            answerer: Answerer::new(),
            subscriber,
            announced: Vec::new(),
            transport_cc: None,
            sources: HashMap::new(),
            published: Vec::new(),
            subscriptions: Subscriptions::default(),
            unsettled: Unsettled::default(),
            asked: false,
            lost_reported: false,
            uplink_loss: 0.0,
            allocate_at: now,
            report_at: now,
        }
    }

    /// The connection that carries what it receives.
    pub(crate) fn down(&mut self) -> &mut Connection {
        match &mut self.subscriber {
            Some(subscriber) => &mut subscriber.connection,
            None => &mut self.publisher,
        }
    }

    /// The quality of its network path, once media can flow.
    pub(crate) fn path_quality(&self) -> Option<PathQuality> {
        let down = self.subscriber.as_ref().map_or(&self.publisher, |s| &s.connection);
        down.was_secure().then(|| PathQuality {
            rtt: down.downlink.measured_rtt(),
            uplink_loss: self.uplink_loss,
            downlink_loss: down.downlink.loss(),
        })
    }

    /// Which side [`Participant::down`] is.
    pub(crate) fn down_side(&self) -> Side {
        if self.subscriber.is_some() { Side::Subscriber } else { Side::Publisher }
    }

    pub(crate) fn connection(&mut self, side: Side) -> Option<&mut Connection> {
        match side {
            Side::Publisher => Some(&mut self.publisher),
            Side::Subscriber => self.subscriber.as_mut().map(|s| &mut s.connection),
        }
    }

    pub(crate) fn sides(&self) -> impl Iterator<Item = Side> + use<> {
        std::iter::once(Side::Publisher).chain(self.subscriber.as_ref().map(|_| Side::Subscriber))
    }

    /// When something authentic was received last, on any of its connections.
    pub(crate) fn last_heard(&self) -> Instant {
        let publisher = self.publisher.last_heard();
        self.subscriber.as_ref().map_or(publisher, |s| s.connection.last_heard().max(publisher))
    }

    /// Whether none of its connections is closed or failed.
    pub(crate) fn is_open(&self) -> bool {
        let subscriber = self.subscriber.as_ref();
        self.publisher.is_open() && subscriber.is_none_or(|s| s.connection.is_open())
    }

    /// Lets STUN requests find its connections.
    pub(crate) fn expect(&mut self, room: RoomKey, key: ParticipantKey, demux: &mut Demux) {
        for side in self.sides() {
            let owner = Owner { room, participant: key, side };
            if let Some(connection) = self.connection(side) {
                connection.expect(owner, demux);
            }
        }
    }
}
