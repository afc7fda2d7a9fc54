//! A headless participant and the server's side of a connection, on a virtual clock.

use beckon_sfu_core::ice::Ice;
use beckon_sfu_core::stats::Discard;

use super::*;

const ADDRESS: &str = "192.0.2.1:4000";

/// A packet with one source and an extension of one word, and the length of its header.
fn rtp(ssrc: u32, sequence: u16) -> (Vec<u8>, usize) {
    let mut packet = vec![0x91, 96];
    packet.extend(sequence.to_be_bytes());
    packet.extend([0, 0, 0, 1]);
    packet.extend(ssrc.to_be_bytes());
    packet.extend([9; 4]);
    packet.extend([0xbe, 0xde, 0, 1, 0x10, 7, 0, 0]);
    let header_len = packet.len();
    packet.extend(b"some media");
    (packet, header_len)
}

/// The server's side, put together as a shard would.
struct Server {
    ice: Ice,
    transport: Transport,
    srtp: Option<Box<Srtp>>,
    identity: Identity,
    heard: Vec<TransportEvent>,
    discarded: Vec<Discard>,
    outgoing: Vec<Vec<u8>>,
}

impl Server {
    fn new(now: Instant) -> Server {
        let identity = Identity::generate();
        Server {
            ice: Ice::new(now),
            transport: Transport::new(&identity),
            srtp: None,
            identity,
            heard: Vec::new(),
            discarded: Vec::new(),
            outgoing: Vec::new(),
        }
    }

    fn handle(&mut self, now: Instant, datagram: &[u8]) {
        let from = "198.51.100.7:5000".parse().unwrap();
        let heard = if datagram[0] <= 3 {
            let message = stun::read(datagram).unwrap();
            let mut answer = Vec::new();
            let heard = self.ice.handle(now, from, &message, &mut answer);
            self.outgoing.push(answer);
            let mut check = Vec::new();
            while self.ice.poll_check(now, &mut check).is_some() {
                self.outgoing.push(std::mem::take(&mut check));
            }
            heard.map(|_| ())
        } else {
            self.transport.handle_dtls(now, datagram)
        };
        self.discarded.extend(heard.err());
        while let Some(event) = self.transport.poll_event() {
            match event {
                TransportEvent::Secure(srtp) => self.srtp = Some(srtp),
                other => self.heard.push(other),
            }
        }
    }

    fn take_outgoing(&mut self) -> Vec<Vec<u8>> {
        self.outgoing.extend(std::iter::from_fn(|| self.transport.poll_transmit()).map(Vec::from));
        std::mem::take(&mut self.outgoing)
    }
}

struct Meeting {
    now: Instant,
    server: Server,
    client: Headless,
    events: Vec<HeadlessEvent>,
    is_cut: bool,
}

impl Meeting {
    fn new(profiles: &[Profile]) -> Meeting {
        let now = Instant::now();
        let client = Headless::offering(&Identity::generate(), profiles);
        Meeting { now, server: Server::new(now), client, events: Vec::new(), is_cut: false }
    }

    fn introduced() -> Meeting {
        let mut meeting = Meeting::new(&PROFILES);
        let theirs = meeting.server.ice.local().clone();
        meeting.introduce(&theirs);
        meeting
    }

    fn connected(profiles: &[Profile]) -> Meeting {
        let mut meeting = Meeting::new(profiles);
        let theirs = meeting.server.ice.local().clone();
        meeting.introduce(&theirs);
        meeting.run(Duration::from_secs(1));
        assert!(meeting.client.is_connected() && meeting.server.transport.is_secure());
        assert_eq!(meeting.events, [HeadlessEvent::Connected]);
        meeting
    }

    /// Carries both descriptions over; `theirs` is what the client is told of the server's credentials.
    fn introduce(&mut self, theirs: &IceCredentials) {
        let client = self.client.fingerprint().to_owned();
        self.server.transport.expect(self.now, Role::Server, &client);
        let IceCredentials { ufrag, pwd } = self.client.credentials();
        self.server.ice.set_remote(ufrag, pwd);
        let server = self.server.identity.fingerprint().to_owned();
        self.client.set_remote(self.now, theirs, &server, ADDRESS.parse().unwrap());
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            while self.deliver() {}
            let timeouts = [self.client.poll_timeout(), self.server.transport.poll_timeout()];
            match timeouts.into_iter().flatten().min().filter(|next| *next <= end) {
                Some(next) => self.now = next.max(self.now),
                None => break,
            }
            self.client.handle_timeout(self.now);
            self.server.transport.handle_timeout(self.now);
        }
        self.now = end;
    }

    fn deliver(&mut self) -> bool {
        let forth: Vec<_> = std::iter::from_fn(|| self.client.poll_transmit()).collect();
        let back = self.server.take_outgoing();
        let any = !forth.is_empty() || !back.is_empty();
        if !self.is_cut {
            forth.iter().for_each(|datagram| self.server.handle(self.now, datagram));
            for mut datagram in back {
                assert_eq!(self.client.handle(self.now, &mut datagram), None);
            }
        }
        self.events.extend(std::iter::from_fn(|| self.client.poll_event()));
        any
    }

    /// Sends media both ways and says whether it arrived.
    fn media_flows(&mut self, sequence: u16) -> bool {
        let (plain, header_len) = rtp(7, sequence);
        let mut up = Vec::new();
        assert!(self.client.send_rtp(&plain, header_len, 0, &mut up));
        let srtp = self.server.srtp.as_mut().unwrap();
        let mut down = plain.clone();
        srtp.sealer.seal_rtp(&mut down, 0, header_len, 0);
        let heard = self.client.handle(self.now, &mut down);
        srtp.opener.open_rtp(&mut up) == Ok(&mut plain.clone()[..])
            && heard == Some(Heard::Rtp(&plain))
    }
}

#[test]
fn media_flows_both_ways_in_either_profile() {
    for profile in PROFILES {
        let mut meeting = Meeting::connected(&[profile]);
        assert!(meeting.media_flows(1) && meeting.media_flows(2));
        let report = [0x80, 201, 0, 1, 0, 0, 0, 7];
        let mut up = Vec::new();
        assert!(meeting.client.send_rtcp(&report, &mut up));
        let srtp = meeting.server.srtp.as_mut().unwrap();
        assert_eq!(srtp.opener.open_rtcp(&mut up).unwrap(), report);
        let mut down = report.to_vec();
        srtp.sealer.seal_rtcp(&mut down, 0);
        assert_eq!(meeting.client.handle(meeting.now, &mut down), Some(Heard::Rtcp(&report)));
    }
}

#[test]
fn messages_flow_both_ways() {
    let mut meeting = Meeting::introduced();
    meeting.client.open_channels(meeting.now);
    meeting.run(Duration::from_secs(1));
    assert_eq!(meeting.events, [HeadlessEvent::Connected, HeadlessEvent::ChannelsOpen]);
    meeting.events.clear();
    let payload = Bytes::from_static(b"hello");
    for kind in [DataKind::Reliable, DataKind::Lossy] {
        meeting.client.send_data(meeting.now, kind, &payload).unwrap();
        meeting.server.transport.send_data(meeting.now, kind, &payload).unwrap();
        meeting.run(Duration::from_secs(1));
        let heard = HeadlessEvent::Data { kind, payload: payload.clone() };
        assert_eq!(std::mem::take(&mut meeting.events), [heard]);
        assert!(matches!(
            meeting.server.heard.pop(),
            Some(TransportEvent::Data { kind: of, payload: heard }) if of == kind && heard == payload
        ));
    }
}

#[test]
fn channels_of_the_server_are_accepted() {
    let mut meeting = Meeting::introduced();
    meeting.client.accept_channels(meeting.now);
    meeting.server.transport.open_channels(meeting.now);
    meeting.run(Duration::from_secs(1));
    assert_eq!(meeting.events, [HeadlessEvent::Connected, HeadlessEvent::ChannelsOpen]);
}

#[test]
fn a_wrong_password_never_connects() {
    let mut meeting = Meeting::new(&PROFILES);
    let mut theirs = meeting.server.ice.local().clone();
    theirs.pwd.replace_range(..1, "?");
    meeting.introduce(&theirs);
    meeting.run(Duration::from_secs(31));
    assert!(!meeting.client.is_connected());
    assert!(matches!(meeting.events[..], [HeadlessEvent::Failed(_)]));
    assert!(meeting.server.discarded.iter().all(|why| *why == Discard::BadIntegrity));
    assert_eq!(meeting.server.ice.path(), None);
}

#[test]
fn a_wrong_fingerprint_never_connects() {
    let mut meeting = Meeting::new(&PROFILES);
    let theirs = meeting.server.ice.local().clone();
    meeting.server.transport.expect(meeting.now, Role::Server, Identity::generate().fingerprint());
    let server = meeting.server.identity.fingerprint().to_owned();
    meeting.client.set_remote(meeting.now, &theirs, &server, ADDRESS.parse().unwrap());
    meeting.run(Duration::from_secs(1));
    assert!(meeting.server.srtp.is_none());
    assert!(matches!(meeting.server.heard[..], [TransportEvent::Failed(_)]));
}

#[test]
fn replayed_altered_and_truncated_media_is_refused() {
    for profile in PROFILES {
        let mut meeting = Meeting::connected(&[profile]);
        let mut sealed = Vec::new();
        let (plain, header_len) = rtp(7, 1);
        assert!(meeting.client.send_rtp(&plain, header_len, 0, &mut sealed));
        let opener = &mut meeting.server.srtp.as_mut().unwrap().opener;
        for at in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[at] ^= 0x40;
            assert!(opener.open_rtp(&mut altered).is_err(), "byte {at}");
            assert!(opener.open_rtp(&mut sealed[..at].to_vec()).is_err(), "{at} bytes");
        }
        assert!(opener.open_rtp(&mut sealed.clone()).is_ok());
        assert_eq!(opener.open_rtp(&mut sealed.clone()), Err(Discard::Replayed));
    }
}

#[test]
fn an_ice_restart_keeps_the_keys() {
    let mut meeting = Meeting::connected(&PROFILES);
    assert!(meeting.media_flows(1));
    meeting.events.clear();
    let old = meeting.server.ice.local().clone();
    meeting.client.restart();
    meeting.server.ice.restart();
    assert!(meeting.media_flows(2), "while the new path is not known yet");
    let theirs = meeting.server.ice.local().clone();
    meeting.introduce(&theirs);
    meeting.run(Duration::from_secs(1));
    assert!(meeting.media_flows(3));
    assert!(!meeting.server.ice.accepts(&old.ufrag));
    assert_eq!(meeting.events, []);
    assert!(meeting.server.discarded.is_empty());
}

#[test]
fn consent_is_kept_and_its_end_noticed() {
    let mut meeting = Meeting::connected(&PROFILES);
    meeting.run(Duration::from_secs(60));
    assert!(meeting.now - meeting.server.ice.last_heard() <= CONSENT_INTERVAL);
    meeting.is_cut = true;
    meeting.events.clear();
    meeting.run(CONSENT_TIME_MAX - CONSENT_INTERVAL - Duration::from_secs(1));
    assert_eq!(meeting.events, []);
    meeting.run(CONSENT_INTERVAL + Duration::from_secs(1));
    assert_eq!(meeting.events, [HeadlessEvent::Failed("the server does not answer")]);
}

#[test]
fn a_goodbye_is_heard_by_the_server() {
    let mut meeting = Meeting::connected(&PROFILES);
    meeting.client.close(meeting.now);
    meeting.run(Duration::from_secs(1));
    assert!(matches!(meeting.server.heard[..], [TransportEvent::Closed]));
}
