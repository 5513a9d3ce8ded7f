use std::time::Duration;

use super::NO_REASON;
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

/// What comes next for an instance that should be there and current. Each caller limits how often
/// it retries and replaces.
#[derive(Debug, PartialEq, Eq)]
pub enum NextForInstance<'a> {
    /// It is there and current.
    Nothing,
    /// There is none: create it.
    Create,
    /// An operation on it is running: look again.
    Await,
    /// Its last operation failed: the same one is repeated, by creating it again.
    Retry(&'a StackInstance),
    /// CloudFormation can no longer manage it: delete it first, or leave its stack behind.
    Replace(&'a StackInstance),
}

impl StackInstance {
    /// What comes next for an instance that should be there and current.
    pub fn next(instance: Option<&Self>) -> NextForInstance<'_> {
        let Some(instance) = instance else {
            return NextForInstance::Create;
        };
        match instance.state {
            InstanceState::Current => NextForInstance::Nothing,
            InstanceState::InProgress => NextForInstance::Await,
            InstanceState::Outdated => NextForInstance::Retry(instance),
            InstanceState::Inoperable => NextForInstance::Replace(instance),
        }
    }

    /// The first of these names that the stack cannot create, because a resource of that name exists
    /// outside the stack.
    ///
    /// Source: IAM's message for `EntityAlreadyExists`, which CloudFormation repeats.
    pub fn meets<'n>(&self, names: &'n [String]) -> Option<&'n String> {
        let reason = self.reason.as_deref().unwrap_or_default();
        let is_taken = self.state == InstanceState::Outdated
            && reason.to_lowercase().contains("already exists");
        let mut names = names.iter().filter(|_| is_taken);
        names.find(|name| reason.contains(*name))
    }

    /// CloudFormation's reason for its failure, in words.
    pub fn failure(&self) -> &str {
        self.reason.as_deref().unwrap_or(NO_REASON)
    }

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
    fn an_instance_is_made_awaited_retried_or_replaced() {
        let instance = |state| StackInstance {
            account: "111122223333".parse().unwrap(),
            state,
            reason: None,
        };
        let next = |state| {
            let instance = instance(state);
            format!("{:?}", StackInstance::next(Some(&instance)))
        };
        assert_eq!(StackInstance::next(None), NextForInstance::Create);
        assert_eq!(next(InstanceState::Current), "Nothing");
        assert_eq!(next(InstanceState::InProgress), "Await");
        assert!(next(InstanceState::Outdated).starts_with("Retry"));
        assert!(next(InstanceState::Inoperable).starts_with("Replace"));
    }

    #[test]
    fn what_is_in_the_way_is_told_by_its_name() {
        let instance = |state, reason: &str| StackInstance {
            account: "111122223333".parse().unwrap(),
            state,
            reason: Some(reason.into()),
        };
        let names = ["Role".to_owned(), "login.example.com".to_owned()];
        let role = "Resource of type 'AWS::IAM::Role' with identifier 'Role' already exists.";
        let provider = "Provider with url https://login.example.com already exists.";
        for (reason, found) in [
            (role, Some("Role")),
            (provider, Some("login.example.com")),
            ("Other already exists.", None),
            ("Role cannot be made", None),
        ] {
            let failed = instance(InstanceState::Outdated, reason);
            assert_eq!(failed.meets(&names).map(String::as_str), found, "{reason}");
        }
        assert_eq!(instance(InstanceState::Current, role).meets(&names), None);
        assert_eq!(instance(InstanceState::Outdated, role).meets(&[]), None);
    }

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
