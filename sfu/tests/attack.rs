//! What others notice while somebody in another room of the same thread makes as much work as signalling lets through.
//!
//! `BECKON_TEST_LONG=1 cargo test --release -p beckon-sfu --test attack -- --nocapture` prints for longer how many
//! packets of the others were lost and how late they were, with each attack and without.

#[path = "../../tests/stage/extent.rs"]
mod extent;
#[path = "../core/tests/stage/heavy.rs"]
mod heavy;
#[path = "attack/quiet.rs"]
mod quiet;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use beckon_sfu::{Config, Sfu};
use beckon_sfu_api::{
    Command, ConnectionMode, DataKind, DataMessage, Description, Event, Held, MediaNode,
    ParticipantId, Permissions, Preference, Refused, RoomId, RoomSettings, TrackId,
};
use beckon_sfu_core::ice::IceCredentials;
use beckon_sfu_core::transport::Identity;
use extent::extent;
use quiet::Quiet;

const PEOPLE: usize = 100;

/// A full room that means no good.
struct Attack {
    node: Arc<dyn MediaNode>,
    room: RoomId,
    people: Vec<ParticipantId>,
    over: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    refused: Arc<Mutex<Vec<Refused>>>,
    threads: Vec<JoinHandle<()>>,
}

/// Signalled when it is dropped.
struct Done(mpsc::Sender<()>);

impl Drop for Done {
    fn drop(&mut self) {
        // nobody waits for the last one
        let _ = self.0.send(());
    }
}

impl Attack {
    fn new(sfu: &Sfu) -> Attack {
        let (node, room) = (sfu.node(), RoomId::from("RM_attack"));
        let answered = Arc::new(AtomicUsize::new(0));
        let refused = Arc::new(Mutex::new(Vec::new()));
        let (answers, refusals) = (answered.clone(), refused.clone());
        let sink = move |event| match event {
            Event::Answer { .. } => _ = answers.fetch_add(1, Ordering::Relaxed),
            Event::Refused { why, track: None, .. } => refusals.lock().unwrap().push(why),
            _ => {}
        };
        let settings = RoomSettings { participants_max: PEOPLE };
        node.open(room.clone(), settings, Box::new(sink)).unwrap();
        let people: Vec<ParticipantId> = (0..PEOPLE).map(|at| format!("PA_{at}").into()).collect();
        for participant in people.iter().cloned() {
            let permissions = Permissions { publish: true, subscribe: true };
            let connection = ConnectionMode::Single;
            let join = Command::Join { participant, connection, permissions };
            node.tell(&room, join, Held::nothing()).unwrap();
        }
        let (over, threads) = Default::default();
        Attack { node, room, people, over, answered, refused, threads }
    }

    /// Somebody goes on telling this, each time once the last was carried out: so signalling has it.
    fn go_on(&mut self, mut next: impl FnMut() -> Command + Send + 'static) {
        let (node, room, over) = (self.node.clone(), self.room.clone(), self.over.clone());
        self.threads.push(std::thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                let (done, wait) = mpsc::channel();
                if node.tell(&room, next(), Held::new(Done(done))).is_ok() {
                    let _ = wait.recv();
                }
            }
        }));
    }

    fn offers(&mut self, sections: usize) {
        let fingerprint = Identity::generate().fingerprint().to_owned();
        let sdp = heavy::offer(sections, &IceCredentials::fresh(), &fingerprint);
        for participant in self.people.iter().take(2).cloned().collect::<Vec<_>>() {
            let sdp = sdp.clone();
            self.go_on(move || {
                let offer = Description { id: 1, sdp: sdp.as_str().into() };
                Command::Offer { participant: participant.clone(), offer }
            });
        }
    }

    fn messages(&mut self) {
        let (people, payload) = (self.people.clone(), bytes::Bytes::from(vec![7; 64 * 1024]));
        self.go_on(move || {
            let (from, to, payload) = (people[0].clone(), people.clone(), payload.clone());
            Command::Send(DataMessage { from, kind: DataKind::Reliable, to, payload })
        });
    }

    fn wishes(&mut self) {
        let tracks: Vec<TrackId> = (0..1000).map(|at| format!("TR_{at}").into()).collect();
        let participant = self.people[0].clone();
        let mut turn = 0;
        self.go_on(move || {
            let (participant, tracks) = (participant.clone(), tracks.clone());
            turn += 1;
            match turn % 3 {
                0 => Command::Subscribe { participant, tracks },
                1 => Command::Unsubscribe { participant, tracks },
                _ => Command::Prefer {
                    participant,
                    preferences: tracks.into_iter().map(|it| (it, Preference::default())).collect(),
                },
            }
        });
    }

    fn stop(self) -> (usize, Vec<Refused>) {
        self.over.store(true, Ordering::Relaxed);
        self.threads.into_iter().for_each(|thread| thread.join().unwrap());
        let refused = std::mem::take(&mut *self.refused.lock().unwrap());
        (self.answered.load(Ordering::Relaxed), refused)
    }
}

fn start() -> Sfu {
    let listen = ([127, 0, 0, 1], 0).into();
    Sfu::start(Config { listen, shards: 1, ..Config::default() }).unwrap()
}

/// Everything that the others send arrives meanwhile. Returns what came of the offers.
fn others_hear_everything(what: &str, begin: impl FnOnce(&mut Attack)) -> (usize, Vec<Refused>) {
    let sfu = start();
    let mut quiet = Quiet::meet(&sfu);
    let time = extent(Duration::from_secs(1), Duration::from_secs(15));
    println!("before {what}: {}", quiet.talk(time));
    let mut attack = Attack::new(&sfu);
    begin(&mut attack);
    let during = quiet.talk(time);
    println!("during {what}: {during}");
    assert_eq!(during.lost, 0, "{what}");
    let done = attack.stop();
    assert!(sfu.ready());
    sfu.stop();
    done
}

#[test]
fn offers_that_are_all_work_disturb_nobody_in_another_room() {
    let (answered, refused) =
        others_hear_everything("offers of 128 sections of 96 formats", |attack| attack.offers(128));
    assert!(answered > 0);
    assert_eq!(refused, []);
}

#[test]
fn offers_beyond_what_the_room_may_need_are_refused_and_disturb_nobody() {
    let sections = RoomSettings { participants_max: PEOPLE }.sections_max() + 1;
    let (answered, refused) =
        others_hear_everything("offers that are too large", |attack| attack.offers(sections));
    assert_eq!(answered, 0);
    assert!(!refused.is_empty() && refused.iter().all(|why| *why == Refused::Limit));
}

#[test]
fn messages_to_everybody_and_wishes_about_everything_disturb_nobody_in_another_room() {
    others_hear_everything("messages to a hundred", Attack::messages);
    others_hear_everything("wishes about a thousand tracks", Attack::wishes);
}

/// Waits for the first event that fits.
fn expect<T>(events: &Receiver<Event>, fits: impl Fn(Event) -> Option<T>) -> T {
    loop {
        let event = events.recv_timeout(Duration::from_secs(20)).expect("an event");
        if let Some(found) = fits(event) {
            return found;
        }
    }
}
