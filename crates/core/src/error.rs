//! Why a call to AWS or the SaaS failed, in the terms that a decision needs.

use std::time::Duration;

/// The result of a call through a port.
pub type Result<T> = std::result::Result<T, Error>;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// A call that failed. `Display` names the call; the service's own words are the source.
#[derive(Debug, thiserror::Error)]
#[error("{operation} failed")]
pub struct Error {
    /// The operation, as `service:Operation`.
    pub operation: &'static str,
    /// What kind of failure it was.
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
    /// Too many requests; the service may have said when to come back.
    Throttled {
        /// How long the service asked to wait.
        retry_after: Option<Duration>,
    },
    /// Another change of the same thing is under way.
    Conflict,
    /// No answer, or an answer that the service is unwell. The call may have taken effect.
    Unavailable,
    /// The SaaS refused the token or the key.
    Unauthorized,
    /// The caller has no permission for the call.
    Denied,
    /// What the call names is not there.
    NotFound,
    /// The request, or the answer to it, makes no sense to the other side.
    Invalid,
    /// A newer request of CloudFormation has taken over, or there is no ledger any more.
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
