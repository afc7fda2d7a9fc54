//! Clients without people, for tests and for load: a participant in a room, and a client of a TURN relay.

pub mod headless;
pub mod turn;
