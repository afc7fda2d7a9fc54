//! What clients do of themselves, and what they make of what they hear.

use beckon_signalling::domain::message::Ack;
use rand::RngExt;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Event, NODES, World};
use crate::{
    client::{PATIENCE, Wish},
    cluster::Door,
    network::{Link, LinkId, Up},
};

impl World<'_> {
    pub(super) fn act(&mut self, client: usize) {
        if !self.is_chaos() {
            return;
        }
        let pause = self.rng.random_range(50..3_000);
        self.agenda.after(pause, Event::Act { client });
        match self.rng.random_range(0..20) {
            0 => self.reload(client),
            1 | 2 => self.post(client),
            3..=6 => self.read(client),
            7 if self.chance(0.02) => (0..600).for_each(|_| self.write_message(client)),
            7 => (0..30).for_each(|_| self.write_message(client)),
            _ => self.write_message(client),
        }
    }

    pub(super) fn write_message(&mut self, client: usize) {
        let id = Uuid::from_u128(self.rng.random());
        let wishes = self.clients[client].write(id);
        self.grant(client, wishes);
    }

    pub(super) fn read(&mut self, client: usize) {
        let seen = self.clients[client].timeline.keys().next_back().copied().unwrap_or_default();
        let read_seq = self.rng.random_range(0..=seen);
        if self.clients[client].is_live() {
            self.say(client, Up::Receipt { read_seq });
        }
    }

    /// Sends over the other door; HTTP libraries repeat a request whose answer got lost.
    pub(super) fn post(&mut self, client: usize) {
        let id = Uuid::from_u128(self.rng.random());
        self.clients[client].unacked.push(id);
        for _ in 0..self.rng.random_range(1..4) {
            let delay = self.rng.random_range(1..2_000);
            self.agenda.after(delay, Event::Posted { client, id });
        }
    }

    pub(super) fn reload(&mut self, client: usize) {
        if let Some(link) = self.clients[client].link {
            self.break_link(link);
        }
        self.clients[client].forget_socket();
        let delay = self.delay();
        self.agenda.after(delay, Event::Connect { client });
    }

    pub(super) fn connect(&mut self, client: usize) {
        if self.clients[client].link.is_some() {
            return;
        }
        // Mostly the same node again, as a load balancer that hashes does; resuming elsewhere must fail cleanly.
        let node = if self.chance(0.8) { client % NODES } else { self.rng.random_range(0..NODES) };
        if self.nodes[node].down {
            return;
        }
        let link = self.links.len();
        self.links.push(Link::new(client, node));
        let (user, login) = self.users[client];
        self.nodes[node]
            .doors
            .insert(link, Door { user, login, mailbox: None, welcomed: false, stalled_until: 0 });
        let first = self.clients[client].on_connected(link);
        self.say(client, first);
    }

    pub(super) fn retry(&mut self, client: usize) {
        self.agenda.after(PATIENCE, Event::Retry { client });
        let now = self.agenda.now;
        let state = &mut self.clients[client];
        if state.link.is_none() {
            return self.connect(client);
        }
        let mut wishes = Vec::new();
        if state.syncing_since.is_some_and(|since| now - since > PATIENCE) {
            wishes.push(Wish::Sync);
        }
        if state.is_live() {
            wishes.extend(
                state.unacked.iter().map(|&client_msg_id| Wish::Say(Up::Send { client_msg_id })),
            );
        }
        self.grant(client, wishes);
    }

    pub(super) fn grant(&mut self, client: usize, wishes: Vec<Wish>) {
        for wish in wishes {
            match wish {
                Wish::Say(up) => self.say(client, up),
                Wish::Sync => {
                    self.clients[client].syncing_since = Some(self.agenda.now);
                    let after_ver = self.clients[client].ver;
                    if !self.request_is_lost() {
                        let delay = self.delay();
                        self.agenda.after(delay, Event::ChangesAsked { client, after_ver });
                    }
                }
            }
        }
    }

    pub(super) fn say(&mut self, client: usize, up: Up) {
        let Some(id) = self.clients[client].link else { return };
        let (now, delay) = (self.agenda.now, self.delay());
        let link = &mut self.links[id];
        if !link.broken {
            let at = link.up(now, delay);
            self.agenda.at(at, Event::Up { link: id, up });
        }
    }

    pub(super) fn down(&mut self, link: LinkId, text: &str) {
        let Link { client, broken, .. } = self.links[link];
        if broken || self.clients[client].link != Some(link) {
            return;
        }
        let frame: Value = serde_json::from_str(text).expect("a frame is JSON");
        let wishes = self.clients[client].on_frame(&frame);
        self.grant(client, wishes);
    }

    pub(super) fn client_loses(&mut self, link: LinkId) {
        let client = self.links[link].client;
        if self.clients[client].link == Some(link) {
            self.clients[client].on_disconnected();
            let delay = self.rng.random_range(1..500);
            self.agenda.after(delay, Event::Connect { client });
        }
    }

    pub(super) fn changes_answered(
        &mut self,
        client: usize,
        page: &[(i64, i64, Uuid)],
        more: bool,
        read: Vec<(String, i64)>,
    ) {
        for (user, seq) in read {
            self.clients[client].on_read(user, seq);
        }
        let wishes = self.clients[client].on_changes(page, more);
        self.grant(client, wishes);
    }

    pub(super) fn post_answered(&mut self, client: usize, ack: &Ack) {
        let wishes = self.clients[client].on_ack(&json!(ack));
        self.grant(client, wishes);
    }
}
