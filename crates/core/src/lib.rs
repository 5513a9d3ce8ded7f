//! Decides what should happen to the accounts of a landing zone, independent of how it is done.
//!
//! ```text
//! bytes -> Trigger -> Scope -> observe -> plan -> execute -> report
//! ```
//!
//! This crate uses no AWS, HTTP, environment, clock or randomness: time and random text are
//! arguments, and everything outside is a trait in [`ports`].

mod count;
pub mod custom_resource;
pub mod dead_letters;
mod deadline;
pub mod enrollment;
mod error;
pub mod feed;
pub mod foundation;
pub mod happening;
pub mod landing_zone;
pub mod ledger;
pub mod lifecycle;
pub mod metrics;
pub mod model;
pub mod planted;
pub mod policy;
pub mod ports;
pub mod provider;
mod read;
mod refusal;
pub mod retry;
pub mod stack_sets;
mod time;
pub mod token;

pub use count::counted;
pub use error::{Error, ErrorKind, Result, Service, chain};
pub use read::Read;
pub use refusal::Refusal;
