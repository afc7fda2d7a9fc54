//! One run: what happens, in what order, and what must hold at the end.

mod clients;
mod misfortunes;
mod outcome;
mod servers;

use beckon_signalling::{
    domain::{
        ids::{ConversationId, LoginId, UserId},
        message::Ack,
    },
    hub::Reading,
    notice::Notice,
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use uuid::Uuid;

use crate::{
    client::{Client, PATIENCE},
    cluster::{Node, Store},
    network::{Agenda, Link, LinkId, Time, Up},
};

/// How long misfortunes happen, and how long afterwards everything may take to settle.
const CHAOS: Time = 30_000;
const CALM: Time = 120_000;

/// Two nodes, and three people of whom the first has two devices.
const NODES: usize = 2;
const CLIENTS: usize = 4;

/// What people listen to, as read from the store at some time.
type Lists = Vec<(Reading, Vec<ConversationId>)>;

enum Event {
    Act {
        client: usize,
    },
    Connect {
        client: usize,
    },
    Retry {
        client: usize,
    },
    Up {
        link: LinkId,
        up: Up,
    },
    Down {
        link: LinkId,
        text: String,
    },
    ClientLoses {
        link: LinkId,
    },
    ServerLoses {
        link: LinkId,
    },
    ListRead {
        link: LinkId,
        life: u32,
        reading: Reading,
    },
    Listen {
        link: LinkId,
        life: u32,
        reading: Reading,
        list: Vec<ConversationId>,
    },
    ListsRead {
        node: usize,
        life: u32,
    },
    Relisten {
        node: usize,
        life: u32,
        lists: Lists,
    },
    Membership,
    Commit {
        node: usize,
        life: u32,
    },
    Notice {
        node: usize,
        life: u32,
        notice: Notice,
    },
    ChangesAsked {
        client: usize,
        after_ver: i64,
    },
    ChangesAnswered {
        client: usize,
        page: Vec<(i64, i64, Uuid)>,
        more: bool,
        read: Vec<(String, i64)>,
    },
    Posted {
        client: usize,
        id: Uuid,
    },
    PostAnswered {
        client: usize,
        ack: Ack,
    },
    Misfortune,
    BusHeals,
    NodeStarts {
        node: usize,
    },
    Sweep,
}

pub(crate) struct World<'s> {
    rng: StdRng,
    agenda: Agenda<Event>,
    store: &'s Store,
    conversation: ConversationId,
    /// Another one, which people join and leave; only its members may hear it.
    club: ConversationId,
    users: Vec<(UserId, LoginId)>,
    clients: Vec<Client>,
    nodes: Vec<Node>,
    links: Vec<Link>,
    bus_is_silent: bool,
}

impl<'s> World<'s> {
    /// Plays the seed to its end; panics when anything that must hold does not.
    pub(crate) async fn run(seed: u64, store: &'s Store) {
        let people: Vec<UserId> = (0..CLIENTS - 1).map(|_| UserId::fresh()).collect();
        let users: Vec<_> =
            (0..CLIENTS).map(|index| (people[index % people.len()], LoginId::fresh())).collect();
        let mut world = World {
            rng: StdRng::seed_from_u64(seed),
            agenda: Agenda::new(),
            store,
            conversation: store.open_conversation(&people).await,
            club: store.open_conversation(&people[..1]).await,
            clients: (0..CLIENTS).map(|_| Client::new()).collect(),
            users,
            nodes: (0..NODES).map(|_| Node::default()).collect(),
            links: Vec::new(),
            bus_is_silent: false,
        };
        for client in 0..CLIENTS {
            world.agenda.after(0, Event::Connect { client });
            world.agenda.after(100, Event::Act { client });
            world.agenda.after(PATIENCE, Event::Retry { client });
        }
        world.agenda.after(1_000, Event::Misfortune);
        world.agenda.after(10_000, Event::Sweep);
        world.agenda.after(500, Event::Membership);
        world.play(CHAOS).await;
        world.bus_heals();
        world.play(CHAOS + CALM).await;
        world.probe_the_club().await;
        world.check().await;
    }

    async fn play(&mut self, until: Time) {
        while let Some(event) = self.agenda.next(until) {
            self.happen(event).await;
            for node in 0..NODES {
                self.write(node);
            }
        }
    }

    async fn happen(&mut self, event: Event) {
        match event {
            Event::Act { client } => self.act(client),
            Event::Connect { client } => self.connect(client),
            Event::Retry { client } => self.retry(client),
            Event::Up { link, up } => self.up(link, up).await,
            Event::Down { link, text } => self.down(link, &text),
            Event::ClientLoses { link } => self.client_loses(link),
            Event::ServerLoses { link } => self.server_loses(link),
            Event::ListRead { link, life, reading } => self.list_read(link, life, reading).await,
            Event::Listen { link, life, reading, list } => self.listen(link, life, reading, list),
            Event::ListsRead { node, life } => self.lists_read(node, life).await,
            Event::Relisten { node, life, lists } => self.relisten(node, life, lists),
            Event::Membership => self.membership().await,
            Event::Commit { node, life } => self.commit(node, life).await,
            Event::Notice { node, life, notice } => self.notice(node, life, &notice),
            Event::ChangesAsked { client, after_ver } => {
                self.changes_asked(client, after_ver).await
            }
            Event::ChangesAnswered { client, page, more, read } => {
                self.changes_answered(client, &page, more, read)
            }
            Event::Posted { client, id } => self.posted(client, id),
            Event::PostAnswered { client, ack } => self.post_answered(client, &ack),
            Event::Misfortune => self.misfortune().await,
            Event::BusHeals => self.bus_heals(),
            Event::NodeStarts { node } => self.nodes[node].down = false,
            Event::Sweep => self.sweep(),
        }
    }

    fn is_chaos(&self) -> bool {
        self.agenda.now < CHAOS
    }

    fn chance(&mut self, probability: f64) -> bool {
        self.rng.random_bool(probability)
    }

    fn delay(&mut self) -> Time {
        self.rng.random_range(1..80)
    }
}
