//! A landing zone on one machine: the emulator, the gateway in front of it and the SaaS simulator.
//!
//! [`Sandbox::start`] makes one. The functions in it are the binaries that cargo builds, started by
//! the emulator from the zips that the template names; nothing here links them or calls them.

pub mod alarms;
pub mod aws_client;
pub mod chaos;
pub mod emulator;
pub mod function_logs;
pub mod gateway;
pub mod identities;
pub mod inventory;
pub mod landing_zone;
pub mod launch;
pub mod launch_command;
pub mod providers;
mod running;
mod sandbox;
pub mod story;
#[cfg(test)]
mod test_server;

pub use running::{Claim, Name, Running};
pub use sandbox::{MANAGEMENT_ACCOUNT, Options, Sandbox};

/// The name of the main stack.
pub const STACK_NAME: &str = "towerhook";
