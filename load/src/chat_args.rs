//! How to load a server with chat.

use anyhow::ensure;
use clap::Args;

use super::rest;

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
    pub(super) seconds: u64,
    /// Group conversations that the connections are spread over.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(super) conversations: u32,
    /// Messages that a sender has in flight at a time.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(super) window: u32,
    /// Characters of a message's text.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=8_000))]
    pub(super) characters: u32,
    /// A running server to load, such as `http://127.0.0.1:8080`, instead of one of our own.
    #[arg(long)]
    pub(super) url: Option<String>,
    /// The process to measure when `--url` names a server on this machine.
    #[arg(long, requires = "url")]
    pub(super) pid: Option<u32>,
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
    pub(super) fn settings(&self) -> impl Iterator<Item = (&'static str, String)> {
        let settings =
            [("BECKON_DATABASE_URL", &self.database_url), ("BECKON_REDIS_URL", &self.redis_url)];
        settings.into_iter().filter_map(|(name, value)| Some((name, value.clone()?)))
    }

    pub(super) fn check(&self) -> anyhow::Result<()> {
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
