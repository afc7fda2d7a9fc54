//! What a transport tells its connection.

use beckon_sfu_api::DataKind;
use bytes::Bytes;

use crate::srtp::Srtp;

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
    /// The peer said goodbye.
    Closed,
    Failed(&'static str),
}
