//! The test vectors of RFC 3711 and RFC 7714, and what must not be opened.

use super::cipher::Cipher;
use super::gcm::Gcm;
use super::kdf::{Label, Protocol, keystream};
use super::nonce::Nonce;
use super::stage::{PROFILES, rtp};
use super::*;
use crate::stats::Discard;
use aes::Aes128Enc;
use ctr::cipher::KeyInit;

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<char> = hex.chars().filter(char::is_ascii_hexdigit).collect();
    let pairs = digits.chunks(2).map(|pair| pair.iter().collect::<String>());
    pairs.map(|pair| u8::from_str_radix(&pair, 16).unwrap()).collect()
}

fn array<const N: usize>(hex: &str) -> [u8; N] {
    bytes(hex).try_into().unwrap()
}

/// A sender and a receiver that share keys.
fn pair(profile: Profile) -> (Sealer, Opener) {
    let material: Vec<u8> = (0..profile.material_len() as u8).collect();
    let client = Srtp::new(profile, &material, Role::Client).unwrap();
    let server = Srtp::new(profile, &material, Role::Server).unwrap();
    (client.sealer, server.opener)
}

fn sealed(sealer: &mut Sealer, ssrc: u32, index: u32) -> Vec<u8> {
    let (mut packet, header_len) = rtp(ssrc, index as u16);
    sealer.seal_rtp(&mut packet, 0, header_len, index >> 16);
    packet
}

/// RFC 3711, B.2.
#[test]
fn the_counter_mode_keystream_is_the_sample_one() {
    let cipher = Aes128Enc::new(&array::<16>("2B7E151628AED2A6ABF7158809CF4F3C").into());
    let mut data = [0; 48];
    keystream(&cipher, array("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000"), &mut data);
    let stream = "E03EAD0935C95E80E166B16DD92B4EB4\
                  D23513162B02D0F72A43A2FE4A5F97AB\
                  41E95B3BB0A2E8DD477901E4FCA894C0";
    assert_eq!(data.to_vec(), bytes(stream));
}

/// RFC 3711, B.3.
#[test]
fn the_session_keys_are_the_sample_ones() {
    let key = bytes("E1F97A0D3E018BE0D64FA32C06DE4139");
    let master = Master::new(&key, &bytes("0EC675AD498AFEEBB6960B3AABE6")).unwrap();
    assert_eq!(
        master.derive(Protocol::Srtp, Label::Key),
        array::<16>("C61E7A93744F39EE10734AFE3FF7A087")
    );
    assert_eq!(
        master.derive(Protocol::Srtp, Label::Salt),
        array::<14>("30CBBC08863D8C85D49DB34A9AE1")
    );
    assert_eq!(
        master.derive(Protocol::Srtp, Label::Auth),
        array::<20>("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4")
    );
}

fn sample_gcm() -> Cipher {
    let key = array("000102030405060708090a0b0c0d0e0f");
    Cipher::Gcm(Box::new(Gcm::with_session_keys(&key, *b"Quid pro quo")))
}

/// RFC 7714, 16.1.
#[test]
fn gcm_protects_rtp_as_the_sample_does() {
    let plain = bytes(
        "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973
         20646976 69736120 696e2070 61727465 73207472 6573",
    );
    let expected = bytes(
        "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5
         0d294e6f 42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce",
    );
    let nonce = Nonce { ssrc: 0x5501a0b2, index: 0xf17b };
    let mut packet = plain.clone();
    sample_gcm().seal_rtp(&mut packet, 0, 12, nonce);
    assert_eq!(packet, expected);
    let len = sample_gcm().open_rtp(&mut packet, 12, nonce).unwrap();
    assert_eq!(packet[..len], plain);
}

/// RFC 7714, 17.1.
#[test]
fn gcm_protects_rtcp_as_the_sample_does() {
    let plain = bytes(
        "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
         deadbeef deadbeef deadbeef deadbeef deadbeef",
    );
    let expected = bytes(
        "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d
         c676a5f1 730d6fda 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872
         45d9eade 800005d4",
    );
    let nonce = Nonce { ssrc: 0x4d617273, index: 0x5d4 };
    let mut packet = plain.clone();
    sample_gcm().seal_rtcp(&mut packet, 0, nonce);
    assert_eq!(packet, expected);
    let len = sample_gcm().open_rtcp(&mut packet, nonce).unwrap();
    assert_eq!(packet[..len], plain);
}

#[test]
fn packets_are_opened_over_the_wrap_of_their_numbers_and_out_of_order() {
    for profile in PROFILES {
        let (mut sealer, mut opener) = pair(profile);
        let indices = [30_000, 60_000, 65_534, 65_532, 65_537, 65_535, 65_536, 66_400, 65_538];
        for index in indices.into_iter().chain([90_000, 120_000, 140_000]) {
            let mut packet = sealed(&mut sealer, 7, index);
            assert_eq!(opener.open_rtp(&mut packet).unwrap(), rtp(7, index as u16).0, "{index}");
        }
    }
}

#[test]
fn a_replayed_packet_is_refused() {
    for profile in PROFILES {
        let (mut sealer, mut opener) = pair(profile);
        let first = sealed(&mut sealer, 7, 1);
        assert!(opener.open_rtp(&mut first.clone()).is_ok());
        assert_eq!(opener.open_rtp(&mut first.clone()), Err(Discard::Replayed));
        assert!(opener.open_rtp(&mut sealed(&mut sealer, 7, 1024)).is_ok());
        assert_eq!(opener.open_rtp(&mut first.clone()), Err(Discard::Replayed), "in the window");
        assert!(opener.open_rtp(&mut sealed(&mut sealer, 7, 1025)).is_ok());
        assert_eq!(opener.open_rtp(&mut first.clone()), Err(Discard::Replayed), "behind it");
        let mut other_sender = sealed(&mut sealer, 8, 1);
        assert!(opener.open_rtp(&mut other_sender).is_ok());
    }
}

#[test]
fn an_altered_or_truncated_packet_is_refused_and_leaves_no_trace() {
    for profile in PROFILES {
        let (mut sealer, mut opener) = pair(profile);
        let whole = sealed(&mut sealer, 7, 1);
        for at in 0..whole.len() {
            let mut altered = whole.clone();
            altered[at] ^= 1;
            assert!(opener.open_rtp(&mut altered).is_err(), "byte {at}");
        }
        for len in 0..whole.len() {
            assert!(opener.open_rtp(&mut whole[..len].to_vec()).is_err(), "{len} bytes");
        }
        assert_eq!(opener.senders(), 0);
        assert!(opener.open_rtp(&mut whole.clone()).is_ok());
    }
}

#[test]
fn rtcp_goes_through_once() {
    let plain = bytes("80c90001 00000007");
    for profile in PROFILES {
        let (mut sealer, mut opener) = pair(profile);
        for _ in 0..3 {
            let mut buffer = vec![1, 2, 3];
            buffer.extend(&plain);
            sealer.seal_rtcp(&mut buffer, 3);
            let whole = buffer.split_off(3);
            for at in 0..whole.len() {
                let mut altered = whole.clone();
                altered[at] ^= 0x80;
                assert!(opener.open_rtcp(&mut altered).is_err(), "byte {at}");
            }
            assert_eq!(opener.open_rtcp(&mut whole.clone()).unwrap(), plain);
            assert_eq!(opener.open_rtcp(&mut whole.clone()), Err(Discard::Replayed));
        }
    }
}

#[test]
fn a_long_call_may_bring_any_number_of_senders() {
    let (mut sealer, mut opener) = pair(Profile::AeadAes128Gcm);
    for ssrc in 0..500 {
        assert!(opener.open_rtp(&mut sealed(&mut sealer, ssrc, 1)).is_ok());
        assert!(opener.open_rtp(&mut sealed(&mut sealer, 1000, ssrc)).is_ok());
    }
    assert!(opener.senders() <= 64);
    assert_eq!(opener.open_rtp(&mut sealed(&mut sealer, 1000, 3)), Err(Discard::Replayed));
}

#[test]
fn keying_material_of_the_wrong_length_is_refused() {
    for profile in PROFILES {
        let material = vec![0; profile.material_len() - 1];
        assert!(Srtp::new(profile, &material, Role::Server).is_none());
    }
}
