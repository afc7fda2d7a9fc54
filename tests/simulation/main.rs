//! The chat protocol under every misfortune a seed can think of.
//!
//! The store, the hub and its mailboxes are the real ones; clients, network and time are models, so a run is decided
//! by its seed alone and takes milliseconds. Connections break with frames in flight, requests are lost and doubled,
//! nodes die between commit and ack, the bus between nodes goes silent, clients reload.
//!
//! A failing seed is printed; run it alone with `SIMULATION_SEED=<seed> cargo test --test simulation`, or more of them
//! with `SIMULATION_SEEDS=<how many>`.

mod client;
mod cluster;
#[path = "../stage/extent.rs"]
mod extent;
mod network;
mod world;

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;

use self::{cluster::Store, world::World};

/// Seeds of a slice, which takes a few seconds, and of a long run.
const SEEDS: (u64, u64) = (60, 5000);

#[tokio::test]
async fn every_client_converges_whatever_happens() {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let seeds = match number("SIMULATION_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SIMULATION_SEEDS").unwrap_or_else(|| extent::extent(SEEDS.0, SEEDS.1)),
    };
    let store = Store::create().await;
    for seed in seeds {
        let run = AssertUnwindSafe(World::run(seed, &store)).catch_unwind().await;
        if let Err(panic) = run {
            eprintln!("the failing seed: SIMULATION_SEED={seed}");
            std::panic::resume_unwind(panic);
        }
    }
}
