//! Rooms against a media node that only takes notes: who hears what, in which order.

mod bounds;
mod coming_and_going;
mod crowds;
mod descriptions;
mod doors;
mod messages;
mod nonsense;
mod stage;
mod tracks;
mod untaken;
mod words;
