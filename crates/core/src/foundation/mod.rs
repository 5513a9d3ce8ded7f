//! What setup creates once: the StackSets, the Log Archive and Audit instances, the trail's
//! registration and the management account's own stack.

mod access;
mod attributes;
mod converge;
mod former_requests;
mod invocation;
mod lease;
mod own;
mod plan;
mod progress;
mod properties;
mod reason;
mod recovery;
mod refusals;
mod request;
mod resolve;
mod stack_set_roles;
mod step;
mod waiting;

use crate::{
    provider::Footprint,
    refusal::{Refusal, Refusals},
};

pub use attributes::{key_statement, reader};
pub use converge::ConvergeError;
pub use invocation::{Fresh, ServeError, Setup};
pub use own::Own;
pub use plan::{Observed, plan};
pub use progress::{Progress, Removal, Tally};
pub use properties::Properties;
pub use refusals::refuse_partition;
pub use resolve::{
    Context, Facts, Resolved, foreign_topic, log_archive, no_queue_account, not_home, resolve,
    whole_trail,
};
pub use stack_set_roles::one_or_many;
pub use step::Step;
