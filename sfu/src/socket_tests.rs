use std::net::UdpSocket as Peer;

use beckon_sfu_core::outgoing::Path;

use super::*;

fn bound(address: &str) -> (Socket, u16) {
    let socket = Socket::bind(address.parse().unwrap()).unwrap();
    let port = socket.local_addr().unwrap().port();
    (socket, port)
}

fn peer(address: &str) -> Peer {
    let peer = Peer::bind(address).unwrap();
    peer.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    peer
}

/// Receives until `count` datagrams have come: where from, where to, what.
fn received(socket: &mut Socket, count: usize) -> Vec<(SocketAddr, Option<IpAddr>, Vec<u8>)> {
    let mut datagrams = Vec::new();
    let mut poll = mio::Poll::new().unwrap();
    let interest = mio::Interest::READABLE;
    poll.registry().register(&mut socket.io, mio::Token(0), interest).unwrap();
    while datagrams.len() < count {
        socket.receive(|from, to, datagram| datagrams.push((from, to, datagram.to_vec()))).unwrap();
        if datagrams.len() < count {
            let mut events = mio::Events::with_capacity(1);
            poll.poll(&mut events, Some(Duration::from_secs(5))).unwrap();
            assert!(!events.is_empty(), "{} of {count} datagrams came", datagrams.len());
        }
    }
    poll.registry().deregister(&mut socket.io).unwrap();
    datagrams
}

fn expect(peer: &Peer, contents: &[u8]) -> SocketAddr {
    let mut buffer = [0; 2000];
    let (length, from) = peer.recv_from(&mut buffer).unwrap();
    assert_eq!(&buffer[..length], contents);
    from
}

#[test]
fn a_train_arrives_as_the_datagrams_it_is_made_of() {
    let (mut socket, _) = bound("127.0.0.1:0");
    let peer = peer("127.0.0.1:0");
    let contents = [[1; 1000].as_slice(), &[2; 1000], &[3; 700]].concat();
    let to = peer.local_addr().unwrap();
    socket.send(&Transmit {
        path: Path { remote: to, local: None },
        contents: &contents,
        segment: Some(1000),
    });
    expect(&peer, &[1; 1000]);
    expect(&peer, &[2; 1000]);
    expect(&peer, &[3; 700]);
}

#[test]
fn datagrams_that_the_kernel_joined_are_told_apart() {
    let ((mut here, port), (mut there, _)) = (bound("127.0.0.1:0"), bound("127.0.0.1:0"));
    let contents = [[1; 500].as_slice(), &[2; 500], &[3; 20]].concat();
    let to = SocketAddr::from(([127, 0, 0, 1], port));
    there.send(&Transmit {
        path: Path { remote: to, local: None },
        contents: &contents,
        segment: Some(500),
    });
    let datagrams: Vec<_> =
        received(&mut here, 3).into_iter().map(|(_, _, datagram)| datagram).collect();
    assert_eq!(datagrams, [vec![1; 500], vec![2; 500], vec![3; 20]]);
}

#[test]
fn an_answer_comes_from_the_address_that_was_asked() {
    for listen in ["0.0.0.0:0", "[::]:0"] {
        let (mut socket, port) = bound(listen);
        let peer = peer("127.0.0.1:0");
        peer.send_to(b"ask", ("127.0.0.2", port)).unwrap();
        let (from, asked, datagram) = received(&mut socket, 1).remove(0);
        assert_eq!(from, peer.local_addr().unwrap(), "in its own form, on {listen}");
        assert_eq!((asked, datagram.as_slice()), (Some([127, 0, 0, 2].into()), &b"ask"[..]));
        socket.send(&Transmit {
            path: Path { remote: from, local: asked },
            contents: b"answer",
            segment: None,
        });
        assert_eq!(expect(&peer, b"answer"), SocketAddr::from(([127, 0, 0, 2], port)));
    }
}

#[test]
fn what_the_kernel_refuses_is_counted_and_trains_go_on() {
    let (mut socket, _) = bound("127.0.0.1:0");
    let contents = [0; 2400];
    let to = "[2001:db8::1]:9".parse().unwrap();
    socket.send(&Transmit {
        path: Path { remote: to, local: None },
        contents: &contents,
        segment: Some(1200),
    });
    assert_eq!(socket.unsent().unsendable, 2);
    assert!(socket.trains);
}
