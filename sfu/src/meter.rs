//! Copies a shard's counters to the process's metrics about once per second.

use std::time::{Duration, Instant};

use beckon_sfu_core::shard::Shard;
use beckon_sfu_core::stats::DataError;
use beckon_sfu_core::stats::Discard;
use metrics::{
    Counter, Gauge, Histogram, counter, describe_counter, describe_gauge, describe_histogram,
    gauge, histogram,
};

use crate::socket::Socket;

const INTERVAL: Duration = Duration::from_secs(1);

/// Describes the metrics of the media node to the recorder.
pub fn describe() {
    describe_counter!("beckon_media_packets_received_total", "Authentic media packets received.");
    describe_counter!(
        "beckon_media_packets_forwarded_total",
        "Media packets sent, repairs included."
    );
    describe_counter!(
        "beckon_media_packets_repaired_total",
        "Media packets sent again on request."
    );
    describe_counter!("beckon_media_keyframe_requests_total", "Keyframes asked of publishers.");
    describe_counter!("beckon_media_discarded_total", "Datagrams that went nowhere, by reason.");
    describe_counter!("beckon_media_bytes_received_total", "UDP payload received for media.");
    describe_counter!("beckon_media_bytes_sent_total", "UDP payload sent for media.");
    describe_histogram!(
        "beckon_media_rtt_seconds",
        "Round-trip times to participants, each once a second."
    );
    describe_histogram!(
        "beckon_media_loss_ratio",
        "Part of the packets lost on the way up from and down to participants, each once a second."
    );
    describe_counter!(
        "beckon_media_messages_undelivered_total",
        "Messages of data channels that went nowhere, by reason."
    );
    describe_counter!("beckon_media_rooms_failed_total", "Rooms that an error of ours ended.");
    describe_gauge!("beckon_media_rooms", "Open rooms, by shard.");
    describe_gauge!("beckon_media_participants", "Participants in rooms, by shard.");
}

/// Carries a shard's counts to the metrics.
pub(crate) struct Meter {
    due: Instant,
    received: Counter,
    forwarded: Counter,
    repaired: Counter,
    keyframe_requests: Counter,
    discarded: [Counter; Discard::ALL.len()],
    bytes_received: Counter,
    bytes_sent: Counter,
    rtt: Histogram,
    uplink_loss: Histogram,
    downlink_loss: Histogram,
    undelivered: [Counter; DataError::ALL.len()],
    rooms_failed: Counter,
    full: Counter,
    unsendable: Counter,
    rooms: Gauge,
    participants: Gauge,
}

impl Meter {
    pub(crate) fn new(shard: u16, now: Instant) -> Self {
        let shard = shard.to_string();
        let discarded = |why: &'static str| counter!("beckon_media_discarded_total", "shard" => shard.clone(), "why" => why);
        let undelivered = |why: &'static str| counter!("beckon_media_messages_undelivered_total", "shard" => shard.clone(), "why" => why);
        Meter {
            due: now,
            received: counter!("beckon_media_packets_received_total", "shard" => shard.clone()),
            forwarded: counter!("beckon_media_packets_forwarded_total", "shard" => shard.clone()),
            repaired: counter!("beckon_media_packets_repaired_total", "shard" => shard.clone()),
            keyframe_requests: counter!("beckon_media_keyframe_requests_total", "shard" => shard.clone()),
            discarded: Discard::ALL.map(|why| discarded(why.as_str())),
            bytes_received: counter!("beckon_media_bytes_received_total", "shard" => shard.clone()),
            bytes_sent: counter!("beckon_media_bytes_sent_total", "shard" => shard.clone()),
            rtt: histogram!("beckon_media_rtt_seconds"),
            uplink_loss: histogram!("beckon_media_loss_ratio", "direction" => "up"),
            downlink_loss: histogram!("beckon_media_loss_ratio", "direction" => "down"),
            undelivered: DataError::ALL.map(|why| undelivered(why.as_str())),
            rooms_failed: counter!("beckon_media_rooms_failed_total", "shard" => shard.clone()),
            full: discarded("send_buffer_full"),
            unsendable: discarded("unsendable"),
            rooms: gauge!("beckon_media_rooms", "shard" => shard.clone()),
            participants: gauge!("beckon_media_participants", "shard" => shard),
        }
    }

    /// When there is something to tell again.
    pub(crate) fn due(&self) -> Instant {
        self.due
    }

    pub(crate) fn tell(&mut self, now: Instant, shard: &Shard, socket: &Socket) {
        self.due = now + INTERVAL;
        let counted = shard.counters();
        self.received.absolute(counted.received);
        self.forwarded.absolute(counted.forwarded);
        self.repaired.absolute(counted.repaired);
        self.keyframe_requests.absolute(counted.keyframe_requests);
        for (why, counter) in Discard::ALL.into_iter().zip(&self.discarded) {
            counter.absolute(counted.discarded(why));
        }
        let (passed, lost) = (socket.passed(), socket.unsent());
        self.bytes_received.absolute(passed.received_bytes);
        self.bytes_sent.absolute(passed.sent_bytes);
        for path in shard.path_qualities() {
            path.rtt.into_iter().for_each(|rtt| self.rtt.record(rtt));
            self.uplink_loss.record(path.uplink_loss);
            self.downlink_loss.record(path.downlink_loss);
        }
        for (why, counter) in DataError::ALL.into_iter().zip(&self.undelivered) {
            counter.absolute(counted.messages_undelivered(why));
        }
        self.rooms_failed.absolute(counted.rooms_failed);
        self.full.absolute(lost.full);
        self.unsendable.absolute(lost.unsendable);
        self.rooms.set(shard.rooms() as f64);
        self.participants.set(shard.participants() as f64);
    }
}
