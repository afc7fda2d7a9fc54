//! STUN Binding messages as ICE uses them (RFC 8489, RFC 8445), read in place without allocation.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

mod attribute {
    pub(super) const MAPPED_ADDRESS: u16 = 0x0001;
    pub(super) const USERNAME: u16 = 0x0006;
    pub(super) const MESSAGE_INTEGRITY: u16 = 0x0008;
    pub(super) const ERROR_CODE: u16 = 0x0009;
    pub(super) const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
    pub(super) const REALM: u16 = 0x0014;
    pub(super) const NONCE: u16 = 0x0015;
    pub(super) const MESSAGE_INTEGRITY_SHA256: u16 = 0x001c;
    pub(super) const XOR_MAPPED_ADDRESS: u16 = 0x0020;
    pub(super) const PRIORITY: u16 = 0x0024;
    pub(super) const USE_CANDIDATE: u16 = 0x0025;
    pub(super) const FINGERPRINT: u16 = 0x8028;
    pub(super) const ICE_CONTROLLED: u16 = 0x8029;
    pub(super) const ICE_CONTROLLING: u16 = 0x802a;
}
use attribute::*;

const HEADER_LEN: usize = 20;
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const BINDING: u16 = 0x0001;
/// MESSAGE-INTEGRITY with its attribute header.
const INTEGRITY_LEN: usize = 24;
const FINGERPRINT_LEN: usize = 8;
const FINGERPRINT_XOR: u32 = 0x5354_554e;

/// The class of a STUN message (RFC 8489, section 5), as its bits in the message type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Request = 0x000,
    Indication = 0x010,
    Success = 0x100,
    Error = 0x110,
}

/// A well-formed Binding message. Nothing in it is to be believed before [`verified`](Message::verified).
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    datagram: &'a [u8],
    class: Class,
    transaction: &'a [u8; 12],
    username: Option<&'a str>,
    mapped_address: Option<SocketAddr>,
    error: Option<u16>,
    use_candidate: bool,
    controlling: bool,
    controlled: bool,
    unknown_required: Option<u16>,
    /// Where MESSAGE-INTEGRITY starts.
    integrity: Option<usize>,
}

/// Reads a datagram; `None` if it is not STUN Binding, or broken.
pub fn read(datagram: &[u8]) -> Option<Message<'_>> {
    let (header, attributes) = datagram.split_at_checked(HEADER_LEN)?;
    let kind = u16_at(header, 0)?;
    let len = usize::from(u16_at(header, 2)?);
    if header.get(4..8)? != COOKIE || len != attributes.len() || !len.is_multiple_of(4) {
        return None;
    }
    let mut message = Message {
        datagram,
        class: class(kind)?,
        transaction: header.get(8..)?.try_into().ok()?,
        username: None,
        mapped_address: None,
        error: None,
        use_candidate: false,
        controlling: false,
        controlled: false,
        unknown_required: None,
        integrity: None,
    };
    let mut at = HEADER_LEN;
    while at < datagram.len() {
        let len = usize::from(u16_at(datagram, at + 2)?);
        let value = datagram.get(at + 4..at + 4 + len)?;
        message.take(u16_at(datagram, at)?, at, value)?;
        at += 4 + len.next_multiple_of(4);
    }
    (at == datagram.len()).then_some(message)
}

impl<'a> Message<'a> {
    /// Bytes of the datagram.
    pub fn size(&self) -> usize {
        self.datagram.len()
    }

    pub fn class(&self) -> Class {
        self.class
    }

    pub fn transaction(&self) -> &'a [u8; 12] {
        self.transaction
    }

    /// Whom the request is for and who sent it: the receiver's and the sender's ufrag (RFC 8445, 7.2.2).
    pub fn username(&self) -> Option<(&'a str, &'a str)> {
        self.username?.split_once(':')
    }

    pub fn use_candidate(&self) -> bool {
        self.use_candidate
    }

    pub fn controlling(&self) -> bool {
        self.controlling
    }

    pub fn controlled(&self) -> bool {
        self.controlled
    }

    /// XOR-MAPPED-ADDRESS of a success response.
    pub fn mapped_address(&self) -> Option<SocketAddr> {
        self.mapped_address
    }

    /// The code of an error response.
    pub fn error(&self) -> Option<u16> {
        self.error
    }

    /// A comprehension-required attribute that we do not know (RFC 8489, 6.3.1).
    pub fn unknown_required(&self) -> Option<u16> {
        self.unknown_required
    }

    /// Whether MESSAGE-INTEGRITY is there and made with this password (RFC 8489, 14.5).
    pub fn verified(&self, password: &str) -> bool {
        let check = || {
            let at = self.integrity?;
            let mut mac = keyed(password);
            mac.update(self.datagram.get(..2)?);
            // The length as if MESSAGE-INTEGRITY were the last attribute.
            mac.update(&u16::try_from(at + INTEGRITY_LEN - HEADER_LEN).ok()?.to_be_bytes());
            mac.update(self.datagram.get(4..at)?);
            mac.verify_slice(self.datagram.get(at + 4..at + INTEGRITY_LEN)?).ok()
        };
        check().is_some()
    }

    fn take(&mut self, kind: u16, at: usize, value: &'a [u8]) -> Option<()> {
        // What follows MESSAGE-INTEGRITY is not covered by it, and only FINGERPRINT may.
        if self.integrity.is_some() && kind != FINGERPRINT {
            return Some(());
        }
        match kind {
            USERNAME => self.username = Some(std::str::from_utf8(value).ok()?),
            MESSAGE_INTEGRITY if value.len() == INTEGRITY_LEN - 4 => self.integrity = Some(at),
            MESSAGE_INTEGRITY => return None,
            ERROR_CODE => self.error = Some(error_code(value)?),
            XOR_MAPPED_ADDRESS => self.mapped_address = Some(self.unmask(value)?),
            USE_CANDIDATE => self.use_candidate = true,
            ICE_CONTROLLED => self.controlled = true,
            ICE_CONTROLLING => self.controlling = true,
            FINGERPRINT => self.check_fingerprint(at, value)?,
            MAPPED_ADDRESS
            | UNKNOWN_ATTRIBUTES
            | REALM
            | NONCE
            | MESSAGE_INTEGRITY_SHA256
            | PRIORITY => {}
            _ if kind < 0x8000 => self.unknown_required = self.unknown_required.or(Some(kind)),
            _ => {}
        }
        Some(())
    }

    /// FINGERPRINT is the last attribute and right (RFC 8489, 14.7).
    fn check_fingerprint(&self, at: usize, value: &[u8]) -> Option<()> {
        let crc = u32::from_be_bytes(value.try_into().ok()?) ^ FINGERPRINT_XOR;
        let last = at + FINGERPRINT_LEN == self.datagram.len();
        (last && crc32fast::hash(self.datagram.get(..at)?) == crc).then_some(())
    }

    fn unmask(&self, value: &[u8]) -> Option<SocketAddr> {
        let mask = mask(self.transaction);
        let port = u16_at(value, 2)? ^ u16::from_be_bytes([COOKIE[0], COOKIE[1]]);
        let unmasked = |n: usize| {
            std::array::from_fn::<u8, 16, _>(|i| if i < n { value[4 + i] ^ mask[i] } else { 0 })
        };
        let ip = match (value.get(1)?, value.len()) {
            (1, 8) => {
                let [a, b, c, d, ..] = unmasked(4);
                IpAddr::V4(Ipv4Addr::new(a, b, c, d))
            }
            (2, 20) => IpAddr::V6(Ipv6Addr::from(unmasked(16))),
            _ => return None,
        };
        Some(SocketAddr::new(ip, port))
    }
}

/// A Binding success response, appended to `out`.
pub fn write_success(
    out: &mut Vec<u8>,
    transaction: &[u8; 12],
    mapped: SocketAddr,
    password: &str,
) {
    let start = write_header(out, Class::Success, transaction);
    let mask = mask(transaction);
    let port = (mapped.port() ^ u16::from_be_bytes([COOKIE[0], COOKIE[1]])).to_be_bytes();
    let mut value = [0; 20];
    value[2..4].copy_from_slice(&port);
    let mut fill = |family: u8, ip: &[u8]| {
        value[1] = family;
        for (masked, (byte, mask)) in value[4..].iter_mut().zip(ip.iter().zip(mask)) {
            *masked = byte ^ mask;
        }
        4 + ip.len()
    };
    let len = match mapped.ip() {
        IpAddr::V4(ip) => fill(1, &ip.octets()),
        IpAddr::V6(ip) => fill(2, &ip.octets()),
    };
    write_attribute(out, XOR_MAPPED_ADDRESS, &value[..len]);
    seal(out, start, password);
}

/// A Binding error response, appended to `out`: 420 names the attribute, others have none to name.
pub fn write_error(
    out: &mut Vec<u8>,
    transaction: &[u8; 12],
    code: u16,
    unknown: Option<u16>,
    password: &str,
) {
    let start = write_header(out, Class::Error, transaction);
    let [class, number] = [(code / 100) as u8, (code % 100) as u8];
    write_attribute(out, ERROR_CODE, &[0, 0, class, number]);
    if let Some(unknown) = unknown {
        write_attribute(out, UNKNOWN_ATTRIBUTES, &unknown.to_be_bytes());
    }
    seal(out, start, password);
}

/// What an agent says in a connectivity check (RFC 8445, 7.1).
#[derive(Clone, Copy, Debug)]
pub struct Check<'a> {
    pub transaction: &'a [u8; 12],
    /// Of the receiver of the check.
    pub remote_ufrag: &'a str,
    pub local_ufrag: &'a str,
    pub priority: u32,
    pub tie_breaker: u64,
    pub role: IceRole,
    /// The receiver's password.
    pub password: &'a str,
}

/// Who of two agents decides on the path (RFC 8445, 6.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IceRole {
    Controlled,
    Controlling { use_candidate: bool },
}

/// A Binding request, appended to `out`.
pub fn write_request(out: &mut Vec<u8>, check: &Check<'_>) {
    let start = write_header(out, Class::Request, check.transaction);
    let username = [check.remote_ufrag, ":", check.local_ufrag].concat();
    write_attribute(out, USERNAME, username.as_bytes());
    write_attribute(out, PRIORITY, &check.priority.to_be_bytes());
    let role = if check.role == IceRole::Controlled { ICE_CONTROLLED } else { ICE_CONTROLLING };
    write_attribute(out, role, &check.tie_breaker.to_be_bytes());
    if check.role == (IceRole::Controlling { use_candidate: true }) {
        write_attribute(out, USE_CANDIDATE, &[]);
    }
    seal(out, start, check.password);
}

fn class(kind: u16) -> Option<Class> {
    let classes = [Class::Request, Class::Indication, Class::Success, Class::Error];
    classes.into_iter().find(|class| kind == BINDING | *class as u16)
}

fn error_code(value: &[u8]) -> Option<u16> {
    let (class, number) = (value.get(2)? & 7, *value.get(3)?);
    Some(u16::from(class) * 100 + u16::from(number))
}

/// What addresses are XORed with: the cookie, then the transaction id.
fn mask(transaction: &[u8; 12]) -> [u8; 16] {
    std::array::from_fn(|i| if i < 4 { COOKIE[i] } else { transaction[i - 4] })
}

fn write_header(out: &mut Vec<u8>, class: Class, transaction: &[u8; 12]) -> usize {
    let start = out.len();
    out.extend_from_slice(&(BINDING | class as u16).to_be_bytes());
    out.extend_from_slice(&[0; 2]);
    out.extend_from_slice(&COOKIE);
    out.extend_from_slice(transaction);
    start
}

fn write_attribute(out: &mut Vec<u8>, kind: u16, value: &[u8]) {
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&(value.len() as u16).to_be_bytes());
    out.extend_from_slice(value);
    out.resize(out.len() + value.len().next_multiple_of(4) - value.len(), 0);
}

/// Ends the message with MESSAGE-INTEGRITY and FINGERPRINT, each computed with the length that includes itself.
fn seal(out: &mut Vec<u8>, start: usize, password: &str) {
    set_len(out, start, INTEGRITY_LEN);
    let mut mac = keyed(password);
    mac.update(&out[start..]);
    write_attribute(out, MESSAGE_INTEGRITY, &mac.finalize().into_bytes());
    set_len(out, start, FINGERPRINT_LEN);
    let crc = crc32fast::hash(&out[start..]) ^ FINGERPRINT_XOR;
    write_attribute(out, FINGERPRINT, &crc.to_be_bytes());
}

fn set_len(out: &mut [u8], start: usize, more: usize) {
    let len = (out.len() - start - HEADER_LEN + more) as u16;
    out[start + 2..start + 4].copy_from_slice(&len.to_be_bytes());
}

fn keyed(password: &str) -> Hmac<Sha1> {
    Hmac::new_from_slice(password.as_bytes()).expect("HMAC takes a key of any length")
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

#[cfg(test)]
mod tests;
