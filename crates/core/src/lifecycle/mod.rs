//! Turns records of the queue into the accounts to reconcile.

mod awaited;
mod event;
mod message;
mod parked;
mod scope;

pub use awaited::{Await, Awaiting};
pub use event::{Malformed, Trigger};
pub(crate) use message::LONGEST_DELAY;
pub use message::{Message, MessageScope};
pub use parked::Parked;
pub use scope::Scope;
