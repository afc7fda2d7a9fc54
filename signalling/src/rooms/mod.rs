//! Rooms: who is in a live room, what they publish and who receives it, in words that all doors share.
//!
//! Each live room is one task that owns its roster and hears everything in one order: what clients ask, what the
//! media node tells, what the server itself does. Media never passes here.

mod acts;
mod admission;
mod denial;
mod departure;
mod dialect;
mod info;
pub mod keys;
mod logins;
mod not_admitted;
mod notice;
mod request;
mod room;
mod seat;
mod terms;
pub mod token;
#[cfg(test)]
mod token_tests;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use beckon_sfu_api::{MediaNode, RoomId, RoomSettings};
use rand::RngExt;
use rand::distr::Alphanumeric;
use tokio::sync::{broadcast, mpsc};
use tokio_util::sync::CancellationToken;

pub use self::acts::{
    Pass, Ticket, TrackSelector, announce, close, mute, notices, participants, remove, ticket,
    under_login, withdraw,
};
pub use self::admission::{Admission, admit, expect, join, validate};
pub use self::denial::{Denial, Outcome};
pub use self::departure::{DisconnectReason, LeaveAction};
pub use self::dialect::{Addressed, Dialect, Recipients, Sender};
pub use self::info::{
    ClientAbilities, KindDetail, PUBLISH_CODECS, ParticipantInfo, ParticipantKind,
    ParticipantPermission, ParticipantState, RoomInfo, TrackInfo,
};
use self::keys::Keys;
pub use self::logins::login_over;
pub use self::not_admitted::NotAdmitted;
pub use self::notice::{Candidate, Notice, Pong, SubscriptionError, Target, Welcome};
pub use self::request::{
    AddTrack, Audience, Layer, PassedOn, Ping, Reference, Request, Scenario, SessionDescription,
    TrackPermission, UpdateMetadata,
};
use self::room::{Input, Plan, Room};
pub use self::seat::{Frames, REQUESTS_KIB_MAX, Requests, Seat};
use self::token::Claims;
use crate::config;
use crate::ice::Ice;
use crate::media::MediaRoom;

/// Live rooms of a node.
const ROOMS_MAX: usize = 10_000;
/// What clients and the server ask of a room, on its way there; one more waits.
const INPUTS_MAX: usize = 1024;
/// Notices a listener may be behind; one that is further behind looks at the rooms anew.
const NOTICES_MAX: usize = 4096;

/// How somebody comes into a room.
#[derive(Clone, Debug)]
pub struct Entrance {
    /// How its client is spoken to.
    pub dialect: &'static Dialect,
    pub connection: beckon_sfu_api::ConnectionMode,
    /// Whether tracks are received without being asked for.
    pub auto_subscribe: bool,
    /// Goes on as this participant, over a new socket.
    pub resume: Option<String>,
    /// The first offer of a single connection, if it came with the request.
    pub offer: Option<SessionDescription>,
    /// Tracks announced with the request.
    pub tracks: Vec<AddTrack>,
    /// The tracks that the client takes for published, when it resumes.
    pub sync: Option<Vec<String>>,
    /// Whether it has shown that it is there, as it has to before it puts out whoever is in its place.
    pub is_there: bool,
    pub client: ClientAbilities,
    /// Over those of its token, if that allows it.
    pub metadata: String,
    pub attributes: HashMap<String, String>,
}

/// Something that happened in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomNotice {
    pub room: String,
    pub what: Happening,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// Somebody came in, or came back as a new participant without having left.
    Joined {
        identity: String,
    },
    Left {
        identity: String,
        reason: DisconnectReason,
    },
    /// The room is gone, with everybody who was in it.
    Ended,
}

/// What a node knows of rooms.
pub struct Rooms {
    config: config::Rooms,
    ice: Ice,
    keys: Keys,
    media: Option<Arc<dyn MediaNode>>,
    board: Mutex<Board>,
    notices: broadcast::Sender<RoomNotice>,
    /// Requests to come in so far.
    numbers: AtomicU64,
    stop: CancellationToken,
}

#[derive(Default)]
struct Board {
    live: HashMap<String, Live>,
    announced: HashMap<String, Announced>,
}

struct Live {
    id: RoomId,
    inbox: mpsc::Sender<Input>,
}

/// A room that was made known before anybody came.
struct Announced {
    participants_max: usize,
    removed: HashSet<String>,
}

impl Rooms {
    pub fn new(
        config: &config::Rooms,
        keys: Keys,
        ice: Ice,
        media: Option<Arc<dyn MediaNode>>,
        stop: CancellationToken,
    ) -> Rooms {
        Rooms {
            config: config.clone(),
            ice,
            keys,
            media,
            board: Mutex::default(),
            notices: broadcast::Sender::new(NOTICES_MAX),
            numbers: AtomicU64::new(0),
            stop,
        }
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().expect("nothing panics under this lock")
    }

    fn find(&self, name: &str) -> Option<mpsc::Sender<Input>> {
        let board = self.board();
        board.live.get(name).filter(|live| !live.inbox.is_closed()).map(|live| live.inbox.clone())
    }

    fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// Whether a room of this name is there, or could be opened.
    fn may_open(&self, name: &str) -> Result<(), NotAdmitted> {
        let board = self.board();
        let is_full = board.live.len() >= ROOMS_MAX && !board.live.contains_key(name);
        match &self.media {
            None => Err(NotAdmitted::NoMedia),
            Some(_) if self.stop.is_cancelled() || is_full => Err(NotAdmitted::Busy),
            Some(_) => Ok(()),
        }
    }

    /// The live room that a token is for; opened, as the token says, if there is none.
    fn find_or_open(self: &Arc<Self>, claims: &Claims) -> Result<mpsc::Sender<Input>, NotAdmitted> {
        let name = claims.video.room.as_str();
        let mut board = self.board();
        if let Some(live) = board.live.get(name).filter(|live| !live.inbox.is_closed()) {
            return Ok(live.inbox.clone());
        }
        let media = self.media.clone().ok_or(NotAdmitted::NoMedia)?;
        if self.stop.is_cancelled() || board.live.len() >= ROOMS_MAX {
            return Err(NotAdmitted::Busy);
        }
        let announced = board.announced.get(name).map(|announced| announced.participants_max);
        let plan = match announced {
            Some(participants_max) => Plan { participants_max, ..Plan::default() },
            None => Plan::of(claims.room_config.as_ref(), self.config.participants_max),
        };
        let settings = RoomSettings { participants_max: plan.participants_max };
        let id = RoomId::from(sid("RM_"));
        let (media, events) =
            MediaRoom::open(media, id.clone(), settings).map_err(|_| NotAdmitted::Busy)?;
        let (inbox, inputs) = mpsc::channel(INPUTS_MAX);
        let room = Room::new(self.clone(), id.clone(), name, plan, media);
        tokio::spawn(room::run(room, inputs, events));
        board.live.insert(name.to_owned(), Live { id, inbox: inbox.clone() });
        Ok(inbox)
    }

    /// Takes a room that ended off the board, unless another one has its name by now: then that one goes on.
    fn retire(&self, name: &str, id: &RoomId) {
        let mut board = self.board();
        if board.live.get(name).is_some_and(|live| live.id == *id) {
            board.live.remove(name);
            self.notify(name, Happening::Ended);
        }
    }

    /// Whether somebody was sent out of an announced room.
    fn is_removed(&self, room: &str, identity: &str) -> bool {
        let board = self.board();
        board.announced.get(room).is_some_and(|announced| announced.removed.contains(identity))
    }

    fn notify(&self, room: &str, what: Happening) {
        // nobody may be listening
        let _ = self.notices.send(RoomNotice { room: room.to_owned(), what });
    }
}

/// A fresh name for a room, participant or track; clients look at the prefix.
fn sid(prefix: &str) -> String {
    let random = rand::rng().sample_iter(Alphanumeric).take(12).map(char::from);
    prefix.chars().chain(random).collect()
}
