//! Whatever people do in a room in whatever order, it neither panics nor forgets what belongs together, and whoever comes
//! next hears and sees. `cargo bolero test rooms` goes on for longer.

#[path = "stage/mod.rs"]
#[allow(dead_code, reason = "other tests do more on it")]
mod stage;

use std::time::Duration;

use beckon_sfu_api::{
    Command, ConnectionMode, DataKind, DataMessage, Description, Kind, Permissions, Preference,
    Quality, TrackId,
};
use beckon_sfu_core::rtp;
use bytes::Bytes;

use stage::source::Plain;
use stage::{Stage, ms, secs};

const CLIENTS: usize = 4;
const ACTS_MAX: usize = 24;

/// What somebody does; numbers are taken modulo how many there are.
#[derive(Clone, Copy, Debug, bolero::TypeGenerator)]
enum Act {
    Join {
        dual: bool,
    },
    Leave,
    Publish {
        video: bool,
        layers: u8,
    },
    EndSections,
    Unpublish(u8),
    Mute(u8, bool),
    Subscribe(u8),
    Unsubscribe(u8),
    Prefer(u8, bool, u8),
    Permit {
        publish: bool,
        subscribe: bool,
    },
    Restart {
        afresh: bool,
    },
    Cut(bool),
    Rebind,
    Goodbye,
    Say(bool),
    Garbage([u8; 24]),
    /// Authentic, and nonsense nevertheless.
    Rtp(u8, [u8; 32]),
    Rtcp([u8; 48]),
    /// An offer without one line, or with it in the place of another.
    Offer(u16, Option<u16>),
    Lossy(u8),
    Wait(u8),
}

#[derive(Default)]
struct Play {
    /// Whom of the stage's clients each of us is.
    present: [Option<usize>; CLIENTS],
    tracks: Vec<TrackId>,
}

impl Play {
    fn track(&self, at: u8) -> TrackId {
        let known = self.tracks.get(usize::from(at) % self.tracks.len().max(1));
        known.cloned().unwrap_or_else(|| "TR_none".into())
    }

    fn act(&mut self, stage: &mut Stage, who: usize, act: Act) {
        let Some(client) = self.present[who] else {
            if let Act::Join { dual } = act {
                let mode = if dual { ConnectionMode::Dual } else { ConnectionMode::Single };
                let id = format!("PA_{}", stage.clients.len());
                self.present[who] = Some(stage.join(&id, mode));
            }
            return;
        };
        match act {
            Act::Join { .. } | Act::Wait(_) => {}
            Act::Leave => {
                self.present[who] = None;
                stage.leave(client);
            }
            Act::Publish { video, layers } => {
                let (kind, layers) =
                    if video { (Kind::Video, 1 + layers % 3) } else { (Kind::Audio, 1) };
                self.tracks.push(stage.publish(client, kind, layers));
            }
            Act::EndSections => {
                stage.clients[client].end_sections();
                stage.offer(client);
            }
            Act::Restart { afresh } => {
                if afresh {
                    stage.clients[client].publisher.headless.restart();
                    stage.offer(client);
                }
                let participant = stage.clients[client].id.clone();
                stage.tell(Command::Restart { participant });
            }
            Act::Cut(cut) => stage.clients[client].set_cut(cut),
            Act::Rebind => stage.rebind(client),
            Act::Goodbye => {
                let now = stage.now;
                stage.clients[client].publisher.headless.close(now);
            }
            Act::Garbage(bytes) => {
                let from = stage.clients[client].publisher.address;
                stage.shard.handle_datagram(stage.now, from, None, &mut bytes.clone());
            }
            Act::Rtp(source, bytes) => Self::send_rtp(stage, client, source, bytes),
            Act::Rtcp(mut bytes) => {
                (bytes[0], bytes[1]) = (0x80 | bytes[0] & 0x1f, 200 + bytes[1] % 8);
                stage.clients[client].publisher.send_rtcp(&bytes);
            }
            Act::Offer(line, place) => {
                let offer = stage.clients[client].offer();
                let Some(Command::Offer { participant, offer: Description { id, sdp } }) = offer
                else {
                    return;
                };
                let sdp = changed(&sdp, line.into(), place.map(usize::from));
                stage.clients[client].forget_offer();
                let offer = Description { id, sdp: sdp.into() };
                stage.tell(Command::Offer { participant, offer });
            }
            Act::Lossy(percent) => {
                stage.clients[client].publisher.up.loss = f64::from(percent % 100) / 100.0;
            }
            _ => self.tell(stage, client, act),
        }
    }

    /// A packet with one of its own numbers, or any.
    fn send_rtp(stage: &mut Stage, client: usize, source: u8, mut bytes: [u8; 32]) {
        let client = &mut stage.clients[client];
        bytes[0] = 0x80 | bytes[0] & 0x3f;
        let layers = client.sources.iter().flat_map(|source| &source.layers);
        let known: Vec<u32> = layers.flat_map(|layer| [layer.ssrc, layer.ssrc + 1]).collect();
        if let Some(ssrc) = known.get(usize::from(source)) {
            bytes[8..12].copy_from_slice(&ssrc.to_be_bytes());
        }
        let Some(header_len) = rtp::header_len(&bytes) else { return };
        client.publisher.send_rtp(&Plain { bytes: bytes.to_vec(), header_len, roc: 0 });
    }

    /// What goes over signalling alone.
    fn tell(&self, stage: &mut Stage, client: usize, act: Act) {
        let participant = stage.clients[client].id.clone();
        stage.tell(match act {
            Act::Unpublish(track) => Command::Unpublish { track: self.track(track) },
            Act::Mute(track, muted) => Command::Mute { track: self.track(track), muted },
            Act::Subscribe(track) => {
                Command::Subscribe { participant, tracks: vec![self.track(track)] }
            }
            Act::Unsubscribe(track) => {
                Command::Unsubscribe { participant, tracks: vec![self.track(track)] }
            }
            Act::Prefer(track, enabled, quality) => {
                let quality =
                    [Quality::Low, Quality::Medium, Quality::High][usize::from(quality % 3)];
                let preference = Preference { enabled, quality, size: None };
                Command::Prefer { participant, preferences: vec![(self.track(track), preference)] }
            }
            Act::Permit { publish, subscribe } => {
                Command::Permit { participant, permissions: Permissions { publish, subscribe } }
            }
            Act::Say(reliable) => Command::Send(DataMessage {
                from: "PA_x".into(),
                kind: if reliable { DataKind::Reliable } else { DataKind::Lossy },
                to: vec![participant],
                payload: Bytes::from_static(b"hello"),
            }),
            _ => return,
        });
    }
}

fn changed(sdp: &str, line: usize, place: Option<usize>) -> String {
    let mut lines: Vec<&str> = sdp.lines().collect();
    let count = lines.len();
    match place {
        Some(place) => lines[place % count] = lines[line % count],
        None => _ = lines.remove(line % count),
    }
    lines.join("\r\n") + "\r\n"
}

#[test]
fn rooms() {
    let rounds = bolero::check!().with_type::<Vec<(u8, u8, Act)>>();
    rounds.with_test_time(Duration::from_secs(6)).for_each(|acts| {
        let mut stage = Stage::new(acts.len() as u64);
        let mut play = Play::default();
        for who in 0..2 {
            play.act(&mut stage, who, Act::Join { dual: who == 1 });
        }
        for (who, wait, act) in acts.iter().take(ACTS_MAX) {
            play.act(&mut stage, usize::from(*who) % CLIENTS, *act);
            stage.run(ms(u64::from(*wait)));
        }
        // A panic would have ended the room, and that only.
        assert_eq!(stage.shard.rooms(), 1);
        stage.run(ms(50));
        assert_eq!(stage.shard.participants(), play.present.iter().flatten().count());
        let newcomers = [
            stage.join("PA_new", ConnectionMode::Single),
            stage.join("PA_newer", ConnectionMode::Dual),
        ];
        let camera = stage.publish(newcomers[0], Kind::Video, 1);
        stage.run(secs(2));
        stage.assert_resumed(newcomers[1], &camera);
        for client in play.present.into_iter().flatten().chain(newcomers) {
            stage.leave(client);
        }
        stage.run(ms(100));
        assert!(stage.shard.demux().is_empty());
        assert!(stage.shard.poll_timeout().is_none());
    });
}
