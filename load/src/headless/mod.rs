//! A participant without a browser: ICE controlling, either role in DTLS. For tests on a virtual clock and for load.
//!
//! Sans-I/O like the rest, and cheap for each packet it receives, so that one process can be hundreds of them.

pub mod description;
pub mod sources;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use beckon_sfu_api::DataKind;
use bytes::Bytes;

use beckon_sfu_core::ice::IceCredentials;
use beckon_sfu_core::role::Role;
use beckon_sfu_core::rtp;
use beckon_sfu_core::srtp::{Profile, Srtp};
use beckon_sfu_core::stats::DataError;
use beckon_sfu_core::stun::{self, Check, Class};
use beckon_sfu_core::transport::{Identity, Transport, TransportEvent};

/// Between checks until the way is secure; doubled each time up to [`CHECK_INTERVAL_MAX`].
const CHECK_INTERVAL_MIN: Duration = Duration::from_millis(50);
const CHECK_INTERVAL_MAX: Duration = Duration::from_millis(500);
/// Between checks that keep the peer's consent (RFC 7675, 5.1).
const CONSENT_INTERVAL: Duration = Duration::from_secs(5);
/// Without an answer for so long, consent has ended (RFC 7675, 5.1).
const CONSENT_TIME_MAX: Duration = Duration::from_secs(30);
/// Of a host candidate, as RFC 8445, 5.1.2.1 computes it.
const PRIORITY: u32 = (126 << 24) | (65_535 << 8) | 255;

/// The SRTP profiles in the order in which browsers of the Chromium family offer them.
const PROFILES: [Profile; 2] = [Profile::AesCm128HmacSha1_80, Profile::AeadAes128Gcm];

/// A media packet, opened.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard<'p> {
    Rtp(&'p [u8]),
    Rtcp(&'p [u8]),
}

#[derive(Debug, PartialEq, Eq)]
pub enum HeadlessEvent {
    /// Media can be sent and heard.
    Connected,
    /// Messages can be sent and heard.
    ChannelsOpen,
    Data {
        kind: DataKind,
        payload: Bytes,
    },
    Closed,
    Failed(&'static str),
}

pub struct Headless {
    local: IceCredentials,
    address: Option<SocketAddr>,
    /// `None` before the start and after the end.
    remote: Option<Remote>,
    tie_breaker: u64,
    profiles: Vec<Profile>,
    role: Role,
    transport: Transport,
    fingerprint: String,
    srtp: Option<Box<Srtp>>,
    outgoing: VecDeque<Vec<u8>>,
    events: VecDeque<HeadlessEvent>,
}

/// The server's side of ICE and how the checks of it go.
struct Remote {
    credentials: IceCredentials,
    /// Of the check that waits for its answer. It is repeated under the same name.
    transaction: Option<[u8; 12]>,
    next_check: Instant,
    interval: Duration,
    last_answer: Option<Instant>,
    since: Instant,
}

impl Headless {
    pub fn new(identity: &Identity) -> Headless {
        Headless::offering(identity, &PROFILES)
    }

    /// One that has these SRTP profiles only.
    pub fn offering(identity: &Identity, profiles: &[Profile]) -> Headless {
        Headless::with(identity, Role::Client, profiles)
    }

    /// One that waits for us to begin with DTLS.
    pub fn serving(identity: &Identity) -> Headless {
        Headless::with(identity, Role::Server, &PROFILES)
    }

    fn with(identity: &Identity, role: Role, profiles: &[Profile]) -> Headless {
        Headless {
            local: IceCredentials::fresh(),
            address: None,
            remote: None,
            tie_breaker: rand::random(),
            profiles: profiles.to_vec(),
            role,
            transport: Transport::new(identity),
            fingerprint: identity.fingerprint().to_owned(),
            srtp: None,
            outgoing: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    pub fn credentials(&self) -> &IceCredentials {
        &self.local
    }

    pub fn role(&self) -> Role {
        self.role
    }

    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Where everything is to be sent.
    pub fn remote(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Takes new credentials for an ICE restart. The server's new ones come with [`set_remote`](Headless::set_remote).
    pub fn restart(&mut self) {
        self.local = IceCredentials::fresh();
    }

    /// Starts to check the way to the server of this description, or checks anew after a restart.
    pub fn set_remote(
        &mut self,
        now: Instant,
        credentials: &IceCredentials,
        fingerprint: &str,
        address: SocketAddr,
    ) {
        self.transport.expect(now, self.role, fingerprint);
        self.address = Some(address);
        self.remote = Some(Remote {
            credentials: credentials.clone(),
            transaction: None,
            next_check: now,
            interval: CHECK_INTERVAL_MIN,
            last_answer: None,
            since: now,
        });
        self.handle_timeout(now);
    }

    /// Opens the data channels `_reliable` and `_lossy` once connected, as a publishing client does.
    pub fn open_channels(&mut self, now: Instant) {
        self.transport.open_channels(now);
    }

    /// Lets the server open the data channels once connected.
    pub fn accept_channels(&mut self, now: Instant) {
        self.transport.associate(now);
    }

    /// Hears a datagram; media is opened in place and given back.
    pub fn handle<'p>(&mut self, now: Instant, datagram: &'p mut [u8]) -> Option<Heard<'p>> {
        match *datagram.first()? {
            0..=3 => self.handle_stun(now, datagram),
            20..=63 => {
                // What is refused here the server repeats.
                let _ = self.transport.handle_dtls(now, datagram);
                self.take_events();
            }
            128..=191 => return self.open(datagram),
            _ => {}
        }
        None
    }

    /// Seals an RTP packet with its header of `header_len` bytes and appends it to `out`. False before the keys are there.
    pub fn send_rtp(
        &mut self,
        packet: &[u8],
        header_len: usize,
        roc: u32,
        out: &mut Vec<u8>,
    ) -> bool {
        let Some(srtp) = &mut self.srtp else { return false };
        let start = out.len();
        out.extend_from_slice(packet);
        srtp.sealer.seal_rtp(out, start, header_len, roc);
        true
    }

    /// Seals a compound RTCP packet and appends it to `out`. False before the keys are there.
    pub fn send_rtcp(&mut self, packet: &[u8], out: &mut Vec<u8>) -> bool {
        let Some(srtp) = &mut self.srtp else { return false };
        let start = out.len();
        out.extend_from_slice(packet);
        srtp.sealer.seal_rtcp(out, start);
        true
    }

    pub fn send_data(
        &mut self,
        now: Instant,
        kind: DataKind,
        payload: &Bytes,
    ) -> Result<(), DataError> {
        self.transport.send_data(now, kind, payload)
    }

    /// Sends an SCTP packet as it is, over DTLS: what a client of another make, or a bad one, might say.
    pub fn send_sctp(&mut self, now: Instant, packet: &[u8]) {
        self.transport.send_sctp(now, packet);
    }

    /// Whether media can be sent and heard.
    pub fn is_connected(&self) -> bool {
        self.srtp.is_some()
    }

    /// Says goodbye.
    pub fn close(&mut self, now: Instant) {
        self.transport.close(now);
        self.srtp = None;
        self.remote = None;
    }

    /// A datagram for [`remote`](Headless::remote).
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        let stun = self.outgoing.pop_front();
        stun.or_else(|| self.transport.poll_transmit().map(Vec::from))
    }

    pub fn poll_event(&mut self) -> Option<HeadlessEvent> {
        self.events.pop_front()
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        let check = self.remote.as_ref().map(|remote| remote.next_check);
        [check, self.transport.poll_timeout()].into_iter().flatten().min()
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        self.transport.handle_timeout(now);
        self.take_events();
        let Some(remote) = &mut self.remote else { return };
        if remote.last_answer.unwrap_or(remote.since) + CONSENT_TIME_MAX <= now {
            self.remote = None;
            self.events.push_back(HeadlessEvent::Failed("the server does not answer"));
        } else if remote.next_check <= now {
            let check = remote.check(now, &self.local.ufrag, self.tie_breaker);
            self.outgoing.push_back(check);
        }
    }

    fn handle_stun(&mut self, now: Instant, datagram: &[u8]) {
        if let Some(check) = stun::read(datagram).filter(|it| it.class() == Class::Request) {
            return self.answer_check(&check);
        }
        let Some(remote) = &mut self.remote else { return };
        let is_first = remote.last_answer.is_none();
        if !remote.hear(now, datagram) || self.transport.is_secure() {
            return;
        }
        // The server may not have heard our answer to its own check yet, and asks again after each of ours.
        remote.next_check = now + CHECK_INTERVAL_MAX;
        if is_first {
            self.transport.connect(now, &self.profiles);
        }
    }

    /// The server asks whether we are where our checks come from.
    fn answer_check(&mut self, check: &stun::Message<'_>) {
        let is_meant = check.username().is_some_and(|(to, _)| to == self.local.ufrag);
        let Some(address) = self.address.filter(|_| is_meant && check.verified(&self.local.pwd))
        else {
            return;
        };
        let mut answer = Vec::with_capacity(80);
        stun::write_success(&mut answer, check.transaction(), address, &self.local.pwd);
        self.outgoing.push_back(answer);
    }

    fn open<'p>(&mut self, packet: &'p mut [u8]) -> Option<Heard<'p>> {
        let opener = &mut self.srtp.as_mut()?.opener;
        if rtp::is_rtcp(packet) {
            opener.open_rtcp(packet).ok().map(|packet| Heard::Rtcp(packet))
        } else {
            opener.open_rtp(packet).ok().map(|packet| Heard::Rtp(packet))
        }
    }

    fn take_events(&mut self) {
        while let Some(event) = self.transport.poll_event() {
            self.events.push_back(match event {
                TransportEvent::Secure(srtp) => {
                    self.srtp = Some(srtp);
                    HeadlessEvent::Connected
                }
                TransportEvent::ChannelsOpen => HeadlessEvent::ChannelsOpen,
                TransportEvent::Data { kind, payload } => HeadlessEvent::Data { kind, payload },
                TransportEvent::ChannelsLost(why) => HeadlessEvent::Failed(why),
                TransportEvent::Undelivered(_) | TransportEvent::Dropped(_) => continue,
                TransportEvent::Closed => {
                    self.remote = None;
                    HeadlessEvent::Closed
                }
                TransportEvent::Failed(why) => {
                    self.remote = None;
                    HeadlessEvent::Failed(why)
                }
            });
        }
    }
}

impl Remote {
    /// The next check. Every one nominates: there is no other pair to prefer.
    fn check(&mut self, now: Instant, local_ufrag: &str, tie_breaker: u64) -> Vec<u8> {
        let transaction = *self.transaction.get_or_insert_with(rand::random);
        let mut request = Vec::with_capacity(128);
        let check = Check {
            transaction: &transaction,
            remote_ufrag: &self.credentials.ufrag,
            local_ufrag,
            priority: PRIORITY,
            tie_breaker,
            role: stun::IceRole::Controlling { use_candidate: true },
            password: &self.credentials.pwd,
        };
        stun::write_request(&mut request, &check);
        self.next_check = now + self.interval;
        self.interval = (self.interval * 2).min(CHECK_INTERVAL_MAX);
        request
    }

    /// Whether this is the authentic answer to our check.
    fn hear(&mut self, now: Instant, datagram: &[u8]) -> bool {
        let Some(message) = stun::read(datagram) else { return false };
        let is_answer = message.class() == Class::Success
            && self.transaction.as_ref() == Some(message.transaction())
            && message.verified(&self.credentials.pwd);
        if is_answer {
            self.transaction = None;
            self.last_answer = Some(now);
            self.next_check = now + CONSENT_INTERVAL;
            self.interval = CHECK_INTERVAL_MAX;
        }
        is_answer
    }
}

#[cfg(test)]
mod tests;
