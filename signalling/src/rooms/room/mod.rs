//! One live room: its roster, and the one task in which everything about it happens.

mod answers;
mod choosing;
mod data;
mod describing;
mod events;
mod joining;
mod leaving;
mod participant;
mod places;
mod plan;
mod publishing;
mod requests;
mod resuming;
mod simulating;
mod subscribing;
mod telling;
#[cfg(test)]
mod tests;
mod ticking;
mod withdrawing;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use beckon_sfu_api::{ParticipantId, RoomId, TrackId};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval};

use self::participant::Participant;
pub(super) use self::plan::Plan;
use super::departure::{DisconnectReason, LeaveAction};
use super::info::ParticipantInfo;
use super::request::Request;
use super::seat::{DescriptionLine, Seat, SocketId, Weight};
use super::{Admission, Entrance, NotAdmitted, Rooms, TrackSelector};
use crate::clock::now_ms;
use crate::domain::refusal::Result as Done;
use crate::media::{Events, MediaRoom};

/// How often deadlines are looked at.
const TICK: Duration = Duration::from_secs(1);
/// What is taken in before everybody is brought up to date; nobody waits longer than that takes.
const AT_ONCE_MAX: usize = 256;

/// What a room is asked from this side; the media node's events come beside it.
pub(super) enum Input {
    Enter {
        coming: Box<(Admission, Entrance)>,
        room: mpsc::Sender<Input>,
        answer: oneshot::Sender<Result<Seat, NotAdmitted>>,
    },
    Check {
        identity: String,
        answer: oneshot::Sender<Result<(), NotAdmitted>>,
    },
    Request {
        from: SocketId,
        request: Box<Request>,
        /// Held until it is taken in, here or, with a description, at the media node.
        weight: Weight,
    },
    Gone {
        from: SocketId,
    },
    Expel {
        from: SocketId,
    },
    Mute {
        identity: String,
        which: TrackSelector,
        answer: oneshot::Sender<Done<()>>,
    },
    Remove {
        identity: String,
        answer: oneshot::Sender<Done<()>>,
    },
    Close {
        answer: oneshot::Sender<()>,
    },
    List {
        answer: oneshot::Sender<Vec<ParticipantInfo>>,
    },
}

pub(super) struct Room {
    rooms: Arc<Rooms>,
    id: RoomId,
    name: String,
    created_ms: i64,
    plan: Plan,
    media: MediaRoom,
    /// Since when the media node does not keep up.
    behind_since: Option<Instant>,
    descriptions: DescriptionLine,
    participants: HashMap<ParticipantId, Participant>,
    /// Who publishes what.
    owners: HashMap<TrackId, ParticipantId>,
    /// Whose tracks to receive are to be looked at again.
    unsettled: HashSet<ParticipantId>,
    /// Who left lately, for those who were cut off in that moment.
    departed: VecDeque<(Instant, ParticipantInfo)>,
    /// Sockets so far, to tell them apart.
    sockets: u64,
    /// The numbers of participants and publishers that clients were told last.
    told: (u32, u32),
    empty_since: Option<Instant>,
    over: bool,
}

impl Room {
    pub(super) fn new(
        rooms: Arc<Rooms>,
        id: RoomId,
        name: &str,
        plan: Plan,
        media: MediaRoom,
    ) -> Room {
        metrics::gauge!("beckon_rooms_open").increment(1);
        Room {
            rooms,
            id,
            name: name.to_owned(),
            created_ms: now_ms(),
            plan,
            media,
            behind_since: None,
            descriptions: DescriptionLine::of_room(),
            participants: HashMap::new(),
            owners: HashMap::new(),
            unsettled: HashSet::new(),
            departed: VecDeque::new(),
            sockets: 0,
            told: (0, 0),
            empty_since: Some(Instant::now()),
            over: false,
        }
    }

    fn handle(&mut self, now: Instant, input: Input) {
        // whoever asked may have gone meanwhile, and then hears nothing
        match input {
            Input::Enter { coming, room, answer } => {
                let (admission, entrance) = *coming;
                let _ = answer.send(self.enter(now, admission, entrance, room));
            }
            Input::Check { identity, answer } => {
                let _ = answer.send(self.check(&identity));
            }
            Input::Request { from, request, weight } => {
                self.handle_request(now, from, *request, weight);
            }
            Input::Gone { from } => self.handle_gone(now, &from),
            Input::Expel { from } => self.expel(now, &from),
            Input::Mute { identity, which, answer } => {
                let _ = answer.send(self.mute(&identity, &which));
            }
            Input::Remove { identity, answer } => {
                let _ = answer.send(self.remove(now, &identity));
            }
            Input::Close { answer } => {
                self.end(DisconnectReason::RoomDeleted, LeaveAction::Disconnect);
                let _ = answer.send(());
            }
            Input::List { answer } => {
                let _ = answer.send(self.visible().map(Participant::info).collect());
            }
        }
    }

    /// Takes in what else has come by now, and then brings up to date what everybody receives.
    fn take_in(&mut self, inputs: &mut mpsc::Receiver<Input>, events: &mut Events) {
        for _ in 0..AT_ONCE_MAX {
            if self.over {
                return;
            }
            if let Some(event) = events.next_ready() {
                self.handle_event(Instant::now(), event);
            } else if self.media.has_room()
                && let Ok(input) = inputs.try_recv()
            {
                self.handle(Instant::now(), input);
            } else {
                break;
            }
        }
        if self.media.has_room() {
            self.settle();
        }
    }

    /// Those whom the others can see.
    fn visible(&self) -> impl Iterator<Item = &Participant> {
        self.participants.values().filter(|one| !one.is_hidden())
    }

    fn find(&self, identity: &str) -> Option<&Participant> {
        self.participants.values().find(|one| one.identity() == identity)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        metrics::gauge!("beckon_rooms_open").decrement(1);
        metrics::gauge!("beckon_room_participants").decrement(self.participants.len() as f64);
        self.rooms.retire(&self.name, &self.id);
    }
}

/// Runs a room until it is over. Whoever asks it something afterwards gets no answer, and tries again.
pub(super) async fn run(mut room: Room, mut inputs: mpsc::Receiver<Input>, mut events: Events) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let stop = room.rooms.stop.clone();
    while !room.over {
        tokio::select! {
            () = stop.cancelled() => room.end(DisconnectReason::ServerShutdown, LeaveAction::Reconnect),
            event = events.next() => match event {
                Some(event) => room.handle_event(Instant::now(), event),
                // the media node has dropped the room
                None => room.end(DisconnectReason::MediaFailure, LeaveAction::Reconnect),
            },
            // whoever asks waits while the media node does not keep up, and their sockets with them
            Some(input) = inputs.recv(), if room.media.has_room() => {
                room.handle(Instant::now(), input);
            }
            () = room.media.has_room_again(), if !room.media.has_room() => {}
            _ = ticks.tick() => room.handle_timeout(Instant::now()),
        }
        room.take_in(&mut inputs, &mut events);
        if !room.media.in_touch() {
            room.end(DisconnectReason::MediaFailure, LeaveAction::Reconnect);
        }
    }
}
