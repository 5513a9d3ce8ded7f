//! Turns records of the queue into the accounts to reconcile.

mod dead_letter;
mod event;
mod message;
mod parked;
mod scope;

pub use dead_letter::{DeadLetter, Described, Fate, Undelivered, redrive};
pub use event::{Malformed, Trigger};
pub use message::{Message, MessageScope};
pub use parked::Parked;
pub use scope::Scope;
