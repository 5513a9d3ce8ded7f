//! What setup makes once: the StackSets, the Log Archive and Audit instances, the trail's
//! integration and the management account's own stack.

mod operation;
mod plan;
mod properties;
mod resolve;
mod shared_account;
mod spec;

pub use operation::{operation_id, start_operation};
pub use plan::{Observed, Step, plan};
pub use properties::{MappedUnit, Properties};
pub use resolve::{Context, Facts, Foundation, Refusal, TrailFoundation, resolve};
pub use spec::{STACK_ID_TAG, StackSetSpec, Templates};
