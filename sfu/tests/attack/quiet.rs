//! A room with somebody who talks and somebody who listens, over sockets of this machine.

use std::fmt;
use std::net::UdpSocket;
use std::sync::mpsc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use beckon_load::headless::description::{Description as Text, OPUS, Section};
use beckon_load::headless::{Headless, HeadlessEvent, Heard};
use beckon_sfu::Sfu;
use beckon_sfu_api::{
    Announced, Command, ConnectionMode, Description, Event, Held, Kind, MediaNode, ParticipantId,
    Permissions, RoomId, RoomSettings, Source,
};
use beckon_sfu_core::ice::IceCredentials;
use beckon_sfu_core::negotiation::read_session;
use beckon_sfu_core::rtp::{self, Fields, Header};
use beckon_sfu_core::transport::Identity;

use super::expect;

const SSRC: u32 = 1000;
const EVERY: Duration = Duration::from_millis(5);
/// Between two looks at the sockets.
const PAUSE: Duration = Duration::from_micros(200);
/// How long a packet may be under way.
const LATE: Duration = Duration::from_secs(5);

pub struct Quiet {
    talker: Person,
    listener: Person,
    began: Instant,
    sequence: u16,
}

/// What became of what was said.
pub struct Outcome {
    pub lost: usize,
    sent: usize,
    late_ms: Vec<f64>,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |part: f64| {
            let last = self.late_ms.len().saturating_sub(1);
            self.late_ms.get((last as f64 * part) as usize).copied().unwrap_or(f64::NAN)
        };
        let Outcome { lost, sent, .. } = self;
        write!(f, "{lost} of {sent} lost, p50 {:.2} ms, p99 {:.2} ms", at(0.5), at(0.99))
    }
}

struct Person {
    id: ParticipantId,
    socket: UdpSocket,
    headless: Headless,
}

impl Person {
    fn join(node: &dyn MediaNode, room: &RoomId, id: &str) -> Person {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        let participant = ParticipantId::from(id);
        let permissions = Permissions { publish: true, subscribe: true };
        let connection = ConnectionMode::Single;
        let id = participant.clone();
        let join = Command::Join { participant, connection, permissions };
        node.tell(room, join, Held::nothing()).unwrap();
        Person { id, socket, headless: Headless::new(&Identity::generate()) }
    }

    fn offer(&self, section: Section) -> Command {
        let IceCredentials { ufrag, pwd } = self.headless.credentials().clone();
        let (fingerprint, role) = (self.headless.fingerprint().to_owned(), self.headless.role());
        let text = Text { ufrag, pwd, fingerprint, role, sections: vec![section] };
        let offer = Description { id: 1, sdp: text.offer(1).into() };
        Command::Offer { participant: self.id.clone(), offer }
    }

    fn connect(&mut self, sfu: &Sfu, answer: &str) {
        let answer = read_session(answer).unwrap();
        let credentials = IceCredentials { ufrag: answer.ufrag, pwd: answer.pwd };
        let address = sfu.listening()[0];
        self.headless.set_remote(Instant::now(), &credentials, &answer.fingerprint, address);
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self.headless.is_connected() {
            assert!(Instant::now() < deadline, "no connection");
            self.turn(&mut Vec::new());
            sleep(PAUSE);
        }
    }

    /// Sends what is due, and hears what has come: the payloads of packets, and when they came.
    fn turn(&mut self, heard: &mut Vec<(Instant, Vec<u8>)>) {
        self.headless.handle_timeout(Instant::now());
        self.flush();
        let mut datagram = [0; 2048];
        while let Ok(len) = self.socket.recv(&mut datagram) {
            let now = Instant::now();
            if let Some(Heard::Rtp(packet)) = self.headless.handle(now, &mut datagram[..len])
                && let Some(header) = Header::read(packet)
            {
                heard.push((now, header.payload(packet).to_vec()));
            }
        }
        while let Some(event) = self.headless.poll_event() {
            let is_end = matches!(event, HeadlessEvent::Closed | HeadlessEvent::Failed(_));
            assert!(!is_end, "{event:?}");
        }
        self.flush();
    }

    fn flush(&mut self) {
        while let Some(datagram) = self.headless.poll_transmit() {
            let Some(remote) = self.headless.remote() else { return };
            self.socket.send_to(&datagram, remote).unwrap();
        }
    }
}

impl Quiet {
    pub fn meet(sfu: &Sfu) -> Quiet {
        let (node, room) = (sfu.node(), RoomId::from("RM_quiet"));
        let (events, told) = mpsc::channel();
        let sink = Box::new(move |event| drop(events.send(event)));
        node.open(room.clone(), RoomSettings { participants_max: 2 }, sink).unwrap();
        let answer = || {
            expect(&told, |event| match event {
                Event::Answer { answer, mids, .. } => Some((answer, mids)),
                _ => None,
            })
        };
        let mut talker = Person::join(&*node, &room, "PA_talker");
        let track = Announced {
            id: "TR_voice".into(),
            cid: "voice".into(),
            kind: Kind::Audio,
            source: Source::Microphone,
            codec: None,
            stereo: false,
            layers: vec![],
            muted: false,
        };
        let publish = Command::Publish { participant: talker.id.clone(), track };
        node.tell(&room, publish, Held::nothing()).unwrap();
        let sends =
            Section::Sends { kind: Kind::Audio, cid: "voice".into(), ssrc: SSRC, layers: 1 };
        node.tell(&room, talker.offer(sends), Held::nothing()).unwrap();
        talker.connect(sfu, &answer().0.sdp);
        let mut listener = Person::join(&*node, &room, "PA_listener");
        let tracks = vec!["TR_voice".into()];
        let subscribe = Command::Subscribe { participant: listener.id.clone(), tracks };
        node.tell(&room, subscribe, Held::nothing()).unwrap();
        let receives = listener.offer(Section::Receives(Kind::Audio));
        node.tell(&room, receives, Held::nothing()).unwrap();
        let (answer, mids) = answer();
        assert_eq!(mids.len(), 1);
        listener.connect(sfu, &answer.sdp);
        expect(&told, |event| match event {
            Event::Connected { participant } => (participant == listener.id).then_some(()),
            _ => None,
        });
        Quiet { talker, listener, began: Instant::now(), sequence: 0 }
    }

    /// Talks for so long, and listens until everything is there, or too late.
    pub fn talk(&mut self, time: Duration) -> Outcome {
        let Quiet { talker, listener, began, sequence } = self;
        let end = Instant::now() + time;
        let (mut due, mut sent, mut heard) = (Instant::now(), 0, Vec::new());
        while Instant::now() < end || (heard.len() < sent && Instant::now() < end + LATE) {
            while due <= Instant::now() && due < end {
                talker.say(*began, *sequence);
                *sequence = sequence.wrapping_add(1);
                (due, sent) = (due + EVERY, sent + 1);
            }
            talker.turn(&mut Vec::new());
            listener.turn(&mut heard);
            sleep(PAUSE);
        }
        let late = |(at, payload): &(Instant, Vec<u8>)| {
            let said = u64::from_be_bytes(*payload.first_chunk().unwrap());
            (*at - *began).saturating_sub(Duration::from_nanos(said)).as_secs_f64() * 1000.0
        };
        let mut late_ms: Vec<f64> = heard.iter().map(late).collect();
        late_ms.sort_unstable_by(f64::total_cmp);
        Outcome { lost: sent.saturating_sub(heard.len()), sent, late_ms }
    }
}

impl Person {
    /// A packet whose payload says when it was sent.
    fn say(&mut self, began: Instant, sequence: u16) {
        let mut payload = [0; 80];
        payload[..8].copy_from_slice(&(began.elapsed().as_nanos() as u64).to_be_bytes());
        let fields = Fields {
            marker: false,
            payload_type: OPUS,
            sequence,
            timestamp: u32::from(sequence) * 240,
            ssrc: SSRC,
        };
        let (mut packet, mut datagram) = (Vec::new(), Vec::new());
        let header_len = rtp::write(&mut packet, &fields, std::iter::empty(), &payload, 0);
        assert!(self.headless.send_rtp(&packet, header_len, 0, &mut datagram));
        let remote = self.headless.remote().unwrap();
        self.socket.send_to(&datagram, remote).unwrap();
    }
}
