//! What the ledger remembers, since no other place can: who holds the lease, what waits for it, what setup
//! recorded, and each account's record.

mod gap;
mod lease;
mod reason;
mod record;
mod recorded;
mod unreadable;
mod watched;

pub use gap::{Gap, GapCause};
pub use lease::{Holder, Lease, LeaseState, Parking, REMEMBERED, Taken, admitted};
pub use reason::Reason;
pub use record::{Deletion, Record};
pub use recorded::{Recorded, Records, Success};
pub use unreadable::{Source, Unreadable};
