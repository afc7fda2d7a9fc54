//! Beckon's signalling: people, conversations and calls, and the doors to them.

pub mod accounts;
pub mod bus;
pub mod cache;
pub mod calls;
pub mod chat;
pub mod clock;
pub mod config;
pub mod contacts;
pub mod conversations;
pub mod domain;
pub mod files;
pub mod groups;
pub mod hub;
pub mod limits;
pub mod node;
pub mod passwords;
pub mod people;
pub mod presence;
pub mod store;
