//! What setup makes once: the StackSets, the Log Archive and Audit instances, the trail's
//! integration and the management account's own stack.

mod adoption;
mod converge;
mod lease;
mod operation;
mod patience;
mod plan;
mod progress;
mod properties;
mod resolve;
mod shared_account;
mod spec;
mod step;
mod succession;

pub use adoption::{Found, adopt};
pub use converge::{ConvergeError, Goal, converge};
pub use lease::{LEASE_OWNER, await_lease};
pub use operation::{operation_id, start_operation};
pub use patience::insist;
pub use plan::{Observed, plan};
pub use progress::{Progress, Removal, Tally};
pub use properties::{MappedUnit, Properties};
pub use resolve::{Context, Facts, Foundation, Refusal, TrailFoundation, resolve};
pub use spec::{ACCESS_TOKEN, STACK_ID_TAG, StackSetSpec, Templates};
pub use step::Step;
pub use succession::{inherit, mark_existing};
