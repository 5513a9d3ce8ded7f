use std::fmt;

/// A resource of a stack that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Such as `Setup`.
    pub resource: String,
    /// Such as `CREATE_FAILED`.
    pub status: String,
    /// The reason that CloudFormation, or the function, gives.
    pub reason: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} {}: {}",
            self.resource, self.status, self.reason
        )
    }
}

/// A stack did not reach the wanted status.
#[derive(Debug, thiserror::Error)]
#[error("the stack {name} is {status}{}", listed(failures))]
pub struct StackFailed {
    /// Name of the stack.
    pub name: String,
    /// The status that it ended in, or had at the deadline.
    pub status: String,
    /// The resources that failed, oldest first.
    pub failures: Vec<Failure>,
}

fn listed(failures: &[Failure]) -> String {
    failures
        .iter()
        .map(|failure| format!("\n  {failure}"))
        .collect()
}
