//! ClientHellos as browsers send them: split, out of order, repeated.

use super::*;

/// A ClientHello with these profiles, as large as one with a post-quantum key share.
fn hello(profiles: &[u16]) -> Vec<u8> {
    let mut extensions = vec![0, 51, 4, 0];
    extensions.resize(4 + 1024, 9);
    let list: Vec<u8> = profiles.iter().flat_map(|profile| profile.to_be_bytes()).collect();
    extensions.extend(USE_SRTP.to_be_bytes());
    extensions.extend((list.len() as u16 + 3).to_be_bytes());
    extensions.extend((list.len() as u16).to_be_bytes());
    extensions.extend(list);
    extensions.push(0);
    let mut message = vec![254, 253];
    message.resize(FIXED_LEN, 3);
    message.extend([0, 0, 0, 2, 0xc0, 0x2b, 1, 0]);
    message.extend((extensions.len() as u16).to_be_bytes());
    message.extend(extensions);
    message
}

/// One fragment of a message in a datagram of its own.
fn datagram(message: &[u8], range: std::ops::Range<usize>) -> Vec<u8> {
    let u24 = |value: usize| (value as u32).to_be_bytes().into_iter().skip(1);
    let mut record = vec![22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0];
    record.extend((range.len() as u16 + 12).to_be_bytes());
    record.push(CLIENT_HELLO);
    record.extend(u24(message.len()));
    record.extend([0, 0]);
    record.extend(u24(range.start));
    record.extend(u24(range.len()));
    record.extend(&message[range]);
    record
}

const GCM: Progress = Progress::Chosen(Profile::AeadAes128Gcm);
const CM: Progress = Progress::Chosen(Profile::AesCm128HmacSha1_80);

#[test]
fn the_best_profile_is_chosen_wherever_it_stands() {
    let chosen = |profiles: &[u16]| {
        let hello = hello(profiles);
        read(&[datagram(&hello, 0..hello.len())])
    };
    assert_eq!(chosen(&[0x0001, 0x0008, 0x0007]), GCM, "Chromium and the native SDK");
    assert_eq!(chosen(&[0x0007, 0x0008, 0x0001, 0x0002]), GCM, "Firefox");
    assert_eq!(chosen(&[0x0002, 0x0001]), CM);
    assert_eq!(chosen(&[0x0008, 0x0002]), Progress::Unsuitable);
    assert_eq!(chosen(&[]), Progress::Unsuitable);
}

#[test]
fn fragments_may_come_in_any_order_repeated_and_overlapping() {
    let hello = hello(&[0x0001, 0x0007]);
    let len = hello.len();
    let parts = [0..500, 400..800, 800..len].map(|range| datagram(&hello, range));
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let ordered = order.map(|at| parts[at].clone());
        assert_eq!(read(&ordered[..2]), Progress::Incomplete);
        assert_eq!(read(&ordered), GCM);
    }
    assert_eq!(read(&[&parts[0], &parts[0], &parts[2], &parts[1]]), GCM);
    assert_eq!(read::<&[u8]>(&[]), Progress::Incomplete);
}

#[test]
fn a_torn_message_is_unsuitable() {
    let whole = hello(&[0x0007]);
    for len in [1, FIXED_LEN, FIXED_LEN + 3, whole.len() - 4] {
        let torn = &whole[..len];
        assert_eq!(read(&[datagram(torn, 0..len)]), Progress::Unsuitable, "{len} bytes");
    }
}
