//! The chat benchmark from set-up to verdict.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use clap::Args;
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::task::JoinSet;

use super::{
    connection::{Connection, Outcome, Place},
    progress::Progress,
    report::Report,
    rest::{self, Conversation, Person},
    server::{Server, Usage},
    verify,
};

/// Handshakes under way at a time; a listening queue holds little more.
const HANDSHAKES_MAX: usize = 64;

/// How to load the server.
#[derive(Debug, Args)]
pub(crate) struct ChatArgs {
    /// Sockets to open, each of its own user.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(2..=20_000))]
    pub(super) connections: u32,
    /// How many of them send; all of them unless told.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    senders: Option<u32>,
    /// How long they send.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Group conversations that the connections are spread over.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(super) conversations: u32,
    /// Messages that a sender has in flight at a time.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(super) window: u32,
    /// Characters of a message's text.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=8_000))]
    characters: u32,
    /// A running server to load, such as `http://127.0.0.1:8080`, instead of one of our own.
    #[arg(long)]
    url: Option<String>,
    /// The process to measure when `--url` names a server on this machine.
    #[arg(long, requires = "url")]
    pid: Option<u32>,
    /// The database of our own server; SQLite in a temporary folder unless told.
    #[arg(long, conflicts_with = "url")]
    database_url: Option<String>,
    /// The Redis of our own server; none unless told.
    #[arg(long, conflicts_with = "url")]
    redis_url: Option<String>,
}

impl ChatArgs {
    pub(super) fn senders(&self) -> u32 {
        self.senders.unwrap_or(self.connections)
    }

    /// What our own server is to use instead of its defaults.
    fn settings(&self) -> impl Iterator<Item = (&'static str, String)> {
        let settings =
            [("BECKON_DATABASE_URL", &self.database_url), ("BECKON_REDIS_URL", &self.redis_url)];
        settings.into_iter().filter_map(|(name, value)| Some((name, value.clone()?)))
    }

    fn check(&self) -> anyhow::Result<()> {
        ensure!(self.senders() <= self.connections, "--senders cannot exceed --connections");
        ensure!(
            self.connections >= 2 * self.conversations,
            "every conversation needs two connections: --conversations can be at most {} here",
            self.connections / 2
        );
        ensure!(
            self.connections.div_ceil(self.conversations) <= rest::GROUP_MEMBERS_MAX,
            "a group holds {} members at most: raise --conversations",
            rest::GROUP_MEMBERS_MAX
        );
        Ok(())
    }
}

/// Sets up people and groups, loads the server, checks that nothing was lost, prints the report.
pub(super) async fn run(args: ChatArgs) -> anyhow::Result<()> {
    args.check()?;
    let server = match &args.url {
        Some(url) => Server::running(url, args.pid)?,
        None => Server::start(args.settings()).await?,
    };
    let people = rest::register(server.url(), args.connections).await?;
    let mut groups = rest::open_groups(&people, args.conversations).await?;
    let connections = connect(&args, server.url(), &people, &groups).await?;
    rest::refresh(&mut groups).await?;

    let load = load(&args, &server, connections, &groups).await?;
    let verdict = verify::verify(&groups, &load.outcomes).await?;
    println!("{}", serde_json::to_string(&Report::new(&args, &load, &verdict)?)?);
    verdict.into_result()
}

/// What happened while the senders sent.
pub(super) struct Load {
    pub(super) length: Duration,
    pub(super) usage: Option<Usage>,
    pub(super) outcomes: Vec<Outcome>,
}

async fn connect(
    args: &ChatArgs,
    url: &str,
    people: &[Person],
    groups: &[Conversation],
) -> anyhow::Result<Vec<Connection>> {
    let text = "m".repeat(args.characters as usize);
    let openings = (0..).zip(people).map(|(index, person)| {
        let group = index as usize % groups.len();
        let conversation_id = groups[group].id.clone();
        let window = if index < args.senders() { args.window as usize } else { 0 };
        Connection::open(url, person, Place { group, conversation_id, window, text: text.clone() })
    });
    let opened = stream::iter(openings).buffered(HANDSHAKES_MAX).try_collect();
    opened.await.context("opening the sockets")
}

/// Lets every connection run and measures the server between the first send and the last.
async fn load(
    args: &ChatArgs,
    server: &Server,
    connections: Vec<Connection>,
    groups: &[Conversation],
) -> anyhow::Result<Load> {
    let length = Duration::from_secs(args.seconds);
    let progress = Arc::new(Progress::new(groups, args.senders()));
    let (began, before) = (Instant::now(), server.usage()?);
    let mut running = JoinSet::new();
    for connection in connections {
        let progress = progress.clone();
        running.spawn(async move { connection.drive(length, &progress).await });
    }
    tokio::time::sleep(length).await;
    let (length, after) = (began.elapsed(), server.usage()?);

    let mut outcomes = Vec::with_capacity(running.len());
    while let Some(outcome) = running.join_next().await {
        outcomes.push(outcome.context("a connection's task died")??);
    }
    let usage = before.zip(after).map(|(before, after)| after.since(before));
    Ok(Load { length, usage, outcomes })
}
