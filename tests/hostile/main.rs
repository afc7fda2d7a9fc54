//! What ill-meaning or broken clients do, and that nobody else notices.

#[path = "../stage/mod.rs"]
mod stage;

mod counters;
mod crowds;
mod doors;
mod frames;
mod fuzz;
mod rooms;
mod shares;
