//! STUN and TURN. It depends on no user database, only on a shared secret.
//!
//! [`Relay`] is the protocol without sockets and clocks (RFC 8489, RFC 8656); [`start`] puts threads and sockets around it.

#![warn(unreachable_pub)]

mod allocation;
mod answer;
mod answers;
mod client;
mod credentials;
mod nonce;
mod opening;
mod outbox;
mod peers;
mod quota;
mod refusal;
mod relay;
mod request;
mod revoked;
mod shell;
mod stats;
mod strangers;
mod wire;

pub use client::{Client, Door};
pub use credentials::{Credentials, Key, password};
pub use opening::{Opened, Opening, Port, RelayKey};
pub use outbox::{Act, Outbox, To, Train, Trains};
pub use peers::{PeerPolicy, is_special};
pub use quota::Limits;
pub use relay::{Families, Relay, Settings, Shared};
pub use shell::{Config, LISTENERS_MAX, StartError, Turn, describe_metrics, start};
pub use stats::Stats;
