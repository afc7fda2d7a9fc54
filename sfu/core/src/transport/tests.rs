//! A client and a server on a virtual clock, with a network between them that may lose, hold and alter.

mod networks;

use super::*;
use crate::srtp::Srtp;
use crate::srtp::stage::{PROFILES, rtp};

/// A client, a server, and the time they share.
struct Pair {
    now: Instant,
    client: Transport,
    server: Transport,
    heard_by_client: Vec<TransportEvent>,
    heard_by_server: Vec<TransportEvent>,
    /// Whether the nth datagram is lost.
    is_lost: fn(usize) -> bool,
    sent: usize,
}

impl Pair {
    fn new() -> Pair {
        Pair {
            now: Instant::now(),
            client: Transport::new(&Identity::generate()),
            server: Transport::new(&Identity::generate()),
            heard_by_client: Vec::new(),
            heard_by_server: Vec::new(),
            is_lost: |_| false,
            sent: 0,
        }
    }

    fn introduced(profiles: &[Profile]) -> Pair {
        let mut pair = Pair::new();
        let client = pair.client.identity.fingerprint().to_owned();
        let server = pair.server.identity.fingerprint().to_owned();
        pair.server.expect(pair.now, Role::Server, &client);
        pair.client.expect(pair.now, Role::Client, &server);
        pair.client.connect(pair.now, profiles);
        pair
    }

    fn secure() -> Pair {
        let mut pair = Pair::introduced(&PROFILES);
        pair.run(Duration::from_secs(1));
        assert!(pair.client.is_secure() && pair.server.is_secure());
        pair
    }

    fn with_channels() -> Pair {
        let mut pair = Pair::secure();
        pair.client.open_channels(pair.now);
        pair.run(Duration::from_secs(1));
        assert!(pair.heard_by_server.iter().any(|e| matches!(e, TransportEvent::ChannelsOpen)));
        pair
    }

    /// Lets the two talk for so long.
    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            while self.deliver() {}
            let timeouts = [self.client.poll_timeout(), self.server.poll_timeout()];
            match timeouts.into_iter().flatten().min().filter(|next| *next <= end) {
                Some(next) => self.now = next.max(self.now),
                None => break,
            }
            self.client.handle_timeout(self.now);
            self.server.handle_timeout(self.now);
        }
        self.now = end;
    }

    /// Carries what is under way; false if that is nothing.
    fn deliver(&mut self) -> bool {
        let mut any = false;
        let (client, server) = (&mut self.client, &mut self.server);
        for forth in [true, false] {
            let (from, to) =
                if forth { (&mut *client, &mut *server) } else { (&mut *server, &mut *client) };
            while let Some(datagram) = from.poll_transmit() {
                any = true;
                self.sent += 1;
                if !(self.is_lost)(self.sent) {
                    let _ = to.handle_dtls(self.now, &datagram);
                }
            }
        }
        self.heard_by_client.extend(std::iter::from_fn(|| client.poll_event()));
        self.heard_by_server.extend(std::iter::from_fn(|| server.poll_event()));
        any
    }

    /// What a side heard on its channels.
    fn data(events: &[TransportEvent]) -> Vec<(DataKind, Bytes)> {
        let data = |event: &TransportEvent| match event {
            TransportEvent::Data { kind, payload } => Some((*kind, payload.clone())),
            _ => None,
        };
        events.iter().filter_map(data).collect()
    }

    fn srtp(events: &mut Vec<TransportEvent>) -> Srtp {
        let secure = events.iter().position(|event| matches!(event, TransportEvent::Secure(_)));
        match events.remove(secure.expect("a secure transport")) {
            TransportEvent::Secure(srtp) => *srtp,
            _ => unreachable!("the event was just found"),
        }
    }
}

fn failure(events: &[TransportEvent]) -> Option<&'static str> {
    events.iter().find_map(|event| match event {
        TransportEvent::Failed(why) => Some(*why),
        _ => None,
    })
}

#[test]
fn media_flows_both_ways_with_the_best_profile_of_the_client() {
    let offers: [&[Profile]; 4] =
        [&PROFILES, &[PROFILES[1], PROFILES[0]], &PROFILES[..1], &PROFILES[1..]];
    for offered in offers {
        let mut pair = Pair::introduced(offered);
        pair.run(Duration::from_secs(1));
        let mut client = Pair::srtp(&mut pair.heard_by_client);
        let mut server = Pair::srtp(&mut pair.heard_by_server);
        let gcm = offered.contains(&Profile::AeadAes128Gcm);
        assert_eq!(server.sealer.rtp_overhead(), if gcm { 16 } else { 10 });
        for (from, to) in
            [(&mut client.sealer, &mut server.opener), (&mut server.sealer, &mut client.opener)]
        {
            let (plain, header_len) = rtp(7, 1);
            let mut packet = plain.clone();
            from.seal_rtp(&mut packet, 0, header_len, 0);
            assert_eq!(to.open_rtp(&mut packet).unwrap(), plain);
        }
    }
}

#[test]
fn a_wrong_fingerprint_gives_no_keys() {
    for fooled_is_server in [true, false] {
        let mut pair = Pair::new();
        let client = pair.client.identity.fingerprint().to_owned();
        let server = pair.server.identity.fingerprint().to_owned();
        let stranger = Identity::generate().fingerprint().to_owned();
        pair.server.expect(
            pair.now,
            Role::Server,
            if fooled_is_server { &stranger } else { &client },
        );
        pair.client.expect(
            pair.now,
            Role::Client,
            if fooled_is_server { &server } else { &stranger },
        );
        pair.client.connect(pair.now, &PROFILES);
        pair.run(Duration::from_secs(1));
        let fooled = if fooled_is_server { &pair.heard_by_server } else { &pair.heard_by_client };
        assert_eq!(failure(fooled), Some("the certificate is not the promised one"));
        assert!(!fooled.iter().any(|event| matches!(event, TransportEvent::Secure(_))));
    }
}

#[test]
fn dtls_before_the_description_is_held_back() {
    let mut pair = Pair::new();
    let server = pair.server.identity.fingerprint().to_owned();
    pair.client.expect(pair.now, Role::Client, &server);
    pair.client.connect(pair.now, &PROFILES);
    pair.run(Duration::from_secs(2));
    assert!(pair.server.poll_transmit().is_none() && !pair.client.is_secure());
    let client = pair.client.identity.fingerprint().to_owned();
    pair.server.expect(pair.now, Role::Server, &client);
    pair.run(Duration::from_secs(1));
    assert!(pair.client.is_secure() && pair.server.is_secure());
}

#[test]
fn the_handshake_survives_steady_loss() {
    let losses: [fn(usize) -> bool; 4] =
        [|n| n % 3 == 0, |n| n % 3 == 1, |n| n % 3 == 2, |n| n % 5 < 2];
    for (at, is_lost) in losses.into_iter().enumerate() {
        let mut pair = Pair::introduced(&PROFILES);
        pair.is_lost = is_lost;
        pair.run(Duration::from_secs(10));
        assert!(pair.client.is_secure() && pair.server.is_secure(), "{at}: {}", pair.sent);
    }
}

#[test]
fn the_handshake_survives_the_loss_of_any_datagram() {
    let losses: [fn(usize) -> bool; 6] =
        [|n| n == 1, |n| n == 2, |n| n == 3, |n| n == 4, |n| n == 5, |n| n == 6];
    for is_lost in losses {
        let mut pair = Pair::introduced(&PROFILES);
        pair.is_lost = is_lost;
        pair.run(Duration::from_secs(5));
        assert!(pair.client.is_secure() && pair.server.is_secure(), "{}", pair.sent);
    }
}

/// The record of a ClientHello as two, each with a fragment of it, as browsers send it.
fn torn(hello: &[u8]) -> [Vec<u8>; 2] {
    let (header, body) = hello.split_at(25);
    let half = body.len() / 2;
    [(0, &body[..half]), (half, &body[half..])].map(|(offset, part)| {
        let mut record = header.to_vec();
        record[10] = 2 * record[10] + u8::from(offset > 0);
        record[11..13].copy_from_slice(&(12 + part.len() as u16).to_be_bytes());
        record[19..22].copy_from_slice(&(offset as u32).to_be_bytes()[1..]);
        record[22..25].copy_from_slice(&(part.len() as u32).to_be_bytes()[1..]);
        record.extend_from_slice(part);
        record
    })
}

#[test]
fn a_client_hello_may_come_in_two_datagrams() {
    let mut pair = Pair::introduced(&[PROFILES[1], PROFILES[0]]);
    for _ in 0..2 {
        let hello = pair.client.poll_transmit().unwrap();
        for part in torn(&hello) {
            pair.server.handle_dtls(pair.now, &part).unwrap();
        }
        while let Some(answer) = pair.server.poll_transmit() {
            pair.client.handle_dtls(pair.now, &answer).unwrap();
        }
    }
    pair.run(Duration::from_secs(1));
    assert_eq!(Pair::srtp(&mut pair.heard_by_server).sealer.rtp_overhead(), 16);
}

/// A browser repeats its ClientHello sooner than we repeat our flight, which must not keep us from it.
#[test]
fn an_impatient_client_gets_its_answer() {
    let mut pair = Pair::introduced(&PROFILES);
    let hello = pair.client.poll_transmit().unwrap();
    pair.server.handle_dtls(pair.now, &hello).unwrap();
    let cookie = pair.server.poll_transmit().unwrap();
    pair.client.handle_dtls(pair.now, &cookie).unwrap();
    let mut hello = pair.client.poll_transmit().unwrap();
    pair.server.handle_dtls(pair.now, &hello).unwrap();
    assert!(pair.server.poll_transmit().is_some(), "an answer, which is lost");
    for repetition in 100..105 {
        // A record of its own, or it would count as a replay.
        hello[10] = repetition;
        let _ = pair.server.handle_dtls(pair.now, &hello);
    }
    pair.run(Duration::from_millis(600));
    assert!(pair.client.is_secure() && pair.server.is_secure());
}

#[test]
fn a_handshake_without_end_fails() {
    let mut pair = Pair::introduced(&PROFILES);
    pair.is_lost = |n| n > 1;
    pair.run(Duration::from_secs(31));
    assert!(failure(&pair.heard_by_server).is_some());
    assert!(failure(&pair.heard_by_client).is_some());
    assert_eq!(pair.server.poll_timeout(), None);

    let mut alone = Pair::new();
    alone.server.expect(alone.now, Role::Server, "sha-256 00");
    alone.run(Duration::from_secs(29));
    assert_eq!(failure(&alone.heard_by_server), None);
    alone.run(Duration::from_secs(2));
    assert_eq!(failure(&alone.heard_by_server), Some("the DTLS handshake took too long"));
}

#[test]
fn garbage_before_the_handshake_does_not_prevent_it() {
    let mut pair = Pair::new();
    let client = pair.client.identity.fingerprint().to_owned();
    let server = pair.server.identity.fingerprint().to_owned();
    pair.server.expect(pair.now, Role::Server, &client);
    for byte in 0..20 {
        let record = [22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, byte];
        let _ = pair.server.handle_dtls(pair.now, &record);
        let _ =
            pair.server.handle_dtls(pair.now, &[20, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, byte]);
    }
    pair.client.expect(pair.now, Role::Client, &server);
    pair.client.connect(pair.now, &PROFILES);
    pair.run(Duration::from_secs(5));
    assert!(pair.client.is_secure() && pair.server.is_secure());
}

#[test]
fn a_goodbye_is_heard() {
    let mut pair = Pair::secure();
    pair.client.close(pair.now);
    pair.run(Duration::from_secs(1));
    assert!(matches!(pair.heard_by_server.last(), Some(TransportEvent::Closed)));
    assert_eq!(pair.server.handle_dtls(pair.now, &[20; 20]), Err(Discard::Stale));
}

#[test]
fn another_fingerprint_later_is_refused() {
    let mut pair = Pair::secure();
    let client = pair.client.identity.fingerprint().to_lowercase();
    pair.server.expect(pair.now, Role::Server, &client);
    assert!(pair.server.is_secure());
    pair.server.expect(pair.now, Role::Server, "sha-256 00");
    pair.run(Duration::from_secs(1));
    assert_eq!(failure(&pair.heard_by_server), Some("the certificate changed"));
}

#[test]
fn messages_flow_both_ways_on_channels_of_the_client() {
    let mut pair = Pair::with_channels();
    let large = Bytes::from(vec![7; 64 * 1024]);
    for kind in [DataKind::Reliable, DataKind::Lossy] {
        pair.client.send_data(pair.now, kind, &Bytes::from_static(b"up")).unwrap();
        pair.server.send_data(pair.now, kind, &Bytes::from_static(b"down")).unwrap();
        pair.server.send_data(pair.now, kind, &large).unwrap();
        pair.run(Duration::from_secs(1));
    }
    let up = Bytes::from_static(b"up");
    let down = Bytes::from_static(b"down");
    let (reliable, lossy) = (DataKind::Reliable, DataKind::Lossy);
    assert_eq!(Pair::data(&pair.heard_by_server), [(reliable, up.clone()), (lossy, up)]);
    assert_eq!(
        Pair::data(&pair.heard_by_client),
        [(reliable, down.clone()), (reliable, large.clone()), (lossy, down), (lossy, large)]
    );
}

#[test]
fn channels_that_never_come_about_are_told_once() {
    let mut pair = Pair::secure();
    pair.is_lost = |_| true;
    pair.client.open_channels(pair.now);
    pair.run(Duration::from_secs(600));
    let told = |event: &&TransportEvent| matches!(event, TransportEvent::ChannelsLost(_));
    assert_eq!(pair.heard_by_client.iter().filter(told).count(), 1);
}

#[test]
fn the_server_opens_the_channels_if_it_is_asked_to() {
    let mut pair = Pair::introduced(&PROFILES);
    pair.server.open_channels(pair.now);
    pair.run(Duration::from_secs(1));
    pair.client.associate(pair.now);
    pair.run(Duration::from_secs(1));
    for heard in [&pair.heard_by_client, &pair.heard_by_server] {
        assert!(heard.iter().any(|event| matches!(event, TransportEvent::ChannelsOpen)));
    }
    let hello = Bytes::from_static(b"hello");
    pair.server.send_data(pair.now, DataKind::Lossy, &hello).unwrap();
    pair.run(Duration::from_secs(1));
    assert_eq!(Pair::data(&pair.heard_by_client), [(DataKind::Lossy, hello)]);
}

#[test]
fn reliable_messages_survive_loss_in_order() {
    let mut pair = Pair::with_channels();
    pair.is_lost = |n| n % 4 == 0;
    let messages: Vec<Bytes> = (0..100u8).map(|n| vec![n; 3000].into()).collect();
    for message in &messages {
        pair.client.send_data(pair.now, DataKind::Reliable, message).unwrap();
    }
    pair.run(Duration::from_secs(200));
    let heard = Pair::data(&pair.heard_by_server);
    assert_eq!(heard.into_iter().map(|(_, payload)| payload).collect::<Vec<_>>(), messages);
}

#[test]
fn messages_have_limits() {
    let mut pair = Pair::secure();
    let small = Bytes::from_static(b"small");
    let large = Bytes::from(vec![0; 64 * 1024]);
    let too_large = Bytes::from(vec![0; 64 * 1024 + 1]);
    let send = |pair: &mut Pair, kind, payload| pair.server.send_data(pair.now, kind, payload);
    assert_eq!(send(&mut pair, DataKind::Reliable, &small), Err(DataError::NotOpen));
    pair.client.open_channels(pair.now);
    pair.run(Duration::from_secs(1));
    assert_eq!(send(&mut pair, DataKind::Reliable, &too_large), Err(DataError::TooLarge));

    pair.is_lost = |_| true;
    let taken =
        (0..1000).take_while(|_| send(&mut pair, DataKind::Reliable, &large).is_ok()).count();
    assert!((60..=66).contains(&taken), "{taken} of 64 KiB each");
    assert_eq!(send(&mut pair, DataKind::Reliable, &small), Err(DataError::Full));
    let taken = (0..1000).take_while(|_| send(&mut pair, DataKind::Lossy, &large).is_ok()).count();
    assert!((4..=6).contains(&taken), "{taken} of 64 KiB each");
}
