//! Compares the accounts to watch with those that are watched, and acts on the difference.

mod action;
mod coverage;
mod decide;
mod exchange;
mod execute;
mod inventory;
mod mapping;
mod observe;
mod offboarding;
mod outcome;
mod ownership;
mod pass;
mod plan;
mod report;
mod settle;

use std::time::Duration;

/// Each pass lists all registrations before it creates any. Where the rate limit refills call by
/// call, a pass waits until enough calls are available to be worth a listing.
const WORTHWHILE_WAIT: Duration = Duration::from_secs(300);

pub use action::{Action, Plan, Revisit};
pub use coverage::{Coverage, Standing};
pub use decide::{Decision, decide};
pub use exchange::Exchange;
pub use execute::execute;
pub use inventory::{AccountView, Inventory, Watchers};
pub use observe::observe;
pub use offboarding::Held;
pub use ownership::Ownership;
pub use pass::{Compared, Pass, Reply};
pub use plan::plan;
pub use report::Report;
