//! Nonsense in place of STUN, DTLS, SRTP and channel messages. `cargo bolero test stun` goes on for longer.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use beckon_sfu_core::ice::Ice;
use beckon_sfu_core::role::Role;
use beckon_sfu_core::srtp::{Profile, Sealer, Srtp};
use beckon_sfu_core::stun::{self, Check};
use beckon_sfu_core::transport::client_hello::{self, Progress};
use beckon_sfu_core::transport::dcep::{self, DcepMessage};
use beckon_sfu_core::transport::records;
use beckon_sfu_core::transport::{Identity, Transport};

const TIME: Duration = Duration::from_secs(2);
const PROFILES: [Profile; 2] = [Profile::AeadAes128Gcm, Profile::AesCm128HmacSha1_80];

/// What goes wrong with a datagram on its way.
#[derive(Clone, Debug, bolero::TypeGenerator)]
enum Change {
    /// A byte, at a place in the datagram, becomes another.
    Set(u16, u8),
    Cut(u16),
    Append(Vec<u8>),
    /// The bytes between two places are repeated.
    Repeat(u16, u16),
}

fn changed(datagram: &[u8], changes: &[Change]) -> Vec<u8> {
    let mut datagram = datagram.to_vec();
    for change in changes.iter().take(8) {
        let place = |at: &u16| usize::from(*at) % datagram.len().max(1);
        match change {
            Change::Set(at, value) => {
                let at = place(at);
                if let Some(byte) = datagram.get_mut(at) {
                    *byte = *value;
                }
            }
            Change::Cut(at) => datagram.truncate(place(at)),
            Change::Append(more) => datagram.extend(more.iter().take(64)),
            Change::Repeat(from, to) => {
                let (from, to) = (place(from), place(to));
                let again = datagram.get(from..to).unwrap_or_default().to_vec();
                datagram.extend(again);
            }
        }
    }
    datagram
}

#[test]
fn stun() {
    let mut ice = Ice::new(Instant::now());
    let from = "192.0.2.1:5000".parse().unwrap();
    let local = ice.local().clone();
    let mut check = Vec::new();
    stun::write_request(
        &mut check,
        &Check {
            transaction: b"abcdefghijkl",
            remote_ufrag: &local.ufrag,
            local_ufrag: "peer",
            priority: 1,
            tie_breaker: 1,
            role: stun::IceRole::Controlling { use_candidate: true },
            password: "not the password",
        },
    );
    let rounds = bolero::check!().with_type::<Vec<Change>>().with_test_time(TIME);
    rounds.for_each(|changes| {
        let datagram = changed(&check, changes);
        if let Some(message) = stun::read(&datagram) {
            let mut answer = Vec::new();
            let heard = ice.handle(Instant::now(), from, &message, &mut answer);
            assert!(heard.is_err() && answer.is_empty() && ice.path().is_none());
        }
    });
}

/// The first flight of our DTLS client, in one datagram.
fn hello() -> Vec<u8> {
    let now = Instant::now();
    let mut client = Transport::new(&Identity::generate());
    client.expect(now, Role::Client, "sha-256 00");
    client.connect(now, &PROFILES);
    client.poll_transmit().unwrap().to_vec()
}

#[test]
fn client_hellos() {
    let hello = hello();
    assert_eq!(client_hello::read(&[&hello]), Progress::Chosen(Profile::AeadAes128Gcm));
    let rounds = bolero::check!().with_type::<Vec<Vec<Change>>>().with_test_time(TIME);
    rounds.for_each(|changes| {
        let datagrams: Vec<_> = changes.iter().take(8).map(|c| changed(&hello, c)).collect();
        client_hello::read(&datagrams);
        for record in datagrams.iter().flat_map(|datagram| records::records(datagram)).flatten() {
            for fragment in record.fragments().flatten() {
                let end = fragment.offset + fragment.body.len();
                assert!(end <= fragment.message_len && end <= records::MESSAGE_LEN_MAX);
            }
        }
    });
}

/// A server that hears broken handshakes stays within its bounds, and is never fooled.
#[test]
fn handshakes() {
    let identities = AssertUnwindSafe([Identity::generate(), Identity::generate()]);
    let rounds = bolero::check!().with_type::<Vec<Vec<Change>>>().with_test_time(TIME);
    rounds.for_each(|changes| {
        let now = Instant::now();
        let mut changes = changes.iter().cycle();
        let [client, server] = &*identities;
        let mut ends = [Transport::new(client), Transport::new(server)];
        ends[0].expect(now, Role::Client, server.fingerprint());
        ends[0].connect(now, &PROFILES);
        ends[1].expect(now, Role::Server, "sha-256 not the client's");
        for _ in 0..4 {
            for from in [0, 1] {
                while let Some(datagram) = ends[from].poll_transmit() {
                    let broken = changes.next().map(|c| changed(&datagram, c));
                    let _ = broken.map(|broken| ends[1 - from].handle_dtls(now, &broken));
                    let _ = ends[1 - from].handle_dtls(now, &datagram);
                }
            }
        }
        assert!(!ends[1].is_secure());
    });
}

#[test]
fn channel_messages() {
    let rounds = bolero::check!().with_type::<(u8, Vec<u8>)>().with_test_time(TIME);
    rounds.for_each(|(first, rest)| {
        let message: Vec<u8> = std::iter::once(first % 5).chain(rest.iter().copied()).collect();
        if let Some(DcepMessage::Open(open)) = dcep::read(&message) {
            assert_eq!(dcep::read(&open.write()), Some(DcepMessage::Open(open)));
        }
    });
}

fn srtp(profile: Profile, role: Role) -> Srtp {
    let material: Vec<u8> = (0..).take(profile.material_len()).collect();
    Srtp::new(profile, &material, role).unwrap()
}

/// A sealed packet of each protocol.
fn sealed(sealer: &mut Sealer) -> [Vec<u8>; 2] {
    let mut rtp = vec![0x90, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 7, 0xbe, 0xde, 0, 1, 0x10, 7, 0, 0];
    rtp.extend([5; 40]);
    sealer.seal_rtp(&mut rtp, 0, 20, 0);
    let mut rtcp = vec![0x80, 201, 0, 1, 0, 0, 0, 7];
    sealer.seal_rtcp(&mut rtcp, 0);
    [rtp, rtcp]
}

/// What is not authentic leaves nothing behind.
#[test]
fn sealed_packets() {
    let mut ends = PROFILES.map(|profile| {
        let whole = sealed(&mut srtp(profile, Role::Client).sealer);
        (whole, srtp(profile, Role::Server).opener)
    });
    let rounds = bolero::check!().with_type::<Vec<Change>>().with_test_time(TIME);
    rounds.for_each(|changes| {
        for ([rtp, rtcp], opener) in &mut ends {
            let broken = changed(rtp, changes);
            assert!(broken == *rtp || opener.open_rtp(&mut broken.clone()).is_err());
            let broken = changed(rtcp, changes);
            assert!(broken == *rtcp || opener.open_rtcp(&mut broken.clone()).is_err());
            assert_eq!(opener.senders(), 0);
        }
    });
}
