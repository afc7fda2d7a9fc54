//! What people do with Beckon, played over the real wire against the real binary.

#[path = "../stage/mod.rs"]
mod stage;

mod accounts;
mod blocks;
mod calls;
mod calls_go_on;
mod chat;
mod contacts;
mod examples;
mod fair_turns;
mod files;
mod go_sdk;
mod group_calls;
mod groups;
mod guessing;
mod hang_ups;
mod history;
mod large_tokens;
mod logins;
mod nodes;
mod outages;
mod presence;
mod read_only;
mod receipts;
mod relay;
mod restart;
mod sockets;
mod upgrade;
