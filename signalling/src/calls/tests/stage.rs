//! Nodes and people for the tests of calls: real store, hub and bus, frames read from the sockets' mailboxes.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::bus::Bus;
use crate::cache::{BEAT_EVERY, Cache};
use crate::calls::state::Calls;
use crate::calls::{self, CallRequest, Facts};
use crate::chat::Lanes;
use crate::clock::{now_ms, ticks_ms};
use crate::config::Config;
use crate::domain::call_record::CallMedia;
use crate::domain::contact::Side;
use crate::domain::frame::{ServerFrame, Signal};
use crate::domain::ids::{AppId, CallId, LoginId, NodeId, UserId};
use crate::domain::login::Caller;
use crate::domain::refusal::{Code, Refusal, Result};
use crate::domain::user::{AccountRole, User};
use crate::files::{Files, Storage};
use crate::hub::{Close, Hub, Mailbox, Next};
use crate::limits::RateLimits;
use crate::node::Node;
use crate::passwords::Passwords;
use crate::rooms::Rooms;
use crate::rooms::keys::Keys;
use crate::shares::{Bounds, Shares};
use crate::store::{self, sql::Db};

/// A place with its own empty store.
pub(super) struct Stage {
    pub(super) db: Db,
    redis: Option<redis::Client>,
    folder: tempfile::TempDir,
}

impl Stage {
    pub(super) async fn new() -> Stage {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("beckon.db").display());
        Stage { db: Db::open(&url).await.unwrap(), redis: None, folder }
    }

    /// With the Redis that `BECKON_TEST_REDIS` names; none: the test is skipped, unless it is required.
    pub(super) async fn with_redis() -> Option<Stage> {
        let Ok(url) = std::env::var("BECKON_TEST_REDIS") else {
            let required = std::env::var("BECKON_TEST_REQUIRE").is_ok_and(|value| value == "1");
            assert!(!required, "BECKON_TEST_REDIS must name a server");
            eprintln!("skipped: BECKON_TEST_REDIS names no server");
            return None;
        };
        Some(Stage { redis: Some(redis::Client::open(url).unwrap()), ..Stage::new().await })
    }

    /// A node that hears the others, and on which time passes only when a test sweeps.
    pub(super) async fn node(&self) -> Arc<Node> {
        let node = self.build().await;
        let hearer = node.clone();
        node.cache.beat().await;
        let beater = node.clone();
        tokio::spawn(async move {
            while !beater.stop.is_cancelled() {
                tokio::time::sleep(BEAT_EVERY).await;
                beater.cache.beat().await;
            }
        });
        tokio::spawn(async move {
            loop {
                let word = hearer.bus.inboxes().calls.next().await;
                calls::remote::hear(&hearer, word);
            }
        });
        node
    }

    /// Two nodes that hear each other.
    pub(super) async fn two_nodes(&self) -> (Arc<Node>, Arc<Node>) {
        let (here, there) = (self.node().await, self.node().await);
        for (from, to) in [(&here, &there), (&there, &here)] {
            let probe = Person::at(to, UserId::fresh());
            while probe.unheard().is_empty() {
                from.bus.to_users([probe.caller.user], ServerFrame::Sync);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            to.hub.close_all(Close::Restart);
            to.hub.detach(&probe.mailbox, 0, ticks_ms());
        }
        (here, there)
    }

    async fn build(&self) -> Arc<Node> {
        let (id, stop) = (NodeId::fresh(), CancellationToken::new());
        let config = Config { data_dir: self.folder.path().into(), ..Config::default() };
        let keys = Keys::load(&config).unwrap();
        let storage = Storage::local(self.folder.path(), 0).unwrap();
        let hub = Arc::new(Hub::default());
        let bus = match &self.redis {
            Some(client) => Bus::redis(hub.clone(), client.clone(), id, stop.clone()),
            None => Bus::local(hub.clone()),
        };
        let cache = Cache::new(id, self.redis.clone());
        let ice = crate::ice::Ice::new(config.calls.clone(), None);
        Arc::new(Node {
            id,
            db: self.db.clone(),
            limits: RateLimits::new(&config.limits, cache.clone()),
            cache,
            lanes: Lanes::new(self.db.clone(), bus.clone(), 100),
            bus,
            hub,
            calls: Calls::new(Facts::load(&self.db).await.unwrap()),
            rooms: Arc::new(Rooms::new(&config.rooms, keys, ice.clone(), None, stop.clone())),
            ice,
            group_calls: Default::default(),
            sockets: Shares::new(Bounds { all: 0, person: 0, network: 0 }),
            files: Files::new(self.db.clone(), storage, config.files.clone()),
            passwords: Passwords::new(&config.accounts).unwrap(),
            works: Default::default(),
            readiness: Default::default(),
            config,
            stop,
        })
    }

    /// People who are all contacts of each other, each with one socket on `node`.
    pub(super) async fn contacts<const N: usize>(
        &self,
        node: &Arc<Node>,
        names: [&str; N],
    ) -> [Person; N] {
        let people =
            futures_util::future::join_all(names.map(|name| self.person(node, name))).await;
        for a in &people {
            for b in people.iter().filter(|b| b.caller.user != a.caller.user) {
                self.befriend(a, b).await;
            }
        }
        people.try_into().ok().unwrap()
    }

    pub(super) async fn person(&self, node: &Arc<Node>, name: &str) -> Person {
        let user = User {
            id: UserId::fresh(),
            app: AppId::DEFAULT,
            name: format!("{name}-{}", UserId::fresh()),
            nickname: name.to_owned(),
            avatar: None,
            direct_add: false,
            disabled: false,
            role: AccountRole::User,
            created_at: now_ms(),
        };
        store::users::create(&self.db, &user, "no password").await.unwrap();
        Person::at(node, user.id)
    }

    /// `a`'s side of being contacts.
    async fn befriend(&self, a: &Person, b: &Person) {
        self.set_side(a, b, Side { contact: true, blocked: false }).await;
    }

    pub(super) async fn set_side(&self, a: &Person, b: &Person, side: Side) {
        let mut tx = self.db.begin().await.unwrap();
        store::contacts::set_side(&mut tx, a.caller.user, b.caller.user, side).await.unwrap();
        tx.commit().await.unwrap();
    }
}

/// Somebody at one of their sockets.
pub(super) struct Person {
    pub(super) node: Arc<Node>,
    pub(super) caller: Caller,
    pub(super) mailbox: Arc<Mailbox>,
    unheard: std::sync::Mutex<std::collections::VecDeque<Value>>,
}

impl Person {
    fn at(node: &Arc<Node>, user: UserId) -> Person {
        let login = LoginId::fresh();
        let mailbox = node.hub.open(user, login);
        let caller = Caller { app: AppId::DEFAULT, user, login, role: AccountRole::User };
        Person { node: node.clone(), caller, mailbox, unheard: Default::default() }
    }

    /// The same person with another socket, on the same node or another.
    pub(super) fn also_at(&self, node: &Arc<Node>) -> Person {
        Person::at(node, self.caller.user)
    }

    pub(super) fn id(&self) -> Value {
        serde_json::to_value(self.caller.user).unwrap()
    }

    pub(super) async fn calls(&self, callee: &Person) -> Result<CallId> {
        let call_id = CallId::fresh();
        self.starts(call_id, callee.caller.user).await.map(|()| call_id)
    }

    pub(super) async fn starts(&self, call_id: CallId, callee: UserId) -> Result<()> {
        let wish = CallRequest { call_id, callee, media: CallMedia::Video };
        calls::start(&self.node, self.caller, self.mailbox.id, wish).await
    }

    pub(super) async fn accepts(&self, call: CallId) -> Result<()> {
        calls::accept(&self.node, self.caller, self.mailbox.id, call).await
    }

    pub(super) async fn declines(&self, call: CallId) -> Result<()> {
        calls::decline(&self.node, self.caller, self.mailbox.id, call).await
    }

    pub(super) async fn hangs_up(&self, call: CallId) -> Result<()> {
        calls::hang_up(&self.node, self.caller, self.mailbox.id, call).await
    }

    pub(super) async fn signals(&self, call: CallId, sdp: &str) -> Result<()> {
        let signal = Signal::Offer { sdp: sdp.to_owned() };
        calls::signal(&self.node, self.caller, self.mailbox.id, call, signal, None).await
    }

    /// The next frame of this type; those before it are skipped.
    pub(super) async fn hears(&self, kind: &str) -> Value {
        let next = async {
            loop {
                if let Some(frame) = self.take(kind) {
                    return frame;
                }
                let Next::Frames(frames) = self.mailbox.next(0, usize::MAX).await else {
                    panic!("the socket closes");
                };
                self.put(frames.iter().map(|(n, frame)| frame.numbered(*n)));
            }
        };
        let heard = tokio::time::timeout(Duration::from_secs(10), next).await;
        heard.unwrap_or_else(|_| panic!("{} never heard {kind}", self.caller.user))
    }

    /// The next call record, as a message.
    pub(super) async fn hears_record(&self) -> Value {
        loop {
            let message = self.hears("message").await["message"].clone();
            if message["body"]["type"] == "call" {
                return message;
            }
        }
    }

    /// How many messages of a message's conversation this person has not read.
    pub(super) async fn unread(&self, message: &Value) -> i64 {
        let id = serde_json::from_value(message["conversation_id"].clone()).unwrap();
        crate::conversations::get(&self.node, self.caller, id).await.unwrap().unread
    }

    /// The types of all frames that have come and nobody has looked at.
    pub(super) fn unheard(&self) -> Vec<String> {
        use futures_util::FutureExt;
        if let Some(Next::Frames(frames)) = self.mailbox.next(0, usize::MAX).now_or_never() {
            self.put(frames.iter().map(|(n, frame)| frame.numbered(*n)));
        }
        let frames = self.unheard.lock().unwrap();
        frames.iter().map(|frame| frame["type"].as_str().unwrap().to_owned()).collect()
    }

    fn take(&self, kind: &str) -> Option<Value> {
        let mut unheard = self.unheard.lock().unwrap();
        let at = unheard.iter().position(|frame| frame["type"] == kind)?;
        unheard.drain(..at);
        unheard.pop_front()
    }

    fn put(&self, frames: impl Iterator<Item = String>) {
        let frames = frames.map(|text| serde_json::from_str(&text).unwrap());
        self.unheard.lock().unwrap().extend(frames);
    }
}

pub(super) fn code<T: std::fmt::Debug>(answer: Result<T, Refusal>) -> Code {
    answer.expect_err("should be refused").code
}
