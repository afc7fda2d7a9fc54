//! Handshakes over networks that lose, hold up, repeat and cut what passes, each made of one seed.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::*;

const SEEDS: u64 = 150;

/// A network between a client and a server.
struct Network {
    rng: StdRng,
    seed: u64,
    /// By when it arrives; with the side that it is for.
    under_way: BTreeMap<(Instant, u64), (Role, Vec<u8>)>,
    sent: u64,
    /// The part of datagrams that gets lost.
    loss: f64,
    delay_ms: std::ops::Range<u64>,
    /// Bytes that are left of a handshake message in one datagram.
    cut: usize,
}

impl Drop for Network {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the seed of the network was {}", self.seed);
        }
    }
}

impl Network {
    fn new(seed: u64) -> Network {
        let mut rng = StdRng::seed_from_u64(seed);
        let slowest = rng.random_range(6..300);
        Network {
            seed,
            under_way: BTreeMap::new(),
            sent: 0,
            loss: rng.random_range(0.0..0.25),
            delay_ms: 5..slowest,
            cut: rng.random_range(200..1200),
            rng,
        }
    }

    fn send(&mut self, now: Instant, to: Role, datagram: &[u8]) {
        // A server may cut what it repeats in other places.
        let cut = if to == Role::Client { self.rng.random_range(100..1200) } else { self.cut };
        for piece in pieces(datagram, cut) {
            for _ in 0..if self.rng.random_bool(0.1) { 2 } else { 1 } {
                if self.rng.random::<f64>() >= self.loss {
                    let delay = Duration::from_millis(self.rng.random_range(self.delay_ms.clone()));
                    self.sent += 1;
                    self.under_way.insert((now + delay, self.sent), (to, piece.clone()));
                }
            }
        }
    }
}

/// Handshake messages in the clear as several datagrams each; what else there is stays together, as all stacks send it.
fn pieces(datagram: &[u8], cut: usize) -> Vec<Vec<u8>> {
    let mut rest = datagram;
    let (mut pieces, mut others) = (Vec::new(), Vec::new());
    while let Some((header, after)) = rest.split_at_checked(13) {
        let len = usize::from(u16::from_be_bytes([header[11], header[12]]));
        let (payload, after) = after.split_at(len);
        let is_clear = header[3..5] == [0, 0];
        if is_clear && header[0] == records::HANDSHAKE {
            pieces.extend(fragments(header, payload, cut));
        } else {
            let at = others.len();
            others.extend_from_slice(&rest[..13 + len]);
            renumber(&mut others[at..], is_clear, 0);
        }
        rest = after;
    }
    pieces.extend(Some(others).filter(|others| !others.is_empty()));
    pieces
}

fn fragments(header: &[u8], message: &[u8], cut: usize) -> Vec<Vec<u8>> {
    let (message, body) = message.split_at(12);
    let piece = |(at, part): (usize, &[u8])| {
        let u24 = |value: usize| (value as u32).to_be_bytes().into_iter().skip(1);
        let mut record = header[..11].to_vec();
        renumber(&mut record, true, at as u8);
        record.extend((12 + part.len() as u16).to_be_bytes());
        record.extend_from_slice(&message[..6]);
        record.extend(u24(at * cut).chain(u24(part.len())));
        record.extend_from_slice(part);
        record
    };
    if body.is_empty() {
        return vec![piece((0, body))];
    }
    body.chunks(cut).enumerate().map(piece).collect()
}

/// Each fragment needs a number that no other record has.
fn renumber(record: &mut [u8], is_clear: bool, at: u8) {
    if is_clear {
        (record[9], record[10]) = (record[10] >> 4, (record[10] << 4) | at);
    }
}

impl Pair {
    /// Lets the two talk over this network until a time.
    fn run_over(&mut self, network: &mut Network, until: Instant) {
        loop {
            let (client, server) = (&mut self.client, &mut self.server);
            for (from, to) in [(&mut *client, Role::Server), (&mut *server, Role::Client)] {
                while let Some(datagram) = from.poll_transmit() {
                    network.send(self.now, to, &datagram);
                }
            }
            self.heard_by_client.extend(std::iter::from_fn(|| client.poll_event()));
            self.heard_by_server.extend(std::iter::from_fn(|| server.poll_event()));
            let arrival = network.under_way.keys().next().map(|(at, _)| *at);
            let due = [client.poll_timeout(), server.poll_timeout(), arrival];
            let Some(next) = due.into_iter().flatten().min().filter(|next| *next <= until) else {
                self.now = until;
                return;
            };
            self.now = next.max(self.now);
            while let Some(entry) = network.under_way.first_entry()
                && entry.key().0 <= self.now
            {
                let (to, datagram) = entry.remove();
                let end = if to == Role::Server { &mut *server } else { &mut *client };
                let _ = end.handle_dtls(self.now, &datagram);
            }
            client.handle_timeout(self.now);
            server.handle_timeout(self.now);
        }
    }
}

fn seeds() -> std::ops::Range<u64> {
    match std::env::var("SIMULATION_SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => seed..seed + 1,
        None => 0..SEEDS,
    }
}

#[test]
fn a_handshake_gets_through_any_network() {
    for seed in seeds() {
        let mut network = Network::new(seed);
        let mut pair = Pair::introduced(&PROFILES);
        pair.client.open_channels(pair.now);
        let end = pair.now + Duration::from_secs(29);
        pair.run_over(&mut network, end);
        let failures = [&pair.heard_by_client, &pair.heard_by_server].map(|heard| failure(heard));
        assert_eq!(failures, [None, None]);
        assert!(pair.client.is_secure(), "the client never got keys");
        assert!(pair.server.is_secure(), "the server never got keys");
        let mut client = Pair::srtp(&mut pair.heard_by_client);
        let mut server = Pair::srtp(&mut pair.heard_by_server);
        let (plain, header_len) = rtp(7, 1);
        for (from, to) in
            [(&mut client.sealer, &mut server.opener), (&mut server.sealer, &mut client.opener)]
        {
            let mut packet = plain.clone();
            from.seal_rtp(&mut packet, 0, header_len, 0);
            assert_eq!(to.open_rtp(&mut packet).unwrap(), plain);
        }
    }
}

/// For any time: because of a description that is late, or a network that is away.
#[test]
fn a_side_that_is_not_heard_goes_on_repeating() {
    let heard_before_silence: [fn(&mut Pair); 3] = [
        |_| (),
        // Ours goes on with its second ClientHello, and with the flight that answers it.
        |pair| {
            carry(&mut pair.client, &mut pair.server, pair.now);
            carry(&mut pair.server, &mut pair.client, pair.now);
        },
        |pair| {
            for _ in 0..2 {
                carry(&mut pair.client, &mut pair.server, pair.now);
                carry(&mut pair.server, &mut pair.client, pair.now);
            }
        },
    ];
    for begin in heard_before_silence {
        let mut pair = Pair::introduced(&PROFILES);
        begin(&mut pair);
        pair.is_lost = |_| true;
        pair.run(Duration::from_secs(27));
        pair.is_lost = |_| false;
        pair.run(Duration::from_secs(1));
        assert!(pair.client.is_secure() && pair.server.is_secure());
    }
}

/// What one side has to say reaches the other.
fn carry(from: &mut Transport, to: &mut Transport, now: Instant) {
    while let Some(datagram) = from.poll_transmit() {
        to.handle_dtls(now, &datagram).unwrap();
    }
}

/// Whoever repeats a flight has not got the answer to it (RFC 6347, 4.2.4).
#[test]
fn a_repeated_flight_is_answered_at_once() {
    let mut pair = Pair::introduced(&PROFILES);
    carry(&mut pair.client, &mut pair.server, pair.now);
    carry(&mut pair.server, &mut pair.client, pair.now);
    let hello = pair.client.poll_transmit().unwrap();
    let flight =
        |from: &mut Transport| -> Vec<_> { std::iter::from_fn(|| from.poll_transmit()).collect() };
    let mut answers = Vec::new();
    for _ in 0..10 {
        pair.server.handle_dtls(pair.now, &hello).unwrap();
        answers.push(flight(&mut pair.server));
    }
    let mut finals = Vec::new();
    for answer in answers {
        assert!(!answer.is_empty(), "by the server");
        answer.iter().for_each(|part| pair.client.handle_dtls(pair.now, part).unwrap());
        finals.push(flight(&mut pair.client));
    }
    assert!(finals.iter().all(|it| !it.is_empty()), "by the client");
    finals[9].iter().for_each(|part| pair.server.handle_dtls(pair.now, part).unwrap());
    pair.run(Duration::from_secs(1));
    assert!(pair.client.is_secure() && pair.server.is_secure());
}

/// A peer takes a number that it has seen for a replay (RFC 6347, 4.1.2.6).
#[test]
fn no_two_records_in_the_clear_have_the_same_number() {
    let mut pair = Pair::introduced(&PROFILES);
    let mut numbers = std::collections::HashSet::new();
    let mut records = 0;
    let end = pair.now + Duration::from_secs(30);
    for round in 0.. {
        if round == 3 {
            carry(&mut pair.server, &mut pair.client, pair.now);
        }
        while let Some(datagram) = pair.client.poll_transmit() {
            if round > 0 {
                let _ = pair.server.handle_dtls(pair.now, &datagram);
            }
            for record in records::records(&datagram).flatten() {
                records += 1;
                assert!(numbers.insert(record.sequence), "{datagram:?}");
            }
        }
        pair.now = pair.client.poll_timeout().unwrap_or(end);
        if pair.now >= end {
            break;
        }
        pair.client.handle_timeout(pair.now);
    }
    assert!(records > 50, "{records} records");
}

/// A server that repeats its last flight once more than it was asked to gets no answer: it would repeat it again.
#[test]
fn a_client_that_is_done_does_not_answer_the_last_flight() {
    let mut pair = Pair::introduced(&PROFILES);
    let mut last = Vec::new();
    while !pair.client.is_secure() {
        while let Some(datagram) = pair.client.poll_transmit() {
            let _ = pair.server.handle_dtls(pair.now, &datagram);
        }
        last = std::iter::from_fn(|| pair.server.poll_transmit()).collect();
        for datagram in &last {
            let _ = pair.client.handle_dtls(pair.now, datagram);
        }
    }
    for mut datagram in last {
        // A record of its own, or it would count as a replay.
        datagram[10] += 9;
        assert_eq!(pair.client.handle_dtls(pair.now, &datagram), Err(Discard::Stale));
    }
    assert!(pair.client.poll_transmit().is_none());
}

#[test]
fn dtls_that_comes_before_we_begin_is_nothing_to_a_client() {
    let mut pair = Pair::new();
    let server = pair.server.identity.fingerprint().to_owned();
    let alert = [21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 40];
    assert_eq!(pair.client.handle_dtls(pair.now, &alert), Err(Discard::Stale), "of nobody");
    pair.client.expect(pair.now, Role::Client, &server);
    assert_eq!(pair.client.handle_dtls(pair.now, &alert), Err(Discard::Stale), "too early");
    let client = pair.client.identity.fingerprint().to_owned();
    pair.server.expect(pair.now, Role::Server, &client);
    pair.client.connect(pair.now, &PROFILES);
    pair.run(Duration::from_secs(1));
    assert!(pair.client.is_secure() && pair.server.is_secure());
}

#[test]
fn roles_are_for_life() {
    let mut pair = Pair::secure();
    let client = pair.client.identity.fingerprint().to_owned();
    assert!(pair.server.may_be(None, &client));
    assert!(pair.server.may_be(Some(Role::Server), &client));
    assert!(!pair.server.may_be(Some(Role::Client), &client));
    pair.server.expect(pair.now, Role::Client, &client);
    pair.run(Duration::from_secs(1));
    assert_eq!(failure(&pair.heard_by_server), Some("the DTLS roles changed"));
}
