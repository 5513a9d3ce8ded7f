//! What can be said of the templates, the fixtures and the sources without a landing zone.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod events;
mod fuzz_seeds;
mod invariants;
mod templates;
