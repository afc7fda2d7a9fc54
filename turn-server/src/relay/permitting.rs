//! Permissions and channels.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use rtc_stun::attributes::{ATTR_CHANNEL_NUMBER, ATTR_XOR_PEER_ADDRESS};
use rtc_stun::message::{METHOD_CHANNEL_BIND, METHOD_CREATE_PERMISSION};
use rtc_turn::proto::channum::ChannelNumber;

use super::Relay;
use super::authentication::Authentic;
use super::requests::Outcome;
use crate::answer::Answer;
use crate::client::Client;
use crate::refusal::Refusal;
use crate::request::Request;
use crate::wire::{self, CHANNELS};

impl Relay {
    /// RFC 8656, 10.2: all of its peers, or none.
    pub(super) fn create_permission(
        &mut self,
        now: Instant,
        client: Client,
        request: &Request,
        authentic: &Authentic,
    ) -> Result<Outcome, Refusal> {
        let (key, allocation) = self.own(now, &client, authentic)?;
        let peers = peers(request)?;
        if !peers.iter().all(|peer| allocation.is_reachable(*peer)) {
            return Err(Refusal::PeerFamilyMismatch);
        }
        let ips: Vec<IpAddr> = peers.iter().map(SocketAddr::ip).collect();
        if !ips.iter().all(|ip| self.shared.peers.may_permit(*ip)) {
            return Err(Refusal::Forbidden);
        }
        let limits = self.shared.quotas.limits();
        let Some(allocation) = self.allocations.get_mut(key) else {
            return Err(Refusal::AllocationMismatch);
        };
        allocation.permit(now, &ips, limits)?;
        let answer = Answer::success(METHOD_CREATE_PERMISSION, request.transaction());
        Ok(Outcome::Answer(answer))
    }

    /// RFC 8656, 12.2.
    pub(super) fn channel_bind(
        &mut self,
        now: Instant,
        client: Client,
        request: &Request,
        authentic: &Authentic,
    ) -> Result<Outcome, Refusal> {
        let (key, allocation) = self.own(now, &client, authentic)?;
        let number = request.get::<ChannelNumber>(ATTR_CHANNEL_NUMBER)?;
        let number = number.filter(|number| CHANNELS.contains(&number.0));
        let number = number.ok_or(Refusal::BadRequest)?.0;
        let peer = *peers(request)?.first().ok_or(Refusal::BadRequest)?;
        if !allocation.is_reachable(peer) {
            return Err(Refusal::PeerFamilyMismatch);
        }
        if !self.shared.peers.may_send(peer) {
            return Err(Refusal::Forbidden);
        }
        let limits = self.shared.quotas.limits();
        let Some(allocation) = self.allocations.get_mut(key) else {
            return Err(Refusal::AllocationMismatch);
        };
        allocation.bind(now, number, peer, limits)?;
        Ok(Outcome::Answer(Answer::success(METHOD_CHANNEL_BIND, request.transaction())))
    }
}

/// All peers of a request, of which there must be one (RFC 8656, 10.2). rtc-turn's type reads the first only.
fn peers(request: &Request) -> Result<Vec<SocketAddr>, Refusal> {
    let transaction = request.transaction();
    let values = request.values(ATTR_XOR_PEER_ADDRESS);
    let peers: Option<Vec<_>> =
        values.map(|value| wire::read_xor_address(value, &transaction)).collect();
    peers.filter(|peers| !peers.is_empty()).ok_or(Refusal::BadRequest)
}
