//! StackSets and ordinary stacks: as they should be, as they stand, and the operations that bring the
//! one to the other.

mod instance;
mod operation;
mod owner;
mod pinned;
mod roles;
mod spec;
mod stack;

pub use instance::{InstanceFailure, InstanceState, NextForInstance, StackInstance};
pub use operation::{Operation, OperationState, Start, operation_id};
pub use owner::{STACK_ID_TAG, is_owned_by, may_be_taken_over};
pub use roles::{Role, StackSetRoles};
pub use spec::{
    ACCESS_TOKEN, FeedTemplates, INTEGRATION_PREFIX, PERMISSIONS_BOUNDARY, POLICY_NAMES,
    REGISTRATION_TOPIC, StackSetSpec, Templates,
};
pub(crate) use stack::NO_REASON;
pub use stack::{Stack, StackSet, StackState};
