//! How the bandwidth of one participant is divided among the tracks that it receives.

use std::time::{Duration, Instant};

use beckon_sfu_api::{Event, LAYERS_MAX};

use super::{Context, Room};
use crate::downlink::allocator::{Demand, Grant, allocate};
use crate::forwarder::Forwarder;
use crate::keys::ParticipantKey;
use crate::track::Track;

/// How often bandwidth is divided again while nothing else asks for it.
const ALLOCATE_INTERVAL: Duration = Duration::from_millis(200);

impl Room {
    /// Divides a participant's estimated bandwidth among the tracks that it receives.
    pub(super) fn allocate(&mut self, now: Instant, key: ParticipantKey, ctx: &mut Context<'_>) {
        let Some(participant) = self.participants.get_mut(key) else { return };
        participant.allocate_at = now + ALLOCATE_INTERVAL;
        let downlink = &mut participant.down().downlink;
        downlink.handle_timeout(now);
        let budget = downlink.estimator.estimate_bps();
        self.demands.clear();
        for subscription in participant.subscriptions.iter() {
            let Some(track) = self.tracks.get(subscription.track) else { continue };
            let active = track.forwarder(key).filter(|forwarder| forwarder.is_active());
            self.demands.extend(active.map(|forwarder| demand(now, track, forwarder)));
        }
        allocate(budget, &self.demands, &mut self.grants);
        let mut grants = self.grants.iter();
        for subscription in participant.subscriptions.iter_mut() {
            let Some(track) = self.tracks.get_mut(subscription.track) else { continue };
            let Some(forwarder) = track.forwarder_mut(key) else { continue };
            let grant = if forwarder.is_active() { grants.next() } else { None };
            if let Some(grant) = grant {
                forwarder.set_target(match grant {
                    Grant::Layer(layer) => Some(*layer),
                    Grant::Paused => None,
                });
            }
            let paused = grant == Some(&Grant::Paused);
            if subscription.paused != paused {
                subscription.paused = paused;
                let participant = participant.id.clone();
                ctx.tell(&self.id, Event::Paused { participant, track: track.id.clone(), paused });
            }
        }
    }
}

/// The bandwidth that a subscription could use, layer by layer.
fn demand(now: Instant, track: &Track, forwarder: &Forwarder) -> Demand {
    let mut demand = Demand {
        kind: track.kind(),
        source: track.source,
        layers: [0; LAYERS_MAX],
        lives: [false; LAYERS_MAX],
        max_layer: track.layer_for(&forwarder.preference),
        current: forwarder.target(),
    };
    for (at, layer) in track.layers().iter().enumerate() {
        demand.layers[at] = layer.bits_per_second(now).unwrap_or(track.announced_bitrate(at));
        demand.lives[at] = layer.is_live(now);
    }
    demand
}
