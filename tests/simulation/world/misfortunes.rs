//! Everything that may go wrong.

use beckon_signalling::notice::Notice;
use rand::RngExt;

use super::{CLIENTS, Event, NODES, World};
use crate::network::LinkId;

impl World<'_> {
    pub(super) async fn misfortune(&mut self) {
        if !self.is_chaos() {
            return;
        }
        let pause = self.rng.random_range(100..4_000);
        self.agenda.after(pause, Event::Misfortune);
        match self.rng.random_range(0..12) {
            0 => {
                let node = self.rng.random_range(0..NODES);
                self.kill(node);
            }
            1 => {
                self.bus_is_silent = true;
                let length = self.rng.random_range(100..8_000);
                self.agenda.after(length, Event::BusHeals);
            }
            2 | 3 => self.stall(),
            _ => {
                if let Some(link) = self.some_link() {
                    self.break_link(link);
                }
            }
        }
    }

    /// A connection that is open, as far as its client knows.
    pub(super) fn some_link(&mut self) -> Option<LinkId> {
        let client = self.rng.random_range(0..CLIENTS);
        self.clients[client].link
    }

    /// Frames in flight are gone; each side finds out in its own time, the server perhaps only by a heartbeat.
    pub(super) fn break_link(&mut self, link: LinkId) {
        self.links[link].broken = true;
        let (client, server) = (self.rng.random_range(1..2_000), self.rng.random_range(1..70_000));
        self.agenda.after(client, Event::ClientLoses { link });
        self.agenda.after(server, Event::ServerLoses { link });
    }

    pub(super) fn stall(&mut self) {
        let length = self.rng.random_range(100..10_000);
        if let Some(link) = self.some_link() {
            let (node, now) = (self.links[link].node, self.agenda.now);
            if let Some(door) = self.nodes[node].doors.get_mut(&link) {
                door.stalled_until = now + length;
            }
        }
    }

    pub(super) fn kill(&mut self, node: usize) {
        for link in self.nodes[node].die() {
            self.links[link].broken = true;
            let delay = self.delay();
            self.agenda.after(delay, Event::ClientLoses { link });
        }
        let outage = self.rng.random_range(10..5_000);
        self.agenda.after(outage, Event::NodeStarts { node });
    }

    /// Whoever may have missed notices is told to sync, as a node does when Redis is back.
    pub(super) fn bus_heals(&mut self) {
        if std::mem::take(&mut self.bus_is_silent) {
            for node in 0..NODES {
                let (life, delay) = (self.nodes[node].life, self.delay());
                self.agenda.after(delay, Event::Notice { node, life, notice: Notice::Sync });
            }
        }
    }

    /// A request or its answer that never arrives.
    pub(super) fn request_is_lost(&mut self) -> bool {
        self.is_chaos() && self.chance(0.1)
    }
}
