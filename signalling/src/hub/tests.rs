use super::*;
use crate::domain::frame::ServerFrame;

fn numbers(mailbox: &Arc<Mailbox>, attachment: Attachment) -> Vec<u64> {
    use futures_util::FutureExt;
    match mailbox.next(attachment, usize::MAX).now_or_never() {
        Some(Next::Frames(frames)) => frames.into_iter().map(|(n, _)| n).collect(),
        Some(Next::Close(why)) => panic!("closed: {why:?}"),
        None => vec![],
    }
}

fn closed(mailbox: &Arc<Mailbox>, attachment: Attachment) -> Option<Close> {
    use futures_util::FutureExt;
    mailbox.closed(attachment).now_or_never()
}

fn to_conversation(id: ConversationId) -> Notice {
    Notice::Conversation { id, frame: ServerFrame::Sync.into() }
}

#[test]
fn members_hear_their_conversation_and_nobody_else_does() {
    let hub = Hub::default();
    let (ann, bob, room) = (UserId::fresh(), UserId::fresh(), ConversationId::fresh());
    let (anns, bobs) = (hub.open(ann, LoginId::fresh()), hub.open(bob, LoginId::fresh()));
    hub.listen(hub.reading(ann), [room]);
    hub.deliver(&to_conversation(room));
    assert_eq!((numbers(&anns, 0), numbers(&bobs, 0)), (vec![1], vec![]));
    hub.deliver(&Notice::Members { conversation: room, joined: vec![bob], left: vec![ann] });
    hub.deliver(&to_conversation(room));
    assert_eq!((numbers(&anns, 0), numbers(&bobs, 0)), (vec![], vec![1]));
}

#[test]
fn a_list_read_before_leaving_does_not_bring_the_leaver_back() {
    let hub = Hub::default();
    let (ann, room) = (UserId::fresh(), ConversationId::fresh());
    let mailbox = hub.open(ann, LoginId::fresh());
    let reading = hub.reading(ann);
    hub.deliver(&Notice::Members { conversation: room, joined: vec![], left: vec![ann] });
    // a second tab must not make the first one forget
    let _tab = hub.open(ann, LoginId::fresh());
    hub.listen(hub.reading(ann), []);
    hub.listen(reading, [room]);
    hub.deliver(&to_conversation(room));
    assert_eq!(numbers(&mailbox, 0), [] as [u64; 0]);
}

#[test]
fn a_list_read_before_joining_does_not_silence_the_newcomer() {
    let hub = Hub::default();
    let (ann, room) = (UserId::fresh(), ConversationId::fresh());
    let mailbox = hub.open(ann, LoginId::fresh());
    let reading = hub.reading(ann);
    hub.deliver(&Notice::Members { conversation: room, joined: vec![ann], left: vec![] });
    hub.relisten(reading, vec![]);
    hub.deliver(&to_conversation(room));
    assert_eq!(numbers(&mailbox, 0), [1]);
}

#[test]
fn reading_anew_leaves_what_the_store_no_longer_knows() {
    let hub = Hub::default();
    let (ann, room) = (UserId::fresh(), ConversationId::fresh());
    let mailbox = hub.open(ann, LoginId::fresh());
    hub.listen(hub.reading(ann), [room]);
    hub.relisten(hub.reading(ann), vec![]);
    hub.deliver(&to_conversation(room));
    assert_eq!(numbers(&mailbox, 0), [] as [u64; 0]);
}

#[test]
fn a_socket_closed_while_its_connection_was_broken_is_forgotten() {
    let hub = Hub::default();
    let (ann, login) = (UserId::fresh(), LoginId::fresh());
    let mailbox = hub.open(ann, login);
    hub.detach(&mailbox, 0, 1_000);
    hub.deliver(&Notice::LoginsEnded { ids: vec![login] });
    assert_eq!(hub.sweep(1_001).len(), 1);
    assert!(!hub.is_here(ann));
}

#[test]
fn a_socket_that_is_being_closed_is_not_swept_away_under_its_connection() {
    let hub = Hub::default();
    let (ann, login) = (UserId::fresh(), LoginId::fresh());
    let mailbox = hub.open(ann, login);
    hub.deliver(&Notice::LoginsEnded { ids: vec![login] });
    assert_eq!(hub.sweep(1_000).len(), 0);
    assert!(hub.detach(&mailbox, 0, 1_001), "its end is told once");
}

#[test]
fn a_broken_socket_resumes_with_what_it_missed_and_only_its_owner_may() {
    let hub = Hub::default();
    let (ann, login, room) = (UserId::fresh(), LoginId::fresh(), ConversationId::fresh());
    let mailbox = hub.open(ann, login);
    hub.listen(hub.reading(ann), [room]);
    for _ in 0..3 {
        hub.deliver(&to_conversation(room));
    }
    assert_eq!(numbers(&mailbox, 0), [1, 2, 3]);
    assert!(!hub.detach(&mailbox, 0, 1_000));
    hub.deliver(&to_conversation(room));
    assert!(hub.resume(mailbox.id, UserId::fresh(), login, 1, 2_000).is_none());
    let (again, attachment) = hub.resume(mailbox.id, ann, login, 1, 2_000).unwrap();
    assert_eq!(numbers(&again, attachment), [2, 3, 4]);
}

#[test]
fn the_older_connection_is_told_when_a_newer_one_takes_over() {
    let hub = Hub::default();
    let (ann, login) = (UserId::fresh(), LoginId::fresh());
    let mailbox = hub.open(ann, login);
    let (_, newer) = hub.resume(mailbox.id, ann, login, 0, 1).unwrap();
    assert_eq!(closed(&mailbox, 0), Some(Close::Replaced));
    assert_eq!(closed(&mailbox, newer), None);
    assert!(!hub.detach(&mailbox, 0, 2), "the older one ends, the socket goes on");
    assert_eq!(mailbox.broken_since(), None);
}

#[test]
fn nobody_resumes_after_a_minute() {
    let hub = Hub::default();
    let (ann, login) = (UserId::fresh(), LoginId::fresh());
    let mailbox = hub.open(ann, login);
    hub.detach(&mailbox, 0, 1_000);
    assert_eq!(hub.sweep(1_000 + RESUME_MS).len(), 0);
    assert_eq!(hub.sweep(1_001 + RESUME_MS).len(), 1);
    assert!(!hub.is_here(ann));
    assert!(hub.resume(mailbox.id, ann, login, 0, 1_001 + RESUME_MS).is_none());
}

#[test]
fn a_reader_that_never_reads_is_cut_off_and_others_are_not() {
    let hub = Hub::default();
    let (ann, bob, room) = (UserId::fresh(), UserId::fresh(), ConversationId::fresh());
    let (slow, quick) = (hub.open(ann, LoginId::fresh()), hub.open(bob, LoginId::fresh()));
    hub.listen(hub.reading(ann), [room]);
    hub.listen(hub.reading(bob), [room]);
    for n in 0..=outbox::WAITING_MAX {
        hub.deliver(&to_conversation(room));
        assert_eq!(numbers(&quick, 0), [n as u64 + 1]);
    }
    assert_eq!(closed(&slow, 0), Some(Close::Resync));
    assert_eq!(closed(&quick, 0), None);
}

#[test]
fn a_login_has_a_bounded_number_of_sockets() {
    let hub = Hub::default();
    let (ann, login) = (UserId::fresh(), LoginId::fresh());
    let first = hub.open(ann, login);
    for _ in 0..SOCKETS_PER_LOGIN_MAX {
        hub.open(ann, login);
    }
    assert_eq!(closed(&first, 0), Some(Close::Replaced));
}

#[test]
fn a_socket_given_up_while_its_client_was_away_is_forgotten() {
    let hub = Hub::default();
    let (ann, login, room) = (UserId::fresh(), LoginId::fresh(), ConversationId::fresh());
    let mailbox = hub.open(ann, login);
    hub.listen(hub.reading(ann), [room]);
    hub.detach(&mailbox, 0, 1_000);
    for _ in 0..=outbox::KEPT_MAX {
        hub.deliver(&to_conversation(room));
    }
    assert!(hub.resume(mailbox.id, ann, login, 0, 2_000).is_none(), "a part is never recovered");
    assert_eq!(hub.sweep(2_000).len(), 1);
    assert!(!hub.is_here(ann));
}
