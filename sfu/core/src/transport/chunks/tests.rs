use super::*;

const WINDOW: u32 = 128 * 1024;

fn chunk(kind: u8, value: &[u8]) -> Vec<u8> {
    let mut chunk = vec![kind, 0];
    chunk.extend((value.len() as u16 + 4).to_be_bytes());
    chunk.extend(value);
    chunk.resize(chunk.len().next_multiple_of(4), 0);
    chunk
}

fn packet(chunks: &[Vec<u8>]) -> Vec<u8> {
    [vec![0; PACKET_HEADER_LEN], chunks.concat()].concat()
}

fn data(tsn: u32, len: usize) -> Vec<u8> {
    let value = [&tsn.to_be_bytes()[..], &[0; DATA_HEADER_LEN - 4], &vec![7; len]].concat();
    chunk(DATA, &value)
}

fn sack(received_to: u32, window: u32, gaps: &[(u16, u16)]) -> Vec<u8> {
    let mut value = [received_to, window].map(u32::to_be_bytes).concat();
    value.extend((gaps.len() as u16).to_be_bytes());
    value.extend([0; 2]);
    value
        .extend(gaps.iter().flat_map(|(from, to)| [from.to_be_bytes(), to.to_be_bytes()].concat()));
    packet(&[chunk(SACK, &value)])
}

fn one(chunk: Vec<u8>) -> Vec<u8> {
    packet(&[chunk])
}

const PASS: Result<ChunkVerdict, &str> = Ok(ChunkVerdict::Pass);

#[test]
fn a_message_without_an_end_is_given_up() {
    let mut gate = ChunkGate::new(WINDOW);
    gate.sent(&sack(0, 0, &[]));
    let taken = (1..10_000).take_while(|tsn| gate.received(&one(data(*tsn, 1000))).is_ok()).count();
    assert!((100..=STARVED_LEN_MAX / 1000).contains(&taken), "{taken}");
}

#[test]
fn fragments_of_any_size_pass_until_too_many_are_held() {
    let mut gate = ChunkGate::new(WINDOW);
    for tsn in 1..=HELD_MAX as u32 {
        assert_eq!(gate.received(&one(data(tsn, 1))), PASS, "{tsn}");
    }
    gate.delivered(HELD_MAX);
    let mut tsn = HELD_MAX as u32;
    let flood = std::iter::repeat_with(|| {
        tsn += 1;
        gate.received(&one(data(tsn, 1)))
    });
    let taken = flood.take_while(Result::is_ok).count();
    assert!((HELD_MAX..=HELD_MAX + PACKET_DATA_MAX).contains(&taken), "{taken}");
}

/// Ten thousand small messages at once, the first of which is lost: what does not fit comes again, and nobody is cut off.
#[test]
fn small_messages_behind_a_lost_one_wait() {
    let mut gate = ChunkGate::new(WINDOW);
    let mut arrived: Vec<u32> = Vec::new();
    for tsn in 2..10_000 {
        match gate.received(&one(data(tsn, 10))) {
            PASS => arrived.push(tsn),
            verdict => assert_eq!(verdict, Ok(ChunkVerdict::Drop(Discard::TooMany))),
        }
    }
    assert_eq!(arrived.len(), HELD_MAX);
    assert_eq!(gate.received(&one(data(1, 10))), PASS, "the one that they wait for");
    gate.delivered(arrived.len() + 1);
    gate.sent(&sack(arrived.len() as u32 + 1, WINDOW, &[]));
    assert_eq!(gate.received(&one(data(9_999, 10))), PASS);
}

#[test]
fn repetitions_do_not_count() {
    let mut gate = ChunkGate::new(WINDOW);
    for _ in 0..HELD_MAX * 3 {
        assert_eq!(gate.received(&one(data(1, 10))), PASS);
    }
    // Some above the last number that is acknowledged count twice, until little is held.
    for tsn in 3..1000 {
        assert_eq!(gate.received(&one(data(tsn, 10))), PASS);
        assert_eq!(gate.received(&one(data(tsn, 10))), PASS);
    }
    gate.sent(&sack(1000, WINDOW - 10, &[]));
    assert_eq!(gate.held, 10);
}

#[test]
fn one_packet_cannot_cause_much_work() {
    let full = |count| packet(&(1..=count as u32).map(|tsn| data(tsn, 1)).collect::<Vec<_>>());
    assert_eq!(ChunkGate::new(WINDOW).received(&full(PACKET_DATA_MAX)), PASS);
    assert!(ChunkGate::new(WINDOW).received(&full(PACKET_DATA_MAX + 1)).is_err());

    let forward = |to: u32| one(chunk(FORWARD_TSN, &to.to_be_bytes()));
    assert_eq!(ChunkGate::new(WINDOW).received(&forward(1000)), PASS);
    assert_eq!(ChunkGate::new(WINDOW).received(&forward(u32::MAX)), PASS, "an old one");
    assert!(ChunkGate::new(WINDOW).received(&forward(1 << 30)).is_err());

    let mut gate = ChunkGate::new(WINDOW);
    assert_eq!(gate.received(&sack(0, 1, &[(2, 3), (5, 9)])), PASS);
    assert!(gate.received(&sack(0, 1, &[(2, 9), (2, 9)])).is_err());
}

#[test]
fn a_reset_of_streams_waits_for_their_data() {
    let mut gate = ChunkGate::new(WINDOW);
    let reset = |last: u32| {
        let value = [&OUTGOING_RESET.to_be_bytes()[..], &[0, 18, 0, 0, 0, 1, 0, 0, 0, 1]].concat();
        one(chunk(RE_CONFIG, &[&value[..], &last.to_be_bytes(), &[0, 2]].concat()))
    };
    assert_eq!(gate.received(&reset(1)), Ok(ChunkVerdict::Drop(Discard::Stale)));
    assert_eq!(gate.received(&one(data(1, 10))), PASS);
    assert_eq!(gate.received(&reset(1)), PASS);
}

#[test]
fn goodbyes_and_complaints_are_known() {
    let goodbye = |chunk| {
        let mut gate = ChunkGate::new(WINDOW);
        gate.received(&one(chunk)).unwrap();
        gate.said_goodbye()
    };
    assert!(goodbye(chunk(ABORT, &[])) && goodbye(chunk(ABORT, &[0, 12, 0, 4])));
    assert!(goodbye(chunk(SHUTDOWN, &[0; 4])));
    assert!(!goodbye(chunk(ABORT, &[0, 13, 0, 4])), "a protocol violation");
    let complaint = ChunkGate::new(WINDOW).received(&one(chunk(ERROR, &[0, 6, 0, 4])));
    assert_eq!(complaint, Ok(ChunkVerdict::Drop(Discard::Malformed)));
}

#[test]
fn an_init_is_known_and_a_torn_packet_does_no_harm() {
    let init = one(chunk(INIT, &[0; 16]));
    assert!(is_init(&init) && !is_init(&one(data(1, 1))));
    for whole in [init, one(data(1, 9)), sack(1, 1, &[(2, 3)]), one(chunk(RE_CONFIG, &[0, 13]))] {
        for len in 0..whole.len() {
            let _ = ChunkGate::new(WINDOW).received(&whole[..len]);
        }
    }
    assert!(ChunkGate::new(WINDOW).received(&one(chunk(DATA, &[0; DATA_HEADER_LEN]))).is_err());
}
