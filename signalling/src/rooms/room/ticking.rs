//! What happens by the clock.

use std::time::{Duration, Instant};

use beckon_sfu_api::ParticipantId;

use super::super::departure::{DisconnectReason, LeaveAction};
use super::super::info::ParticipantState;
use super::super::notice::Notice;
use super::super::token::{self, Claims, TOKEN_BYTES_MAX};
use super::Room;
use super::participant::{Participant, REFRESH_EVERY};
use crate::clock::now_ms;
use crate::config::ApiKey;

/// How long somebody without a socket is waited for.
pub(super) const GRACE: Duration = Duration::from_secs(15);
/// Within this time media must flow for the first time.
const CONNECT_WITHIN: Duration = Duration::from_secs(60);
/// Whoever closes the media connection says goodbye, or comes again, within this time.
const GOODBYE_WITHIN: Duration = Duration::from_secs(5);
/// How long the media node may not keep up with what it is told; orders take it milliseconds.
const BEHIND_MAX: Duration = Duration::from_secs(10);
/// How long a renewed token is good.
const REFRESHED_LIFE_S: i64 = 10 * 60;

impl Room {
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        let overdue: Vec<_> =
            self.participants.values_mut().filter_map(|p| overdue(now, p)).collect();
        for (who, reason) in overdue {
            self.depart(now, &who, reason, Some(LeaveAction::Reconnect));
        }
        self.withdraw_untaken(now);
        self.look_at_media(now);
        self.refresh_tokens(now);
        self.tell_counts();
        self.forget_departed(now);
        self.over |=
            self.empty_since.is_some_and(|since| now.duration_since(since) >= self.plan.empty_for);
    }

    /// A media node that does not keep up for long is stuck: elsewhere, or a little later, it may go better.
    fn look_at_media(&mut self, now: Instant) {
        if self.media.has_room() {
            self.behind_since = None;
        } else if now.duration_since(*self.behind_since.get_or_insert(now)) >= BEHIND_MAX {
            self.end(DisconnectReason::MediaFailure, LeaveAction::Reconnect);
        }
    }

    fn refresh_tokens(&mut self, now: Instant) {
        for participant in self.participants.values_mut() {
            if participant.refresh_at > now {
                continue;
            }
            participant.refresh_at = now + REFRESH_EVERY;
            let exp = now_ms() / 1000 + REFRESHED_LIFE_S;
            let claims = Claims { exp: Some(exp.into()), nbf: None, ..participant.claims.clone() };
            // a key that was taken away signs nothing any more
            let Some(key) = self.rooms.keys.find(&claims.iss) else { continue };
            participant.send(Notice::RefreshToken(renewed(key, claims)));
        }
    }

    fn tell_counts(&mut self) {
        let counts = self.counts();
        if self.told != counts {
            self.told = counts;
            self.tell_all(Notice::Room(self.info()));
        }
    }
}

/// A token that is short enough to come back with: without what a participant said of itself, if that is long.
fn renewed(key: &ApiKey, claims: Claims) -> String {
    let token = token::mint(key, claims.clone());
    if token.len() <= TOKEN_BYTES_MAX {
        return token;
    }
    let (metadata, attributes) = Default::default();
    token::mint(key, Claims { metadata, attributes, room_config: None, ..claims })
}

/// Whether a participant's time is up. A socket that was cut for being too slow is noticed here.
fn overdue(now: Instant, it: &mut Participant) -> Option<(ParticipantId, DisconnectReason)> {
    if !it.is_attached() {
        it.detach(now);
    }
    let since = |at: Option<Instant>| at.map_or(Duration::ZERO, |at| now.duration_since(at));
    // without media there is nothing to go on with
    let grace = if it.state == ParticipantState::Active { GRACE } else { GOODBYE_WITHIN };
    let reason = if since(it.detached_at) >= grace {
        DisconnectReason::SignalClose
    } else if since(it.closed_at) >= GOODBYE_WITHIN {
        DisconnectReason::ClientInitiated
    } else if it.state != ParticipantState::Active && since(Some(it.joined_at)) >= CONNECT_WITHIN {
        DisconnectReason::JoinFailure
    } else {
        return None;
    };
    Some((it.id.clone(), reason))
}
