//! Making, refreshing and ending allocations.

use std::time::{Duration, Instant};

use rtc_stun::attributes::*;
use rtc_stun::message::{METHOD_ALLOCATE, METHOD_REFRESH};
use rtc_turn::proto::PROTO_UDP;
use rtc_turn::proto::lifetime::Lifetime;
use rtc_turn::proto::reqtrans::RequestedTransport;
use rtc_turn::proto::rsrvtoken::ReservationToken;

use super::authentication::Authentic;
use super::requests::Outcome;
use super::{Pending, Relay};
use crate::allocation::{Allocation, LIFETIME_DEFAULT, LIFETIME_MAX};
use crate::answer::Answer;
use crate::client::Client;
use crate::credentials::Key;
use crate::opening::{Opened, Opening, Port, RelayKey};
use crate::outbox::{Act, Outbox, To};
use crate::refusal::Refusal;
use crate::request::Request;
use crate::wire::TransactionId;

impl Relay {
    /// RFC 8656, 7.2, in the order of its checks.
    pub(super) fn begin_allocate(
        &mut self,
        now: Instant,
        client: Client,
        request: &Request,
        authentic: &Authentic,
        out: &mut Outbox,
    ) -> Result<Outcome, Refusal> {
        if let Some(pending) = self.pending.get(&client) {
            let is_repeated = pending.transaction == request.transaction();
            return if is_repeated { Ok(Outcome::Later) } else { Err(Refusal::AllocationMismatch) };
        }
        self.handle_timeout(now, out);
        if self.by_client.contains_key(&client) {
            return Err(Refusal::AllocationMismatch);
        }
        let transport = request.get::<RequestedTransport>(ATTR_REQUESTED_TRANSPORT)?;
        if transport.ok_or(Refusal::BadRequest)?.protocol != PROTO_UDP {
            return Err(Refusal::UnsupportedTransport);
        }
        let opening = self.opening(request)?;
        let lifetime = lifetime(request)?.unwrap_or_default();
        let person = self.shared.credentials.person(&authentic.username);
        let pending = Pending {
            transaction: request.transaction(),
            key: authentic.key.clone(),
            username: authentic.username.clone(),
            share: self.shared.quotas.take(person)?,
            lifetime: lifetime.clamp(LIFETIME_DEFAULT, LIFETIME_MAX),
        };
        self.pending.insert(client, pending);
        out.act(Act::Open(client, opening));
        Ok(Outcome::Later)
    }

    /// What relayed address an Allocate asks for.
    fn opening(&self, request: &Request) -> Result<Opening, Refusal> {
        let family = family(request)?;
        let port = port(request)?;
        let token = request.get::<ReservationToken>(ATTR_RESERVATION_TOKEN)?;
        if let Some(token) = token {
            if family.is_some() || port != Port::Any {
                return Err(Refusal::BadRequest);
            }
            let token = token.0.try_into().map_err(|_| Refusal::BadRequest)?;
            return Ok(Opening::Reserved { token });
        }
        let is_ipv6 = family == Some(Family::Ipv6);
        let families = self.shared.families;
        if !(if is_ipv6 { families.ipv6 } else { families.ipv4 }) {
            return Err(Refusal::AddressFamilyNotSupported);
        }
        Ok(Opening::Fresh { is_ipv6, port })
    }

    pub(super) fn allocate(
        &mut self,
        now: Instant,
        client: Client,
        pending: Pending,
        opened: Opened,
        out: &mut Outbox,
    ) -> RelayKey {
        let Pending { transaction, key, username, share, lifetime } = pending;
        let expires = now + lifetime;
        let relayed = opened.relayed;
        let relay =
            self.allocations.insert(Allocation::new(client, username, share, relayed, expires));
        self.by_client.insert(client, relay);
        self.expiries.insert((expires, relay));
        self.shared.peers.add_relayed(relayed);
        self.stats.made += 1;
        let mut answer = Answer::success(METHOD_ALLOCATE, transaction)
            .with_address(ATTR_XOR_RELAYED_ADDRESS, relayed)
            .with(&Lifetime(lifetime))
            .with_address(ATTR_XORMAPPED_ADDRESS, client.address);
        if let Some(token) = opened.token {
            answer = answer.with_bytes(ATTR_RESERVATION_TOKEN, &token);
        }
        let answer = answer.seal(Some(&key));
        if !client.is_stream() {
            self.answers.remember(now, (client, transaction), &answer);
        }
        out.datagram(To::Client(client), &answer);
        relay
    }

    /// No port was free, or no such reservation (RFC 8656, 7.2).
    pub(super) fn refuse_allocate(
        &mut self,
        client: Client,
        transaction: TransactionId,
        key: &Key,
        out: &mut Outbox,
    ) {
        let refusal = Refusal::InsufficientCapacity;
        self.stats.count(&refusal);
        let answer = Answer::refusal(METHOD_ALLOCATE, transaction, &refusal).seal(Some(key));
        out.datagram(To::Client(client), &answer);
    }

    /// RFC 8656, 8.2.
    pub(super) fn refresh(
        &mut self,
        now: Instant,
        client: Client,
        request: &Request,
        authentic: &Authentic,
        out: &mut Outbox,
    ) -> Result<Outcome, Refusal> {
        let (key, allocation) = self.own(now, &client, authentic)?;
        let is_ipv6 = allocation.relayed.is_ipv6();
        let family = family(request)?;
        if family.is_some_and(|family| (family == Family::Ipv6) != is_ipv6) {
            return Err(Refusal::PeerFamilyMismatch);
        }
        let answer = Answer::success(METHOD_REFRESH, request.transaction());
        let wanted = lifetime(request)?.unwrap_or(LIFETIME_DEFAULT);
        if wanted.is_zero() {
            self.remove(key, out);
            return Ok(Outcome::Remember(answer.with(&Lifetime(wanted))));
        }
        let lifetime = wanted.clamp(LIFETIME_DEFAULT, LIFETIME_MAX);
        self.expire_at(key, now + lifetime);
        Ok(Outcome::Answer(answer.with(&Lifetime(lifetime))))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Ipv4,
    Ipv6,
}

/// EVEN-PORT (RFC 8656, 18.7). rtc-turn's type does not tell whether the next one is to be reserved.
fn port(request: &Request) -> Result<Port, Refusal> {
    match request.values(ATTR_EVEN_PORT).next() {
        None => Ok(Port::Any),
        Some([flags]) if flags & 0x80 == 0 => Ok(Port::Even),
        Some([_]) => Ok(Port::EvenAndNext),
        Some(_) => Err(Refusal::BadRequest),
    }
}

/// REQUESTED-ADDRESS-FAMILY (RFC 8656, 18.6). rtc-turn's type cannot tell a wrong length from an unknown family.
fn family(request: &Request) -> Result<Option<Family>, Refusal> {
    match request.values(ATTR_REQUESTED_ADDRESS_FAMILY).next() {
        None => Ok(None),
        Some([1, _, _, _]) => Ok(Some(Family::Ipv4)),
        Some([2, _, _, _]) => Ok(Some(Family::Ipv6)),
        Some([_, _, _, _]) => Err(Refusal::AddressFamilyNotSupported),
        Some(_) => Err(Refusal::BadRequest),
    }
}

fn lifetime(request: &Request) -> Result<Option<Duration>, Refusal> {
    Ok(request.get::<Lifetime>(ATTR_LIFETIME)?.map(|lifetime| lifetime.0))
}
