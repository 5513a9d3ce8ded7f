//! The failure of a call to AWS or the SaaS, in terms that decisions need.

use std::time::Duration;

/// The result of a call through a port.
pub type Result<T> = std::result::Result<T, Error>;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// A failed call. `Display` names the call; the service's own message is the source.
#[derive(Debug, thiserror::Error)]
#[error("{operation} failed")]
pub struct Error {
    /// The operation, as `service:Operation`.
    pub operation: &'static str,
    /// The kind of failure.
    pub kind: ErrorKind,
    /// Whose service failed.
    pub service: Service,
    #[source]
    source: Source,
}

/// Whose service a call went to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// AWS's, and what stands on it.
    Aws,
    /// The vendor's.
    Registry,
}

/// The kinds of failure that lead to different decisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Too many requests; the service may have said when to retry.
    Throttled {
        /// The wait that the service asked for.
        retry_after: Option<Duration>,
    },
    /// Another change of the same resource is running.
    Conflict,
    /// No response, or a server error. The call may have taken effect.
    Unavailable,
    /// The SaaS refused the token or the key.
    Unauthorized,
    /// The caller has no permission for the call.
    Denied,
    /// The resource does not exist.
    NotFound,
    /// The request was rejected as invalid, or its response is unusable.
    Invalid,
    /// A newer request of CloudFormation has taken over, or the ledger has been deleted.
    Superseded,
}

impl Error {
    /// A failure of an AWS `operation`, with the client's report as the source.
    pub fn new(operation: &'static str, kind: ErrorKind, source: impl Into<Source>) -> Self {
        Self {
            operation,
            kind,
            service: Service::Aws,
            source: source.into(),
        }
    }

    /// The same failure, of an operation of the vendor's API.
    #[must_use]
    pub fn of_registry(self) -> Self {
        Self {
            service: Service::Registry,
            ..self
        }
    }

    /// Whether a rate limit is reached, which is not a failure.
    pub(crate) fn is_throttled(&self) -> bool {
        matches!(self.kind, ErrorKind::Throttled { .. })
    }

    /// The whole chain on one line, for a log or for CloudFormation's Reason.
    pub fn chain(&self) -> String {
        chain(self)
    }
}

/// An error and its sources on one line, outermost first.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_names_the_call_once_and_then_the_cause() {
        let error = Error::new(
            "organizations:ListAccounts",
            ErrorKind::Denied,
            "no such luck",
        );
        assert_eq!(error.to_string(), "organizations:ListAccounts failed");
        assert_eq!(
            error.chain(),
            "organizations:ListAccounts failed: no such luck"
        );
    }
}
