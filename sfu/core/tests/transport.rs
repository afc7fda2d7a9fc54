//! Our SRTP and webrtc-rs's understand each other, in both profiles and both directions.

use beckon_sfu_core::role::Role;
use beckon_sfu_core::srtp::{Profile, Srtp};
use rtc_crypto::default_provider;
use rtc_srtp::config::Config;
use rtc_srtp::context::Context;
use rtc_srtp::protection_profile::ProtectionProfile;

/// Ours is the server, theirs the client.
struct Pair {
    ours: Srtp,
    sealer: Context,
    opener: Context,
}

impl Pair {
    fn new(profile: Profile) -> Pair {
        let theirs = match profile {
            Profile::AeadAes128Gcm => ProtectionProfile::AeadAes128Gcm,
            Profile::AesCm128HmacSha1_80 => ProtectionProfile::Aes128CmHmacSha1_80,
        };
        let mut config = Config { profile: theirs, ..Config::default() };
        let material: Vec<u8> = (0..).take(config.keying_material_len()).collect();
        config.set_session_keys_from_keying_material(&material, true).unwrap();
        let keys = &config.keys;
        let provider = default_provider().unwrap();
        let context = |key: &[u8], salt: &[u8]| {
            Context::new(key, salt, theirs, None, None, provider.crypto()).unwrap()
        };
        Pair {
            ours: Srtp::new(profile, &material, Role::Server).unwrap(),
            sealer: context(&keys.local_master_key, &keys.local_master_salt),
            opener: context(&keys.remote_master_key, &keys.remote_master_salt),
        }
    }
}

const PROFILES: [Profile; 2] = [Profile::AeadAes128Gcm, Profile::AesCm128HmacSha1_80];

/// A packet with two sources and an extension.
fn rtp(sequence: u16) -> (Vec<u8>, usize) {
    let mut packet = vec![0x92, 0xe0];
    packet.extend(sequence.to_be_bytes());
    packet.extend([0, 0, 0x30, 0x39, 0, 0, 0, 77, 0, 0, 0, 1, 0, 0, 0, 2]);
    packet.extend([0xbe, 0xde, 0, 1, 0x10, 0xff, 0, 0]);
    let header_len = packet.len();
    packet.extend((0..100).map(|at| at as u8 ^ sequence as u8));
    (packet, header_len)
}

/// Sequence numbers over two wraps, some of them late.
fn indices() -> impl Iterator<Item = u32> {
    (0..140_000).step_by(997).flat_map(|index| [index + 2, index + 1, index + 3])
}

#[test]
fn webrtc_rs_opens_what_we_seal() {
    for profile in PROFILES {
        let mut pair = Pair::new(profile);
        for index in indices() {
            let (plain, header_len) = rtp(index as u16);
            let mut sealed = plain.clone();
            pair.ours.sealer.seal_rtp(&mut sealed, 0, header_len, index >> 16);
            assert_eq!(sealed.len(), plain.len() + pair.ours.sealer.rtp_overhead());
            assert_eq!(pair.opener.decrypt_rtp(&sealed).unwrap()[..], plain, "{index}");
        }
    }
}

#[test]
fn we_open_what_webrtc_rs_seals() {
    for profile in PROFILES {
        let mut pair = Pair::new(profile);
        for index in indices() {
            let (plain, _) = rtp(index as u16);
            let mut sealed = pair.sealer.encrypt_rtp(&plain).unwrap();
            assert_eq!(pair.ours.opener.open_rtp(&mut sealed).unwrap(), plain, "{index}");
        }
    }
}

#[test]
fn reports_are_understood_both_ways() {
    let report = [0x81, 201, 0, 7, 0, 0, 0, 9, 0, 0, 0, 7, 1, 0, 0, 2, 0, 0, 3, 4];
    let report: Vec<u8> = report.into_iter().chain([0; 12]).collect();
    for profile in PROFILES {
        let mut pair = Pair::new(profile);
        for _ in 0..100 {
            let mut sealed = report.clone();
            pair.ours.sealer.seal_rtcp(&mut sealed, 0);
            assert_eq!(pair.opener.decrypt_rtcp(&sealed).unwrap()[..], report);
            let mut sealed = pair.sealer.encrypt_rtcp(&report).unwrap();
            assert_eq!(pair.ours.opener.open_rtcp(&mut sealed).unwrap(), report);
        }
    }
}
