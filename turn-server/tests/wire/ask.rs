//! Messages as a client makes and reads them.

use std::net::SocketAddr;

use hmac::{Hmac, KeyInit, Mac};
use rtc_stun::attributes::*;
use rtc_stun::error_code::ErrorCodeAttribute;
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::message::*;
use rtc_stun::textattrs::TextAttribute;
use rtc_stun::xoraddr::XorMappedAddress;
use rtc_turn::proto::PROTO_UDP;
use rtc_turn::proto::chandata::ChannelData;
use rtc_turn::proto::channum::ChannelNumber;
use rtc_turn::proto::lifetime::Lifetime;
use rtc_turn::proto::reqtrans::RequestedTransport;
use sha1::Sha1;
use sha2::Sha256;

use beckon_turn_server::{Client, To};

use crate::stage::{Sent, at};

/// A request in the making.
#[derive(Clone)]
pub(crate) struct Ask(pub(crate) Message);

impl Ask {
    pub(crate) fn new(method: Method) -> Ask {
        Ask::of(MessageType::new(method, CLASS_REQUEST))
    }

    pub(crate) fn of(kind: MessageType) -> Ask {
        let mut message = Message::new();
        message.set_type(kind);
        message.write_header();
        message.new_transaction_id().unwrap();
        Ask(message)
    }

    pub(crate) fn allocate() -> Ask {
        Ask::new(METHOD_ALLOCATE).with(&RequestedTransport { protocol: PROTO_UDP })
    }

    pub(crate) fn refresh(seconds: u64) -> Ask {
        let lifetime = Lifetime(std::time::Duration::from_secs(seconds));
        Ask::new(METHOD_REFRESH).with(&lifetime)
    }

    pub(crate) fn permission(peers: &[&str]) -> Ask {
        let ask = Ask::new(METHOD_CREATE_PERMISSION);
        peers.iter().fold(ask, |ask, peer| ask.peer(peer))
    }

    pub(crate) fn channel(number: u16, peer: &str) -> Ask {
        Ask::new(METHOD_CHANNEL_BIND).with(&ChannelNumber(number)).peer(peer)
    }

    /// A Send indication.
    pub(crate) fn send(peer: &str, data: &[u8]) -> Ask {
        Ask::of(MessageType::new(METHOD_SEND, CLASS_INDICATION)).peer(peer).raw(ATTR_DATA, data)
    }

    pub(crate) fn with(mut self, attribute: &dyn Setter) -> Ask {
        attribute.add_to(&mut self.0).unwrap();
        self
    }

    pub(crate) fn raw(mut self, kind: AttrType, value: &[u8]) -> Ask {
        self.0.add(kind, value);
        self
    }

    pub(crate) fn text(self, attr: AttrType, text: &str) -> Ask {
        self.with(&TextAttribute { attr, text: text.into() })
    }

    pub(crate) fn peer(self, peer: &str) -> Ask {
        let peer = at(peer);
        let mut message = self.0;
        let address = XorMappedAddress { ip: peer.ip(), port: peer.port() };
        address.add_to_as(&mut message, ATTR_XOR_PEER_ADDRESS).unwrap();
        Ask(message)
    }

    pub(crate) fn unsigned(self) -> Vec<u8> {
        self.0.raw
    }

    pub(crate) fn signed(self, key: &[u8]) -> Vec<u8> {
        self.sign(key).0.raw
    }

    /// Adds MESSAGE-INTEGRITY.
    pub(crate) fn sign(mut self, key: &[u8]) -> Ask {
        self.set_len_for(24);
        let mac = Hmac::<Sha1>::new_from_slice(key).unwrap();
        let mac = mac.chain_update(&self.0.raw).finalize().into_bytes();
        self.raw(ATTR_MESSAGE_INTEGRITY, &mac)
    }

    /// Adds MESSAGE-INTEGRITY-SHA256, cut down to this length.
    pub(crate) fn sign_sha256(mut self, key: &[u8], len: usize) -> Ask {
        self.set_len_for(4 + len);
        let mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        let mac = mac.chain_update(&self.0.raw).finalize().into_bytes();
        self.raw(ATTR_MESSAGE_INTEGRITY_SHA256, &mac[..len])
    }

    pub(crate) fn fingerprint(self) -> Ask {
        self.with(&FINGERPRINT)
    }

    fn set_len_for(&mut self, more: usize) {
        let len = self.0.length as u16 + more as u16;
        self.0.raw[2..4].copy_from_slice(&len.to_be_bytes());
    }
}

pub(crate) fn channel_data(number: u16, data: &[u8]) -> Vec<u8> {
    let mut message =
        ChannelData { number: ChannelNumber(number), data: data.to_vec(), raw: Vec::new() };
    message.encode();
    message.raw
}

/// What a client got back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) to: Client,
    pub(crate) message: Message,
}

impl Answer {
    /// The one answer there is, which says where it comes from and has a right fingerprint.
    #[track_caller]
    pub(crate) fn only(sent: &Sent) -> Answer {
        let [(To::Client(to), bytes)] = &sent[..] else { panic!("one answer, not {sent:?}") };
        let mut message = Message::new();
        message.unmarshal_binary(bytes).unwrap();
        FINGERPRINT.check(&message).expect("FINGERPRINT");
        assert!(message.contains(ATTR_SOFTWARE));
        Answer { to: *to, message }
    }

    #[track_caller]
    pub(crate) fn success(self) -> Answer {
        assert_eq!(self.code(), None, "refused");
        assert_eq!(self.message.typ.class, CLASS_SUCCESS_RESPONSE);
        self
    }

    pub(crate) fn code(&self) -> Option<u16> {
        let mut code = ErrorCodeAttribute::default();
        code.get_from(&self.message).ok()?;
        assert_eq!(self.message.typ.class, CLASS_ERROR_RESPONSE);
        Some(code.code.0)
    }

    pub(crate) fn has(&self, kind: AttrType) -> bool {
        self.message.contains(kind)
    }

    pub(crate) fn text(&self, kind: AttrType) -> String {
        TextAttribute::get_from_as(&self.message, kind).unwrap().text
    }

    pub(crate) fn address(&self, kind: AttrType) -> SocketAddr {
        let mut address = XorMappedAddress::default();
        address.get_from_as(&self.message, kind).unwrap();
        SocketAddr::new(address.ip, address.port)
    }

    pub(crate) fn lifetime_s(&self) -> u64 {
        let mut lifetime = Lifetime::default();
        lifetime.get_from(&self.message).unwrap();
        lifetime.0.as_secs()
    }

    pub(crate) fn is_signed_with(&self, key: &[u8]) -> bool {
        let Ok(value) = self.message.get(ATTR_MESSAGE_INTEGRITY) else { return false };
        // Behind it comes FINGERPRINT and nothing else.
        let at = self.message.raw.len() - 8 - 24;
        let mut covered = self.message.raw[..at].to_vec();
        covered[2..4].copy_from_slice(&((at + 24 - 20) as u16).to_be_bytes());
        let mac = Hmac::<Sha1>::new_from_slice(key).unwrap().chain_update(&covered);
        mac.verify_slice(&value).is_ok()
    }
}
