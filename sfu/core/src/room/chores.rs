//! Work that a command causes for many participants, done in pieces: packets of other rooms are handled in between.
//!
//! A command, like a datagram, directly does only what takes a fraction of a millisecond. The rest is queued here.

use std::collections::VecDeque;
use std::time::Instant;

use super::messages::Messages;
use super::{Context, Room};
use crate::demux::Owner;
use crate::forwarder::Forwarder;
use crate::keys::{ParticipantKey, TrackKey};
use crate::participant::Unsettled;

/// Effort that all rooms of a shard together may spend on chores between two turns of the network. A unit is about a tenth
/// of a microsecond on a current machine, so this is a fifth of a millisecond.
pub(crate) const EFFORT_MAX: usize = 2000;
/// Effort that each room may spend at least, however many have chores.
pub(crate) const EFFORT_MIN: usize = 100;

/// Queueing one participant.
const NOTE_EFFORT: usize = 1;
/// Moving one subscriber behind one that is removed.
const DETACH_EFFORT: usize = 1;
/// Renewing the descriptions and bandwidth shares of one participant: a base, and more for each subscription.
const SETTLE_EFFORT: usize = 50;
const SUBSCRIPTION_EFFORT: usize = 3;
/// Sending one message: a base, and one unit for so many bytes, which are encrypted.
const SEND_EFFORT: usize = 50;
const BYTES_PER_EFFORT: usize = 32;

/// The queued work of one room.
#[derive(Default)]
pub(super) struct Chores {
    /// Former subscribers of tracks that ended.
    bereft: Vec<Vec<Forwarder>>,
    /// Tracks that still have a forwarder to a participant that left.
    gone: Vec<(TrackKey, ParticipantKey)>,
    /// Participants to settle, each once.
    unsettled: VecDeque<ParticipantKey>,
    pub(super) messages: Messages,
}

impl Chores {
    pub(super) fn is_empty(&self) -> bool {
        self.bereft.is_empty()
            && self.gone.is_empty()
            && self.unsettled.is_empty()
            && self.messages.is_empty()
    }

    pub(super) fn bereave(&mut self, forwarders: Vec<Forwarder>) {
        self.bereft.push(forwarders);
    }

    /// Queues the removal of a participant from the subscribers of these tracks. Nothing is sent to it meanwhile.
    pub(super) fn take_out(&mut self, who: ParticipantKey, tracks: impl Iterator<Item = TrackKey>) {
        self.gone.extend(tracks.map(|track| (track, who)));
    }

    fn next_bereft(&mut self) -> Option<ParticipantKey> {
        let forwarders = self.bereft.last_mut()?;
        let next = forwarders.pop().map(|forwarder| forwarder.to);
        if forwarders.is_empty() {
            self.bereft.pop();
        }
        next
    }
}

impl Room {
    /// Queues a new round of offer and answer, since what the participant is to receive may have changed.
    pub(super) fn renegotiate(&mut self, key: ParticipantKey) {
        self.unsettle(key, Unsettled { descriptions: true, shares: false });
    }

    pub(super) fn unsettle(&mut self, key: ParticipantKey, what: Unsettled) {
        let Some(participant) = self.participants.get_mut(key) else { return };
        let before = &mut participant.unsettled;
        if !(before.descriptions || before.shares) {
            self.chores.unsettled.push_back(key);
        }
        before.descriptions |= what.descriptions;
        before.shares |= what.shares;
    }

    /// Does chores until none is left or `effort` is spent.
    pub(super) fn do_chores(&mut self, now: Instant, effort: usize, ctx: &mut Context<'_>) {
        let mut spent = 0;
        while spent < effort {
            let Some(piece) = self.do_piece(now, ctx) else { return };
            spent += piece;
        }
    }

    /// Does the next chore and returns the effort it took; `None` if there is none.
    fn do_piece(&mut self, now: Instant, ctx: &mut Context<'_>) -> Option<usize> {
        if !self.chores.bereft.is_empty() {
            if let Some(subscriber) = self.chores.next_bereft() {
                self.renegotiate(subscriber);
            }
            return Some(NOTE_EFFORT);
        }
        if let Some((track, who)) = self.chores.gone.pop() {
            let Some(track) = self.tracks.get_mut(track) else { return Some(NOTE_EFFORT) };
            track.detach(who);
            return Some(NOTE_EFFORT + track.forwarders.len() * DETACH_EFFORT);
        }
        // In turns, so that neither waits for all of the other.
        let settled = self.settle_next(now, ctx);
        let sent = self.send_next(now, ctx);
        settled.into_iter().chain(sent).reduce(usize::saturating_add)
    }

    fn settle_next(&mut self, now: Instant, ctx: &mut Context<'_>) -> Option<usize> {
        let key = self.chores.unsettled.pop_front()?;
        let Some(participant) = self.participants.get_mut(key) else { return Some(NOTE_EFFORT) };
        let what = std::mem::take(&mut participant.unsettled);
        participant.subscriptions.forget_unless(|track| self.tracks.contains_key(track));
        let subscriptions = participant.subscriptions.len();
        if what.shares {
            self.allocate(now, key, ctx);
        }
        if what.descriptions {
            self.describe_again(key, ctx);
        }
        Some(SETTLE_EFFORT + subscriptions * SUBSCRIPTION_EFFORT)
    }

    fn send_next(&mut self, now: Instant, ctx: &mut Context<'_>) -> Option<usize> {
        let (id, kind, payload) = self.chores.messages.next()?;
        let effort = SEND_EFFORT + payload.len() / BYTES_PER_EFFORT;
        let Some(key) = self.by_id.get(&id).copied() else { return Some(NOTE_EFFORT) };
        let Some(participant) = self.participants.get_mut(key) else { return Some(NOTE_EFFORT) };
        let side = participant.down_side();
        if let Err(why) = participant.down().send_data(now, kind, &payload) {
            ctx.counters.undelivered(why);
        }
        self.drive(now, Owner { room: self.key, participant: key, side }, ctx);
        Some(effort)
    }
}
