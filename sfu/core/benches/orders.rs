//! What single orders cost a media thread in the largest room. None may take a millisecond; on a busy machine the longest
//! call of a kind says more of the machine than of us.
//!
//! `cargo bench -p beckon-sfu-core --bench orders`

#[path = "../tests/stage/heavy.rs"]
mod heavy;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use beckon_load::headless::description::{Description as Text, Section};
use beckon_sfu_api::{
    Announced, Command, ConnectionMode, DataMessage, Description, Event, Kind, PARTICIPANTS_MAX,
    ParticipantId, Permissions, Preference, RoomId, RoomSettings, Source, TRACKS_MAX, TrackId,
};
use beckon_sfu_core::config::ShardConfig;
use beckon_sfu_core::described::Described;
use beckon_sfu_core::ice::IceCredentials;
use beckon_sfu_core::role::Role;
use beckon_sfu_core::shard::Shard;
use beckon_sfu_core::transport::Identity;

/// Tracks named in one order, as the shell cuts them.
const PIECE: usize = 64;
const PUBLISHERS: usize = 60;
/// Those who receive everything; more would only take memory.
const LISTENERS: usize = 50;
const ROOM: RoomSettings = RoomSettings { participants_max: PARTICIPANTS_MAX };

struct Bench {
    shard: Shard,
    room: RoomId,
    now: Instant,
    taken: BTreeMap<&'static str, Vec<Duration>>,
    identity: Identity,
    tracks: Vec<TrackId>,
}

impl Bench {
    fn timed<T>(&mut self, what: &'static str, act: impl FnOnce(&mut Shard) -> T) -> T {
        let began = Instant::now();
        let done = act(&mut self.shard);
        self.taken.entry(what).or_default().push(began.elapsed());
        done
    }

    fn tell(&mut self, what: &'static str, command: Command) {
        let (now, room) = (self.now, self.room.clone());
        self.timed(what, |shard| shard.command(now, &room, command));
    }

    /// Does all the chores, and reads what was told.
    fn settle(&mut self, what: &'static str) -> Vec<Event> {
        let mut told = Vec::new();
        while self.shard.poll_timeout().is_some_and(|due| due <= self.now) {
            let now = self.now;
            self.timed(what, |shard| shard.handle_timeout(now));
            told.extend(std::iter::from_fn(|| self.shard.poll_event()).map(|(_, event)| event));
        }
        told
    }

    fn offer(&mut self, what: [&'static str; 3], who: &ParticipantId, sdp: String) {
        let offer = Description { id: 1, sdp: sdp.into() };
        let offer = Command::Offer { participant: who.clone(), offer };
        let read = self.timed(what[0], |_| Described::read(offer, ROOM)).unwrap();
        let (now, room) = (self.now, self.room.clone());
        self.timed(what[1], |shard| shard.describe(now, &room, read));
        while let Some((_, event)) = self.shard.poll_event() {
            if let Event::Answer { answer, .. } = event {
                self.timed(what[2], |_| answer.sdp.len());
            }
        }
    }

    fn text(&self, sections: Vec<Section>) -> String {
        let IceCredentials { ufrag, pwd } = IceCredentials::fresh();
        let fingerprint = self.identity.fingerprint().to_owned();
        Text { ufrag, pwd, fingerprint, role: Role::Client, sections }.offer(1)
    }

    fn publish(&mut self, who: &ParticipantId) {
        let mut sections = Vec::new();
        for at in 0..TRACKS_MAX {
            let kind = if at % 2 == 0 { Kind::Audio } else { Kind::Video };
            let (cid, id) = (format!("c{at}"), TrackId::from(format!("TR_{who}_{at}")));
            let track = Announced {
                id: id.clone(),
                cid: cid.clone(),
                kind,
                source: Source::Unknown,
                codec: None,
                stereo: false,
                layers: vec![],
                muted: false,
            };
            self.tracks.push(id);
            sections.push(Section::Sends { kind, cid, ssrc: 1000 + 10 * at as u32, layers: 1 });
            self.tell("publish", Command::Publish { participant: who.clone(), track });
        }
        let sdp = self.text(sections);
        self.offer(["read 32 tracks", "answer 32 tracks", "write 32 tracks"], who, sdp);
    }

    fn subscribe(&mut self, who: &ParticipantId, tracks: &[TrackId]) {
        for tracks in tracks.chunks(PIECE) {
            let (participant, tracks) = (who.clone(), tracks.to_vec());
            self.tell("subscribe", Command::Subscribe { participant, tracks });
        }
    }
}

fn main() {
    let (now, identity) = (Instant::now(), Identity::generate());
    let candidates = vec![([192, 0, 2, 1], 7882).into()];
    let config = ShardConfig { identity: identity.clone(), candidates };
    let (shard, room) = (Shard::new(config, now), RoomId::from("RM_bench"));
    let (taken, tracks) = Default::default();
    let mut bench = Bench { shard, room: room.clone(), now, taken, identity, tracks };
    bench.shard.open(now, room, ROOM);
    let people: Vec<ParticipantId> =
        (0..PARTICIPANTS_MAX).map(|at| format!("PA_{at:012}").into()).collect();
    for (at, who) in people.iter().enumerate() {
        let connection = if at % 2 == 0 { ConnectionMode::Single } else { ConnectionMode::Dual };
        let permissions = Permissions { publish: true, subscribe: true };
        bench.tell("join", Command::Join { participant: who.clone(), connection, permissions });
    }
    bench.settle("chores: join");
    people.iter().take(PUBLISHERS).for_each(|who| bench.publish(who));
    let tracks = bench.tracks.clone();
    for (at, who) in people.iter().enumerate() {
        let all = at >= PARTICIPANTS_MAX - LISTENERS;
        let tracks = if all { &tracks[..] } else { &tracks[..TRACKS_MAX] };
        bench.subscribe(who, tracks);
    }
    bench.settle("chores: subscribe");
    let listener = &people[PARTICIPANTS_MAX - 2];
    let receiving: Vec<Section> = (0..ROOM.sections_max())
        .map(|at| Section::Receives(if at % 2 == 0 { Kind::Audio } else { Kind::Video }))
        .collect();
    for _ in 0..20 {
        let sdp = bench.text(receiving.clone());
        bench.offer(["read the largest", "answer the largest", "write the largest"], listener, sdp);
        bench.settle("chores: the largest");
    }
    let attacker = &people[PARTICIPANTS_MAX - 4];
    let attack = heavy::offer(128, &IceCredentials::fresh(), bench.identity.fingerprint());
    println!("128 sections of 96 formats: {} KiB", attack.len() / 1024);
    for _ in 0..20 {
        let sdp = attack.clone();
        bench.offer(["read 128 x 96", "answer 128 x 96", "write 128 x 96"], attacker, sdp);
        bench.settle("chores: 128 x 96");
    }
    for pieces in tracks.chunks(PIECE) {
        let preferences = pieces.iter().map(|it| (it.clone(), Preference::default())).collect();
        bench.tell("prefer", Command::Prefer { participant: listener.clone(), preferences });
    }
    bench.settle("chores: prefer");
    bench.tell(
        "send to all",
        Command::Send(DataMessage {
            from: people[0].clone(),
            kind: beckon_sfu_api::DataKind::Reliable,
            to: people.clone(),
            payload: vec![7; 64 * 1024].into(),
        }),
    );
    bench.settle("chores: send to all");
    for tracks in tracks.chunks(PIECE) {
        let (participant, tracks) = (listener.clone(), tracks.to_vec());
        bench.tell("unsubscribe", Command::Unsubscribe { participant, tracks });
    }
    bench.subscribe(listener, &tracks);
    bench.settle("chores: unsubscribe and subscribe");
    bench.tell("leave, a listener", Command::Leave { participant: listener.clone() });
    bench.settle("chores: a listener left");
    bench.tell("leave, a publisher", Command::Leave { participant: people[0].clone() });
    bench.settle("chores: a publisher left");
    println!("{:36} {:>6} {:>10} {:>10} {:>10}", "", "calls", "half", "nine of ten", "longest");
    for (what, mut taken) in bench.taken {
        taken.sort_unstable();
        let at = |part: usize| taken[(taken.len() - 1) * part / 10];
        println!(
            "{what:36} {:>6} {:>10.1?} {:>10.1?} {:>10.1?}",
            taken.len(),
            at(5),
            at(9),
            at(10)
        );
    }
}
