//! A client of a TURN relay: does what it must to relay over UDP, and waits for each answer.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use rtc_stun::attributes::*;
use rtc_stun::error_code::ErrorCodeAttribute;
use rtc_stun::message::*;
use rtc_stun::textattrs::TextAttribute;
use rtc_stun::xoraddr::XorMappedAddress;
use rtc_turn::proto::PROTO_UDP;
use rtc_turn::proto::channum::ChannelNumber;
use rtc_turn::proto::lifetime::Lifetime;
use rtc_turn::proto::reqtrans::RequestedTransport;
use sha1::Sha1;

/// A request is repeated so often, and so long after the one before (RFC 8489, 6.2.1).
const ATTEMPTS: u32 = 7;
const RETRY: Duration = Duration::from_millis(500);

/// Somebody with a name, a password and a socket of their own.
#[derive(Debug)]
pub struct TurnClient {
    socket: UdpSocket,
    name: String,
    password: String,
    realm: String,
    nonce: String,
}

impl TurnClient {
    /// Somebody who has not said anything yet.
    pub fn connect(server: SocketAddr, name: &str, password: &str) -> io::Result<TurnClient> {
        let any: SocketAddr =
            if server.is_ipv6() { ([0; 16], 0).into() } else { ([0; 4], 0).into() };
        let socket = UdpSocket::bind(any)?;
        socket.connect(server)?;
        socket.set_read_timeout(Some(RETRY))?;
        Ok(TurnClient {
            socket,
            name: name.to_owned(),
            password: password.to_owned(),
            realm: String::new(),
            nonce: String::new(),
        })
    }

    /// Where ChannelData goes out and comes in.
    pub fn socket(&self) -> &UdpSocket {
        &self.socket
    }

    /// Makes an allocation and returns the relayed address.
    pub fn allocate(&mut self) -> io::Result<SocketAddr> {
        let transport = RequestedTransport { protocol: PROTO_UDP };
        let answer = self.ask(METHOD_ALLOCATE, |request| transport.add_to(request))?;
        let mut relayed = XorMappedAddress::default();
        relayed.get_from_as(&answer, ATTR_XOR_RELAYED_ADDRESS).map_err(io::Error::other)?;
        Ok((relayed.ip, relayed.port).into())
    }

    /// Binds a channel to a peer.
    pub fn bind_channel(&mut self, number: u16, peer: SocketAddr) -> io::Result<()> {
        self.ask(METHOD_CHANNEL_BIND, |request| {
            let peer = XorMappedAddress { ip: peer.ip(), port: peer.port() };
            peer.add_to_as(request, ATTR_XOR_PEER_ADDRESS)?;
            ChannelNumber(number).add_to(request)
        })?;
        Ok(())
    }

    /// Ends the allocation.
    pub fn end(&mut self) -> io::Result<()> {
        self.ask(METHOD_REFRESH, |request| Lifetime(Duration::ZERO).add_to(request)).map(drop)
    }

    /// An unauthenticated Allocate, as forgers send it.
    pub fn forged_request() -> Vec<u8> {
        let mut request = request(METHOD_ALLOCATE);
        request.add(ATTR_REQUESTED_TRANSPORT, &[PROTO_UDP.0, 0, 0, 0]);
        request.raw
    }

    /// Asks, and asks again with the server's nonce when that is what it wants.
    fn ask(
        &mut self,
        method: Method,
        fill: impl Fn(&mut Message) -> rtc_shared::error::Result<()>,
    ) -> io::Result<Message> {
        for _ in 0..2 {
            let mut request = request(method);
            fill(&mut request).map_err(io::Error::other)?;
            if !self.nonce.is_empty() {
                self.sign(&mut request);
            }
            let answer = self.exchange(&request)?;
            let mut refused = ErrorCodeAttribute::default();
            match refused.get_from(&answer) {
                Err(_) => return Ok(answer),
                Ok(()) if matches!(refused.code.0, 401 | 438) => self.take_challenge(&answer)?,
                Ok(()) => return Err(io::Error::other(format!("refused: {refused}"))),
            }
        }
        Err(io::Error::other("the credentials are not accepted"))
    }

    fn take_challenge(&mut self, answer: &Message) -> io::Result<()> {
        let text = |kind| TextAttribute::get_from_as(answer, kind).map_err(io::Error::other);
        self.realm = text(ATTR_REALM)?.text;
        self.nonce = text(ATTR_NONCE)?.text;
        Ok(())
    }

    fn sign(&self, request: &mut Message) {
        request.add(ATTR_USERNAME, self.name.as_bytes());
        request.add(ATTR_REALM, self.realm.as_bytes());
        request.add(ATTR_NONCE, self.nonce.as_bytes());
        // The key of the long-term credential mechanism (RFC 8489, 9.2.2).
        let key = Md5::digest([&*self.name, &self.realm, &self.password].join(":"));
        // The length as if integrity were there already (RFC 8489, 14.5).
        request.length += 24;
        request.write_length();
        let mac = Hmac::<Sha1>::new_from_slice(&key).expect("HMAC takes any key");
        let mac = mac.chain_update(&request.raw).finalize().into_bytes();
        request.length -= 24;
        request.add(ATTR_MESSAGE_INTEGRITY, &mac);
    }

    /// Sends until the answer to this request comes. Whatever else comes is for nobody.
    fn exchange(&self, request: &Message) -> io::Result<Message> {
        let mut buffer = [0; 2048];
        for _ in 0..ATTEMPTS {
            self.socket.send(&request.raw)?;
            while let Ok(len) = self.socket.recv(&mut buffer) {
                let mut answer = Message::new();
                let is_read = answer.unmarshal_binary(buffer.get(..len).unwrap_or_default());
                if is_read.is_ok() && answer.transaction_id == request.transaction_id {
                    return Ok(answer);
                }
            }
        }
        Err(io::ErrorKind::TimedOut.into())
    }
}

fn request(method: Method) -> Message {
    let mut request = Message::new();
    request.set_type(MessageType::new(method, CLASS_REQUEST));
    request.transaction_id = TransactionId::new();
    request.write_header();
    request
}
