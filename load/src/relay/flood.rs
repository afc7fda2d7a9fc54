//! Forgers: unauthenticated requests from ever new addresses, while clients go on.

use std::net::{Ipv4Addr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use beckon_load::turn::TurnClient;

use super::Target;
use super::lanes::Lanes;

/// Relayed packets a second meanwhile: enough to see a loss, little enough not to cause one.
const RATE: u32 = 1000;

/// Requests a second. Several times what a server answers, and less than what one machine can send itself.
const REQUESTS_PER_SECOND: u32 = 50_000;

/// Requests from one address before the next has its turn.
const REQUESTS_PER_ADDRESS: u32 = 50;

/// What the forgers brought about.
pub(super) struct Flood {
    pub(super) requests: u32,
    pub(super) grown_bytes: Option<u64>,
    pub(super) loss_percent: f64,
}

pub(super) fn run(lanes: &Lanes, requests: u32, target: &Target) -> anyhow::Result<Flood> {
    // Buffers that any traffic fills once are not the forgers' doing.
    flood(target, REQUESTS_PER_SECOND / 10)?;
    let before = target.usage()?;
    lanes.run(RATE, || flood(target, requests))?;
    let grown = target.usage()?.zip(before);
    let grown_bytes = grown.map(|(after, before)| after.rss_bytes.saturating_sub(before.rss_bytes));
    Ok(Flood { requests, grown_bytes, loss_percent: lanes.take_counts().loss_percent() })
}

fn flood(target: &Target, requests: u32) -> anyhow::Result<()> {
    let request = TurnClient::forged_request();
    let started = Instant::now();
    for part in 0..requests.div_ceil(REQUESTS_PER_ADDRESS) {
        let socket = UdpSocket::bind((forged(part), 0))?;
        for _ in 0..REQUESTS_PER_ADDRESS {
            // The kernel may have no room for it; then it is one forgery less.
            let _ = socket.send_to(&request, target.address);
        }
        let sent = f64::from((part + 1) * REQUESTS_PER_ADDRESS);
        let due = started + Duration::from_secs_f64(sent / f64::from(REQUESTS_PER_SECOND));
        thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    Ok(())
}

/// An address of this machine, in another network each time. Clients are in none of them.
fn forged(number: u32) -> Ipv4Addr {
    Ipv4Addr::from(0x7f01_0001 + number % 0x7d00 * 0x100)
}
