use super::*;
use crate::domain::ids::CallId;
use proptest::prelude::*;
use uuid::Uuid;

const ALICE: UserId = UserId(Uuid::from_u128(1));
const BOB: UserId = UserId(Uuid::from_u128(2));
const EVE: UserId = UserId(Uuid::from_u128(3));
const ALICE_WEB: SocketId = SocketId(Uuid::from_u128(11));
const BOB_WEB: SocketId = SocketId(Uuid::from_u128(21));
const BOB_PHONE: SocketId = SocketId(Uuid::from_u128(22));
const EVE_WEB: SocketId = SocketId(Uuid::from_u128(31));
const START: Moment = Moment { wall: 1_000_000, ticks: 5_000 };

fn parties(call: u128, caller: UserId, callee: UserId) -> Parties {
    Parties { call_id: CallId(Uuid::from_u128(call)), caller, callee }
}

fn ringing() -> Call {
    let conversation = ConversationId(Uuid::from_u128(9));
    Call::ring(parties(7, ALICE, BOB), conversation, CallMedia::Video, ALICE_WEB, START)
}

fn active() -> Call {
    let mut call = ringing();
    act(&mut call, START, BOB, BOB_WEB, CallAct::Accept).unwrap();
    call
}

fn act(
    call: &mut Call,
    now: Moment,
    user: UserId,
    socket: SocketId,
    act: CallAct,
) -> Result<Vec<CallEffect>, Code> {
    call.handle(now, CallInput::Act { user, socket, act })
}

fn ended(outcome: CallOutcome, by: Option<UserId>, duration_ms: Option<i64>) -> Vec<CallEffect> {
    vec![CallEffect::End(CallEnding { outcome, by, duration_ms })]
}

#[test]
fn answered_and_hung_up_by_either_is_completed_with_its_duration() {
    for (user, socket) in [(ALICE, ALICE_WEB), (BOB, BOB_WEB)] {
        let mut call = ringing();
        let told = act(&mut call, START + 5_000, BOB, BOB_WEB, CallAct::Accept);
        assert_eq!(told, Ok(vec![CallEffect::TellAccepted]));
        let over = act(&mut call, START + 65_000, user, socket, CallAct::Hangup);
        assert_eq!(over, Ok(ended(CallOutcome::Completed, Some(user), Some(60_000))));
    }
}

#[test]
fn an_answered_call_may_go_on_elsewhere_and_then_is_over_here() {
    let mut call = active();
    assert_eq!(call.hand_on(START, EVE), Err(Code::NotFound));
    assert_eq!(call.hand_on(START, BOB), Ok(()));
    assert_eq!(act(&mut call, START, ALICE, ALICE_WEB, CallAct::Hangup), Err(Code::CallOver));
    assert_eq!(call.hand_on(START, ALICE), Err(Code::CallOver));
    assert_eq!(
        call.handle(START + REMEMBER_OVER_MS, CallInput::Tick),
        Ok(vec![CallEffect::Forget])
    );
    assert_eq!(ringing().hand_on(START, ALICE), Err(Code::Denied), "before the answer");
}

#[test]
fn before_the_answer_the_caller_cancels_and_the_callee_declines() {
    let cancelled = act(&mut ringing(), START, ALICE, ALICE_WEB, CallAct::Hangup);
    assert_eq!(cancelled, Ok(ended(CallOutcome::Cancelled, Some(ALICE), None)));
    for how in [CallAct::Decline, CallAct::Hangup] {
        let declined = act(&mut ringing(), START, BOB, BOB_PHONE, how);
        assert_eq!(declined, Ok(ended(CallOutcome::Declined, Some(BOB), None)));
    }
}

#[test]
fn nobody_answers_for_45_seconds() {
    let mut call = ringing();
    assert_eq!(call.handle(START + 44_999, CallInput::Tick), Ok(vec![]));
    assert_eq!(
        call.handle(START + 45_000, CallInput::Tick),
        Ok(ended(CallOutcome::Missed, None, None))
    );
}

#[test]
fn the_first_device_to_answer_has_the_call() {
    let mut call = active();
    assert_eq!(act(&mut call, START, BOB, BOB_PHONE, CallAct::Accept), Err(Code::CallOver));
    assert_eq!(act(&mut call, START, BOB, BOB_PHONE, CallAct::Decline), Err(Code::CallOver));
    assert_eq!(act(&mut call, START, BOB, BOB_WEB, CallAct::Accept), Ok(vec![]), "a resent frame");
    assert_eq!(call.snapshot().unwrap().carrier_of(BOB), Some(BOB_WEB));
}

#[test]
fn the_caller_cannot_answer_or_decline_their_own_call() {
    for how in [CallAct::Accept, CallAct::Decline] {
        assert_eq!(act(&mut ringing(), START, ALICE, ALICE_WEB, how), Err(Code::Denied));
    }
}

#[test]
fn signals_pass_only_between_the_two_sockets_of_an_answered_call() {
    let mut ring = ringing();
    assert_eq!(act(&mut ring, START, ALICE, ALICE_WEB, CallAct::Signal), Err(Code::Denied));
    assert_eq!(act(&mut ring, START, EVE, EVE_WEB, CallAct::Signal), Err(Code::NotFound));

    let mut call = active();
    let to_bob = CallEffect::Relay(BOB_WEB);
    let to_alice = CallEffect::Relay(ALICE_WEB);
    assert_eq!(act(&mut call, START, ALICE, ALICE_WEB, CallAct::Signal), Ok(vec![to_bob]));
    assert_eq!(act(&mut call, START, BOB, BOB_WEB, CallAct::Signal), Ok(vec![to_alice]));
    assert_eq!(act(&mut call, START, BOB, BOB_PHONE, CallAct::Signal), Err(Code::Denied));
    assert_eq!(act(&mut call, START, EVE, EVE_WEB, CallAct::Signal), Err(Code::NotFound));
    assert_eq!(act(&mut call, START, ALICE, BOB_WEB, CallAct::Signal), Err(Code::Denied));

    act(&mut call, START, BOB, BOB_WEB, CallAct::Hangup).unwrap();
    assert_eq!(act(&mut call, START, ALICE, ALICE_WEB, CallAct::Signal), Err(Code::CallOver));
}

#[test]
fn a_broken_socket_has_20_seconds_to_come_back() {
    let mut call = active();
    call.handle(START, CallInput::SocketGone(BOB_WEB)).unwrap();
    assert_eq!(call.handle(START + 19_999, CallInput::Tick), Ok(vec![]));
    call.handle(START + 19_999, CallInput::SocketBack(BOB_WEB)).unwrap();
    assert_eq!(call.handle(START + 25_000, CallInput::Tick), Ok(vec![]));

    call.handle(START + 30_000, CallInput::SocketGone(ALICE_WEB)).unwrap();
    assert_eq!(
        call.handle(START + 50_000, CallInput::Tick),
        Ok(ended(CallOutcome::Lost, None, Some(50_000)))
    );
}

#[test]
fn a_caller_who_vanishes_while_it_rings_has_cancelled() {
    let mut call = ringing();
    call.handle(START + 1_000, CallInput::SocketGone(ALICE_WEB)).unwrap();
    let over = call.handle(START + 21_000, CallInput::Tick);
    assert_eq!(over, Ok(ended(CallOutcome::Cancelled, Some(ALICE), None)));
}

#[test]
fn a_socket_on_another_node_is_lost_when_that_node_falls_silent() {
    let mut call = active();
    for at in [0, 10_000, 20_000, 30_000] {
        call.handle(START + at, CallInput::SocketSeen(BOB_WEB)).unwrap();
        assert_eq!(call.handle(START + at, CallInput::Tick), Ok(vec![]));
    }
    call.handle(START + 31_000, CallInput::SocketGone(BOB_WEB)).unwrap();
    assert_eq!(call.handle(START + 49_999, CallInput::Tick), Ok(vec![]));
    let over = call.handle(START + 50_000, CallInput::Tick).unwrap();
    assert!(!over.is_empty(), "a break does not prolong the grace");
}

#[test]
fn other_devices_coming_and_going_do_not_matter() {
    let mut call = active();
    call.handle(START, CallInput::SocketGone(BOB_PHONE)).unwrap();
    assert_eq!(call.handle(START + 60_000, CallInput::Tick), Ok(vec![]));
}

#[test]
fn an_ended_call_is_remembered_for_a_minute() {
    let mut call = active();
    act(&mut call, START, ALICE, ALICE_WEB, CallAct::Hangup).unwrap();
    assert_eq!(act(&mut call, START, BOB, BOB_WEB, CallAct::Hangup), Err(Code::CallOver));
    assert_eq!(act(&mut call, START, EVE, EVE_WEB, CallAct::Hangup), Err(Code::NotFound));
    assert_eq!(call.handle(START + 59_999, CallInput::Tick), Ok(vec![]));
    assert_eq!(call.handle(START + 60_000, CallInput::Tick), Ok(vec![CallEffect::Forget]));
}

#[test]
fn a_node_that_stops_loses_what_rings_and_leaves_the_rest_to_its_two() {
    let lost = ringing().handle(START + 9_000, CallInput::NodeStops);
    assert_eq!(lost, Ok(ended(CallOutcome::Lost, None, None)));
    let mut call = active();
    assert_eq!(call.handle(START + 9_000, CallInput::NodeStops), Ok(vec![]));
    assert!(call.is_live());
}

#[test]
fn a_clock_that_is_set_changes_no_deadline_and_no_duration() {
    let set = |ms: i64, by: i64| Moment { wall: START.wall + ms + by, ticks: START.ticks + ms };
    for by in [-3_600_000, 3_600_000] {
        let mut call = ringing();
        assert_eq!(call.handle(set(44_999, by), CallInput::Tick), Ok(vec![]));
        let missed = call.handle(set(45_000, by), CallInput::Tick);
        assert_eq!(missed, Ok(ended(CallOutcome::Missed, None, None)));
        let mut call = active();
        let over = act(&mut call, set(60_000, by), BOB, BOB_WEB, CallAct::Hangup);
        assert_eq!(over, Ok(ended(CallOutcome::Completed, Some(BOB), Some(60_000))));
    }
}

fn resume(
    call: &mut Call,
    user: UserId,
    socket: SocketId,
    connection: Option<u32>,
) -> Vec<CallEffect> {
    act(call, START, user, socket, CallAct::Resume { connection }).unwrap()
}

/// The call of [`active`], as a node knows it that has only been shown its fact.
fn taken_up(now: Moment) -> Call {
    Call::taken_up(&CallFact::of(&active().snapshot().unwrap(), START.wall).unwrap(), now)
}

#[test]
fn a_call_taken_up_from_its_fact_is_the_same_call() {
    let later = Moment { wall: START.wall + 40_000, ticks: 100 };
    let mut call = taken_up(later);
    let waiting = act(&mut call, later, ALICE, ALICE_WEB, CallAct::Resume { connection: Some(1) });
    assert_eq!(waiting, Ok(vec![]), "until the other is back");
    assert_eq!(act(&mut call, later, ALICE, ALICE_WEB, CallAct::Signal), Err(Code::Unavailable));
    let both = act(&mut call, later, BOB, BOB_PHONE, CallAct::Resume { connection: Some(1) });
    assert_eq!(both, Ok(vec![CallEffect::TellResumed]));
    let known = call.snapshot().unwrap();
    assert_eq!((known.started_at, known.accepted_at), (START.wall, Some(START.wall)));
    assert_eq!(known.connection, Some(1), "their media went on without us");
    let relayed = act(&mut call, later, ALICE, ALICE_WEB, CallAct::Signal);
    assert_eq!(relayed, Ok(vec![CallEffect::Relay(BOB_PHONE)]));
    let over = act(&mut call, later + 20_000, BOB, BOB_PHONE, CallAct::Hangup);
    assert_eq!(over, Ok(ended(CallOutcome::Completed, Some(BOB), Some(60_000))));
}

#[test]
fn a_call_to_which_only_one_comes_back_is_lost() {
    let mut call = taken_up(START + 10_000);
    resume(&mut call, ALICE, ALICE_WEB, Some(1));
    assert_eq!(call.handle(START + 39_999, CallInput::Tick), Ok(vec![]));
    let lost = call.handle(START + 40_000, CallInput::Tick);
    assert_eq!(lost, Ok(ended(CallOutcome::Lost, None, Some(40_000))));
}

#[test]
fn a_page_loaded_anew_comes_back_into_its_call_over_a_new_connection() {
    let mut call = active();
    let closed = call.handle(START, CallInput::SocketClosed(BOB_WEB));
    assert_eq!(closed, Ok(vec![CallEffect::TellAway(ALICE_WEB)]));
    assert_eq!(call.handle(START, CallInput::SocketClosed(BOB_WEB)), Ok(vec![]), "told once");
    assert_eq!(act(&mut call, START, ALICE, ALICE_WEB, CallAct::Signal), Err(Code::Unavailable));
    let back = resume(&mut call, BOB, BOB_PHONE, None);
    assert_eq!(back, [CallEffect::TellTaken(BOB_WEB), CallEffect::TellResumed]);
    assert_eq!(call.snapshot().unwrap().connection, Some(2));
    assert_eq!(call.handle(START + 60_000, CallInput::Tick), Ok(vec![]));
}

#[test]
fn a_page_that_stays_away_has_left_after_its_grace() {
    let mut call = active();
    call.handle(START, CallInput::SocketClosed(BOB_WEB)).unwrap();
    for late in [CallInput::SocketBack(BOB_WEB), CallInput::SocketSeen(BOB_WEB)] {
        call.handle(START + 1, late).unwrap();
    }
    assert_eq!(call.handle(START + (PAGE_GRACE_MS - 1), CallInput::Tick), Ok(vec![]));
    let lost = call.handle(START + PAGE_GRACE_MS, CallInput::Tick);
    assert_eq!(lost, Ok(ended(CallOutcome::Lost, None, Some(PAGE_GRACE_MS))));
}

#[test]
fn both_agree_on_a_connection_whoever_missed_what() {
    let connection = |call: &Call| call.snapshot().unwrap().connection;
    let mut call = taken_up(START);
    resume(&mut call, BOB, BOB_PHONE, None);
    assert_eq!(resume(&mut call, ALICE, ALICE_WEB, Some(7)), [CallEffect::TellResumed]);
    assert_eq!(connection(&call), Some(8), "neither has this number");
    // Alice never heard of it.
    assert_eq!(resume(&mut call, ALICE, ALICE_WEB, Some(7)), [CallEffect::TellResumed]);
    assert_eq!(connection(&call), Some(9));
    assert_eq!(resume(&mut call, ALICE, ALICE_WEB, Some(9)), [CallEffect::TellResumed]);
    assert_eq!(connection(&call), Some(9), "nothing is built anew without need");
    assert_eq!(resume(&mut call, ALICE, ALICE_WEB, Some(u32::MAX)), [CallEffect::TellResumed]);
}

#[test]
fn only_an_answered_call_is_resumed_and_only_by_its_two() {
    let again = CallAct::Resume { connection: None };
    assert_eq!(act(&mut ringing(), START, ALICE, ALICE_WEB, again), Err(Code::Denied));
    assert_eq!(act(&mut active(), START, EVE, EVE_WEB, again), Err(Code::NotFound));
    let mut over = active();
    act(&mut over, START, ALICE, ALICE_WEB, CallAct::Hangup).unwrap();
    assert_eq!(act(&mut over, START, ALICE, ALICE_WEB, again), Err(Code::CallOver));
}

#[test]
fn opening_a_call() {
    let live = |parties, accepted_at| {
        let call = ringing().snapshot().unwrap();
        Some(Snapshot { parties, accepted_at, ..call })
    };
    let wish = parties(1, ALICE, BOB);
    let same = live(wish, None);
    let glare = live(parties(2, BOB, ALICE), None);
    let talking = live(parties(2, BOB, ALICE), Some(START.wall));
    let elsewhere = live(parties(3, BOB, EVE), None);
    let mine = live(parties(4, ALICE, EVE), None);
    let other_device = live(parties(5, ALICE, BOB), None);
    let opened = |caller_in: Option<Snapshot>, callee_in: Option<Snapshot>| {
        open(&wish, caller_in.as_ref(), callee_in.as_ref())
    };
    assert_eq!(opened(None, None), Ok(Opening::Ring));
    assert_eq!(opened(same, same), Ok(Opening::Again));
    assert_eq!(opened(glare, glare), Ok(Opening::Meet(CallId(Uuid::from_u128(2)))));
    assert_eq!(opened(talking, talking), Err(Code::InCall));
    assert_eq!(opened(None, elsewhere), Ok(Opening::Busy));
    assert_eq!(opened(mine, None), Err(Code::InCall));
    assert_eq!(opened(other_device, other_device), Err(Code::InCall));
}

fn any_input() -> impl Strategy<Value = CallInput> {
    let owned = vec![(ALICE, ALICE_WEB), (BOB, BOB_WEB), (BOB, BOB_PHONE), (EVE, EVE_WEB)];
    let person = prop::sample::select(owned);
    let socket = person.clone().prop_map(|(_, socket)| socket);
    let again = [None, Some(1)].map(|connection| CallAct::Resume { connection });
    let acts = vec![
        CallAct::Accept,
        CallAct::Decline,
        CallAct::Hangup,
        CallAct::Signal,
        CallAct::Signal,
        again[0],
        again[1],
    ];
    prop_oneof![
        4 => (person, prop::sample::select(acts))
            .prop_map(|((user, socket), act)| CallInput::Act { user, socket, act }),
        1 => socket.clone().prop_map(CallInput::SocketGone),
        1 => socket.clone().prop_map(CallInput::SocketClosed),
        1 => socket.clone().prop_map(CallInput::SocketBack),
        1 => socket.prop_map(CallInput::SocketSeen),
        2 => Just(CallInput::Tick),
    ]
}

proptest! {
    /// Whatever happens in whatever order: a signal reaches only the other carrying socket, a call ends and is
    /// recorded exactly once, its sockets' disappearance always ends it, and then it is forgotten.
    #[test]
    fn every_call_ends_once_and_leaks_to_nobody(
        inputs in prop::collection::vec((0i64..15_000, any_input()), 0..60),
    ) {
        let mut call = ringing();
        let mut now = START;
        let mut effects = Vec::new();
        for (wait, input) in inputs {
            now = now + wait;
            let carrying: Vec<_> = call.snapshot().iter().flat_map(Snapshot::carriers).collect();
            let was_live = call.is_live();
            let new = call.handle(now, input).unwrap_or_default();
            for effect in &new {
                if let CallEffect::Relay(socket) = effect {
                    let CallInput::Act { socket: from, .. } = input else { panic!("relayed {input:?}") };
                    prop_assert!(carrying.len() == 2 && carrying.contains(&from));
                    prop_assert!(carrying.contains(socket) && *socket != from);
                }
            }
            prop_assert!(was_live || !call.is_live(), "an ended call came to life");
            effects.extend(new);
        }
        for socket in [ALICE_WEB, BOB_WEB, BOB_PHONE, EVE_WEB] {
            call.handle(now, CallInput::SocketGone(socket)).unwrap();
        }
        for later in [SOCKET_GRACE_MS, SOCKET_GRACE_MS + REMEMBER_OVER_MS] {
            effects.extend(call.handle(now + later, CallInput::Tick).unwrap());
        }
        let count = |wanted: fn(&CallEffect) -> bool| effects.iter().filter(|e| wanted(e)).count();
        prop_assert_eq!(count(|e| matches!(e, CallEffect::End(_))), 1);
        prop_assert!(count(|e| matches!(e, CallEffect::TellAccepted)) <= 1);
        prop_assert!(effects.contains(&CallEffect::Forget));
    }
}
