//! Who is to be watched, who is, and what follows from the difference.

mod action;
mod decide;
mod execute;
mod inventory;
mod observe;
mod offboarding;
mod ownership;
mod pass;
mod plan;
mod trail;

use std::time::Duration;

/// Each pass lists all registrations before it makes any, so under a limit that refills call by call it
/// waits for as many calls as are worth a listing.
const WORTHWHILE_WAIT: Duration = Duration::from_secs(300);

/// Whether the SaaS's words say that it cannot assume the role, which a role made anew mends. What a
/// policy of the organization's denies, or the SaaS's own trouble, no new role mends.
///
/// Source: `state.details` of real registrations, in the vendor's `go-sdk`: "Error assuming role"; and STS's
/// words, which name `sts:AssumeRole`.
fn blames_role(words: &str) -> bool {
    words.to_lowercase().contains("assum")
}

pub use action::{Action, Plan, Revisit};
pub use decide::{Decision, Reason, decide};
pub use execute::{Gap, Report, execute};
pub use inventory::{AccountView, Inventory, Known, Watchers};
pub use observe::observe;
pub use offboarding::Held;
pub use ownership::Ownership;
pub use pass::{Pass, Reply};
pub use plan::plan;
pub use trail::{TrailAction, TrailPlan, TrailReport, TrailView, keep_trail, plan_trail};
