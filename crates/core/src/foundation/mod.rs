//! What setup creates once: the StackSets, the Log Archive and Audit instances, the trail's
//! registration and the management account's own stack.

mod adoption;
mod blueprint;
mod converge;
mod invocation;
mod lease;
mod plan;
mod progress;
mod properties;
mod reason;
mod recovery;
mod refusals;
mod request;
mod resolve;
mod shared_account;
mod stack_set_roles;
mod step;
mod succession;
mod waiting;

pub use adoption::{Adopted, Found, adopt};
pub use blueprint::{Foundation, TrailFoundation, blueprint};
pub use converge::ConvergeError;
pub use invocation::{Fresh, Own, ServeError, Setup};
pub use plan::{Observed, plan};
pub use progress::{Progress, Removal, Tally};
pub use properties::Properties;
pub use resolve::{Context, Facts, Refusal, Resolved, resolve};
pub use step::Step;
