//! What calls cost.

/// The cost of one pass.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PassCost {
    /// Calls to AWS, including throttled ones.
    pub aws_calls: usize,
    /// Requests to the SaaS, including refused ones.
    pub registry_requests: usize,
    /// The registrations that it tried to create.
    pub creations: usize,
}

/// Whether an operation of [`Figures::calls`](crate::scale::Figures::calls) is a request to the SaaS.
pub fn is_registry(operation: &str) -> bool {
    operation.starts_with("registry:")
}
