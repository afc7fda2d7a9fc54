//! TURN over TCP and TLS: here, over a pipe of bytes.

use std::sync::Arc;
use std::time::Duration;

use beckon_turn_server::{Client, Config, Door, To, Turn, start};
use rtc_stun::attributes::*;
use rtc_stun::message::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::task::JoinHandle;

use crate::ask::{Answer, Ask, channel_data};
use crate::guest::{config, peer, receive, server, signed};
use crate::sockets::within;
use crate::stage::at;

/// A client at the other end of a connection.
struct Caller {
    stream: DuplexStream,
    /// Ends with the connection.
    served: JoinHandle<()>,
    nonce: String,
}

/// Of a server that has not much of it.
const PATIENCE: Duration = Duration::from_millis(500);

fn impatient() -> Arc<Turn> {
    let config = Config { stream_patience: PATIENCE, ..config(&["127.0.0.1:0"]) };
    Arc::new(start(config).unwrap())
}

const REMOTE: &str = "62.1.1.1:5555";

impl Caller {
    fn connect(server: &Arc<Turn>) -> Caller {
        let (stream, theirs) = duplex(64 * 1024);
        let server = server.clone();
        let served = tokio::spawn(async move { server.stream(theirs, at(REMOTE)).await });
        Caller { stream, served, nonce: String::new() }
    }

    async fn with_allocation(server: &Arc<Turn>) -> (Caller, std::net::SocketAddr) {
        let mut caller = Caller::connect(server);
        caller.stream.write_all(&Ask::allocate().unsigned()).await.unwrap();
        caller.nonce = caller.answer().await.text(ATTR_NONCE);
        let relayed = caller.asks(Ask::allocate()).await.success();
        (caller, relayed.address(ATTR_XOR_RELAYED_ADDRESS))
    }

    async fn asks(&mut self, ask: Ask) -> Answer {
        self.stream.write_all(&self.signed(ask)).await.unwrap();
        self.answer().await
    }

    fn signed(&self, ask: Ask) -> Vec<u8> {
        signed(ask, "alice", "a", &self.nonce)
    }

    async fn answer(&mut self) -> Answer {
        let client = Client { address: at(REMOTE), door: Door::Stream(0) };
        Answer::only(&vec![(To::Client(client), self.message().await)])
    }

    /// The next message, cut out of the stream.
    async fn message(&mut self) -> Vec<u8> {
        let mut message = vec![0; 4];
        self.stream.read_exact(&mut message).await.unwrap();
        let len = usize::from(u16::from_be_bytes([message[2], message[3]]));
        let rest = if message[0] < 0x40 { 16 + len } else { len.next_multiple_of(4) };
        message.resize(4 + rest, 0);
        self.stream.read_exact(&mut message[4..]).await.unwrap();
        message
    }

    /// The server closes the connection.
    async fn ends(mut self) {
        let mut rest = Vec::new();
        let _ = self.stream.read_to_end(&mut rest).await;
        self.served.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn data_goes_to_a_peer_and_back() {
    let server = Arc::new(server());
    let (mut caller, relayed) = Caller::with_allocation(&server).await;
    let peer = peer(at("127.0.0.1:0").ip());
    caller.asks(Ask::channel(0x4000, &peer.local_addr().unwrap().to_string())).await.success();
    for data in [&b"abc"[..], b"", b"12345678", &[7; 5000]] {
        caller.stream.write_all(&channel_data(0x4000, data)).await.unwrap();
        assert_eq!(receive(&peer), (data.to_vec(), relayed));
        peer.send_to(data, relayed).unwrap();
        assert_eq!(caller.message().await, channel_data(0x4000, data), "padded");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_may_be_cut_at_every_byte() {
    let server = Arc::new(server());
    let (mut caller, relayed) = Caller::with_allocation(&server).await;
    let peer = peer(at("127.0.0.1:0").ip());
    let address = peer.local_addr().unwrap().to_string();
    caller.asks(Ask::channel(0x4000, &address)).await.success();
    let messages = [
        channel_data(0x4000, b"one"),
        Ask::send(&address, b"two").unsigned(),
        channel_data(0x4000, b"three"),
    ];
    let bytes = messages.concat();
    for cut in 1..bytes.len() {
        for part in [&bytes[..cut], &bytes[cut..]] {
            caller.stream.write_all(part).await.unwrap();
            tokio::task::yield_now().await;
        }
        for data in ["one", "two", "three"] {
            assert_eq!(receive(&peer), (data.as_bytes().to_vec(), relayed), "cut at {cut}");
        }
    }
    for byte in &bytes {
        caller.stream.write_all(&[*byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    for data in ["one", "two", "three"] {
        assert_eq!(receive(&peer).0, data.as_bytes());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn binding_works_over_a_stream() {
    let server = Arc::new(server());
    let mut caller = Caller::connect(&server);
    caller.stream.write_all(&Ask::new(METHOD_BINDING).unsigned()).await.unwrap();
    assert_eq!(caller.answer().await.address(ATTR_XORMAPPED_ADDRESS), at(REMOTE));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_connection_ends_its_allocation() {
    let server = Arc::new(server());
    let (caller, _) = Caller::with_allocation(&server).await;
    assert_eq!(server.allocations(), 1);
    drop(caller);
    within("the allocation is gone", || server.allocations() == 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_allocation_closes_its_connection() {
    let server = Arc::new(server());
    let (mut caller, _) = Caller::with_allocation(&server).await;
    assert_eq!(caller.asks(Ask::refresh(0)).await.success().lifetime_s(), 0);
    caller.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_is_removed_loses_the_connection() {
    let server = Arc::new(server());
    let (caller, _) = Caller::with_allocation(&server).await;
    server.revoke("alice", Duration::from_secs(60)).await;
    caller.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_turn_ends_the_connection() {
    let server = Arc::new(server());
    for nonsense in [&[0x80, 0, 0, 0][..], &[0xff; 100], b"\xc0\xff\xee\0"] {
        let mut caller = Caller::connect(&server);
        caller.stream.write_all(nonsense).await.unwrap();
        caller.ends().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_may_not_begin_a_long_message() {
    let server = Arc::new(server());
    let mut caller = Caller::connect(&server);
    let long = [&[0, 1, 0xff, 0xfc][..], &[0; 6000]].concat();
    caller.stream.write_all(&long).await.unwrap();
    caller.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_stranger_ends() {
    Caller::connect(&impatient()).ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_who_drips_ends() {
    let mut caller = Caller::connect(&impatient());
    let bytes = Ask::new(METHOD_BINDING).text(ATTR_SOFTWARE, &"slow".repeat(100)).unsigned();
    let dripped = async {
        for drop in bytes.chunks(1) {
            tokio::time::sleep(PATIENCE / 10).await;
            caller.stream.write_all(drop).await?;
        }
        std::io::Result::Ok(())
    };
    assert!(dripped.await.is_err(), "all of it was taken");
    caller.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_message_ends_the_connection_of_a_client_too() {
    let (mut caller, _) = Caller::with_allocation(&impatient()).await;
    caller.stream.write_all(&channel_data(0x4000, b"whole")[..6]).await.unwrap();
    caller.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_delays_nobody() {
    let server = Arc::new(server());
    let (mut slow, slows) = Caller::with_allocation(&server).await;
    let (mut caller, relayed) = Caller::with_allocation(&server).await;
    let peer = peer(at("127.0.0.1:0").ip());
    let address = peer.local_addr().unwrap().to_string();
    slow.asks(Ask::channel(0x4000, &address)).await.success();
    caller.asks(Ask::channel(0x4000, &address)).await.success();
    for _ in 0..500 {
        peer.send_to(&[1; 1200], slows).unwrap();
    }
    peer.send_to(b"quick", relayed).unwrap();
    assert_eq!(caller.message().await, channel_data(0x4000, b"quick"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_may_be_silent() {
    let (mut caller, _) = Caller::with_allocation(&impatient()).await;
    tokio::time::sleep(PATIENCE * 2).await;
    caller.asks(Ask::refresh(600)).await.success();
}
