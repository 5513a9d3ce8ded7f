/// A running StackSet operation.
pub(super) struct Operation {
    pub(super) stack_set: String,
    pub(super) id: String,
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
