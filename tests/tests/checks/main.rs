//! Checks of the templates, the fixtures and the sources that need no landing zone.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod commands;
mod events;
mod examples;
mod fuzz_seeds;
mod happenings;
mod hosts;
mod invariants;
mod release;
mod report;
mod templates;
mod terraform;
mod workflows;
