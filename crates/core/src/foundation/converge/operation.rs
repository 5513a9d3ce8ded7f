use crate::stack_sets::Operation;

/// A running operation that setup waits for.
pub(super) struct Awaited {
    pub(super) operation: Operation,
    pub(super) purpose: Purpose,
}

/// The purpose of an operation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Create or update instances.
    Make,
    /// Give instances a valid token before their deletion.
    RenewToken,
    /// Delete instances.
    Remove,
}
