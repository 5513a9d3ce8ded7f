//! From what arrived to which accounts to look at.

mod event;
mod message;
mod scope;

pub use event::{Malformed, Trigger};
pub use message::{MAX_ATTEMPTS, Message, MessageScope, delay_of};
pub use scope::Scope;
