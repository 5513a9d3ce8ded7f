//! Scenarios over the sandbox, each in a landing zone of its own. They wait more than they work, so
//! several run concurrently.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test may panic, and says what it did"
)]

mod bad_input;
mod chaos;
mod client_library;
mod conformance;
#[cfg(target_os = "linux")]
mod crash;
mod dead_letters;
mod elevated_role;
mod enrollment;
mod expel;
mod gateway;
mod golden;
mod lacework_simulator;
mod landing_zone;
mod operator;
mod optional;
mod permission;
mod publish;
mod release;
mod sandboxes;
mod steering;
mod story;
mod trend_vision_one;
mod trend_workload_security;
mod walkthrough;
mod wiring;
