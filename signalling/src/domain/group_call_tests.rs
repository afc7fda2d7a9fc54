use std::collections::HashSet;

use super::*;

const START: Moment = Moment { wall: 1_700_000_000_000, ticks: 5_000 };
const SIZE: usize = 3;

struct Cast {
    owner: UserId,
    alice: UserId,
    bob: UserId,
    carol: UserId,
    dave: UserId,
}

fn cast() -> Cast {
    let fresh = UserId::fresh;
    Cast { owner: fresh(), alice: fresh(), bob: fresh(), carol: fresh(), dave: fresh() }
}

fn origin(started_by: UserId) -> Origin {
    Origin {
        id: CallId::fresh(),
        conversation_id: ConversationId::fresh(),
        media: GroupMedia::Video,
        started_by,
        started_at: START.wall,
    }
}

/// A call that Alice has started in a group of somebody else.
fn started(cast: &Cast) -> GroupCall {
    let mut call = GroupCall::begin(origin(cast.alice), Some(cast.owner), SIZE, START);
    enters(&mut call, cast.alice);
    call
}

fn does(
    call: &mut GroupCall,
    now: Moment,
    user: UserId,
    act: GroupCallAct,
) -> Result<Vec<GroupCallEffect>, Code> {
    call.handle(now, GroupCallInput::Act { user, act }).map_err(|refusal| refusal.code)
}

fn joins(call: &mut GroupCall, user: UserId, member: bool) -> Result<Vec<GroupCallEffect>, Code> {
    does(call, START, user, GroupCallAct::Join { member })
}

fn enters(call: &mut GroupCall, user: UserId) -> Vec<GroupCallEffect> {
    joins(call, user, true).unwrap();
    call.handle(START, GroupCallInput::Entered(user)).unwrap()
}

fn leaves(call: &mut GroupCall, now: Moment, user: UserId, lost: bool) -> Vec<GroupCallEffect> {
    call.handle(now, GroupCallInput::Left { user, lost }).unwrap()
}

fn rings(
    call: &mut GroupCall,
    by: UserId,
    guests: &[UserId],
) -> Result<Vec<GroupCallEffect>, Code> {
    does(call, START, by, GroupCallAct::Invite { members: vec![], guests: guests.to_vec() })
}

fn tick(call: &mut GroupCall, now: Moment) -> Vec<GroupCallEffect> {
    call.handle(now, GroupCallInput::Tick).unwrap()
}

fn tells() -> Vec<GroupCallEffect> {
    tells_also(vec![])
}

fn tells_also(also: Vec<UserId>) -> Vec<GroupCallEffect> {
    vec![GroupCallEffect::Tell { also }]
}

fn ends(outcome: CallOutcome, duration_ms: Option<i64>) -> Vec<GroupCallEffect> {
    vec![GroupCallEffect::End(GroupCallEnding { outcome, duration_ms })]
}

#[test]
fn members_come_and_go_until_the_last_one_leaves() {
    let cast = cast();
    let mut call = started(&cast);
    assert_eq!(enters(&mut call, cast.bob), tells());
    assert_eq!(call.inside(), [cast.alice, cast.bob]);
    assert_eq!(leaves(&mut call, START + 1_000, cast.alice, false), tells());
    let over = leaves(&mut call, START + 5_000, cast.bob, false);
    assert_eq!(over, ends(CallOutcome::Completed, Some(5_000)));
    assert_eq!(joins(&mut call, cast.bob, true), Err(Code::CallOver));
    assert_eq!(tick(&mut call, START + 5_000 + REMEMBER_OVER_MS), [GroupCallEffect::Forget]);
}

#[test]
fn a_call_nobody_comes_to_is_cancelled() {
    let cast = cast();
    let mut call = GroupCall::begin(origin(cast.alice), None, SIZE, START);
    joins(&mut call, cast.alice, true).unwrap();
    assert_eq!(tick(&mut call, START + (EMPTY_MS - 1)), []);
    assert_eq!(tick(&mut call, START + EMPTY_MS), ends(CallOutcome::Cancelled, None));
}

#[test]
fn whoever_is_lost_may_come_back_before_the_call_is_over() {
    let cast = cast();
    let mut call = started(&cast);
    assert_eq!(leaves(&mut call, START + 1_000, cast.alice, true), tells());
    assert_eq!(tick(&mut call, START + (1_000 + EMPTY_MS - 1)), []);
    call.handle(START + 20_999, GroupCallInput::Entered(cast.alice)).unwrap();
    assert_eq!(tick(&mut call, START + 1_000 + EMPTY_MS), []);
    leaves(&mut call, START + 30_000, cast.alice, true);
    let over = tick(&mut call, START + 30_000 + EMPTY_MS);
    assert_eq!(over, ends(CallOutcome::Completed, Some(50_000)));
}

#[test]
fn a_room_that_starts_over_does_not_end_the_call() {
    let cast = cast();
    let mut call = started(&cast);
    enters(&mut call, cast.bob);
    assert_eq!(call.handle(START + 1_000, GroupCallInput::Emptied).unwrap(), tells());
    assert_eq!(call.inside(), []);
    call.handle(START + 2_000, GroupCallInput::Entered(cast.bob)).unwrap();
    assert_eq!(tick(&mut call, START + 1_000 + EMPTY_MS), []);
}

#[test]
fn the_call_waits_for_somebody_with_a_ticket() {
    let cast = cast();
    let mut call = started(&cast);
    joins(&mut call, cast.bob, true).unwrap();
    assert_eq!(leaves(&mut call, START + 1, cast.alice, false), tells());
    call.handle(START + 2, GroupCallInput::Entered(cast.bob)).unwrap();
    assert!(call.is_live());
}

#[test]
fn another_device_of_the_same_person_changes_nothing() {
    let cast = cast();
    let mut call = started(&cast);
    assert_eq!(enters(&mut call, cast.alice), []);
    assert_eq!(call.inside(), [cast.alice]);
}

#[test]
fn outsiders_are_refused_and_so_is_one_too_many() {
    let cast = cast();
    let mut call = started(&cast);
    assert_eq!(joins(&mut call, cast.dave, false), Err(Code::NotMember));
    enters(&mut call, cast.bob);
    joins(&mut call, cast.carol, true).unwrap();
    assert_eq!(joins(&mut call, cast.owner, true), Err(Code::CallFull));
    assert_eq!(joins(&mut call, cast.bob, true), Ok(vec![]), "whoever is in it may come anew");
    // Carol does not come after all
    tick(&mut call, START + EMPTY_MS);
    assert_eq!(joins(&mut call, cast.owner, true), Ok(vec![]));
}

#[test]
fn somebody_invited_is_rung_and_may_come() {
    let cast = cast();
    let mut call = started(&cast);
    let effects = rings(&mut call, cast.alice, &[cast.dave]).unwrap();
    let ring = GroupCallEffect::Ring { users: vec![cast.dave], by: cast.alice };
    assert_eq!(effects, [ring, GroupCallEffect::Tell { also: vec![] }]);
    assert!(call.ringing().eq([cast.dave]));
    assert_eq!(joins(&mut call, cast.dave, false), Ok(tells()));
    assert_eq!(call.ringing().count(), 0, "other devices stop ringing");
    call.handle(START, GroupCallInput::Entered(cast.dave)).unwrap();
    leaves(&mut call, START + 1, cast.dave, false);
    assert!(joins(&mut call, cast.dave, false).is_ok(), "and come back");
}

#[test]
fn an_invitation_ends_by_declining_and_by_time() {
    let cast = cast();
    let mut call = started(&cast);
    rings(&mut call, cast.alice, &[cast.carol, cast.dave]).unwrap();
    let declined = does(&mut call, START, cast.carol, GroupCallAct::Decline);
    assert_eq!(declined, Ok(tells_also(vec![cast.carol])));
    assert_eq!(does(&mut call, START, cast.carol, GroupCallAct::Decline), Err(Code::NotFound));
    assert_eq!(tick(&mut call, START + (RING_MS - 1)), []);
    assert_eq!(tick(&mut call, START + RING_MS), tells_also(vec![cast.dave]));
    for late in [cast.carol, cast.dave] {
        assert_eq!(joins(&mut call, late, false), Err(Code::NotMember));
    }
}

#[test]
fn only_people_in_the_call_ring_others_and_not_too_many() {
    let cast = cast();
    let mut call = started(&cast);
    assert_eq!(rings(&mut call, cast.bob, &[cast.dave]), Err(Code::Denied));
    let crowd: Vec<_> = (0..=RINGING_MAX).map(|_| UserId::fresh()).collect();
    assert_eq!(rings(&mut call, cast.alice, &crowd), Err(Code::TooLarge));
    assert!(rings(&mut call, cast.alice, &crowd[1..]).is_ok());
    assert_eq!(rings(&mut call, cast.alice, &crowd[..1]), Err(Code::TooLarge));
    assert_eq!(rings(&mut call, cast.alice, &[cast.alice]), Ok(vec![]), "is in it already");
}

#[test]
fn whoever_was_removed_stays_out() {
    let cast = cast();
    let mut call = started(&cast);
    enters(&mut call, cast.bob);
    assert_eq!(
        does(&mut call, START, cast.bob, GroupCallAct::Remove(cast.alice)),
        Err(Code::Denied)
    );
    let effects = does(&mut call, START, cast.alice, GroupCallAct::Remove(cast.bob)).unwrap();
    assert_eq!(effects, [GroupCallEffect::Evict(cast.bob), GroupCallEffect::Tell { also: vec![] }]);
    assert_eq!(joins(&mut call, cast.bob, true), Err(Code::Denied));
    assert_eq!(rings(&mut call, cast.alice, &[cast.bob]), Err(Code::Denied));
    let slipped_in = call.handle(START, GroupCallInput::Entered(cast.bob)).unwrap();
    assert_eq!(slipped_in, [GroupCallEffect::Evict(cast.bob)], "an old ticket helps nobody");
    assert_eq!(
        does(&mut call, START, cast.alice, GroupCallAct::Remove(cast.carol)),
        Err(Code::NotFound)
    );
}

#[test]
fn the_owner_has_the_last_word() {
    let cast = cast();
    let mut call = started(&cast);
    enters(&mut call, cast.owner);
    assert_eq!(call.moderators(), [cast.owner, cast.alice]);
    assert_eq!(
        does(&mut call, START, cast.alice, GroupCallAct::Remove(cast.owner)),
        Err(Code::Denied)
    );
    assert_eq!(
        does(&mut call, START, cast.alice, GroupCallAct::Mute(cast.owner)),
        Err(Code::Denied)
    );
    assert_eq!(does(&mut call, START, cast.owner, GroupCallAct::Mute(cast.alice)), Ok(vec![]));
    assert!(does(&mut call, START, cast.owner, GroupCallAct::Remove(cast.alice)).is_ok());
    assert_eq!(call.moderators(), [cast.owner]);
    assert_eq!(call.handle(START, GroupCallInput::Owner(cast.bob)).unwrap(), tells());
    assert_eq!(call.moderators(), [cast.bob]);
}

#[test]
fn only_somebody_in_the_call_can_be_muted() {
    let cast = cast();
    let mut call = started(&cast);
    assert_eq!(
        does(&mut call, START, cast.alice, GroupCallAct::Mute(cast.bob)),
        Err(Code::NotFound)
    );
    enters(&mut call, cast.bob);
    assert_eq!(does(&mut call, START, cast.alice, GroupCallAct::Mute(cast.bob)), Ok(vec![]));
    assert_eq!(does(&mut call, START, cast.bob, GroupCallAct::Mute(cast.alice)), Err(Code::Denied));
}

#[test]
fn whoever_leaves_the_group_leaves_its_call() {
    let cast = cast();
    let mut call = started(&cast);
    enters(&mut call, cast.bob);
    let effects =
        call.handle(START, GroupCallInput::MembersLeft(vec![cast.bob, cast.carol])).unwrap();
    assert!(effects.contains(&GroupCallEffect::Evict(cast.bob)));
    assert!(!effects.contains(&GroupCallEffect::Evict(cast.carol)), "was never there");
    assert_eq!(call.inside(), [cast.alice]);
    assert_eq!(
        call.handle(START, GroupCallInput::Entered(cast.bob)).unwrap(),
        [GroupCallEffect::Evict(cast.bob)]
    );
    assert_eq!(joins(&mut call, cast.bob, false), Err(Code::NotMember));
    call.handle(START, GroupCallInput::MembersJoined(vec![cast.bob])).unwrap();
    assert!(joins(&mut call, cast.bob, true).is_ok());
    assert_eq!(call.outsiders(&[cast.alice].into()), [], "nobody has entered since");
    let effects =
        call.handle(START + 9, GroupCallInput::MembersLeft(vec![cast.bob, cast.alice])).unwrap();
    assert_eq!(effects.last(), ends(CallOutcome::Completed, Some(9)).last());
}

#[test]
fn a_one_to_one_call_goes_on_with_its_age() {
    let cast = cast();
    let both = [cast.alice, cast.bob];
    let moved = |user| GroupCall::grown(origin(user), both, SIZE, START + 60_000);
    let mut call = moved(cast.alice);
    assert!(rings(&mut call, cast.alice, &[cast.carol]).is_ok());
    for user in both {
        call.handle(START + 60_500, GroupCallInput::Entered(user)).unwrap();
        leaves(&mut call, START + 61_000, user, false);
    }
    assert!(!call.is_live());
    let mut unfinished = moved(cast.alice);
    let over = tick(&mut unfinished, START + 60_000 + EMPTY_MS);
    assert_eq!(over, ends(CallOutcome::Completed, Some(80_000)));
}

#[test]
fn a_node_that_stops_leaves_a_call_to_the_people_in_it() {
    let cast = cast();
    let mut call = started(&cast);
    assert_eq!(call.handle(START + 7, GroupCallInput::NodeStops).unwrap(), []);
    leaves(&mut call, START + 8, cast.alice, true);
    let over = call.handle(START + 9, GroupCallInput::NodeStops).unwrap();
    assert_eq!(over, ends(CallOutcome::Lost, Some(9)));
    let over = started(&cast).handle(START + 7, GroupCallInput::Dissolved).unwrap();
    assert_eq!(over, ends(CallOutcome::Completed, Some(7)));
}

#[test]
fn a_call_taken_up_again_goes_on_with_its_age_and_its_guest() {
    let cast = cast();
    let fact = |holder, guest| GroupCallFact {
        origin: origin(cast.alice),
        holder,
        guest,
        issued_at: START.wall,
        expires_at: START.wall + 1,
    };
    let later = Moment { wall: START.wall + 60_000, ticks: 0 };
    let mut call =
        GroupCall::taken_up(&fact(cast.bob, true), Some(cast.owner), SIZE, HashSet::new(), later);
    assert!(does(&mut call, later, cast.bob, GroupCallAct::Join { member: false }).is_ok());
    let stranger = does(&mut call, later, cast.carol, GroupCallAct::Join { member: false });
    assert_eq!(stranger, Err(Code::NotMember));
    call.handle(later, GroupCallInput::Entered(cast.bob)).unwrap();
    let over = leaves(&mut call, later + 5_000, cast.bob, false);
    assert_eq!(over, ends(CallOutcome::Completed, Some(65_000)));
    let mut nobody = GroupCall::taken_up(&fact(cast.bob, false), None, SIZE, HashSet::new(), later);
    let over = tick(&mut nobody, later + EMPTY_MS);
    assert_eq!(over, ends(CallOutcome::Completed, Some(80_000)));
}

#[test]
fn a_clock_that_is_set_changes_no_deadline_and_no_duration() {
    let cast = cast();
    for by in [-3_600_000, 3_600_000] {
        let set = |ms: i64| Moment { wall: START.wall + ms + by, ticks: START.ticks + ms };
        let mut call = started(&cast);
        leaves(&mut call, set(1_000), cast.alice, true);
        assert_eq!(tick(&mut call, set(1_000 + EMPTY_MS - 1)), []);
        let over = tick(&mut call, set(1_000 + EMPTY_MS));
        assert_eq!(over, ends(CallOutcome::Completed, Some(1_000 + EMPTY_MS)));
    }
}
