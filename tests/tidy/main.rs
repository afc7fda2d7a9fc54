//! The rules of the house that no compiler knows, one test each. ARCHITECTURE.md says why they are there.

mod circles;
mod dependencies;
mod documents;
mod imports;
mod metrics;
mod names;
mod sources;
mod text;

/// Fails with every offence at once, so that one run tells all.
#[track_caller]
fn check(offences: Vec<String>) {
    assert!(offences.is_empty(), "\n  {}\n", offences.join("\n  "));
}
