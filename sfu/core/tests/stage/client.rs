//! A client: its signalling with the room, on one connection or two.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::time::Instant;

use beckon_load::headless::Headless;
use beckon_load::headless::description::{Description, Section};
use beckon_load::headless::sources::Sources;
use beckon_sfu_api::{
    Command, ConnectionMode, DataKind, Description as Text, Kind, MidTrack, ParticipantId,
};
use beckon_sfu_core::ice::IceCredentials;
use beckon_sfu_core::negotiation::read_session;
use beckon_sfu_core::negotiation::sdp::Session;
use beckon_sfu_core::role::Role;
use beckon_sfu_core::transport::Identity;
use beckon_sfu_core::twcc::Recorder;
use bytes::Bytes;

use super::network::Link;
use super::sink::Sink;
use super::source::Source;

pub struct Client {
    pub id: ParticipantId,
    pub publisher: Endpoint,
    /// In the dual mode.
    pub subscriber: Option<Endpoint>,
    /// Subscribes to whatever is published.
    pub subscribes: bool,
    pub sections: Vec<Section>,
    version: u32,
    in_flight: bool,
    dirty: bool,
    pub sources: Vec<Source>,
    /// By SSRC.
    pub sinks: BTreeMap<u32, Sink>,
    /// SSRCs of repair streams, with those they repair.
    pub repairs: HashMap<u32, u32>,
    pub data: Vec<(DataKind, Bytes)>,
    /// Connections that the server closed.
    pub goodbyes: u32,
    /// Of the media part: feedback and reports are due then.
    pub tick: Instant,
    pub report: Instant,
    /// Receiver reports about our streams: SSRC, part lost, and the round trip if it could be told.
    pub told: Vec<(u32, u8, Option<f64>)>,
    pub congestion: Congestion,
    /// Tells nothing of what it receives.
    pub silent_feedback: bool,
    pub epoch: Instant,
}

/// What feedback about our packets said.
#[derive(Clone, Copy, Debug, Default)]
pub struct Congestion {
    pub arrived: u32,
    pub lost: u32,
}

/// One peer connection.
pub struct Endpoint {
    pub headless: Headless,
    pub address: SocketAddr,
    pub up: Link,
    pub down: Link,
    /// Cut off: nothing goes out or comes in.
    pub cut: bool,
    pub outbox: Vec<Vec<u8>>,
    pub recorder: Recorder,
    pub heard: Sources,
    pub number: u16,
    /// The server's half of ICE, as it was told last.
    remote: Option<IceCredentials>,
    /// Never answers the server's half of the handshake.
    pub deaf_to_dtls: bool,
}

impl Endpoint {
    pub fn new(address: SocketAddr, role: Role) -> Endpoint {
        let identity = Identity::generate();
        Endpoint {
            headless: match role {
                Role::Client => Headless::new(&identity),
                Role::Server => Headless::serving(&identity),
            },
            address,
            up: Link::default(),
            down: Link::default(),
            cut: false,
            outbox: Vec::new(),
            recorder: Recorder::new(),
            heard: Sources::default(),
            number: 0,
            remote: None,
            deaf_to_dtls: false,
        }
    }

    fn describe(&self, sections: Vec<Section>) -> Description {
        let IceCredentials { ufrag, pwd } = self.headless.credentials().clone();
        let fingerprint = self.headless.fingerprint().to_owned();
        let role = self.headless.role();
        Description { ufrag, pwd, fingerprint, role, sections }
    }

    fn set_remote(&mut self, now: Instant, session: &Session) {
        let credentials = IceCredentials { ufrag: session.ufrag.clone(), pwd: session.pwd.clone() };
        if self.remote.as_ref() != Some(&credentials) {
            self.remote = Some(credentials.clone());
            let address = session.candidates[0];
            self.headless.set_remote(now, &credentials, &session.fingerprint, address);
        }
    }
}

impl Client {
    /// `role` is theirs in DTLS, on all of their connections.
    pub fn new(
        id: &str,
        mode: ConnectionMode,
        role: Role,
        addresses: [SocketAddr; 2],
        now: Instant,
    ) -> Client {
        let mut publisher = Endpoint::new(addresses[0], role);
        publisher.headless.open_channels(now);
        let subscriber = (mode == ConnectionMode::Dual).then(|| {
            let mut subscriber = Endpoint::new(addresses[1], role);
            subscriber.headless.accept_channels(now);
            subscriber
        });
        Client {
            id: id.into(),
            publisher,
            subscriber,
            subscribes: true,
            sections: vec![Section::Data],
            version: 0,
            in_flight: false,
            dirty: false,
            sources: Vec::new(),
            sinks: BTreeMap::new(),
            repairs: HashMap::new(),
            data: Vec::new(),
            goodbyes: 0,
            tick: now,
            report: now,
            told: Vec::new(),
            congestion: Congestion::default(),
            silent_feedback: false,
            epoch: now,
        }
    }

    pub fn endpoints(&mut self) -> impl Iterator<Item = &mut Endpoint> {
        std::iter::once(&mut self.publisher).chain(self.subscriber.as_mut())
    }

    /// Off the network, on all of its connections, or on it again.
    pub fn set_cut(&mut self, cut: bool) {
        self.endpoints().for_each(|endpoint| endpoint.cut = cut);
    }

    /// What the server told of its half of ICE on the publisher connection.
    pub fn server(&self) -> IceCredentials {
        self.publisher.remote.clone().expect("an answer")
    }

    /// The connection that carries what it receives.
    pub fn down(&mut self) -> &mut Endpoint {
        self.subscriber.as_mut().unwrap_or(&mut self.publisher)
    }

    /// Offers what there is; once the answer came, if one is still awaited.
    pub fn offer(&mut self) -> Option<Command> {
        if std::mem::replace(&mut self.in_flight, true) {
            self.dirty = true;
            return None;
        }
        self.version += 1;
        let sdp = self.publisher.describe(self.sections.clone()).offer(self.version);
        let offer = Text { id: self.version, sdp: sdp.into() };
        Some(Command::Offer { participant: self.id.clone(), offer })
    }

    /// Stops everything that it sends; the next offer says so.
    pub fn end_sections(&mut self) {
        for section in &mut self.sections {
            if let Section::Sends { kind, .. } = section {
                *section = Section::Idle(*kind);
            }
        }
        self.sources.clear();
    }

    /// The answer to what was last offered will not come: the socket is gone.
    pub fn forget_offer(&mut self) {
        self.in_flight = false;
    }

    pub fn answered(&mut self, now: Instant, answer: &Text, mids: &[MidTrack]) -> Option<Command> {
        if answer.id != self.version {
            return None;
        }
        let session = read_session(&answer.sdp).expect("an answer that can be read");
        self.publisher.set_remote(now, &session);
        self.note_streams(now, &session, mids);
        self.in_flight = false;
        std::mem::take(&mut self.dirty).then(|| self.offer()).flatten()
    }

    /// The room offers on the subscriber connection.
    pub fn offered(&mut self, now: Instant, offer: &Text, mids: &[MidTrack]) -> Command {
        let session = read_session(&offer.sdp).expect("an offer that can be read");
        let subscriber = self.subscriber.as_mut().expect("only in the dual mode");
        if subscriber.remote.as_ref().is_some_and(|known| known.ufrag != session.ufrag) {
            subscriber.headless.restart();
        }
        let sdp = subscriber.describe(Vec::new()).answer(offer.id, &session);
        subscriber.set_remote(now, &session);
        self.note_streams(now, &session, mids);
        let answer = Text { id: offer.id, sdp: sdp.into() };
        Command::Answer { participant: self.id.clone(), answer }
    }

    pub fn add_sections(&mut self, audios: u32, videos: u32) -> Option<Command> {
        let add = |kind, count| std::iter::repeat_n(Section::Receives(kind), count as usize);
        self.sections.extend(add(Kind::Audio, audios));
        self.sections.extend(add(Kind::Video, videos));
        // The first offer goes out on its own time, with everything that is known by then.
        if self.version > 0 { self.offer() } else { None }
    }

    fn note_streams(&mut self, now: Instant, session: &Session, mids: &[MidTrack]) {
        for MidTrack { mid, track } in mids {
            let section = session.sections.iter().find(|section| section.mid == *mid);
            let section = section.expect("a section for each track");
            let (ssrc, repair) = section.ssrcs[0];
            let kind = section.kind().expect("media");
            self.sinks.entry(ssrc).or_insert_with(|| Sink::new(track.clone(), kind, ssrc, now));
            self.repairs.extend(repair.map(|repair| (repair, ssrc)));
        }
    }
}
