use slotmap::SlotMap;

use super::*;

fn track() -> TrackKey {
    SlotMap::<TrackKey, ()>::with_key().insert(())
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Sends as much video as goes and returns the bytes.
fn flood(pacer: &mut Pacer, now: Instant) -> usize {
    (0..10_000).take_while(|_| pacer.admit(now, 1000, Kind::Video) == Admission::Now).count() * 1000
}

/// When what waits may go on.
fn due(pacer: &Pacer) -> Option<Instant> {
    let (filled, _) = (pacer.filled?, pacer.held.front()?);
    let Some(rate) = pacer.rate.filter(|_| pacer.credit <= 0) else { return Some(filled) };
    Some(filled + time_for(rate, 1 - pacer.credit) + Duration::from_nanos(1))
}

#[test]
fn repairs_take_half_of_the_estimate_at_most() {
    let start = Instant::now();
    let mut pacer = Pacer::new();
    assert!(pacer.may_repair(start), "while nothing is known");
    pacer.set_rate(800_000);
    let mut repaired = 0;
    for at in 0..10_000 {
        if pacer.may_repair(start + Duration::from_millis(at)) {
            pacer.repaired(1000);
            repaired += 1000;
        }
    }
    assert!((450_000..=550_000).contains(&repaired), "{repaired} bytes in ten seconds");
}

#[test]
fn without_an_estimate_nothing_waits() {
    let mut pacer = Pacer::new();
    pacer.set_rate(u64::MAX);
    assert_eq!(flood(&mut pacer, Instant::now()), 10_000_000);
    assert_eq!(due(&pacer), None);
}

#[test]
fn a_burst_goes_and_the_rest_waits() {
    let now = Instant::now();
    let mut pacer = Pacer::new();
    pacer.set_rate(1_000_000);
    assert_eq!(flood(&mut pacer, now), 0);
    // 2.5 Mbit/s are 12.5 kB in 40 ms, and one packet goes into debt.
    assert_eq!(flood(&mut pacer, now + ms(1000)), 13_000);
    assert_eq!(flood(&mut pacer, now + ms(1008)), 2_000);
}

#[test]
fn audio_never_waits() {
    let now = Instant::now();
    let mut pacer = Pacer::new();
    pacer.set_rate(30_000);
    flood(&mut pacer, now);
    assert!((0..100).all(|_| pacer.admit(now, 100, Kind::Audio) == Admission::Now));
}

#[test]
fn what_waits_comes_in_order_at_the_rate() {
    let (track, start) = (track(), Instant::now());
    let mut pacer = Pacer::new();
    pacer.set_rate(1_000_000);
    pacer.admit(start, 1000, Kind::Video);
    for sequence in 0..100 {
        assert_eq!(pacer.admit(start, 1000, Kind::Video), Admission::Hold);
        assert!(pacer.hold(track, sequence, 1000));
    }
    let (mut now, mut next) = (start, 0);
    while let Some(at) = due(&pacer) {
        now = now.max(at);
        let before = next;
        while let Some((_, sequence)) = pacer.release(now) {
            assert_eq!(sequence, next);
            next += 1;
        }
        assert!(next > before, "a deadline that nothing came of");
    }
    assert_eq!(next, 100);
    let took = now.duration_since(start);
    assert!((ms(310)..ms(330)).contains(&took), "100 kB at 2.5 Mbit/s take 320 ms: {took:?}");
}

#[test]
fn video_does_not_overtake_what_waits() {
    let (track, now) = (track(), Instant::now());
    let mut pacer = Pacer::new();
    pacer.set_rate(1_000_000);
    flood(&mut pacer, now);
    pacer.hold(track, 1, 1000);
    assert_eq!(pacer.admit(now + ms(500), 1000, Kind::Video), Admission::Hold);
    assert_eq!(pacer.release(now + ms(500)), Some((track, 1)));
    assert_eq!(pacer.admit(now + ms(500), 1000, Kind::Video), Admission::Now);
}

#[test]
fn the_line_is_bounded() {
    let track = track();
    let mut pacer = Pacer::new();
    let held = (0..1000).filter(|sequence| pacer.hold(track, *sequence, 1)).count();
    assert_eq!(held, HELD_MAX);
}

#[test]
fn frequent_looks_lose_no_credit() {
    let start = Instant::now();
    let mut pacer = Pacer::new();
    pacer.set_rate(30_000);
    let mut sent = 0;
    for us in (0..1_000_000).step_by(50) {
        let now = start + Duration::from_micros(us);
        sent += usize::from(pacer.admit(now, 100, Kind::Video) == Admission::Now);
    }
    assert!((93..=95).contains(&sent), "75 kbit/s are 94 packets: {sent}");
}
