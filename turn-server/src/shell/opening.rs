//! Opening relay sockets within the range of ports.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use rand::RngExt as _;

use super::addresses::Addresses;
use super::reservations::Reservations;
use super::socket::{self, Socket};
use crate::opening::{Opened, Opening, Port};

/// Ports tried for one socket; if as many in a row are taken, the range is too small for its use.
const ATTEMPTS_MAX: u32 = 512;

/// Opens relay sockets; all threads have the same.
#[derive(Clone, Debug)]
pub(super) struct Openings {
    ports: RangeInclusive<u16>,
    pub(super) addresses: Addresses,
    reservations: Arc<Mutex<Reservations<Socket>>>,
}

impl Openings {
    /// With at most `reserved_max` reserved sockets.
    pub(super) fn new(
        ports: RangeInclusive<u16>,
        addresses: Addresses,
        reserved_max: usize,
    ) -> Openings {
        let reservations = Arc::new(Mutex::new(Reservations::new(reserved_max)));
        Openings { ports, addresses, reservations }
    }

    pub(super) fn open(&self, now: Instant, opening: Opening) -> Option<(Socket, Opened)> {
        let (socket, token) = match opening {
            Opening::Reserved { token } => {
                (self.with_reservations(|all| all.claim(now, &token))?, None)
            }
            Opening::Fresh { is_ipv6, port } => self.fresh(now, is_ipv6, port)?,
        };
        let bound = socket.local_addr().ok()?;
        let relayed = SocketAddr::new(self.addresses.of(bound.is_ipv6())?.seen, bound.port());
        Some((socket, Opened { relayed, token }))
    }

    /// Closes reserved sockets whose time is over.
    pub(super) fn handle_timeout(&self, now: Instant) {
        self.with_reservations(|all| all.forget_before(now));
    }

    fn fresh(&self, now: Instant, is_ipv6: bool, port: Port) -> Option<(Socket, Option<[u8; 8]>)> {
        let ip = self.addresses.of(is_ipv6)?.bound;
        for candidate in self.candidates(port) {
            let socket = match bind(ip, candidate) {
                BindOutcome::Here(socket) => socket,
                BindOutcome::Taken => continue,
                BindOutcome::Nowhere => return None,
            };
            if port != Port::EvenAndNext {
                return Some((socket, None));
            }
            let next = match bind(ip, candidate.checked_add(1)?) {
                BindOutcome::Here(next) => next,
                BindOutcome::Taken => continue,
                BindOutcome::Nowhere => return None,
            };
            let token = rand::rng().random();
            let is_kept = self.with_reservations(|all| all.keep(now, token, next));
            return is_kept.then_some((socket, Some(token)));
        }
        None
    }

    /// Ports from a random one on, so that the next one cannot be predicted.
    fn candidates(&self, port: Port) -> impl Iterator<Item = u16> {
        let (first, last) = (u32::from(*self.ports.start()), u32::from(*self.ports.end()));
        let count = last - first + 1;
        let start = rand::rng().random_range(0..count);
        let all = (0..count.min(ATTEMPTS_MAX)).map(move |step| first + (start + step) % count);
        let fits = move |candidate: &u32| match port {
            Port::Any => true,
            Port::Even => candidate.is_multiple_of(2),
            Port::EvenAndNext => candidate.is_multiple_of(2) && *candidate < last,
        };
        all.filter(fits).filter_map(|candidate| u16::try_from(candidate).ok())
    }

    fn with_reservations<T>(&self, act: impl FnOnce(&mut Reservations<Socket>) -> T) -> T {
        // Nothing panics while it is held, and every change of it is complete.
        act(&mut self.reservations.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The result of binding one port.
enum BindOutcome {
    Here(Socket),
    Taken,
    /// No port can be had, as when there are no descriptors left.
    Nowhere,
}

fn bind(ip: IpAddr, port: u16) -> BindOutcome {
    match socket::relay(SocketAddr::new(ip, port)) {
        Ok(socket) => BindOutcome::Here(socket),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => BindOutcome::Taken,
        // Ports below 1024, or closed by the system: others may be open.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => BindOutcome::Taken,
        Err(error) => {
            tracing::warn!(%error, "a relay socket cannot be opened");
            BindOutcome::Nowhere
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::config::Config;
    use super::*;

    fn openings(ports: RangeInclusive<u16>) -> Openings {
        let config = Config { udp: vec!["127.0.0.1:0".parse().unwrap()], ..Config::default() };
        Openings::new(ports, Addresses::find(&config), 8)
    }

    fn fresh(port: Port) -> Opening {
        Opening::Fresh { is_ipv6: false, port }
    }

    #[test]
    fn sockets_are_within_the_range_until_it_is_used_up() {
        let (openings, now) = (openings(41_000..=41_003), Instant::now());
        let open: Vec<_> =
            std::iter::from_fn(|| openings.open(now, fresh(Port::Any))).take(5).collect();
        assert!(!open.is_empty() && open.len() <= 4);
        assert!(open.iter().all(|(_, opened)| (41_000..=41_003).contains(&opened.relayed.port())));
    }

    #[test]
    fn an_even_port_and_the_next() {
        let (openings, now) = (openings(42_001..=42_100), Instant::now());
        let (_first, opened) = openings.open(now, fresh(Port::EvenAndNext)).unwrap();
        assert!(opened.relayed.port().is_multiple_of(2));
        let token = opened.token.unwrap();
        let (_next, next) = openings.open(now, Opening::Reserved { token }).unwrap();
        assert_eq!(next.relayed.port(), opened.relayed.port() + 1);
        assert!(openings.open(now, Opening::Reserved { token }).is_none());
    }

    #[test]
    fn every_port_is_tried_and_no_other() {
        for ports in [65_535..=65_535, 1..=65_535, 100..=101] {
            let openings = openings(ports.clone());
            assert!(openings.candidates(Port::Any).all(|port| ports.contains(&port)));
            assert!(openings.candidates(Port::EvenAndNext).all(|port| port < *ports.end()));
        }
        let mut both: Vec<_> = openings(100..=101).candidates(Port::Any).collect();
        both.sort_unstable();
        assert_eq!(both, [100, 101]);
    }
}
