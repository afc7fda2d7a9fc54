//! What a DTLS server sends in the clear: a HelloVerifyRequest, or everything from ServerHello to ServerHelloDone
//! (RFC 6347, 4.2.4, flights 2 and 4), put together from datagrams in any order.

use bytes::BytesMut;

use super::assembly::{HandshakeMessage, assemble};
use super::records::{
    HANDSHAKE, HELLO_VERIFY_REQUEST, Record, SERVER_HELLO, SERVER_HELLO_DONE, VERSION, records,
};

/// ServerHello, Certificate, CertificateStatus, ServerKeyExchange, CertificateRequest and ServerHelloDone are all that a
/// flight may have (RFC 5246, 7.3 and RFC 6066, 8).
const MESSAGES_MAX: u16 = 6;

/// A whole flight, as one record.
#[derive(Debug, PartialEq, Eq)]
pub struct ServerFlight {
    pub datagram: BytesMut,
    pub messages: u16,
    /// Our certificate answers it, and not another ClientHello.
    pub is_last: bool,
}

/// Looks for the flight that begins with message number `first`.
pub fn read<D: AsRef<[u8]>>(datagrams: &[D], first: u16) -> Option<ServerFlight> {
    let mut messages: Vec<HandshakeMessage> = Vec::new();
    for sequence in first..first.checked_add(MESSAGES_MAX)? {
        let is_first = sequence == first;
        let message = assemble(datagrams, |fragment| {
            let begins = matches!(fragment.message_type, SERVER_HELLO | HELLO_VERIFY_REQUEST);
            fragment.message_sequence == sequence && begins == is_first
        })?;
        let is_last = message.message_type == SERVER_HELLO_DONE;
        let ends = is_last || message.message_type == HELLO_VERIFY_REQUEST;
        messages.push(message);
        if ends {
            return write(datagrams, &messages, is_last);
        }
    }
    None
}

/// `None` if no record can hold the messages.
fn write<D: AsRef<[u8]>>(
    datagrams: &[D],
    messages: &[HandshakeMessage],
    is_last: bool,
) -> Option<ServerFlight> {
    let mut payload = Vec::new();
    messages.iter().for_each(|message| message.write(&mut payload));
    // Any number that the server has used will do: none of these records reaches the endpoint.
    let newest = datagrams.last()?;
    let Record { sequence, .. } = records(newest.as_ref()).next()??;
    let mut datagram = BytesMut::with_capacity(13 + payload.len());
    datagram.extend_from_slice(&[HANDSHAKE]);
    datagram.extend_from_slice(&VERSION);
    datagram.extend_from_slice(&[0, 0]);
    datagram.extend_from_slice(&sequence);
    datagram.extend_from_slice(&u16::try_from(payload.len()).ok()?.to_be_bytes());
    datagram.extend_from_slice(&payload);
    Some(ServerFlight { datagram, messages: messages.len() as u16, is_last })
}

#[cfg(test)]
mod tests;
