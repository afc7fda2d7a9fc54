//! The media core, sans-I/O: bytes and time go in, bytes and deadlines come out.

#![warn(unreachable_pub)]

mod clock;
pub mod codec;
pub mod config;
mod connection;
pub mod demux;
pub mod described;
pub mod downlink;
pub mod extension;
pub mod forwarder;
pub mod ice;
pub mod keys;
mod layers;
pub mod negotiation;
pub mod outgoing;
mod participant;
pub mod role;
mod room;
pub mod rtcp;
pub mod rtp;
pub mod shard;
mod speakers;
pub mod srtp;
pub mod stats;
pub mod stun;
pub mod track;
pub mod transport;
pub mod twcc;
