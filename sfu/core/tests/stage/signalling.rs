//! What signalling does between the clients and the room.

use std::time::Duration;

use beckon_load::headless::description::Section;
use beckon_sfu_api::{
    Announced, AnnouncedLayer, Command, Event, Kind, ParticipantId, Preference, Quality,
    Source as Shown, TrackId,
};

use super::client::Client;
use super::source::Source;
use super::{Delivery, Stage};

/// From a client to the room and back.
const DELAY: Duration = Duration::from_millis(15);

impl Stage {
    /// Announces a track, and offers its section.
    pub fn publish(&mut self, client: usize, kind: Kind, layers: u8) -> TrackId {
        self.tracks += 1;
        let id = self.next_track.take().unwrap_or_else(|| format!("TR_{}", self.tracks).into());
        let cid = format!("cid-{}", self.tracks);
        let layer = |at: u8| AnnouncedLayer {
            width: 320 << at,
            height: 180 << at,
            bitrate: [120_000, 400_000, 1_200_000][usize::from(at)],
        };
        let video = kind == Kind::Video;
        let usual = if video { Shown::Camera } else { Shown::Microphone };
        let shown = self.next_shown.take().unwrap_or(usual);
        let track = Announced {
            id: id.clone(),
            cid: cid.clone(),
            kind,
            source: shown,
            codec: None,
            stereo: false,
            layers: if video { (0..layers).map(layer).collect() } else { Vec::new() },
            muted: std::mem::take(&mut self.next_muted),
        };
        let publisher = &mut self.clients[client];
        let ssrc = self.next_stream.take().unwrap_or(1000 + 10 * self.tracks);
        let sections = &mut publisher.sections;
        // As browsers do, in a section that rests if there is one.
        let resting = sections.iter().position(|section| *section == Section::Idle(kind));
        let at = resting.unwrap_or(sections.len());
        sections.resize(sections.len().max(at + 1), Section::Idle(kind));
        sections[at] = Section::Sends { kind, cid, ssrc, layers };
        let mid = at.to_string();
        publisher.sources.push(Source::new(self.now, kind, ssrc, layers, mid));
        let participant = publisher.id.clone();
        self.tell(Command::Publish { participant, track });
        self.offer(client);
        id
    }

    pub fn subscribe(&mut self, client: usize, tracks: &[&TrackId]) {
        let participant = self.clients[client].id.clone();
        let tracks = tracks.iter().copied().cloned().collect();
        self.tell(Command::Subscribe { participant, tracks });
    }

    pub fn prefer(&mut self, client: usize, track: &TrackId, quality: Quality, enabled: bool) {
        let participant = self.clients[client].id.clone();
        let preference = Preference { enabled, quality, size: None };
        let preferences = vec![(track.clone(), preference)];
        self.tell(Command::Prefer { participant, preferences });
    }

    pub fn offer(&mut self, client: usize) {
        if let Some(offer) = self.clients[client].offer() {
            self.tell(offer);
        }
    }

    /// Over signalling, in order.
    pub fn tell(&mut self, command: Command) {
        self.network.deliver(self.now + DELAY, Delivery::Command(command));
    }

    pub fn leave(&mut self, client: usize) {
        let participant = self.clients[client].id.clone();
        self.tell(Command::Leave { participant });
    }

    pub(super) fn take_events(&mut self) {
        while let Some((_, event)) = self.shard.poll_event() {
            self.react(&event);
            self.events.push((self.now - self.epoch, event));
        }
    }

    /// As signalling and the clients do.
    fn react(&mut self, event: &Event) {
        let now = self.now;
        let reply = match event {
            Event::Answer { participant, answer, mids } => {
                self.find(participant).and_then(|client| client.answered(now, answer, mids))
            }
            Event::Offer { participant, offer, mids } => {
                self.find(participant).map(|client| client.offered(now, offer, mids))
            }
            Event::SectionsWanted { participant, audios, videos } => {
                self.find(participant).and_then(|client| client.add_sections(*audios, *videos))
            }
            Event::Published { participant, track, .. } => {
                return self.subscribe_all(participant, track);
            }
            _ => None,
        };
        if let Some(command) = reply {
            self.tell(command);
        }
    }

    /// The latest client of this name, if it hears anything.
    fn find(&mut self, id: &ParticipantId) -> Option<&mut Client> {
        if self.deaf.as_ref() == Some(id) {
            return None;
        }
        self.clients.iter_mut().rev().find(|client| client.id == *id)
    }

    fn subscribe_all(&mut self, publisher: &ParticipantId, track: &TrackId) {
        let others = self.clients.iter().filter(|it| it.subscribes && it.id != *publisher);
        let others: Vec<ParticipantId> = others.map(|client| client.id.clone()).collect();
        for participant in others {
            self.tell(Command::Subscribe { participant, tracks: vec![track.clone()] });
        }
    }
}
