//! Turns records of the queue into the accounts to reconcile.

mod event;
mod message;
mod parked;
mod scope;

pub use event::{Malformed, Trigger};
pub(crate) use message::LONGEST_DELAY;
pub use message::{Await, Message, MessageScope};
pub use parked::Parked;
pub use scope::{Awaiting, Scope};
