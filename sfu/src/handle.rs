//! The media node as signalling sees it: which shard has which room.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use beckon_sfu_api::{Command, EventSink, MediaNode, RoomId, RoomSettings, Unavailable};

use beckon_sfu_core::described::Described;

use crate::orders::{Order, OrderSender};

/// Rooms of one shard; one more is refused.
const ROOMS_MAX: usize = 10_000;

pub(crate) struct Handle {
    shards: Vec<OrderSender>,
    directory: Mutex<Directory>,
}

/// Where each open room lives.
struct Directory {
    homes: HashMap<RoomId, usize>,
    /// Rooms of each shard.
    rooms: Vec<usize>,
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
            directory.opened(room, shard);
            Ok(())
        })
    }

    fn tell(&self, room: &RoomId, command: Command) -> Result<(), Unavailable> {
        let closes = command == Command::Close;
        let home = self.with_directory(|directory| {
            if closes { directory.closed(room) } else { directory.homes.get(room).copied() }
        });
        match home {
            Some(shard) => self.send(shard, order(room.clone(), command)),
            None => Ok(()),
        }
    }
}

/// Descriptions are read here, by whoever tells them: media of others must not wait for that.
fn order(room: RoomId, command: Command) -> Order {
    match Described::read(command) {
        Ok(described) => Order::Describe { room, described: Box::new(described) },
        Err(command) => Order::Tell { room, command },
    }
}

impl Directory {
    /// The shard for a room: where it is already, else the one with the fewest rooms.
    fn place(&self, room: &RoomId) -> Option<usize> {
        if let Some(home) = self.homes.get(room) {
            return Some(*home);
        }
        let (shard, rooms) = self.rooms.iter().enumerate().min_by_key(|(_, rooms)| **rooms)?;
        (*rooms < ROOMS_MAX).then_some(shard)
    }

    fn opened(&mut self, room: RoomId, shard: usize) {
        if self.homes.insert(room, shard).is_none() {
            self.rooms[shard] += 1;
        }
    }

    fn closed(&mut self, room: &RoomId) -> Option<usize> {
        let shard = self.homes.remove(room)?;
        self.rooms[shard] -= 1;
        Some(shard)
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
                Order::Tell { room, command } => format!("{room} {command:?}"),
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
        node.tell(&"b".into(), Command::Close).unwrap();
        open(&node, "c");
        assert_eq!(told(&shards[0]), ["open a"]);
        assert_eq!(told(&shards[1]), ["open b", "b Close", "open c"]);
    }

    #[test]
    fn descriptions_are_read_before_they_reach_a_media_thread() {
        let (node, shards) = node(1);
        open(&node, "a");
        let offer = Description { id: 1, sdp: "v=0".into() };
        node.tell(&"a".into(), Command::Offer { participant: "PA_1".into(), offer }).unwrap();
        assert_eq!(told(&shards[0]), ["open a", "describe a"]);
    }

    #[test]
    fn a_command_for_no_room_does_nothing() {
        let (node, shards) = node(1);
        open(&node, "a");
        node.tell(&"a".into(), Command::Close).unwrap();
        node.tell(&"a".into(), Command::Close).unwrap();
        assert_eq!(told(&shards[0]), ["open a", "a Close"]);
    }
}
