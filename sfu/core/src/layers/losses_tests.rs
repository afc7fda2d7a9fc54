use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn due(losses: &mut Losses, now: Instant) -> Vec<u16> {
    let mut sequences = Vec::new();
    losses.due(now, 0, &mut sequences);
    sequences
}

#[test]
fn what_lies_behind_the_first_packet_is_asked_for_too() {
    let start = Instant::now();
    let mut losses = Losses::default();
    losses.skipped(start, 12..13);
    losses.preceded(start, 8..10);
    let mut due = Vec::new();
    losses.due(start + REORDERING, 0, &mut due);
    assert_eq!(due, [8, 9, 12]);
}

#[test]
fn a_missing_packet_is_asked_for_after_the_time_of_reordering() {
    let start = Instant::now();
    let mut losses = Losses::default();
    losses.skipped(start, 70_000..70_003);
    assert!(due(&mut losses, start + ms(9)).is_empty());
    losses.arrived(start + ms(9), 70_001);
    assert_eq!(due(&mut losses, start + ms(10)), [70_000u64 as u16, 70_002u64 as u16]);
    assert!(due(&mut losses, start + ms(11)).is_empty(), "it was just asked for");
}

#[test]
fn it_is_asked_for_ten_times() {
    let start = Instant::now();
    let mut losses = Losses::default();
    losses.skipped(start, 9..10);
    let asked = (0..10_000).filter(|at| !due(&mut losses, start + ms(*at)).is_empty()).count();
    assert_eq!(asked, 10);
}

#[test]
fn it_waits_as_long_as_repairs_take() {
    let start = Instant::now();
    let mut losses = Losses::default();
    let mut now = start;
    for index in 1..=50 {
        losses.skipped(now, index..index + 1);
        assert_eq!(due(&mut losses, now + ms(10)).len(), 1);
        losses.arrived(now + ms(10 + 250), index);
        now += ms(300);
    }
    losses.skipped(now, 100..101);
    due(&mut losses, now + ms(10));
    assert!(due(&mut losses, now + ms(10 + 240)).is_empty());
    assert_eq!(due(&mut losses, now + ms(10 + 260)).len(), 1);
}

#[test]
fn a_long_gap_is_asked_for_from_its_end() {
    let start = Instant::now();
    let mut losses = Losses::default();
    losses.skipped(start, 1000..1500);
    let asked = due(&mut losses, start + ms(10));
    assert_eq!(asked, (1500 - 64..1500).collect::<Vec<_>>());
}

#[test]
fn what_the_history_would_not_keep_is_given_up() {
    let start = Instant::now();
    let mut losses = Losses::default();
    losses.skipped(start, 10..12);
    let mut sequences = Vec::new();
    losses.due(start + ms(10), 11, &mut sequences);
    assert_eq!(sequences, [11]);
}

proptest! {
    /// Packets come in an order that is a little mixed up, some never. What came is never asked for.
    #[test]
    fn what_arrived_is_never_asked_for(
        packets in prop::collection::vec((0u64..8, prop::bool::weighted(0.8)), 1..400)
    ) {
        let start = Instant::now();
        let mut order: Vec<(u64, u64)> = packets
            .iter()
            .enumerate()
            .filter(|(_, (_, comes))| *comes)
            .map(|(at, (late, _))| (at as u64 + late, at as u64))
            .collect();
        order.sort();
        let mut losses = Losses::default();
        let mut came = BTreeSet::new();
        let mut highest: Option<u64> = None;
        for (step, (_, index)) in order.into_iter().enumerate() {
            let now = start + ms(3 * step as u64);
            match highest {
                Some(highest) if index < highest => losses.arrived(now, index),
                Some(highest) => losses.skipped(now, highest + 1..index),
                None => {}
            }
            highest = highest.max(Some(index));
            came.insert(index);
            let asked = due(&mut losses, now);
            prop_assert!(asked.len() <= OUTSTANDING_MAX);
            for sequence in asked {
                prop_assert!(!came.contains(&sequence.into()), "{} came", sequence);
                prop_assert!(u64::from(sequence) < highest.unwrap());
            }
        }
    }
}
