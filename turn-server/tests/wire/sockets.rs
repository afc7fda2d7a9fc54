//! The same over real sockets.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use beckon_turn_server::{Config, Credentials, PeerPolicy, StartError, Turn, password, start};
use rtc_stun::attributes::*;

use crate::ask::{Ask, channel_data};
use crate::guest::{Guest, config, indicated, peer, receive, server};
use crate::stage::{REALM, at};

#[test]
fn data_goes_to_a_peer_and_back() {
    let server = server();
    let (alice, peer) = (Guest::alice(server.addresses()[0]), peer(at("127.0.0.1:0").ip()));
    let relayed = alice.allocates();
    let address = peer.local_addr().unwrap().to_string();
    alice.asks(Ask::permission(&[&address])).success();
    alice.socket.send(&Ask::send(&address, b"to the peer").unsigned()).unwrap();
    assert_eq!(receive(&peer), (b"to the peer".to_vec(), relayed));
    peer.send_to(b"and back", relayed).unwrap();
    assert_eq!(indicated(&receive(&alice.socket).0), b"and back");
}

#[test]
fn a_burst_on_a_channel_arrives_whole_and_in_order() {
    let server = server();
    let (alice, peer) = (Guest::alice(server.addresses()[0]), peer(at("127.0.0.1:0").ip()));
    let relayed = alice.allocates();
    alice.asks(Ask::channel(0x4000, &peer.local_addr().unwrap().to_string())).success();
    for round in 0..20_u8 {
        let lens = [1200, 1200, 1200, 700, 1200, 1, 0, 1200];
        for (at, len) in lens.into_iter().enumerate() {
            let data = [&[round, at as u8][..], &vec![round; len]].concat();
            alice.socket.send(&channel_data(0x4000, &data)).unwrap();
        }
        for (at, len) in lens.into_iter().enumerate() {
            let (data, from) = receive(&peer);
            assert_eq!((data[0], data[1], data.len(), from), (round, at as u8, len + 2, relayed));
            peer.send_to(&data, relayed).unwrap();
        }
        for at in 0..lens.len() {
            let (bytes, _) = receive(&alice.socket);
            assert_eq!(bytes[..2], [0x40, 0]);
            assert_eq!(bytes[4..6], [round, at as u8]);
        }
    }
}

#[test]
fn clients_reach_each_other_by_their_relayed_addresses() {
    // This machine's addresses are not opened, only relayed ones are.
    let peers = PeerPolicy { development: true, ..PeerPolicy::default() };
    let server = start(Config { peers, ..config(&["127.0.0.1:0"]) }).unwrap();
    let (alice, bob) = (Guest::alice(server.addresses()[0]), Guest::bob(server.addresses()[0]));
    let (alices, bobs) = (alice.allocates(), bob.allocates());
    alice.asks(Ask::channel(0x4001, &bobs.to_string())).success();
    bob.asks(Ask::channel(0x4002, &alices.to_string())).success();
    alice.socket.send(&channel_data(0x4001, b"hello bob")).unwrap();
    assert_eq!(receive(&bob.socket).0, channel_data(0x4002, b"hello bob")[..4 + 9]);
    let elsewhere = peer(alices.ip()).local_addr().unwrap().to_string();
    assert_eq!(alice.asks(Ask::channel(0x4003, &elsewhere)).code(), Some(403));
}

#[test]
fn behind_nat_clients_reach_each_other_without_it() {
    let external_ips = vec!["198.51.100.7".parse().unwrap()];
    let config = Config { peers: Default::default(), external_ips, ..config(&["127.0.0.1:0"]) };
    let server = start(config).unwrap();
    let (alice, bob) = (Guest::alice(server.addresses()[0]), Guest::bob(server.addresses()[0]));
    let (alices, bobs) = (alice.allocates(), bob.allocates());
    assert_eq!(alices.ip(), at("198.51.100.7:0").ip());
    bob.asks(Ask::permission(&[&alices.to_string()])).success();
    alice.asks(Ask::permission(&[&bobs.to_string()])).success();
    alice.socket.send(&Ask::send(&bobs.to_string(), b"hello bob").unsigned()).unwrap();
    assert_eq!(indicated(&receive(&bob.socket).0), b"hello bob");
}

#[test]
fn behind_nat_clients_reach_our_media_port_by_either_address() {
    let media = peer(at("127.0.0.1:0").ip());
    let port = media.local_addr().unwrap().port();
    let server = start(Config {
        peers: PeerPolicy {
            media: ["198.51.100.7", "127.0.0.1"].map(|ip| at(&format!("{ip}:{port}"))).to_vec(),
            development: true,
            ..PeerPolicy::default()
        },
        external_ips: vec!["198.51.100.7".parse().unwrap()],
        ..config(&["127.0.0.1:0"])
    })
    .unwrap();
    for ip in ["198.51.100.7", "127.0.0.1"] {
        let alice = Guest::alice(server.addresses()[0]);
        alice.allocates();
        alice.asks(Ask::channel(0x4000, &format!("{ip}:{port}"))).success();
        alice.socket.send(&channel_data(0x4000, b"media")).unwrap();
        let (_, relay) = receive(&media);
        media.send_to(b"back", relay).unwrap();
        assert_eq!(receive(&alice.socket).0, channel_data(0x4000, b"back"), "{ip}");
    }
}

#[test]
fn ipv6_clients_and_peers() {
    let Ok(server) = start(config(&["[::1]:0"])) else {
        eprintln!("this machine has no IPv6");
        return;
    };
    let (alice, peer) = (Guest::alice(server.addresses()[0]), peer(at("[::1]:0").ip()));
    let ask = Ask::allocate().raw(ATTR_REQUESTED_ADDRESS_FAMILY, &[2, 0, 0, 0]);
    let relayed = alice.asks(ask).success().address(ATTR_XOR_RELAYED_ADDRESS);
    let address = peer.local_addr().unwrap().to_string();
    alice.asks(Ask::permission(&[&address])).success();
    alice.socket.send(&Ask::send(&address, b"six").unsigned()).unwrap();
    assert_eq!(receive(&peer), (b"six".to_vec(), relayed));
}

#[test]
fn a_wildcard_listener_answers_from_the_address_it_was_asked_at() {
    let server = start(config(&["0.0.0.0:0"])).unwrap();
    let port = server.addresses()[0].port();
    for ip in ["127.0.0.1", "127.0.0.7"] {
        // Guests hear nobody but whom they asked.
        Guest::alice((ip.parse::<std::net::IpAddr>().unwrap(), port).into());
    }
}

#[test]
fn the_next_port_is_reserved_across_threads() {
    let server = server();
    for _ in 0..8 {
        let (alice, bob) = (Guest::alice(server.addresses()[0]), Guest::bob(server.addresses()[0]));
        let answer = alice.asks(Ask::allocate().raw(ATTR_EVEN_PORT, &[0x80])).success();
        let relayed = answer.address(ATTR_XOR_RELAYED_ADDRESS);
        let token = answer.message.get(ATTR_RESERVATION_TOKEN).unwrap();
        let answer = bob.asks(Ask::allocate().raw(ATTR_RESERVATION_TOKEN, &token)).success();
        let next = answer.address(ATTR_XOR_RELAYED_ADDRESS);
        assert_eq!((relayed.port() % 2, next.port()), (0, relayed.port() + 1));
    }
}

#[test]
fn relayed_ports_are_in_the_range() {
    // Below the ports that the system gives to sockets of its own choice.
    let config = Config { relay_ports: 23_210..=23_217, ..config(&["127.0.0.1:0"]) };
    let server = start(config).unwrap();
    let guests: Vec<_> = (0..8).map(|_| Guest::alice(server.addresses()[0])).collect();
    let ports: HashSet<_> = guests.iter().map(|guest| guest.allocates().port()).collect();
    assert_eq!(ports, (23_210..=23_217).collect());
    assert_eq!(Guest::bob(server.addresses()[0]).asks(Ask::allocate()).code(), Some(508));
    guests[0].asks(Ask::refresh(0)).success();
    Guest::bob(server.addresses()[0]).allocates();
}

#[test]
fn an_ended_allocation_closes_its_port() {
    let server = server();
    let alice = Guest::alice(server.addresses()[0]);
    let relayed = alice.allocates();
    assert!(std::net::UdpSocket::bind(relayed).is_err());
    alice.asks(Ask::refresh(0)).success();
    within("the port is free", || std::net::UdpSocket::bind(relayed).is_ok());
    assert_eq!(server.allocations(), 0);
}

#[test]
fn a_persons_allocations_can_be_ended() {
    let server = server();
    let (alice, bob) = (Guest::alice(server.addresses()[0]), Guest::bob(server.addresses()[0]));
    alice.allocates();
    bob.allocates();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(server.revoke("alice", Duration::from_secs(60)));
    within("alice's is gone", || server.allocations() == 1);
    bob.asks(Ask::refresh(600)).success();
    assert_eq!(alice.asks(Ask::refresh(600)).code(), Some(437));
}

/// As behind a proxy on the same machine, whose other services must not be reached through it.
#[test]
fn a_relay_that_is_heard_on_loopback_alone_sends_nothing_there() {
    let service = peer(at("127.0.0.1:0").ip());
    service.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let service_at = service.local_addr().unwrap();
    let media = vec![at("127.0.0.1:7881")];
    let peers = PeerPolicy { media, ..PeerPolicy::default() };
    let server = start(Config { peers, ..config(&["127.0.0.1:0"]) }).unwrap();
    let (alice, bob) = (Guest::alice(server.addresses()[0]), Guest::bob(server.addresses()[0]));
    alice.allocates();
    let bobs = bob.allocates().to_string();
    let inside = ["127.0.0.1:7881", "127.0.0.2:80", "10.0.0.1:80", "192.168.0.1:80", &bobs];
    for closed in inside.into_iter().map(str::to_owned).chain([service_at.to_string()]) {
        assert_eq!(alice.asks(Ask::permission(&[&closed])).code(), Some(403), "{closed}");
        assert_eq!(alice.asks(Ask::channel(0x4000, &closed)).code(), Some(403), "{closed}");
        alice.socket.send(&Ask::send(&closed, b"inside?").unsigned()).unwrap();
    }
    assert!(service.recv_from(&mut [0; 100]).is_err(), "nothing came");
}

#[test]
fn allocations_end_where_descriptors_do() {
    let server = start(Config { sockets_max: 40, ..config(&["127.0.0.1:0"]) }).unwrap();
    let address = server.addresses()[0];
    let asks = |person: fn(std::net::SocketAddr) -> Guest, asks: usize| -> Vec<_> {
        let guests = std::iter::repeat_with(|| person(address)).take(asks);
        guests.map(|guest| (guest.asks(Ask::allocate()).code(), guest)).collect()
    };
    let alices = asks(Guest::alice, 12);
    let refused: Vec<_> = alices.iter().filter_map(|(code, _)| *code).collect();
    assert_eq!(refused, [486; 4], "one of four at most is hers");
    let bobs = asks(Guest::bob, 8);
    assert!(bobs.iter().all(|(code, _)| code.is_none()), "there is room for others");
}

#[test]
fn who_was_sent_away_stays_away_over_a_restart() {
    let file = std::env::temp_dir().join(format!("beckon-turn-revoked-{}", std::process::id()));
    let end = std::time::SystemTime::now() + Duration::from_secs(600);
    let end = end.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let [carol, dora] = ["carol/call", "dora/call"].map(|holder| format!("{end}:{holder}"));
    let start = || {
        let credentials = Credentials::new(REALM, vec!["north".into()], []);
        let revoked_file = Some(file.clone());
        start(Config { credentials, revoked_file, ..config(&["127.0.0.1:0"]) }).unwrap()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let is_let_in = |server: &Turn, name: &str| {
        let guest = Guest::named(name, &password("north", name), server.addresses()[0]);
        guest.exchange(&guest.signed(Ask::allocate())).code().is_none()
    };
    let server = start();
    assert!(is_let_in(&server, &carol));
    runtime.block_on(server.revoke("carol/call", Duration::from_secs(600)));
    drop(server);
    let server = start();
    assert!(!is_let_in(&server, &carol) && is_let_in(&server, &dora));
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn an_address_in_use_is_told() {
    let server = server();
    let taken = server.addresses()[0];
    let again = Config { udp: vec![taken], ..config(&[]) };
    match start(again) {
        Err(StartError::Listen(address, _)) => assert_eq!(address, taken),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_server_that_is_dropped_is_gone() {
    let server = server();
    let address = server.addresses()[0];
    drop(server);
    std::net::UdpSocket::bind(address).unwrap();
}

/// Waits until something is so.
#[track_caller]
pub(crate) fn within(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !is_so() {
        assert!(Instant::now() < end, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_challenge_is_hardly_longer_than_what_it_answers() {
    let server = server();
    let socket = peer(at("127.0.0.1:0").ip());
    socket.connect(server.addresses()[0]).unwrap();
    let asked = Ask::allocate().unsigned();
    socket.send(&asked).unwrap();
    let answer = receive(&socket).0;
    assert!(answer.len() <= 140, "{} bytes for {}", answer.len(), asked.len());
}
