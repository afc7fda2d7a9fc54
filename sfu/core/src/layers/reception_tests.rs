use super::*;

const CLOCK: u32 = 90_000;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn stream(first: u16) -> (Reception, Instant) {
    let now = Instant::now();
    (Reception::new(now, 1, CLOCK, first), now)
}

fn receive(reception: &mut Reception, now: Instant, sequence: u16, timestamp: u32) -> Position {
    let position = reception.place(sequence);
    reception.count(now, timestamp);
    position
}

#[test]
fn packets_are_placed_over_the_wrap() {
    let (mut reception, _) = stream(65_534);
    let index = sequence::first(65_534);
    assert_eq!(reception.place(65_534), Position::Newest { index, skipped: 0 });
    assert_eq!(reception.place(1), Position::Newest { index: index + 3, skipped: 2 });
    assert_eq!(reception.place(65_535), Position::Late { index: index + 1 });
    assert_eq!(reception.locate(0), index + 2);
}

#[test]
fn the_first_packet_may_have_been_overtaken() {
    let (mut reception, now) = stream(10);
    receive(&mut reception, now, 10, 0);
    let index = sequence::first(10);
    assert_eq!(reception.place(7), Position::First { index: index - 3, skipped: 2 });
    reception.count(now, 0);
    assert_eq!(reception.place(8), Position::Late { index: index - 2 });
    reception.count(now, 0);
    assert_eq!(reception.report(now).lost, 1);
    let old = Position::Late { index: index - 10_u64.pow(2) };
    assert_eq!(reception.place(10_u16.wrapping_sub(100)), old, "from before it began");
}

#[test]
fn a_jump_ahead_is_a_new_beginning() {
    let (mut reception, now) = stream(100);
    receive(&mut reception, now, 100, 0);
    assert!(matches!(reception.place(1200), Position::Anew { .. }));
    reception.count(now, 0);
    assert_eq!(reception.report(now).fraction_lost, 0);
    let after = reception.highest();
    assert_eq!(reception.place(1201), Position::Newest { index: after + 1, skipped: 0 });
}

#[test]
fn a_jump_back_needs_two_packets() {
    let (mut reception, now) = stream(20_000);
    receive(&mut reception, now, 20_000, 0);
    assert_eq!(reception.place(5), Position::Stray);
    assert_eq!(
        reception.place(20_001),
        Position::Newest { index: sequence::first(20_001), skipped: 0 }
    );
    assert_eq!(reception.place(9), Position::Stray);
    assert!(matches!(reception.place(10), Position::Anew { .. }));
}

#[test]
fn losses_are_reported_since_the_last_report_and_in_all() {
    let (mut reception, now) = stream(0);
    for sequence in (0..100).filter(|sequence| sequence % 4 != 1) {
        receive(&mut reception, now, sequence, 0);
    }
    let report = reception.report(now);
    assert_eq!((report.lost, report.fraction_lost, report.highest), (25, 64, 99));
    for sequence in 100..200 {
        receive(&mut reception, now, sequence, 0);
    }
    let report = reception.report(now);
    assert_eq!((report.lost, report.fraction_lost, report.highest), (25, 0, 199));
}

#[test]
fn the_count_of_wraps_is_reported() {
    let (mut reception, now) = stream(65_535);
    receive(&mut reception, now, 65_535, 0);
    receive(&mut reception, now, 0, 0);
    assert_eq!(reception.report(now).highest, 65_536);
}

#[test]
fn jitter_is_the_change_of_transit_time() {
    let (mut reception, now) = stream(0);
    for at in 0..500u16 {
        let late = u64::from(at % 2) * 10;
        receive(&mut reception, now + ms(u64::from(at) * 20 + late), at, u32::from(at) * 1800);
    }
    let jitter = reception.report(now).jitter;
    assert!((850..=900).contains(&jitter), "10 ms are 900 ticks: {jitter}");
}

#[test]
fn the_last_sender_report_is_told_with_its_age() {
    let (mut reception, now) = stream(0);
    receive(&mut reception, now, 0, 0);
    assert_eq!(reception.report(now).last_sr, 0);
    reception.heard_sender(now, 0x1122_3344_5566_7788, 9);
    let report = reception.report(now + ms(500));
    assert_eq!((report.last_sr, report.delay), (0x3344_5566, 32_768));
}

#[test]
fn a_report_that_was_held_up_hardly_moves_the_clock() {
    let (mut reception, now) = stream(0);
    let second = 1 << 32;
    reception.heard_sender(now, second, 0);
    reception.heard_sender(now + ms(1160), 2 * second, CLOCK);
    let at = reception.sender_report().unwrap().at;
    assert_eq!(at, now + ms(1010), "160 ms late count as 10");
    reception.heard_sender(now + ms(1990), 3 * second, 2 * CLOCK);
    assert_eq!(reception.sender_report().unwrap().at, now + ms(1990), "the quickest is right");
}
