//! Clients and their peers: each packet goes through the relay to a peer, and through it back.

use std::io;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use beckon_load::turn::TurnClient;

const CHANNEL: u16 = 0x4000;
const CHANNEL_HEADER: usize = 4;

/// How long packets may be under way when the last one is sent.
const GRACE: Duration = Duration::from_millis(500);

/// How often it is looked which packets are due and which came. Were sockets waited for, each packet of the server would have
/// to wake somebody, and that time would be the server's; people on other machines cost it none.
const TICK: Duration = Duration::from_millis(1);

pub(super) struct Lanes {
    lanes: Vec<Lane>,
    packet: Vec<u8>,
    /// Packets that a client sends one right behind the other, as those of a frame of video.
    frame: u64,
    sent: AtomicU64,
    received: AtomicU64,
}

/// A client and its peer.
struct Lane {
    client: TurnClient,
    peer: UdpSocket,
}

/// Packets given to the relay and taken from it, both ways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) sent: u64,
    pub(super) received: u64,
}

impl Counts {
    pub(super) fn loss_percent(self) -> f64 {
        let lost = self.sent.saturating_sub(self.received);
        lost as f64 * 100.0 / self.sent.max(1) as f64
    }
}

impl Lanes {
    /// Sets up so many clients with a channel each.
    pub(super) fn open(
        clients: u16,
        size: usize,
        frame: u16,
        client: impl Fn() -> anyhow::Result<TurnClient>,
    ) -> anyhow::Result<Lanes> {
        let lane = |_| -> anyhow::Result<Lane> {
            let mut client = client()?;
            let ip = client.socket().local_addr()?.ip();
            let peer = UdpSocket::bind((ip, 0))?;
            client.bind_channel(CHANNEL, peer.local_addr()?).context("a client gets no channel")?;
            Ok(Lane { client, peer })
        };
        let lanes = (0..clients).map(lane).collect::<anyhow::Result<_>>()?;
        let mut packet = vec![7; CHANNEL_HEADER + size];
        packet[..2].copy_from_slice(&CHANNEL.to_be_bytes());
        packet[2..CHANNEL_HEADER].copy_from_slice(&(size as u16).to_be_bytes());
        let (sent, received) = (AtomicU64::new(0), AtomicU64::new(0));
        Ok(Lanes { lanes, packet, frame: frame.into(), sent, received })
    }

    /// Ends all allocations: a running server may be loaded again at once.
    pub(super) fn close(self) -> anyhow::Result<()> {
        for mut lane in self.lanes {
            lane.client.end().context("an allocation does not end")?;
        }
        Ok(())
    }

    /// Relayed packets so far.
    pub(super) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// What was counted since the last time.
    pub(super) fn take_counts(&self) -> Counts {
        let take = |count: &AtomicU64| count.swap(0, Ordering::Relaxed);
        Counts { sent: take(&self.sent), received: take(&self.received) }
    }

    /// Sends at this rate, both ways together, for as long as `meanwhile` takes, and waits for the last packets.
    pub(super) fn run(
        &self,
        rate: u32,
        meanwhile: impl FnOnce() -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        self.block(false)?;
        let (sending, listening) = (&AtomicBool::new(true), &AtomicBool::new(true));
        let result = thread::scope(|scope| {
            scope.spawn(move || self.play(rate, sending, listening));
            let result = meanwhile();
            sending.store(false, Ordering::Relaxed);
            thread::sleep(GRACE);
            listening.store(false, Ordering::Relaxed);
            result
        });
        self.block(true)?;
        result
    }

    /// Whether reading waits.
    fn block(&self, wait: bool) -> io::Result<()> {
        self.lanes.iter().try_for_each(|lane| {
            lane.client.socket().set_nonblocking(!wait)?;
            lane.peer.set_nonblocking(!wait)
        })
    }

    fn play(&self, rate: u32, sending: &AtomicBool, listening: &AtomicBool) {
        let started = Instant::now();
        let mut sent = 0;
        let mut turns = self.lanes.iter().cycle();
        while listening.load(Ordering::Relaxed) {
            self.lanes.iter().for_each(|lane| self.hear(lane));
            if sending.load(Ordering::Relaxed) {
                // What a client sends comes back, so half of the rate is the clients'.
                let due = match rate {
                    0 => sent + self.lanes.len() as u64,
                    _ => {
                        (started.elapsed().as_secs_f64() * f64::from(rate) / 2.0) as u64
                            / self.frame
                    }
                };
                let due_now = turns.by_ref().take((due - sent) as usize);
                due_now.for_each(|lane| self.send_frame(lane));
                sent = due;
            }
            if rate > 0 {
                thread::sleep(TICK);
            }
        }
    }

    fn send_frame(&self, lane: &Lane) {
        for _ in 0..self.frame {
            self.count_sent(lane.client.socket().send(&self.packet));
        }
    }

    /// A peer sends back what it got, and a client hears what came back.
    fn hear(&self, lane: &Lane) {
        let mut buffer = [0; 2048];
        while let Ok((len, from)) = lane.peer.recv_from(&mut buffer) {
            self.received.fetch_add(1, Ordering::Relaxed);
            self.count_sent(lane.peer.send_to(&buffer[..len], from));
        }
        while let Ok(len) = lane.client.socket().recv(&mut buffer) {
            self.received.fetch_add(u64::from(len == self.packet.len()), Ordering::Relaxed);
        }
    }

    fn count_sent(&self, sent: io::Result<usize>) {
        self.sent.fetch_add(u64::from(sent.is_ok()), Ordering::Relaxed);
    }
}
