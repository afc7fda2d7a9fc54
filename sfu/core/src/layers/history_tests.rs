use proptest::prelude::*;

use super::*;

/// A packet whose bytes tell its index.
fn packet(index: u64, len: usize) -> Vec<u8> {
    let mut packet = vec![0x80, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    packet.extend(index.to_be_bytes().into_iter().cycle().take(len));
    packet
}

fn put(history: &mut History, index: u64, len: usize) {
    let packet = packet(index, len);
    let header = Header::read(&packet).unwrap();
    history.put(index, &header, &FrameInfo::default(), &packet[..12], &packet[12..]);
}

fn payload(history: &History, index: u64) -> Option<Vec<u8>> {
    history.get(index).map(|stored| stored.payload().to_vec())
}

#[test]
fn what_was_put_is_got() {
    let mut history = History::new(Kind::Video);
    assert!(history.get(7).is_none());
    put(&mut history, 7, 100);
    assert_eq!(payload(&history, 7), Some(packet(7, 100)[12..].to_vec()));
    assert!(history.get(8).is_none() && history.get(7 + 512).is_none());
}

#[test]
fn a_full_ring_holds_the_newest() {
    let mut history = History::new(Kind::Audio);
    for index in 1..=200 {
        put(&mut history, index, 80);
    }
    assert!((200 - 63..=200).all(|index| history.get(index).is_some()));
    assert!(history.get(200 - 64).is_none());
}

#[test]
fn overwritten_bytes_are_noticed() {
    let mut history = History::new(Kind::Audio);
    for index in 1..=60 {
        put(&mut history, index, 1000);
    }
    assert!(history.get(60).is_some());
    assert!(history.contains(1), "it came");
    assert!(history.get(1).is_none(), "its bytes are gone");
}

#[test]
fn a_late_packet_does_not_push_out_a_newer_one() {
    let mut history = History::new(Kind::Video);
    put(&mut history, 1000, 10);
    put(&mut history, 1000 - 512, 10);
    assert!(history.get(1000).is_some() && history.get(1000 - 512).is_none());
}

#[test]
fn what_is_too_large_for_the_arena_is_not_kept() {
    let mut history = History::new(Kind::Audio);
    put(&mut history, 5, 17 << 10);
    assert!(history.get(5).is_none());
    put(&mut history, 6, 100);
    assert!(history.get(6).is_some());
}

proptest! {
    #[test]
    fn it_never_returns_the_bytes_of_another_packet(
        puts in prop::collection::vec((0u64..300, 0usize..800), 1..80)
    ) {
        let mut history = History::new(Kind::Audio);
        let mut lens = std::collections::HashMap::new();
        for (step, (back, len)) in puts.into_iter().enumerate() {
            let index = (1000 + 2 * step as u64).saturating_sub(back);
            if !history.contains(index) {
                put(&mut history, index, len);
                lens.insert(index, len);
            }
            for (index, len) in &lens {
                if let Some(found) = payload(&history, *index) {
                    prop_assert_eq!(found, &packet(*index, *len)[12..]);
                }
            }
        }
    }
}
