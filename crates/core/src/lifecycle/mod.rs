//! From what arrived to which accounts to look at.

mod dead_letter;
mod event;
mod message;
mod parked;
mod scope;

pub use dead_letter::{DeadLetter, Described, Fate, Undelivered, redrive};
pub use event::{Malformed, Trigger};
pub use message::{MAX_ATTEMPTS, Message, MessageScope, delay_of};
pub use parked::Parked;
pub use scope::Scope;
