use slotmap::SlotMap;

use super::*;

/// Two connections in each of two rooms.
fn owners() -> [[Owner; 2]; 2] {
    let mut rooms: SlotMap<RoomKey, ()> = SlotMap::with_key();
    let mut participants: SlotMap<ParticipantKey, ()> = SlotMap::with_key();
    [(); 2].map(|()| {
        let (room, participant) = (rooms.insert(()), participants.insert(()));
        [Side::Publisher, Side::Subscriber].map(|side| Owner { room, participant, side })
    })
}

fn address(port: u16) -> SocketAddr {
    ([192, 0, 2, 1], port).into()
}

#[test]
fn the_first_bytes_say_what_a_datagram_is() {
    let classes = [
        (&[0, 1][..], DatagramKind::Stun),
        (&[3, 1], DatagramKind::Stun),
        (&[4, 1], DatagramKind::Unknown),
        (&[22, 254], DatagramKind::Dtls),
        (&[63, 254], DatagramKind::Dtls),
        (&[64, 0], DatagramKind::Unknown),
        (&[0x80, 96], DatagramKind::Rtp),
        (&[0x90, 111 | 0x80], DatagramKind::Rtp),
        (&[0x80, 200], DatagramKind::Rtcp),
        (&[0x8f, 206], DatagramKind::Rtcp),
        (&[192, 0], DatagramKind::Unknown),
        (&[], DatagramKind::Unknown),
    ];
    for (datagram, class) in classes {
        assert_eq!(classify(datagram), class, "{datagram:?}");
    }
}

/// A check for the connection with this ufrag, and the answer to one of ours.
fn stun_messages(ufrag: &str) -> [Vec<u8>; 2] {
    let check = stun::Check {
        transaction: &[7; 12],
        remote_ufrag: ufrag,
        local_ufrag: "client",
        priority: 1,
        tie_breaker: 2,
        role: stun::IceRole::Controlling { use_candidate: false },
        password: "secret",
    };
    let (mut request, mut answer) = (Vec::new(), Vec::new());
    stun::write_request(&mut request, &check);
    stun::write_success(&mut answer, &[7; 12], address(9), "secret");
    [request, answer]
}

#[test]
fn a_check_names_its_connection_and_all_else_is_known_by_its_address() {
    let [[owner, other], _] = owners();
    let mut demux = Demux::default();
    demux.expect("here", owner);
    demux.learn(Instant::now(), address(1), other);
    let [mut request, mut answer] = stun_messages("here");
    let (found, datagram) = demux.route(&address(1), &mut request).unwrap();
    assert_eq!(found, owner, "wherever it comes from");
    assert!(matches!(datagram, Datagram::Stun(message) if message.class() == stun::Class::Request));
    assert!(matches!(
        demux.route(&address(1), &mut answer),
        Ok((found, Datagram::Stun(message)))
            if found == other && message.class() == stun::Class::Success
    ));
    let mut records = [22, 254];
    let found = demux.route(&address(1), &mut records);
    assert!(matches!(found, Ok((owner, Datagram::Dtls([22, 254]))) if owner == other));
    let mut media = [0x80, 96];
    let found = demux.route(&address(1), &mut media);
    assert!(matches!(found, Ok((owner, Datagram::Rtp([0x80, 96]))) if owner == other));
    assert_eq!(demux.route(&address(2), &mut answer).err(), Some(Discard::UnknownSource));
    let [mut stranger, _] = stun_messages("elsewhere");
    assert_eq!(demux.route(&address(1), &mut stranger).err(), Some(Discard::UnknownUfrag));
    stranger.pop();
    assert_eq!(demux.route(&address(1), &mut stranger).err(), Some(Discard::Malformed));
}

#[test]
fn a_connection_is_found_by_its_ufrag_and_its_addresses_until_it_ends() {
    let [[owner, other], _] = owners();
    let mut demux = Demux::default();
    demux.expect("here", owner);
    demux.expect("there", other);
    demux.learn(Instant::now(), address(1), owner);
    assert_eq!((demux.by_ufrag("here"), demux.by_ufrag("there")), (Some(owner), Some(other)));
    assert_eq!((demux.by_address(&address(1)), demux.by_address(&address(2))), (Some(owner), None));
    demux.forget_address(&address(1), other);
    assert_eq!(demux.by_address(&address(1)), Some(owner), "not the other's to forget");
    demux.forget_address(&address(1), owner);
    demux.forget_ufrag("here");
    demux.forget_ufrag("there");
    assert!(demux.is_empty());
}

#[test]
fn an_address_is_nobody_elses_while_checks_come_from_it() {
    let [[owner, other], _] = owners();
    let start = Instant::now();
    let mut demux = Demux::default();
    assert!(!demux.is_taken(start, &address(1), other));
    demux.learn(start, address(1), owner);
    let later = start + Duration::from_secs(9);
    assert!(demux.is_taken(later, &address(1), other));
    assert!(!demux.is_taken(later, &address(1), owner));
    demux.learn(later, address(1), owner);
    assert!(demux.is_taken(start + Duration::from_secs(18), &address(1), other));
    assert!(!demux.is_taken(start + Duration::from_secs(19), &address(1), other));
}

#[test]
fn a_room_that_ends_takes_its_entries_along() {
    let [[owner, _], [other, _]] = owners();
    let mut demux = Demux::default();
    for (at, owner) in [(1, owner), (2, owner), (3, other)] {
        demux.learn(Instant::now(), address(at), owner);
        demux.expect(&at.to_string(), owner);
    }
    demux.forget_room(owner.room);
    assert_eq!(demux.len(), 2);
    assert_eq!(demux.by_address(&address(3)), Some(other));
}
