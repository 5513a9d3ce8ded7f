use std::time::Duration;

use crate::model::AccountId;

/// One stack of a StackSet, in one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackInstance {
    /// The account that holds it.
    pub account: AccountId,
    /// Its state.
    pub state: InstanceState,
    /// CloudFormation's reason for a failure.
    pub reason: Option<String>,
}

/// An instance's state, from CloudFormation's `Status` and `DetailedStatus`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstanceState {
    /// An operation on it is pending or running.
    InProgress,
    /// It matches the StackSet's template.
    Current,
    /// The last operation failed, was cancelled or skipped; a new one retries it.
    Outdated,
    /// CloudFormation can no longer manage it.
    Inoperable,
}

/// An instance that failed in an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceFailure {
    /// The account.
    pub account: AccountId,
    /// CloudFormation's reason.
    pub reason: String,
}

impl InstanceFailure {
    /// How long until the failure has passed, if its reason is transient.
    ///
    /// Source: the messages of SQS (`QueueDeletedRecently`) and of throttled services, which
    /// CloudFormation repeats.
    pub fn passes_after(&self) -> Option<Duration> {
        passes_after(&self.reason)
    }
}

impl StackInstance {
    /// Likewise for the failure of its last operation.
    pub fn passes_after(&self) -> Option<Duration> {
        self.reason.as_deref().and_then(passes_after)
    }
}

fn passes_after(reason: &str) -> Option<Duration> {
    const PASSING: [(&str, u64); 6] = [
        ("You must wait 60 seconds", 60),
        ("QueueDeletedRecently", 60),
        ("Rate exceeded", 15),
        ("Throttling", 15),
        ("ServiceUnavailable", 15),
        ("Internal Failure", 15),
    ];
    let reason = reason.to_lowercase();
    let mut passing = PASSING.iter();
    let found = passing.find(|(words, _)| reason.contains(&words.to_lowercase()));
    found.map(|(_, seconds)| Duration::from_secs(*seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_whose_name_was_in_use_a_moment_ago_is_worth_a_minute() {
        let passes = |reason: &str| {
            let failure = InstanceFailure {
                account: "111122223333".parse().unwrap(),
                reason: reason.into(),
            };
            failure.passes_after().map(|wait| wait.as_secs())
        };
        let queue = "You must wait 60 seconds after deleting a queue before you can create another";
        assert_eq!(passes(queue), Some(60));
        assert_eq!(passes("Rate exceeded (Service: Iam)"), Some(15));
        assert_eq!(
            passes("User is not authorized to perform: sqs:CreateQueue"),
            None
        );
    }
}
