//! From what arrived to which accounts to look at.

mod event;
mod message;
mod parked;
mod scope;

pub use event::{Malformed, Trigger};
pub use message::{Message, MessageScope};
pub use parked::Parked;
pub use scope::Scope;
