//! What nodes do with what arrives.

use beckon_signalling::{
    domain::{frame::ServerFrame, ids::ConversationId},
    hub::Reading,
    notice::Notice,
};
use rand::RngExt;
use uuid::Uuid;

use super::{CLIENTS, Event, Lists, NODES, World};
use crate::{
    cluster::{Asker, GROUP, Written, new_message, outcome},
    network::{Link, LinkId, Up},
};

impl World<'_> {
    pub(super) async fn up(&mut self, link: LinkId, up: Up) {
        let Link { client, node: index, broken, .. } = self.links[link];
        let now = self.agenda.now;
        let node = &mut self.nodes[index];
        if broken || !node.doors.contains_key(&link) {
            return;
        }
        match up {
            Up::Hello => self.hello(link),
            Up::Resume { socket_id, n } => match node.resume(link, &socket_id, n, now) {
                Some(welcome) => self.send_down(link, welcome),
                None => self.hello(link),
            },
            Up::Send { client_msg_id } => {
                let Some((mailbox, _)) = node.doors[&link].mailbox.clone() else { return };
                self.submit(index, client, client_msg_id, Asker::Socket(mailbox));
            }
            Up::Receipt { read_seq } => {
                let (user, _) = self.users[client];
                if let Some(receipt) = self.store.read(self.conversation, user, read_seq).await {
                    let frame = ServerFrame::Receipt(receipt).into();
                    self.publish(index, Notice::Conversation { id: self.conversation, frame });
                }
            }
        }
    }

    pub(super) fn hello(&mut self, link: LinkId) {
        let node = self.links[link].node;
        if let Some(reading) = self.nodes[node].hello(link) {
            let (life, delay) = (self.nodes[node].life, self.delay());
            self.agenda.after(delay, Event::ListRead { link, life, reading });
        }
    }

    /// The moment in which the store answers; the answer takes its time to arrive.
    pub(super) async fn list_read(&mut self, link: LinkId, life: u32, reading: Reading) {
        let (user, _) = self.users[self.links[link].client];
        let list = self.store.conversations_of(user).await;
        let delay = self.delay();
        self.agenda.after(delay, Event::Listen { link, life, reading, list });
    }

    pub(super) fn listen(
        &mut self,
        link: LinkId,
        life: u32,
        reading: Reading,
        list: Vec<ConversationId>,
    ) {
        let node = self.links[link].node;
        if self.nodes[node].life == life
            && let Some(welcome) = self.nodes[node].listen(link, reading, list)
        {
            self.send_down(link, welcome);
        }
    }

    /// Reads anew what everybody of a node listens to, as each node does when notices may be missing.
    pub(super) async fn lists_read(&mut self, node: usize, life: u32) {
        let mut lists = Vec::new();
        for user in self.nodes[node].hub.people() {
            let reading = self.nodes[node].hub.reading(user);
            lists.push((reading, self.store.conversations_of(user).await));
        }
        let delay = self.delay();
        self.agenda.after(delay, Event::Relisten { node, life, lists });
    }

    pub(super) fn relisten(&mut self, node: usize, life: u32, lists: Lists) {
        let node = &self.nodes[node];
        if node.life == life {
            for (reading, list) in lists {
                node.hub.relisten(reading, list);
            }
            node.hub.tell_to_sync();
        }
    }

    pub(super) fn submit(&mut self, node: usize, client: usize, id: Uuid, asker: Asker) {
        let (user, _) = self.users[client];
        let message = new_message(self.conversation, user, id, self.agenda.now);
        self.nodes[node].waiting.push((message, asker));
        let (life, delay) = (self.nodes[node].life, self.rng.random_range(0..10));
        self.agenda.after(delay, Event::Commit { node, life });
    }

    pub(super) async fn commit(&mut self, node: usize, life: u32) {
        if self.nodes[node].life != life || self.nodes[node].waiting.is_empty() {
            return;
        }
        let group = self.nodes[node].waiting.len().min(GROUP);
        let group: Vec<_> = self.nodes[node].waiting.drain(..group).collect();
        if !self.nodes[node].waiting.is_empty() {
            self.agenda.after(1, Event::Commit { node, life });
        }
        let (batch, askers): (Vec<_>, Vec<_>) = group.into_iter().unzip();
        let sent = self.store.append(&batch).await;
        if self.is_chaos() && self.chance(0.01) {
            return self.kill(node); // between commit and ack, the worst moment
        }
        for (sent, asker) in sent.iter().zip(askers) {
            let (notice, ack) = outcome(sent);
            if let Some(notice) = notice {
                self.publish(node, notice);
            }
            match asker {
                Asker::Socket(mailbox) => {
                    mailbox.push(ServerFrame::Ack { reference: None, ack }.into())
                }
                Asker::Post { client } if !self.request_is_lost() => {
                    let delay = self.delay();
                    self.agenda.after(delay, Event::PostAnswered { client, ack });
                }
                Asker::Post { .. } => {}
            }
        }
    }

    pub(super) fn publish(&mut self, from: usize, notice: Notice) {
        self.nodes[from].hub.deliver(&notice);
        for node in (0..NODES).filter(|node| *node != from) {
            if !self.bus_is_silent {
                let (life, delay) = (self.nodes[node].life, self.rng.random_range(1..20));
                self.agenda.after(delay, Event::Notice { node, life, notice: notice.clone() });
            }
        }
    }

    pub(super) fn notice(&mut self, index: usize, life: u32, notice: &Notice) {
        if self.nodes[index].life != life {
            return;
        }
        self.nodes[index].hub.deliver(notice);
        if matches!(notice, Notice::Sync) {
            let delay = self.delay();
            self.agenda.after(delay, Event::ListsRead { node: index, life });
        }
    }

    /// Somebody joins the club or leaves it.
    pub(super) async fn membership(&mut self) {
        if !self.is_chaos() {
            return;
        }
        // Two changes of one membership never overtake each other on the bus.
        let pause = self.rng.random_range(100..3_000);
        self.agenda.after(pause, Event::Membership);
        let (client, node) = (self.rng.random_range(0..CLIENTS), self.rng.random_range(0..NODES));
        if !self.nodes[node].down {
            let (user, _) = self.users[client];
            let joins = self.store.change_member(self.club, user).await;
            let (joined, left) = if joins { (vec![user], vec![]) } else { (vec![], vec![user]) };
            self.publish(node, Notice::Members { conversation: self.club, joined, left });
        }
    }

    pub(super) async fn changes_asked(&mut self, client: usize, after_ver: i64) {
        let (page, more) = self.store.changes(self.conversation, after_ver).await;
        let cursors = self.store.cursors(self.conversation).await;
        let read = cursors.into_iter().map(|(user, seq)| (user.to_string(), seq)).collect();
        if !self.request_is_lost() {
            let delay = self.delay();
            self.agenda.after(delay, Event::ChangesAnswered { client, page, more, read });
        }
    }

    pub(super) fn posted(&mut self, client: usize, id: Uuid) {
        let node = self.rng.random_range(0..NODES);
        if !self.nodes[node].down && !self.request_is_lost() {
            self.submit(node, client, id, Asker::Post { client });
        }
    }

    pub(super) fn write(&mut self, node: usize) {
        for (link, written) in self.nodes[node].write(self.agenda.now) {
            match written {
                Written::Frame(text) => self.send_down(link, text),
                Written::Close => {
                    let (now, delay) = (self.agenda.now, self.delay());
                    let at = self.links[link].down(now, delay);
                    self.agenda.at(at, Event::ClientLoses { link });
                }
            }
        }
    }

    pub(super) fn send_down(&mut self, link: LinkId, text: String) {
        let (now, delay) = (self.agenda.now, self.delay());
        if !self.links[link].broken {
            let at = self.links[link].down(now, delay);
            self.agenda.at(at, Event::Down { link, text });
        }
    }

    pub(super) fn server_loses(&mut self, link: LinkId) {
        let node = self.links[link].node;
        self.nodes[node].hang_up(link, self.agenda.now);
    }

    pub(super) fn sweep(&mut self) {
        self.agenda.after(10_000, Event::Sweep);
        for node in &self.nodes {
            node.hub.sweep(self.agenda.now);
        }
    }
}
