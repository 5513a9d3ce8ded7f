//! An operator's view of an organization: which accounts are watched and why others are not, and
//! what the next comparison would change.
//!
//! What shows is read through core's read ports, so it cannot change anything. What steers, in
//! [`launch`] and by a comparison or an approval, makes requests and follows them; the work is done by
//! CloudFormation and the functions. The rules are core's; this crate puts them into words, tables and
//! files.

#[cfg(feature = "commands")]
mod approval;
#[cfg(feature = "commands")]
mod compare;
mod comparison;
mod detail;
#[cfg(feature = "commands")]
pub mod doctor;
mod evidence;
mod export;
mod findings;
mod history;
#[cfg(feature = "commands")]
pub mod launch;
mod organization;
mod page;
mod registry;
mod status;
mod words;

#[cfg(feature = "commands")]
pub use approval::{NotHeld, held_by};
#[cfg(feature = "commands")]
pub use compare::{NotCompared, ask_for_comparison, await_comparison};
pub use comparison::{Change, Comparison, Counts, Verb};
pub use detail::Detail;
pub use evidence::{File, evidence};
pub use export::{Unwritable, csv};
pub use findings::{asff::asff, ocsf::ocsf};
pub use history::{Day, NoEvidence};
pub use organization::{Organization, Unreadable};
pub use page::{page, page_over_time};
pub use status::{Row, Status};
pub use words::moment;
