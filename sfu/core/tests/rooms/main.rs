//! Whole rooms, on a virtual clock and a network that loses, delays and reorders.

#[path = "../stage/mod.rs"]
mod stage;

mod chores;
mod crowds;
mod hostile;
mod layers;
mod leaving;
mod limits;
mod losses;
mod nonsense;
mod permissions;
mod reconnecting;
mod reports;
mod roles;
mod thin;
mod voices;
