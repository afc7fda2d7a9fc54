//! The relay benchmark from set-up to report: clients with a channel each, whose peers send everything back.

mod flood;
mod lanes;
mod report;

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use beckon_load::turn::TurnClient;
use clap::Args;

use self::lanes::Lanes;
use self::report::Report;
use super::server::{Server, Usage, usage_of};

/// How long everything runs before anything is counted.
const SETTLE: Duration = Duration::from_millis(500);

/// How to load the relay.
#[derive(Debug, Args)]
pub(crate) struct RelayArgs {
    /// Clients, each with an allocation and a channel to a peer.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    clients: u16,
    /// Bytes of one packet.
    #[arg(long, default_value_t = 1200, value_parser = clap::value_parser!(u16).range(12..=1400))]
    size: u16,
    /// How long packets are counted.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Relayed packets a second in all, both ways; 0 is as fast as this machine can.
    #[arg(long, default_value_t = 15_000)]
    rate: u32,
    /// Packets that a client sends right behind each other: a frame of video.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    frame: u16,
    /// Allocations that do nothing, to see what one weighs; 0 leaves that out.
    #[arg(long, default_value_t = 1000)]
    idle: u16,
    /// Unauthenticated requests from ever new addresses, after the load; 0 leaves that out.
    #[arg(long, default_value_t = 400_000)]
    flood: u32,
    /// A running server to load, such as 127.0.0.1:3478, instead of one of our own. Its clients must be let through to
    /// this machine.
    #[arg(long, requires = "user")]
    server: Option<SocketAddr>,
    /// Whom the running server knows.
    #[arg(long, value_name = "NAME:PASSWORD", requires = "server")]
    user: Option<String>,
    /// The process to measure when `--server` is on this machine.
    #[arg(long, requires = "server")]
    pid: Option<u32>,
}

/// What is loaded: where it is, who may use it, and how much it has used.
struct Target {
    address: SocketAddr,
    name: String,
    password: String,
    pid: Option<u32>,
    _own: Option<Server>,
}

impl Target {
    async fn of(args: &RelayArgs) -> anyhow::Result<Target> {
        let (Some(address), Some(user)) = (args.server, &args.user) else {
            return Target::start(args).await;
        };
        let (name, password) = user.split_once(':').context("--user is no NAME:PASSWORD")?;
        let (name, password) = (name.to_owned(), password.to_owned());
        Ok(Target { address, name, password, pid: args.pid, _own: None })
    }

    async fn start(args: &RelayArgs) -> anyhow::Result<Target> {
        // Free a moment ago, and nobody else is told of it.
        let address = UdpSocket::bind("127.0.0.1:0")?.local_addr()?;
        let allocations = usize::from(args.clients) + usize::from(args.idle) + 1;
        let own = Server::start([
            ("BECKON_TURN__UDP", address.to_string()),
            ("BECKON_TURN__USERS", "bench:bench".into()),
            ("BECKON_TURN__ALLOW_PEERS", "127.0.0.0/8".into()),
            ("BECKON_TURN__ALLOCATIONS_PER_USER", allocations.to_string()),
        ]);
        let own = own.await?;
        let (name, password) = ("bench".into(), "bench".into());
        Ok(Target { address, name, password, pid: own.pid(), _own: Some(own) })
    }

    fn client(&self) -> anyhow::Result<TurnClient> {
        let mut client = TurnClient::connect(self.address, &self.name, &self.password)?;
        client.allocate().context("a client gets no allocation")?;
        Ok(client)
    }

    fn usage(&self) -> anyhow::Result<Option<Usage>> {
        self.pid.map(usage_of).transpose()
    }
}

/// Sets up everybody, lets them run, prints what came through.
pub(super) async fn run(args: RelayArgs) -> anyhow::Result<()> {
    let target = Target::of(&args).await?;
    let report = tokio::task::spawn_blocking(move || load(&args, &target)).await??;
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}

fn load(args: &RelayArgs, target: &Target) -> anyhow::Result<Report> {
    let idle_bytes = idle(args, target)?;
    let lanes = Lanes::open(args.clients, args.size.into(), args.frame, || target.client())?;
    let window = measure(&lanes, args, target)?;
    let counts = lanes.take_counts();
    if counts.received == 0 {
        bail!("nothing came through: are the server's clients let through to this machine?");
    }
    let flood = match args.flood {
        0 => None,
        requests => Some(flood::run(&lanes, requests, target)?),
    };
    lanes.close()?;
    Ok(Report::new(args, counts, &window, idle_bytes, flood))
}

/// What came through while all ran evenly.
struct Window {
    received: u64,
    length: Duration,
    usage: Option<Usage>,
}

fn measure(lanes: &Lanes, args: &RelayArgs, target: &Target) -> anyhow::Result<Window> {
    let length = Duration::from_secs(args.seconds);
    let mut window = None;
    lanes.run(args.rate, || {
        std::thread::sleep(SETTLE);
        let (started, before, usage) = (Instant::now(), lanes.received(), target.usage()?);
        std::thread::sleep(length);
        let usage = target.usage()?.zip(usage).map(|(after, before)| after.since(before));
        let received = lanes.received() - before;
        window = Some(Window { received, length: started.elapsed(), usage });
        anyhow::Ok(())
    })?;
    window.context("the load did not run")
}

/// What an allocation that does nothing weighs.
fn idle(args: &RelayArgs, target: &Target) -> anyhow::Result<Option<u64>> {
    // The first one brings things along that all have in common.
    target.client()?.end()?;
    let Some(before) = target.usage()? else { return Ok(None) };
    let mut clients = (0..args.idle).map(|_| target.client()).collect::<Result<Vec<_>, _>>()?;
    let Some(after) = target.usage()? else { return Ok(None) };
    for client in &mut clients {
        client.end().context("an allocation does not end")?;
    }
    let grown = after.rss_bytes.saturating_sub(before.rss_bytes);
    Ok(grown.checked_div(args.idle.into()))
}
