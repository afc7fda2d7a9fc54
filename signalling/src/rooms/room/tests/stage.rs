//! A room, its media node as far as it can be told things, and people with sockets.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use beckon_sfu_api::{
    Command, ConnectionMode, Description, Event, EventSink, Held, MediaNode, ParticipantId, RoomId,
    RoomSettings, TrackId, Unavailable,
};
use livekit_protocol::participant_info::State;
use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message;
use livekit_protocol::{
    AddTrackRequest, JoinResponse, ParticipantInfo, SignalResponse, TrackInfo, TrackSource,
    TrackType,
};
use prost::Message as _;
use tokio::sync::{broadcast, mpsc};
use tokio_util::sync::CancellationToken;

use super::super::{Input, Plan, Room};
use crate::config::Config;
use crate::livekit::dialect::DIALECT;
use crate::livekit::requests;
use crate::media::MediaRoom;
use crate::rooms::keys::Keys;
use crate::rooms::token::{Claims, Grants};
use crate::rooms::{Admission, ClientAbilities, Entrance, NotAdmitted, RoomNotice, Rooms, Seat};

/// Takes every command and does nothing.
#[derive(Default)]
struct Notes {
    commands: Mutex<Vec<Command>>,
    /// What is held until it is done, if that takes time.
    held: Mutex<Option<Vec<Held>>>,
}

impl MediaNode for Notes {
    fn open(&self, _: RoomId, _: RoomSettings, _: EventSink) -> Result<(), Unavailable> {
        Ok(())
    }

    fn tell(&self, _: &RoomId, command: Command, mut held: Held) -> Result<(), Unavailable> {
        self.commands.lock().unwrap().push(command);
        self.held.lock().unwrap().iter_mut().for_each(|all| all.push(std::mem::take(&mut held)));
        Ok(())
    }
}

pub(super) struct Stage {
    pub room: Room,
    pub rooms: Arc<Rooms>,
    pub now: Instant,
    pub notices: broadcast::Receiver<RoomNotice>,
    /// Requests to come in so far.
    pub number: u64,
    notes: Arc<Notes>,
    inbox: mpsc::Sender<Input>,
    inputs: mpsc::Receiver<Input>,
    _folder: tempfile::TempDir,
}

/// A client, as its socket sees the room.
pub(super) struct Person {
    pub seat: Seat,
    pub id: ParticipantId,
    /// The first frame that came.
    pub first: Option<Message>,
    pub welcome: Option<JoinResponse>,
}

/// How somebody comes, as most do.
pub(super) fn claims(identity: &str) -> Claims {
    let exp = crate::clock::now_ms() / 1000 + 3600;
    let video = Grants { room: "garden".into(), room_join: true, ..Grants::default() };
    Claims {
        iss: "APItest".into(),
        sub: identity.into(),
        exp: Some(exp.into()),
        video,
        ..Claims::default()
    }
}

pub(super) fn entrance() -> Entrance {
    Entrance {
        dialect: &DIALECT,
        connection: ConnectionMode::Single,
        auto_subscribe: true,
        resume: None,
        offer: None,
        tracks: vec![],
        is_there: true,
        client: ClientAbilities { protocol: 1, capabilities: vec![] },
        sync: None,
        metadata: String::new(),
        attributes: Default::default(),
    }
}

pub(super) fn microphone(cid: &str) -> AddTrackRequest {
    AddTrackRequest {
        cid: cid.into(),
        r#type: TrackType::Audio as i32,
        source: TrackSource::Microphone as i32,
        ..AddTrackRequest::default()
    }
}

impl Stage {
    pub(super) fn new(participants_max: usize) -> Stage {
        Stage::of(Plan::of(None, participants_max))
    }

    pub(super) fn of(plan: Plan) -> Stage {
        let participants_max = plan.participants_max;
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config { data_dir: folder.path().into(), ..Config::default() };
        let key = format!("APItest:{}", "s".repeat(32));
        config.rooms.keys = vec![crate::config::ApiKey::try_from(key).unwrap()];
        let keys = Keys::load(&config).unwrap();
        let notes = Arc::new(Notes::default());
        let media = Some(notes.clone() as Arc<dyn MediaNode>);
        let ice = crate::ice::Ice::new(config.calls.clone(), None);
        let rooms = Arc::new(Rooms::new(&config.rooms, keys, ice, media, CancellationToken::new()));
        let (id, settings) = (RoomId::from("RM_test"), RoomSettings { participants_max });
        let (media, _) = MediaRoom::open(notes.clone(), id.clone(), settings).unwrap();
        let notices = rooms.notices.subscribe();
        let room = Room::new(rooms.clone(), id, "garden", plan, media);
        let (inbox, inputs) = mpsc::channel(1000);
        let now = Instant::now();
        Stage { room, rooms, now, notices, number: 0, notes, inbox, inputs, _folder: folder }
    }

    pub(super) fn try_join(
        &mut self,
        claims: Claims,
        how: Entrance,
    ) -> Result<Person, NotAdmitted> {
        self.number += 1;
        let admission = Admission { claims, number: self.number };
        let seat = self.room.enter(self.now, admission, how, self.inbox.clone())?;
        let id = ParticipantId::from("");
        let mut person = Person { seat, id, first: None, welcome: None };
        person.first = person.next();
        if let Some(Message::Join(welcome)) = person.first.clone() {
            person.id = welcome.participant.as_ref().unwrap().sid.as_str().into();
            person.welcome = Some(welcome);
        }
        Ok(person)
    }

    pub(super) fn join_with(&mut self, claims: Claims, how: Entrance) -> Person {
        let person = self.try_join(claims, how).unwrap();
        assert!(person.welcome.is_some(), "join is the first frame");
        person
    }

    pub(super) fn join(&mut self, identity: &str) -> Person {
        self.join_with(claims(identity), entrance())
    }

    /// People in the room with flowing media, who have heard of each other.
    pub(super) fn people<const N: usize>(&mut self, names: [&str; N]) -> [Person; N] {
        let mut people = names.map(|name| self.join(name));
        for person in &people {
            self.event(Event::Connected { participant: person.id.clone() });
        }
        people.iter_mut().for_each(|person| drop(person.hears()));
        self.told();
        people
    }

    pub(super) async fn asks(&mut self, person: &Person, request: Request) {
        assert!(person.seat.requests.send(requests::request(request), 1).await);
        self.settle();
    }

    /// Lets the room see what is in its inbox.
    pub(super) fn settle(&mut self) {
        while let Ok(input) = self.inputs.try_recv() {
            self.room.handle(self.now, input);
        }
        self.room.settle();
    }

    pub(super) fn event(&mut self, event: Event) {
        self.room.handle_event(self.now, event);
        self.room.settle();
    }

    /// All of them before the room gets to anything else.
    pub(super) fn events(&mut self, events: impl IntoIterator<Item = Event>) {
        for event in events {
            self.room.handle_event(self.now, event);
        }
        self.room.settle();
    }

    /// Lets time pass as it does, a second a tick.
    pub(super) fn seconds(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.now += Duration::from_secs(1);
            self.room.handle_timeout(self.now);
        }
    }

    /// What the media node was told since the last look.
    pub(super) fn told(&self) -> Vec<Command> {
        std::mem::take(&mut *self.notes.commands.lock().unwrap())
    }

    /// Whether the media node leaves undone what it is told from now on; when it goes on, it does all of that.
    pub(super) fn hold(&self, holds: bool) {
        *self.notes.held.lock().unwrap() = holds.then(Vec::new);
    }

    /// Announces a track and says that it has its section.
    pub(super) async fn publishes(
        &mut self,
        person: &mut Person,
        request: AddTrackRequest,
    ) -> TrackId {
        let video = request.r#type == TrackType::Video as i32;
        self.asks(person, Request::AddTrack(request)).await;
        let track = person.hears().into_iter().find_map(|message| match message {
            Message::TrackPublished(published) => published.track,
            _ => None,
        });
        let track = TrackId::from(track.expect("an answer to add_track").sid);
        let codec = if video { beckon_sfu_api::Codec::Vp8 } else { beckon_sfu_api::Codec::Opus };
        let (participant, mid) = (person.id.clone(), "3".to_owned());
        let published =
            Event::Published { participant, track: track.clone(), codec, mid, answered: true };
        self.event(published);
        track
    }

    /// The media node answers the last offer of this person.
    pub(super) fn answers(&mut self, person: &Person) {
        let answer = Description { id: 1, sdp: "an answer".into() };
        self.event(Event::Answer { participant: person.id.clone(), answer, mids: vec![] });
    }

    pub(super) fn notice(&mut self) -> Option<super::super::super::Happening> {
        self.notices.try_recv().ok().map(|notice| notice.what)
    }
}

impl Person {
    pub(super) fn next(&mut self) -> Option<Message> {
        let frame = self.seat.frames.next_ready()?;
        SignalResponse::decode(frame).unwrap().message
    }

    pub(super) fn hears(&mut self) -> Vec<Message> {
        std::iter::from_fn(|| self.next()).collect()
    }

    /// The participants in the one update that this person has heard.
    pub(super) fn hears_update(&mut self) -> Vec<ParticipantInfo> {
        let mut updates = self.hears().into_iter().filter_map(|message| match message {
            Message::Update(update) => Some(update.participants),
            _ => None,
        });
        let update = updates.next().expect("an update");
        assert!(updates.next().is_none(), "one update");
        update
    }

    /// What this person was told last of somebody.
    pub(super) fn hears_update_of(&mut self, identity: &str) -> Vec<ParticipantInfo> {
        let updates = self.hears().into_iter().filter_map(|message| match message {
            Message::Update(update) => Some(update.participants),
            _ => None,
        });
        let mut all: Vec<_> = updates.collect();
        all.retain(|update| update.iter().any(|info| info.identity == identity));
        all.pop().expect("an update")
    }

    /// Whether the room has closed this socket, once everything was read.
    pub(super) fn is_closed(&mut self) -> bool {
        self.hears();
        self.seat.frames.is_closed()
    }
}

/// Identity, state and tracks of everybody in an update.
pub(super) fn seen(update: &[ParticipantInfo]) -> Vec<(&str, State, Vec<&TrackInfo>)> {
    let mut seen: Vec<_> = update
        .iter()
        .map(|info| (info.identity.as_str(), info.state(), info.tracks.iter().collect()))
        .collect();
    seen.sort_by_key(|(identity, ..)| *identity);
    seen
}
