//! Which accounts are enrolled, and where: whole scenarios, from the event or the launch to the
//! final state in AWS, in Lacework and in the ledger.
//!
//! Golden tables are in `tests/golden`; `INSTA_UPDATE=always` rewrites them.

mod adoption;
mod alarm;
mod capability;
mod delete;
mod drift;
mod event;
mod existing;
mod happening;
mod key;
mod limit;
mod moving;
mod pass;
mod registration;
mod secret;
mod sub_account;
mod told;
mod trail;
mod transition;
mod unit;
mod upgrade;

/// The template's default of `IntegrationNamePrefix`.
const PREFIX: &str = "Lacework-Control-Tower-";

/// All accounts except the management account, in a landing zone of eight.
const MEMBERS: [&str; 7] = [
    "Audit",
    "Log Archive",
    "production-1",
    "production-2",
    "development-1",
    "development-2",
    "sandbox-1",
];
