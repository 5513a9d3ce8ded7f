//! Faults on demand, injected below the caller's retries.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::answer::{ApiError, Protocol};
use crate::chaos::Mishap;

/// How a call fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The service answers with its own throttling error.
    Throttle,
    /// The service answers with an internal error.
    ServerError,
    /// The service answers with this error.
    Error {
        /// HTTP status.
        status: u16,
        /// AWS's error code.
        code: String,
        /// AWS's message.
        message: String,
    },
    /// The connection is closed; the service never sees the call.
    Reset,
    /// The service does what was asked, and the connection is closed in place of the answer.
    LostReply,
    /// The call reaches the service after this delay.
    Delay(Duration),
}

impl Fault {
    /// The fault of a mishap; `None` for a crash.
    pub(crate) fn of(mishap: Mishap) -> Option<Self> {
        match mishap {
            Mishap::Throttle => Some(Self::Throttle),
            Mishap::ServerError => Some(Self::ServerError),
            Mishap::Reset => Some(Self::Reset),
            Mishap::LostReply => Some(Self::LostReply),
            Mishap::Delay(time) => Some(Self::Delay(time)),
            Mishap::Crash(_) => None,
        }
    }
}

#[derive(Debug)]
struct Rule {
    service: String,
    operation: String,
    skip: u32,
    left: u32,
    fault: Fault,
}

/// The pending faults.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Vec<Rule>>);

impl Faults {
    /// Makes the next `times` calls of an operation fail. `*` stands for every service or
    /// operation. The answer to a custom resource is `custom-resource` / `PutResponse`.
    pub fn inject(&self, service: &str, operation: &str, fault: Fault, times: u32) {
        self.inject_after(service, operation, 0, fault, times);
    }

    /// The same, after `skip` successful calls.
    pub fn inject_after(
        &self,
        service: &str,
        operation: &str,
        skip: u32,
        fault: Fault,
        times: u32,
    ) {
        self.rules().push(Rule {
            service: service.to_owned(),
            operation: operation.to_owned(),
            skip,
            left: times,
            fault,
        });
    }

    /// Cancels all pending faults.
    pub fn clear(&self) {
        self.rules().clear();
    }

    /// How many calls will still fail.
    #[must_use]
    pub fn pending(&self) -> u64 {
        self.rules().iter().map(|rule| u64::from(rule.left)).sum()
    }

    pub(crate) fn take(&self, service: &str, operation: &str) -> Option<Fault> {
        let mut rules = self.rules();
        let mut fault = None;
        for rule in rules.iter_mut() {
            let matches = |wanted: &str, actual: &str| wanted == "*" || wanted == actual;
            if !matches(&rule.service, service) || !matches(&rule.operation, operation) {
                continue;
            }
            if rule.skip > 0 {
                rule.skip -= 1;
            } else if fault.is_none() && rule.left > 0 {
                rule.left -= 1;
                fault = Some(rule.fault.clone());
            }
        }
        rules.retain(|rule| rule.left > 0);
        fault
    }

    fn rules(&self) -> std::sync::MutexGuard<'_, Vec<Rule>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A service's throttling error.
pub(crate) fn throttled(service: &str, protocol: Protocol) -> ApiError {
    let (status, code) = match (service, protocol) {
        ("organizations", _) => (400, "TooManyRequestsException"),
        ("lambda", _) => (429, "TooManyRequestsException"),
        ("s3", _) => (503, "SlowDown"),
        (_, Protocol::Query) => (400, "Throttling"),
        (_, Protocol::RestJson) => (429, "ThrottlingException"),
        _ => (400, "ThrottlingException"),
    };
    ApiError::new(status, code, "Rate exceeded")
}

/// A service's internal error.
pub(crate) fn broken(protocol: Protocol) -> ApiError {
    let code = match protocol {
        Protocol::Query | Protocol::Json | Protocol::Plain => "InternalFailure",
        Protocol::RestJson => "InternalServerException",
        Protocol::RestXml => "InternalError",
    };
    ApiError::new(500, code, "An internal error has occurred")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_hits_as_often_as_asked_after_the_calls_to_skip() {
        let faults = Faults::default();
        faults.inject_after("sqs", "SendMessage", 1, Fault::Reset, 2);
        let seen: Vec<_> = (0..4)
            .map(|_| faults.take("sqs", "SendMessage").is_some())
            .collect();
        assert_eq!(seen, [false, true, true, false]);
        assert_eq!(faults.pending(), 0);
    }

    #[test]
    fn other_operations_are_left_alone() {
        let faults = Faults::default();
        faults.inject("sqs", "*", Fault::Throttle, 1);
        assert_eq!(faults.take("sns", "Publish"), None);
        assert_eq!(faults.take("sqs", "ReceiveMessage"), Some(Fault::Throttle));
    }
}
