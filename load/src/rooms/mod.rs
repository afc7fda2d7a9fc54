//! The rooms benchmark from set-up to report: headless participants who publish and subscribe through a server.

mod books;
mod endpoint;
mod media;
mod part;
mod report;
mod signal;

mod stamp;
mod streams;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail, ensure};
use beckon_load::headless::Headless;
use beckon_load::headless::description::Description;
use beckon_sfu_core::ice::IceCredentials;
use beckon_sfu_core::negotiation::read_session;
use beckon_sfu_core::transport::Identity;
use clap::Args;
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::books::{Clock, Progress};
use self::endpoint::Endpoint;
use self::media::Media;

use self::part::{Part, Publisher};
use self::report::Report;
use self::signal::Participant;
use self::streams::FRAME_INTERVAL;
use super::server::{Server, Usage};
use super::token::ApiKey;

/// Joins under way at a time.
const JOINS_MAX: usize = 16;

/// How long all participants may take until each hears everybody it should.
const WARM_UP_MAX: Duration = Duration::from_secs(60);

/// How long everything runs, once all hear all, before anything is counted.
const SETTLE: Duration = Duration::from_secs(2);

/// How long packets sent within the window may be under way.
const GRACE: Duration = Duration::from_secs(1);

/// How long everybody may take to say goodbye.
const LEAVE_MAX: Duration = Duration::from_secs(5);

/// How to load the server's rooms.
#[derive(Debug, Args)]
pub(crate) struct RoomsArgs {
    /// Participants who publish.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=100))]
    publishers: u16,
    /// Participants who subscribe to every publisher; as many as publishers for a meeting.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=5_000))]
    subscribers: u16,
    /// How long packets are counted, after all participants hear each other.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// A running server to load, such as `http://127.0.0.1:8080`, instead of one of our own.
    #[arg(long, alias = "server", requires = "api_key", requires = "api_secret")]
    url: Option<String>,
    /// The process to measure when `--url` names a server on this machine.
    #[arg(long, requires = "url")]
    pid: Option<u32>,
    /// The running server's API key.
    #[arg(long, requires = "url")]
    api_key: Option<String>,
    /// The running server's API secret.
    #[arg(long, requires = "url")]
    api_secret: Option<String>,
}

impl RoomsArgs {
    fn is_meeting(&self) -> bool {
        self.publishers == self.subscribers && self.publishers > 1
    }

    /// What each participant does.
    fn parts(&self) -> Vec<Part> {
        let (publishers, listeners, heard) = match self.is_meeting() {
            true => (self.publishers, 0, self.publishers - 1),
            false => (self.publishers, self.subscribers, 0),
        };
        let publisher = |number| {
            // Spread over a frame's time, as people who do not know of each other are.
            let offset = FRAME_INTERVAL * u32::from(number) / u32::from(publishers);
            Part { publishes: Some(Publisher { number, offset }), hears: heard }
        };
        let listener = Part { publishes: None, hears: publishers };
        let listeners = std::iter::repeat_n(listener, listeners.into());
        (0..publishers).map(publisher).chain(listeners).collect()
    }

    /// The key of the running server, or one for our own.
    fn key(&self) -> ApiKey {
        match (&self.api_key, &self.api_secret) {
            (Some(id), Some(secret)) => ApiKey { id: id.clone(), secret: secret.clone() },
            _ => ApiKey::made_up(),
        }
    }
}

/// Sets up everybody, lets them run, prints what they heard.
pub(super) async fn run(args: RoomsArgs) -> anyhow::Result<()> {
    let key = args.key();
    let server = match &args.url {
        Some(url) => Server::running(url, args.pid)?,
        None => Server::start(settings(&key)).await?,
    };
    let (clock, progress) = (Clock::start(), Arc::new(Progress::default()));
    let stage = Stage {
        url: server.url().to_owned(),
        room: format!("bench-{}", Uuid::new_v4()),
        key,
        identity: Identity::generate(),
        media: Media::start(clock, progress.clone())?,
    };
    let parts = args.parts();
    let subscriptions: u64 = parts.iter().map(|part| 2 * u64::from(part.hears)).sum();
    let joins = (0..).zip(parts).map(|(number, part)| stage.join(number, part));
    let present: Vec<Participant> =
        stream::iter(joins).buffered(JOINS_MAX).try_collect().await.context("joining")?;
    let leave = CancellationToken::new();
    let staying = present.into_iter().map(|participant| participant.stay(leave.clone()));
    let mut staying: JoinSet<_> = staying.collect();

    let usage = tokio::select! {
        usage = measure(&args, &server, clock, &progress, subscriptions) => usage?,
        Some(left) = staying.join_next() => {
            left.context("a participant's task died")?.context("a participant was lost")?;
            bail!("a participant left before the end");
        }
    };
    let books = tokio::task::spawn_blocking(move || stage.media.stop()).await??;
    leave.cancel();
    // All figures are in: whoever cannot say goodbye any more changes nothing.
    let _ = timeout(LEAVE_MAX, staying.join_all()).await;
    println!("{}", serde_json::to_string(&Report::new(&args, &books, usage))?);
    Ok(())
}

/// Our own server has room for everybody and a key that we know.
fn settings(key: &ApiKey) -> [(&'static str, String); 2] {
    [
        ("BECKON_ROOMS__KEYS", format!("{}:{}", key.id, key.secret)),
        ("BECKON_ROOMS__PARTICIPANTS_MAX", "1000".into()),
    ]
}

/// What everybody shares who joins.
struct Stage {
    url: String,
    room: String,
    key: ApiKey,
    identity: Identity,
    media: Media,
}

impl Stage {
    async fn join(&self, number: u32, part: Part) -> anyhow::Result<Participant> {
        let mut transport = Headless::new(&self.identity);
        let credentials = transport.credentials();
        let offer = Description {
            ufrag: credentials.ufrag.clone(),
            pwd: credentials.pwd.clone(),
            fingerprint: transport.fingerprint().to_owned(),
            role: transport.role(),
            sections: part.sections(),
        };
        let token = self.key.token(&self.room, &format!("participant-{number}"))?;
        let mut participant = Participant::join(&self.url, &token, part.hears > 0, offer).await?;
        participant.publish().await?;
        let answer = participant.negotiate().await?;
        let answer = read_session(&answer)
            .map_err(|why| anyhow!("the answer cannot be used ({why:?}):\n{answer}"))?;
        let address = answer.candidates.first().context("the answer has no candidate")?;
        let credentials = IceCredentials { ufrag: answer.ufrag.clone(), pwd: answer.pwd.clone() };
        transport.set_remote(Instant::now(), &credentials, &answer.fingerprint, *address);
        self.media.add(Endpoint::new(*address, transport, part)?)?;
        Ok(participant)
    }
}

/// Waits until everybody hears all they should, counts for as long as was asked, and returns what that cost the server.
async fn measure(
    args: &RoomsArgs,
    server: &Server,
    clock: Clock,
    progress: &Progress,
    subscriptions: u64,
) -> anyhow::Result<Option<Usage>> {
    let limit = Instant::now() + WARM_UP_MAX;
    while progress.heard() < subscriptions {
        let heard = progress.heard();
        ensure!(Instant::now() < limit, "only {heard} of {subscriptions} subscriptions have begun");
        sleep(Duration::from_millis(50)).await;
    }
    sleep(SETTLE).await;
    let before = server.usage()?;
    progress.begin(clock.ns(Instant::now()));
    sleep(Duration::from_secs(args.seconds)).await;
    progress.end(clock.ns(Instant::now()));
    let after = server.usage()?;
    sleep(GRACE).await;
    Ok(before.zip(after).map(|(before, after)| after.since(before)))
}
