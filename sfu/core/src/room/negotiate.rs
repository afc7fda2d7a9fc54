//! Offers and answers: from descriptions to tracks and subscriptions.

use std::sync::Arc;
use std::time::Instant;

use beckon_sfu_api::{Description, Event, ParticipantId, Refused, TrackId};

use super::{Context, Room};
use crate::config::ShardConfig;
use crate::connection::Connection;
use crate::demux::{Owner, Side};
use crate::described::Described;
use crate::extension::Extension;
use crate::forwarder::Bound;
use crate::keys::{ParticipantKey, TrackKey};
use crate::negotiation::sdp::Session;
use crate::negotiation::{Answered, Binding, Local, Publication, Wanted};
use crate::stats::Discard;
use crate::track::Track;

/// Both are for life (RFC 8842, 4).
const OTHER_PEER: &str = "its certificate or DTLS role is another than before";

impl Room {
    /// The client offers, on its only connection or on the one that it publishes on; or it answers our offer.
    pub(crate) fn describe(&mut self, now: Instant, described: Described, ctx: &mut Context<'_>) {
        self.schedule_tick(now);
        let Described { participant: who, id, is_offer, session } = described;
        let Some(key) = self.by_id.get(&who).copied() else {
            return self.refuse(&who, None, Refused::NotFound, ctx);
        };
        let done = if is_offer {
            let answered = self.answered(now, key, session, ctx);
            answered.map(|answered| self.carry_out(now, key, id, answered, ctx))
        } else {
            session.and_then(|session| self.accept(now, key, id, &session, ctx))
        };
        if let Err(why) = done {
            self.refuse(&who, None, why, ctx);
        }
    }

    fn answered(
        &mut self,
        now: Instant,
        key: ParticipantKey,
        offer: Result<Session, Refused>,
        ctx: &mut Context<'_>,
    ) -> Result<Answered, Refused> {
        if let Some(participant) = self.participants.get_mut(key) {
            // Even if this offer is refused, another may be requested.
            participant.asked = false;
        }
        let (session, sections_max) = (offer?, self.settings.sections_max());
        let owner = Owner { room: self.key, participant: key, side: Side::Publisher };
        let wanted = self.wanted(key, Side::Publisher);
        let participant = self.participants.get_mut(key).ok_or(Refused::NotFound)?;
        let connection = &mut participant.publisher;
        if !connection.may_be_of(&session) {
            return Err(Refused::malformed(OTHER_PEER));
        }
        connection.describe_remote(now, &session, true);
        connection.expect(owner, ctx.demux);
        let may_publish = participant.permissions.publish;
        let announced = if may_publish { &participant.announced[..] } else { &[] };
        let local = local(connection, ctx.config, sections_max);
        Ok(participant.answerer.answer(&Arc::new(session), &local, announced, &wanted))
    }

    /// Emits the events of an answer. A track is announced to others before its publisher reads the answer, so that nothing
    /// can overtake it.
    fn carry_out(
        &mut self,
        now: Instant,
        key: ParticipantKey,
        id: u32,
        answered: Answered,
        ctx: &mut Context<'_>,
    ) {
        for track in &answered.ended {
            if let Some(track) = self.track_ids.get(track).copied() {
                self.end_track(track, ctx);
            }
        }
        for publication in &answered.published {
            self.publish(key, publication, ctx);
        }
        self.bind(now, key, &answered.bound);
        let Some(participant) = self.participants.get(key) else { return };
        let participant = participant.id.clone();
        let answer = Description { id, sdp: answered.sdp };
        let event = Event::Answer { participant: participant.clone(), answer, mids: answered.mids };
        ctx.tell(&self.id, event);
        self.refuse_tracks(&participant, answered.refused, ctx);
        self.drive(now, Owner { room: self.key, participant: key, side: Side::Publisher }, ctx);
        self.renegotiate(key);
    }

    /// Creates a track once an offer has its media section, or updates one whose section changed.
    fn publish(&mut self, key: ParticipantKey, publication: &Publication, ctx: &mut Context<'_>) {
        let Some(participant) = self.participants.get_mut(key) else { return };
        let transport_cc = publication.extensions.id(Extension::TransportCc);
        participant.transport_cc = transport_cc.or(participant.transport_cc);
        if let Some(known) = self.track_ids.get(&publication.track).copied() {
            participant.sources.retain(|_, (track, _)| *track != known);
            if let Some(track) = self.tracks.get_mut(known) {
                track.renegotiate(publication);
            }
            return;
        }
        let announced = &mut participant.announced;
        let Some(at) = announced.iter().position(|track| track.id == publication.track) else {
            return;
        };
        let announced = announced.remove(at);
        let track = Track::new(key, &announced, publication);
        let is_known = track.is_known;
        let track = self.tracks.insert(track);
        participant.published.push((announced.id.clone(), track));
        self.track_ids.insert(announced.id, track);
        if is_known {
            self.tell_published(track, false, ctx);
        }
    }

    fn tell_published(&self, track: TrackKey, answered: bool, ctx: &mut Context<'_>) {
        let Some(track) = self.tracks.get(track) else { return };
        let Some(owner) = self.participants.get(track.owner) else { return };
        let published = Event::Published {
            participant: owner.id.clone(),
            track: track.id.clone(),
            codec: track.codec(),
            mid: track.mid.clone(),
            answered,
        };
        ctx.tell(&self.id, published);
    }

    /// Sets the codec of a track that was announced without one, or with another, from the payload type of a packet.
    /// Subscribers that it already has get a new stream.
    pub(super) fn identify(
        &mut self,
        key: TrackKey,
        payload_type: u8,
        ctx: &mut Context<'_>,
    ) -> Result<(), Discard> {
        let track = self.tracks.get_mut(key).ok_or(Discard::UnknownSsrc)?;
        let changed = track.identify(payload_type)?;
        self.tell_published(key, true, ctx);
        if changed {
            // Packets in the previous codec were discarded with its history.
            self.arrivals.retain(|arrival| !arrival.is_of(key));
            self.resubscribe(key);
        }
        Ok(())
    }

    fn accept(
        &mut self,
        now: Instant,
        key: ParticipantKey,
        id: u32,
        session: &Session,
        ctx: &mut Context<'_>,
    ) -> Result<(), Refused> {
        let participant = self.participants.get_mut(key).ok_or(Refused::NotFound)?;
        let subscriber = participant.subscriber.as_mut().ok_or(Refused::OutOfTurn)?;
        if !subscriber.offerer.awaits(id) {
            return Err(Refused::OutOfTurn);
        }
        if !subscriber.connection.may_be_of(session) {
            return Err(Refused::malformed(OTHER_PEER));
        }
        let accepted = subscriber.offerer.answer(id, session)?;
        subscriber.connection.describe_remote(now, session, false);
        let id = participant.id.clone();
        let refused = accepted.refused.into_iter().map(|track| (track, Refused::Codec));
        self.refuse_tracks(&id, refused.collect(), ctx);
        self.bind(now, key, &accepted.bound);
        self.drive(now, Owner { room: self.key, participant: key, side: Side::Subscriber }, ctx);
        if accepted.again {
            self.renegotiate(key);
        }
        Ok(())
    }

    /// Binds subscriptions to the media sections that were negotiated for them.
    fn bind(&mut self, now: Instant, key: ParticipantKey, bound: &[Binding]) {
        for binding in bound {
            let track = self.track_ids.get(&binding.track).copied();
            let track = track.and_then(|track| self.tracks.get_mut(track));
            if let Some(forwarder) = track.and_then(|track| track.forwarder_mut(key)) {
                forwarder.binding = Some(Bound::from(binding));
            }
        }
        self.start_forwarders(now, key);
    }

    /// Starts another round of offer and answer if the last one does not match what the participant is to receive.
    pub(super) fn describe_again(&mut self, key: ParticipantKey, ctx: &mut Context<'_>) {
        let Some(participant) = self.participants.get(key) else { return };
        let wanted = self.wanted(key, participant.down_side());
        let Some(participant) = self.participants.get_mut(key) else { return };
        let id = participant.id.clone();
        let Some(subscriber) = &mut participant.subscriber else {
            if !participant.asked
                && let Some((audios, videos)) = participant.answerer.missing(&wanted)
            {
                participant.asked = true;
                ctx.tell(&self.id, Event::SectionsWanted { participant: id, audios, videos });
            }
            return;
        };
        let local = local(&subscriber.connection, ctx.config, self.settings.sections_max());
        let Some(offered) = subscriber.offerer.offer(&local, &wanted) else { return };
        let offer = Description { id: offered.id, sdp: offered.sdp };
        let event = Event::Offer { participant: id.clone(), offer, mids: offered.mids };
        ctx.tell(&self.id, event);
        self.refuse_tracks(&id, offered.refused, ctx);
    }

    /// Repeats what may have been lost with the client's previous signalling socket.
    pub(super) fn restart(&mut self, id: &ParticipantId, ctx: &mut Context<'_>) {
        let Some(key) = self.by_id.get(id).copied() else {
            return self.refuse(id, None, Refused::NotFound, ctx);
        };
        let Some(participant) = self.participants.get_mut(key) else { return };
        participant.asked = false;
        if let Some(subscriber) = &mut participant.subscriber {
            subscriber.connection.ice.restart();
            subscriber.offerer.restart();
        }
        participant.expect(self.key, key, ctx.demux);
        self.renegotiate(key);
    }

    /// Lists the tracks that a participant is to receive on this connection.
    fn wanted(&self, key: ParticipantKey, side: Side) -> Vec<Wanted> {
        let Some(participant) = self.participants.get(key) else { return Vec::new() };
        if participant.down_side() != side {
            return Vec::new();
        }
        let wanted = participant.subscriptions.iter().filter_map(|subscription| {
            let track = self.tracks.get(subscription.track)?;
            Some(Wanted {
                track: track.id.clone(),
                publisher: self.participants.get(track.owner)?.id.clone(),
                kind: track.kind(),
                source: track.source,
                codec: track.codec(),
                stereo: track.stereo,
                ssrc: subscription.ssrc,
                rtx_ssrc: subscription.rtx_ssrc,
            })
        });
        wanted.collect()
    }

    fn refuse_tracks(
        &self,
        participant: &ParticipantId,
        refused: Vec<(TrackId, Refused)>,
        ctx: &mut Context<'_>,
    ) {
        for (track, why) in refused {
            self.refuse(participant, Some(track), why, ctx);
        }
    }
}

fn local<'a>(
    connection: &'a Connection,
    config: &'a ShardConfig,
    sections_max: usize,
) -> Local<'a> {
    Local {
        sections_max,
        credentials: connection.ice.local(),
        fingerprint: config.identity.fingerprint(),
        role: connection.role(),
        candidates: &config.candidates,
    }
}
