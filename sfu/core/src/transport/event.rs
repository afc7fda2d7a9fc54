//! Events of a transport, for its connection.

use beckon_sfu_api::DataKind;
use bytes::Bytes;

use crate::srtp::Srtp;
use crate::stats::{DataError, Discard};

/// An event of a transport.
#[derive(Debug)]
pub enum TransportEvent {
    /// The peer is who its description says; media can flow.
    Secure(Box<Srtp>),
    /// Both data channels are there.
    ChannelsOpen,
    Data {
        kind: DataKind,
        payload: Bytes,
    },
    /// A message, of ours or of the peer, that went nowhere.
    Undelivered(DataError),
    /// Something that the association must not see.
    Dropped(Discard),
    /// The data channels failed; media can still flow.
    ChannelsLost(&'static str),
    /// The peer closed the connection (close_notify).
    Closed,
    Failed(&'static str),
}
