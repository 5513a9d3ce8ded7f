//! Errors that a test chooses.

use axum::http::StatusCode;

use super::answer::ApiError;

/// Answers chosen requests with an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The operation, as [`Simulator::calls`](crate::providers::Simulator::calls) names it, such
    /// as `POST CloudAccounts`; `None` for any.
    pub operation: Option<String>,
    /// How many requests it affects.
    pub times: u32,
    /// HTTP status of the answer.
    pub status: u16,
    /// Whether the operation takes effect first, so that only the answer is lost.
    pub after_effect: bool,
}

impl Fault {
    /// The status of the answer, and what it says.
    pub(crate) fn answer(&self) -> (StatusCode, &'static str) {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let message = status.canonical_reason().unwrap_or("injected failure");
        (status, message)
    }
}

impl From<Fault> for ApiError {
    fn from(fault: Fault) -> Self {
        let (status, message) = fault.answer();
        Self::new(status, message)
    }
}

/// The faults that are still to come, in the order in which a test added them.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Uses up one of the faults that are set for the operation.
    pub(crate) fn take(&mut self, label: &str) -> Option<Fault> {
        let index = self.0.iter().position(|fault| {
            fault.times > 0
                && fault
                    .operation
                    .as_deref()
                    .is_none_or(|wanted| wanted == label)
        })?;
        self.0[index].times -= 1;
        let taken = self.0[index].clone();
        self.0.retain(|fault| fault.times > 0);
        Some(taken)
    }
}

/// What an operation is answered with, where this fault may come before or after it.
pub(crate) async fn spoiled<A, E: From<Fault>>(
    fault: Option<Fault>,
    operation: impl Future<Output = Result<A, E>>,
) -> Result<A, E> {
    match fault {
        Some(fault) => {
            if fault.after_effect {
                // Nobody hears how it went.
                let _ = operation.await;
            }
            Err(fault.into())
        }
        None => operation.await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_hit_their_operation_as_often_as_they_say_and_then_are_over() {
        let mut faults = Faults::default();
        let fault = |operation: Option<&str>, times, status| Fault {
            operation: operation.map(str::to_owned),
            times,
            status,
            after_effect: false,
        };
        faults.add(fault(Some("POST CloudAccounts"), 2, 503));
        faults.add(fault(None, 1, 500));
        let mut next = |label| faults.take(label).map(|fault| fault.status);
        assert_eq!(next("GET UserProfile"), Some(500));
        assert_eq!(next("GET UserProfile"), None);
        assert_eq!(next("POST CloudAccounts"), Some(503));
        assert_eq!(next("POST CloudAccounts"), Some(503));
        assert_eq!(next("POST CloudAccounts"), None);
    }
}
