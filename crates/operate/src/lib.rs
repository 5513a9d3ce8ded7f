//! An operator's view of an organization: which accounts are watched and why others are not, and
//! what the next comparison would change.
//!
//! Everything is read through core's read ports, so nothing here can change anything. The rules are
//! core's; this crate puts them into words, tables and files.

mod comparison;
mod detail;
mod export;
mod organization;
mod page;
mod registry;
mod status;
mod words;

pub use comparison::{Change, Comparison, Counts, Verb};
pub use detail::Detail;
pub use export::{Unwritable, csv};
pub use organization::{Organization, Unreadable};
pub use page::page;
pub use status::{Row, Status};
pub use words::moment;
