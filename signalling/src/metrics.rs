//! What the metrics of signalling mean. A counter is there from the start, so that its first event is an increase.

use metrics::{counter, describe_counter, describe_gauge, describe_histogram};

use crate::domain::refusal::Code;
use crate::hub::Close;

/// Counters without labels.
const COUNTERS: &[(&str, &str)] = &[
    ("beckon_bus_dropped_total", "Notices to other nodes that were given up."),
    ("beckon_call_signals_total", "SDP and candidates passed between two people."),
    ("beckon_calls_taken_up_total", "One-to-one calls taken up again by their facts."),
    ("beckon_group_calls_taken_up_total", "Group calls taken up again by their facts."),
    ("beckon_nodes_gone_total", "Other nodes that this one found gone."),
    (
        "beckon_database_connections_dropped_total",
        "Connections to the database that were closed, because a statement failed or did not end.",
    ),
    ("beckon_redis_failures_total", "Requests to Redis that failed."),
    (
        "beckon_refreshes_repeated_total",
        "Refresh tokens traded again within their grace, for the same answer.",
    ),
    ("beckon_rtc_malformed_total", "Frames at the rooms' door that nobody understands."),
    ("beckon_rtc_sockets_too_slow_total", "Sockets of rooms whose client did not read."),
    ("beckon_rtc_unknown_total", "Requests of later versions of LiveKit's protocol."),
    ("beckon_sign_ins_refused_total", "Sign-ins with a wrong name or password."),
    ("beckon_sign_ins_total", "Sign-ins."),
    ("beckon_sockets_overflowed_total", "Sockets whose client did not read."),
    ("beckon_storage_silent_total", "Waits for the storage that were given up."),
    ("beckon_users_registered_total", "Accounts made."),
];

/// Counters with labels; those whose values are a closed set are presets below.
const LABELLED: &[(&str, &str)] = &[
    ("beckon_room_data_dropped_total", "Data packets that a room did not pass on, by reason."),
    ("beckon_room_departures_total", "Participants who are out of a room, by reason."),
    ("beckon_rooms_ended_total", "Rooms that were ended for everybody, by reason."),
    ("beckon_room_media_lost_total", "Participants whose media connection ended, by reason."),
    ("beckon_calls_started_total", "One-to-one calls started, by media."),
    ("beckon_calls_ended_total", "One-to-one calls ended, by outcome."),
    ("beckon_group_calls_started_total", "Group calls started, by media and origin."),
    ("beckon_group_calls_ended_total", "Group calls ended, by outcome."),
    ("beckon_limited_total", "Requests beyond a limit, by limit."),
    ("beckon_media_dropped_total", "Orders to the media node and its events that were lost."),
    ("beckon_message_cache_total", "Look-ups of the newest messages, by outcome."),
    ("beckon_messages_total", "Messages acknowledged; dup counts those sent again."),
    ("beckon_refusals_total", "Requests and frames refused, by code."),
    ("beckon_rtc_refusals_total", "Requests in rooms refused, by reason."),
    ("beckon_rtc_refused_total", "Joins refused, by status."),
    ("beckon_rtc_sockets_closed_total", "Sockets of rooms that ended, by reason."),
    (
        "beckon_room_subscriptions_refused_total",
        "Tracks that somebody could not receive, by reason.",
    ),
    ("beckon_sockets_closed_total", "Sockets that the server closed, by reason."),
];

const GAUGES: &[(&str, &str)] = &[
    ("beckon_database_connections", "Connections to the database, by pool and state."),
    ("beckon_disk_free_bytes", "What may still be written to the disk of uploaded files."),
    ("beckon_messages_waiting", "Messages that wait for their commit."),
    ("beckon_redis_up", "1 while Redis answers, 0 while the node goes on without it."),
    ("beckon_calls_live", "One-to-one calls."),
    ("beckon_group_calls_live", "Group calls."),
    ("beckon_group_calls_people", "People in group calls."),
    ("beckon_room_participants", "Participants of rooms."),
    ("beckon_rooms_open", "Rooms."),
    ("beckon_rtc_sockets_open", "Open sockets of rooms."),
    ("beckon_sockets_open", "Open sockets of people."),
];

const HISTOGRAMS: &[(&str, &str)] = &[
    ("beckon_database_commit_seconds", "How long a commit took to be durable."),
    ("beckon_call_duration_seconds", "Lengths of one-to-one calls that were answered."),
    ("beckon_commit_group_size", "Messages committed together."),
    ("beckon_group_call_duration_seconds", "Lengths of group calls."),
];

/// Tells the recorder what the metrics mean, and shows counters before anything was counted.
pub fn describe() {
    for (name, help) in COUNTERS {
        describe_counter!(*name, *help);
        counter!(*name).increment(0);
    }
    LABELLED.iter().for_each(|(name, help)| describe_counter!(*name, *help));
    GAUGES.iter().for_each(|(name, help)| describe_gauge!(*name, *help));
    HISTOGRAMS.iter().for_each(|(name, help)| describe_histogram!(*name, *help));
    for code in Code::ALL {
        counter!("beckon_refusals_total", "code" => code.as_str()).increment(0);
    }
    for close in Close::ALL {
        counter!("beckon_sockets_closed_total", "reason" => close.reason()).increment(0);
    }
    for dup in ["true", "false"] {
        counter!("beckon_messages_total", "dup" => dup).increment(0);
    }
}
