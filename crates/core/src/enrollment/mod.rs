//! Who is to be watched, who is, and what follows from the difference.

mod action;
mod decide;
mod execute;
mod inventory;
mod observe;
mod offboarding;
mod plan;
mod policy;
mod record;

pub use action::{Action, Plan, Revisit};
pub use decide::{Decision, Reason, decide};
pub use execute::{Report, execute};
pub use inventory::{AccountView, Inventory, Known};
pub use observe::observe;
pub use offboarding::Held;
pub use plan::plan;
pub use policy::{Capability, Deployment, Destination, Policy};
pub use record::Record;
