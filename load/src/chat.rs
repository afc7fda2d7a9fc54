//! The chat benchmark from set-up to verdict.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::task::JoinSet;

use super::{
    chat_args::ChatArgs,
    connection::{Connection, Place},
    progress::Progress,
    report::{Load, Report},
    rest::{self, Conversation, Person},
    server::Server,
    verify,
};

/// Handshakes under way at a time; a listening queue holds little more.
const HANDSHAKES_MAX: usize = 64;

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
