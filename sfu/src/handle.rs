//! The media node as signalling sees it: which shard has which room.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use beckon_sfu_api::{
    Command, EventSink, Held, MediaNode, ParticipantId, RoomId, RoomSettings, Unavailable,
};

use beckon_sfu_core::described::Described;

use crate::orders::{Order, OrderSender, Until, Waiting};

/// Rooms of one shard; one more is refused.
const ROOMS_MAX: usize = 10_000;
/// Tracks in one order. Each may have many subscribers that move to make room, and media gets its turn between orders.
const ORDER_TRACKS_MAX: usize = 64;

/// The media node of this process: it finds the shard of a room and sends it orders.
pub(crate) struct Handle {
    shards: Vec<OrderSender>,
    directory: Mutex<Directory>,
}

/// Where each open room lives.
struct Directory {
    homes: HashMap<RoomId, Home>,
    /// Rooms of each shard.
    rooms: Vec<usize>,
}

#[derive(Clone)]
struct Home {
    shard: usize,
    settings: RoomSettings,
    waiting: Arc<Waiting>,
}

impl Handle {
    pub(crate) fn new(shards: Vec<OrderSender>) -> Self {
        let rooms = vec![0; shards.len()];
        let directory = Mutex::new(Directory { homes: HashMap::new(), rooms });
        Handle { shards, directory }
    }

    fn with_directory<T>(&self, act: impl FnOnce(&mut Directory) -> T) -> T {
        // Nothing panics while it is held, and every change of it is complete.
        act(&mut self.directory.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Asks every shard to end. One that has ended already needs no asking.
    pub(crate) fn stop(&self) {
        for shard in &self.shards {
            let _ = shard.send(Order::Stop);
        }
    }

    fn send(&self, shard: usize, order: Order) -> Result<(), Unavailable> {
        self.shards.get(shard).ok_or(Unavailable)?.send(order)
    }
}

impl MediaNode for Handle {
    fn open(
        &self,
        room: RoomId,
        settings: RoomSettings,
        events: EventSink,
    ) -> Result<(), Unavailable> {
        self.with_directory(|directory| {
            let shard = directory.place(&room).ok_or(Unavailable)?;
            self.send(shard, Order::Open { room: room.clone(), settings, events })?;
            directory.opened(room, shard, settings);
            Ok(())
        })
    }

    fn tell(&self, room: &RoomId, command: Command, held: Held) -> Result<(), Unavailable> {
        let closes = command == Command::Close;
        let home = self.with_directory(|directory| {
            if closes { directory.closed(room) } else { directory.homes.get(room).cloned() }
        });
        let Some(home) = home else { return Ok(()) };
        let (mut pieces, last) = in_pieces(command);
        pieces.reverse();
        while let Some(piece) = pieces.pop() {
            self.send(home.shard, home.order(room, piece, Held::nothing())?)?;
        }
        self.send(home.shard, home.order(room, last, held)?)
    }
}

impl Home {
    /// Descriptions are parsed here, on the caller's thread, so that no media waits for it.
    fn order(&self, room: &RoomId, command: Command, held: Held) -> Result<Order, Unavailable> {
        let until = Until { permit: self.waiting.permit(&command)?, held };
        let room = room.clone();
        Ok(match Described::read(command, self.settings) {
            Ok(described) => Order::Describe { room, described: Box::new(described), until },
            Err(command) => Order::Tell { room, command, until },
        })
    }
}

/// Splits a command about many tracks into several; the last one is returned separately.
fn in_pieces(command: Command) -> (Vec<Command>, Command) {
    type Make<T> = fn(ParticipantId, Vec<T>) -> Command;
    fn cut<T>(who: ParticipantId, mut list: Vec<T>, make: Make<T>) -> (Vec<Command>, Command) {
        let mut pieces = Vec::new();
        while list.len() > ORDER_TRACKS_MAX {
            let rest = list.split_off(ORDER_TRACKS_MAX);
            pieces.push(make(who.clone(), std::mem::replace(&mut list, rest)));
        }
        (pieces, make(who, list))
    }
    match command {
        Command::Subscribe { participant, tracks } => {
            cut(participant, tracks, |participant, tracks| Command::Subscribe {
                participant,
                tracks,
            })
        }
        Command::Unsubscribe { participant, tracks } => {
            cut(participant, tracks, |participant, tracks| Command::Unsubscribe {
                participant,
                tracks,
            })
        }
        Command::Prefer { participant, preferences } => {
            cut(participant, preferences, |participant, preferences| Command::Prefer {
                participant,
                preferences,
            })
        }
        whole => (Vec::new(), whole),
    }
}

impl Directory {
    /// The shard for a room: where it is already, else the one with the fewest rooms.
    fn place(&self, room: &RoomId) -> Option<usize> {
        if let Some(home) = self.homes.get(room) {
            return Some(home.shard);
        }
        let (shard, rooms) = self.rooms.iter().enumerate().min_by_key(|(_, rooms)| **rooms)?;
        (*rooms < ROOMS_MAX).then_some(shard)
    }

    /// Enters a room. One that is open already stays as it is.
    fn opened(&mut self, room: RoomId, shard: usize, settings: RoomSettings) {
        if let Entry::Vacant(home) = self.homes.entry(room) {
            home.insert(Home { shard, settings, waiting: Arc::default() });
            self.rooms[shard] += 1;
        }
    }

    fn closed(&mut self, room: &RoomId) -> Option<Home> {
        let home = self.homes.remove(room)?;
        self.rooms[home.shard] -= 1;
        Some(home)
    }
}

#[cfg(test)]
mod tests {
    use beckon_sfu_api::Description;
    use mio::{Poll, Token, Waker};

    use super::*;
    use crate::orders::{self, Orders};

    /// A node of so many shards, and what their threads would hold.
    fn node(shards: usize) -> (Handle, Vec<(Orders, Poll)>) {
        let (senders, ends) = (0..shards)
            .map(|_| {
                let poll = Poll::new().unwrap();
                let (sender, orders) =
                    orders::queue(Waker::new(poll.registry(), Token(0)).unwrap());
                (sender, (orders, poll))
            })
            .unzip();
        (Handle::new(senders), ends)
    }

    fn open(node: &Handle, room: &str) {
        let settings = RoomSettings { participants_max: 3 };
        node.open(room.into(), settings, Box::new(|_| {})).unwrap();
    }

    /// What a shard was told, in words.
    fn told((orders, _): &(Orders, Poll)) -> Vec<String> {
        std::iter::from_fn(|| orders.next())
            .map(|order| match order {
                Order::Open { room, .. } => format!("open {room}"),
                Order::Tell { room, command, .. } => format!("{room} {command:?}"),
                Order::Describe { room, .. } => format!("describe {room}"),
                Order::Stop => "stop".into(),
            })
            .collect()
    }

    #[test]
    fn rooms_are_spread_and_their_commands_follow_them() {
        let (node, shards) = node(2);
        open(&node, "a");
        open(&node, "b");
        node.tell(&"b".into(), Command::Close, Held::nothing()).unwrap();
        open(&node, "c");
        assert_eq!(told(&shards[0]), ["open a"]);
        assert_eq!(told(&shards[1]), ["open b", "b Close", "open c"]);
    }

    #[test]
    fn descriptions_are_read_before_they_reach_a_media_thread() {
        let (node, shards) = node(1);
        open(&node, "a");
        let offer = Description { id: 1, sdp: "v=0".into() };
        let offer = Command::Offer { participant: "PA_1".into(), offer };
        node.tell(&"a".into(), offer, Held::nothing()).unwrap();
        assert_eq!(told(&shards[0]), ["open a", "describe a"]);
    }

    #[test]
    fn what_is_held_is_given_back_when_the_command_is_carried_out() {
        let (node, shards) = node(1);
        open(&node, "a");
        let turn = Arc::new(());
        let offer = Description { id: 1, sdp: "v=0".into() };
        let offer = Command::Offer { participant: "PA_1".into(), offer };
        node.tell(&"a".into(), offer, Held::new(turn.clone())).unwrap();
        assert_eq!(Arc::strong_count(&turn), 2);
        told(&shards[0]);
        assert_eq!(Arc::strong_count(&turn), 1);
    }

    #[test]
    fn a_command_about_many_tracks_is_told_in_pieces() {
        let (node, shards) = node(1);
        open(&node, "a");
        let tracks = (0..200).map(|at| format!("TR_{at}").into()).collect();
        let subscribe = Command::Subscribe { participant: "PA_1".into(), tracks };
        node.tell(&"a".into(), subscribe, Held::nothing()).unwrap();
        let told = told(&shards[0]);
        assert_eq!(told.len(), 1 + 200_usize.div_ceil(ORDER_TRACKS_MAX));
        let at = |name: &str| told.iter().position(|order| order.contains(name));
        assert_eq!((at("TR_0,"), at("TR_199]")), (Some(1), Some(4)), "in their order");
    }

    #[test]
    fn a_command_for_no_room_does_nothing() {
        let (node, shards) = node(1);
        open(&node, "a");
        node.tell(&"a".into(), Command::Close, Held::nothing()).unwrap();
        node.tell(&"a".into(), Command::Close, Held::nothing()).unwrap();
        assert_eq!(told(&shards[0]), ["open a", "a Close"]);
    }
}
