//! The stage that scenarios play on: a whole node as the real binary, its database, and people with sockets.
//!
//! Everything waits for what it expects with a limit and fails by saying what came instead; nothing sleeps and hopes.

#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "every scenario binary uses its own part of the stage"
)]

mod answer;
mod database;
mod extent;
mod node;
mod person;
mod proxy;
mod redis;
mod seat;
mod socket;
mod upload;

use std::{future::Future, sync::Arc, time::Duration};

use tempfile::TempDir;
use tokio::{sync::Mutex, time::Instant};

pub use self::{
    answer::Answer,
    database::{Engine, engines},
    extent::extent,
    node::Node,
    person::{PASSWORD, Person, Room, send},
    proxy::Proxy,
    redis::Redis,
    seat::Seat,
    socket::{Closed, Socket},
    upload::Upload,
};
use self::{database::Database, node::Plan};

/// How long anything expected may take, generous because two cores may be running many stages.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A database, one or more nodes on it, and a folder for everything they write.
pub struct Stage {
    node: Arc<Node>,
    others: Mutex<Vec<Arc<Node>>>,
    redis: Option<Redis>,
    // Dropped last: nodes first, then what they stood on.
    database: Database,
    folder: TempDir,
}

impl Stage {
    /// One node on SQLite with default settings.
    pub async fn new() -> Self {
        Self::configured(&[]).await
    }

    /// One node on SQLite with some settings of its own, as `BECKON_` variables.
    pub async fn configured(settings: &[(&str, &str)]) -> Self {
        Self::build(Engine::Sqlite, None, settings).await
    }

    /// One node on this engine.
    pub async fn on(engine: Engine) -> Self {
        Self::build(engine, None, &[]).await
    }

    /// A stage that can hold several nodes: MariaDB and a Redis of its own. None where they are missing and not required.
    pub async fn shared() -> Option<Self> {
        Self::shared_with(&[]).await
    }

    /// As [`Stage::shared`], with some settings of its own for all nodes.
    pub async fn shared_with(settings: &[(&str, &str)]) -> Option<Self> {
        let engine = Engine::mariadb()?;
        let redis = Redis::start().await?;
        Some(Self::build(engine, Some(redis), settings).await)
    }

    /// One node on a database that a former release left behind: its migrations, by number, and its rows.
    pub async fn after(engine: Engine, migrations: &[&str], rows: &str) -> Self {
        let folder = TempDir::with_prefix("beckon-stage-").expect("a temporary folder");
        let database = Database::create(engine, folder.path()).await;
        database.leave(migrations, rows).await;
        Self::start(folder, database, None, &[]).await
    }

    /// One node, whose MariaDB can go silent.
    pub async fn on_silenceable_database() -> Option<(Self, Proxy)> {
        let engine = Engine::mariadb()?;
        let Engine::MariaDb { server } = &engine else { unreachable!("asked for above") };
        let address = server.rsplit_once('@').map_or(&**server, |(_, address)| address).to_owned();
        let proxy = Proxy::to(address.clone()).await;
        let through = |url: String| url.replacen(&address, &proxy.address(), 1);
        let stage = Self::build_through(engine, None, &[], through).await;
        Some((stage, proxy))
    }

    /// As [`Stage::shared`], with a Redis that can go silent for all nodes.
    pub async fn shared_on_silenceable_redis() -> Option<(Self, Proxy)> {
        let engine = Engine::mariadb()?;
        let redis = Redis::start().await?;
        let address = redis.url().trim_start_matches("redis://").to_owned();
        let proxy = Proxy::to(address).await;
        let through = format!("redis://{}", proxy.address());
        let settings = [("BECKON_REDIS_URL", &*through)];
        let mut stage = Self::build_through(engine, None, &settings, |url| url).await;
        stage.redis = Some(redis);
        Some((stage, proxy))
    }

    async fn build(engine: Engine, redis: Option<Redis>, settings: &[(&str, &str)]) -> Self {
        Self::build_through(engine, redis, settings, |url| url).await
    }

    /// A stage whose node finds the database at another address.
    async fn build_through(
        engine: Engine,
        redis: Option<Redis>,
        settings: &[(&str, &str)],
        through: impl Fn(String) -> String,
    ) -> Self {
        let folder = TempDir::with_prefix("beckon-stage-").expect("a temporary folder");
        let mut database = Database::create(engine, folder.path()).await;
        database.url = through(database.url.clone());
        Self::start(folder, database, redis, settings).await
    }

    async fn start(
        folder: TempDir,
        database: Database,
        redis: Option<Redis>,
        settings: &[(&str, &str)],
    ) -> Self {
        let plan = Plan::new(
            folder.path().join("data"),
            &database.url,
            redis.as_ref().map(Redis::url),
            settings,
        );
        let node = Arc::new(Node::start(plan).await);
        Self { node, others: Mutex::default(), redis, database, folder }
    }

    /// The first node.
    pub fn first(&self) -> &Arc<Node> {
        &self.node
    }

    /// The database under all nodes.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Starts a further node on the same database, Redis and files.
    pub async fn node(&self) -> Arc<Node> {
        let node = Arc::new(Node::start(self.node.plan().clone()).await);
        self.others.lock().await.push(node.clone());
        node
    }

    pub fn redis(&self) -> &Redis {
        self.redis.as_ref().expect("a stage made with Stage::shared")
    }

    /// Ends the first node as a power cut would.
    pub async fn kill_9(&self) {
        self.node.kill_9().await;
    }

    /// Starts the first node again after `kill_9`, or drains and restarts it.
    pub async fn restart(&self) {
        self.node.restart().await;
    }

    /// Somebody new, registered, signed in and connected to the first node.
    pub async fn person(&self, name: &str) -> Person {
        self.person_on(&self.node, name).await
    }

    pub async fn person_on(&self, node: &Arc<Node>, name: &str) -> Person {
        let person = Person::register(node.clone(), name).await;
        person.connects().await;
        person
    }

    /// Strangers to each other.
    pub async fn people<const N: usize>(&self, names: [&str; N]) -> [Person; N] {
        let mut people = Vec::with_capacity(N);
        for name in names {
            people.push(self.person(name).await);
        }
        people.try_into().ok().expect("as many people as names")
    }

    /// People who all are each other's contacts.
    pub async fn friends<const N: usize>(&self, names: [&str; N]) -> [Person; N] {
        let people = self.people(names).await;
        for (index, person) in people.iter().enumerate() {
            for friend in &people[index + 1..] {
                person.befriends(friend).await;
            }
        }
        people
    }

    /// Changes the database behind the node's back, for what would otherwise take days to happen. SQLite only.
    pub async fn edit(&self, statement: &str) {
        self.database.edit(statement).await;
    }

    /// The sum of a counter over all of its labels that contain `label`.
    pub async fn counter(&self, name: &str, label: &str) -> f64 {
        let text = self.node.text("/metrics").await;
        let lines = text.lines().filter(|line| line.starts_with(name) && line.contains(label));
        lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
    }

    /// Waits until a counter has gone above what it was.
    pub async fn counter_rises(&self, name: &str, label: &str, before: f64) {
        let what = format!("{name}{{{label}}} to rise above {before}");
        eventually(&what, || async { self.counter(name, label).await > before }).await;
    }
}

/// Polls a condition for which no event is sent.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let deadline = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} in vain for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
