//! StackSets, their instances and operations, as CloudFormation keeps them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Instant;

use jiff::Timestamp;

/// Values of the API, in its own spelling.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(match self { $(Self::$variant => $text,)* })
            }
        }
    };
}

words! {
    /// The action of an operation.
    Action {
        /// CreateStackInstances.
        Create = "CREATE",
        /// UpdateStackSet or UpdateStackInstances.
        Update = "UPDATE",
        /// DeleteStackInstances.
        Delete = "DELETE",
    }
}

words! {
    /// The status of an operation.
    OperationStatus {
        /// Waiting for other operations on the same StackSet.
        Queued = "QUEUED",
        /// In progress.
        Running = "RUNNING",
        /// Asked to stop, finishing the current instances.
        Stopping = "STOPPING",
        /// Stopped on request.
        Stopped = "STOPPED",
        /// Ended within the failure tolerance.
        Succeeded = "SUCCEEDED",
        /// Ended because the failure tolerance was exceeded.
        Failed = "FAILED",
    }
}

impl OperationStatus {
    /// Whether it is over.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Stopped | Self::Succeeded | Self::Failed)
    }
}

words! {
    /// Whether an instance's stack matches its StackSet.
    InstanceStatus {
        /// It matches.
        Current = "CURRENT",
        /// It does not match, or does not exist.
        Outdated = "OUTDATED",
        /// A deletion failed; only another deletion can fix it.
        Inoperable = "INOPERABLE",
    }
}

words! {
    /// The result of the last operation for an instance.
    DetailedStatus {
        /// Not started.
        Pending = "PENDING",
        /// In progress.
        Running = "RUNNING",
        /// Succeeded.
        Succeeded = "SUCCEEDED",
        /// Failed.
        Failed = "FAILED",
        /// Not attempted: the operation stopped or failed before.
        Cancelled = "CANCELLED",
        /// The deletion failed.
        Inoperable = "INOPERABLE",
        /// Not attempted: the account is suspended or closed.
        SkippedSuspendedAccount = "SKIPPED_SUSPENDED_ACCOUNT",
    }
}

words! {
    /// The result of an operation in an account and Region.
    ResultStatus {
        /// Not started.
        Pending = "PENDING",
        /// In progress.
        Running = "RUNNING",
        /// Succeeded.
        Succeeded = "SUCCEEDED",
        /// Failed.
        Failed = "FAILED",
        /// Not attempted.
        Cancelled = "CANCELLED",
    }
}

/// Account and Region.
pub(super) type Place = (String, String);

/// Values that override the StackSet's, by parameter; `None` keeps each instance's current value.
pub(super) type Overrides = BTreeMap<String, Option<String>>;

#[derive(Debug, Clone)]
pub(super) struct StackSet {
    pub(super) name: String,
    /// The part of the StackSet's id after its name.
    pub(super) uuid: String,
    pub(super) account: String,
    pub(super) region: String,
    pub(super) description: Option<String>,
    pub(super) deleted: bool,
    pub(super) template: String,
    pub(super) parameters: BTreeMap<String, String>,
    pub(super) capabilities: Vec<String>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) administration_role: String,
    pub(super) execution_role: String,
    pub(super) managed_execution: bool,
    /// The token of the CreateStackSet call, with a digest of its parameters.
    pub(super) token: Option<(String, String)>,
    pub(super) instances: BTreeMap<Place, Instance>,
    pub(super) operations: Vec<Operation>,
}

impl StackSet {
    pub(super) fn id(&self) -> String {
        format!("{}:{}", self.name, self.uuid)
    }

    pub(super) fn arn(&self) -> String {
        format!(
            "arn:aws:cloudformation:{}:{}:stackset/{}",
            self.region,
            self.account,
            self.id()
        )
    }

    pub(super) fn operation(&self, id: &str) -> Option<&Operation> {
        self.operations.iter().find(|operation| operation.id == id)
    }

    pub(super) fn operation_mut(&mut self, id: &str) -> Option<&mut Operation> {
        self.operations
            .iter_mut()
            .find(|operation| operation.id == id)
    }

    /// Whether an operation is running or queued.
    pub(super) fn is_busy(&self) -> bool {
        self.operations
            .iter()
            .any(|operation| !operation.status.is_final())
    }

    /// Ids of the queued operations that can start now, in order: those that share no target with a
    /// running or earlier queued one.
    pub(super) fn startable(&self) -> Vec<String> {
        let mut taken: BTreeSet<&Place> = BTreeSet::new();
        let mut exclusive = false;
        let mut startable = Vec::new();
        for operation in &self.operations {
            let places = || operation.results.iter().map(|result| &result.place);
            match operation.status {
                OperationStatus::Running | OperationStatus::Stopping => {
                    exclusive |= operation.whole_set;
                    taken.extend(places());
                }
                OperationStatus::Queued => {
                    let free = !exclusive
                        && places().all(|place| !taken.contains(place))
                        && (!operation.whole_set || taken.is_empty());
                    if free {
                        startable.push(operation.id.clone());
                    }
                    exclusive |= operation.whole_set;
                    taken.extend(places());
                }
                _ => {}
            }
        }
        startable
    }
}

#[derive(Debug, Clone)]
pub(super) struct Instance {
    pub(super) stack_id: Option<String>,
    pub(super) status: InstanceStatus,
    pub(super) detailed: DetailedStatus,
    pub(super) reason: Option<String>,
    pub(super) overrides: BTreeMap<String, String>,
    pub(super) last_operation: String,
}

impl Instance {
    /// A parameter that is left out reverts to the StackSet's value, and so does one that should
    /// keep an override that it never had.
    pub(super) fn override_parameters(&mut self, overrides: &Overrides) {
        self.overrides = overrides
            .iter()
            .filter_map(|(key, value)| {
                let value = value.as_ref().or_else(|| self.overrides.get(key))?;
                Some((key.clone(), value.clone()))
            })
            .collect();
    }
}

#[derive(Debug, Clone)]
pub(super) struct Operation {
    pub(super) id: String,
    pub(super) action: Action,
    /// An UpdateStackSet, which runs alone.
    pub(super) whole_set: bool,
    pub(super) status: OperationStatus,
    pub(super) reason: Option<String>,
    pub(super) retain_stacks: bool,
    pub(super) preferences: Preferences,
    pub(super) administration_role: String,
    pub(super) execution_role: String,
    pub(super) created: Timestamp,
    pub(super) ended: Option<Timestamp>,
    pub(super) submitted: Instant,
    pub(super) took: Option<std::time::Duration>,
    pub(super) results: Vec<OperationResult>,
}

impl Operation {
    pub(super) fn failures(&self) -> usize {
        self.results
            .iter()
            .filter(|result| result.status == ResultStatus::Failed)
            .count()
    }
}

#[derive(Debug, Clone)]
pub(super) struct OperationResult {
    pub(super) place: Place,
    pub(super) status: ResultStatus,
    pub(super) reason: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Preferences {
    pub(super) region_order: Vec<String>,
    pub(super) region_concurrency: Option<String>,
    pub(super) failure_tolerance_count: Option<u32>,
    pub(super) failure_tolerance_percentage: Option<u32>,
    pub(super) max_concurrent_count: Option<u32>,
    pub(super) max_concurrent_percentage: Option<u32>,
    pub(super) concurrency_mode: Option<String>,
}

impl Preferences {
    /// How many accounts of a Region may fail.
    pub(super) fn tolerance(&self, accounts: usize) -> usize {
        match (
            self.failure_tolerance_count,
            self.failure_tolerance_percentage,
        ) {
            (Some(count), _) => as_usize(count),
            (None, Some(percentage)) => accounts * as_usize(percentage) / 100,
            (None, None) => 0,
        }
    }

    /// How many accounts of a Region are processed at once.
    pub(super) fn concurrency(&self, accounts: usize) -> usize {
        let most = match (self.max_concurrent_count, self.max_concurrent_percentage) {
            (Some(count), _) => as_usize(count),
            (None, Some(percentage)) => accounts * as_usize(percentage) / 100,
            (None, None) => 1,
        };
        let soft = self.concurrency_mode.as_deref() == Some("SOFT_FAILURE_TOLERANCE");
        let strict = self.tolerance(accounts) + 1;
        if soft { most } else { most.min(strict) }.max(1)
    }
}

fn as_usize(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tolerance_and_concurrency_follow_the_preferences() {
        let default = Preferences::default();
        assert_eq!((default.tolerance(10), default.concurrency(10)), (0, 1));
        let strict = Preferences {
            failure_tolerance_percentage: Some(25),
            max_concurrent_count: Some(100),
            ..Preferences::default()
        };
        assert_eq!((strict.tolerance(10), strict.concurrency(10)), (2, 3));
        let soft = Preferences {
            concurrency_mode: Some("SOFT_FAILURE_TOLERANCE".to_owned()),
            ..strict
        };
        assert_eq!(soft.concurrency(10), 100);
    }

    fn operation(
        id: &str,
        status: OperationStatus,
        whole_set: bool,
        accounts: &[&str],
    ) -> Operation {
        let result = |account: &&str| OperationResult {
            place: ((*account).to_owned(), "us-east-1".to_owned()),
            status: ResultStatus::Pending,
            reason: None,
        };
        Operation {
            id: id.to_owned(),
            action: Action::Update,
            whole_set,
            status,
            reason: None,
            retain_stacks: false,
            preferences: Preferences::default(),
            administration_role: String::new(),
            execution_role: String::new(),
            created: Timestamp::UNIX_EPOCH,
            ended: None,
            submitted: Instant::now(),
            took: None,
            results: accounts.iter().map(result).collect(),
        }
    }

    #[test]
    fn an_operation_waits_for_those_it_conflicts_with() {
        use OperationStatus::{Queued, Running, Succeeded};
        let set = |operations| StackSet {
            name: "Set".to_owned(),
            uuid: String::new(),
            account: String::new(),
            region: String::new(),
            description: None,
            deleted: false,
            template: String::new(),
            parameters: BTreeMap::new(),
            capabilities: Vec::new(),
            tags: BTreeMap::new(),
            administration_role: String::new(),
            execution_role: String::new(),
            managed_execution: true,
            token: None,
            instances: BTreeMap::new(),
            operations,
        };
        let busy = set(vec![
            operation("over", Succeeded, true, &["1", "2", "3", "4"]),
            operation("runs", Running, false, &["1"]),
            operation("same account", Queued, false, &["1", "2"]),
            operation("other account", Queued, false, &["3"]),
            operation("behind one that waits", Queued, false, &["2"]),
            operation("everything", Queued, true, &[]),
            operation("behind everything", Queued, false, &["4"]),
        ]);
        assert_eq!(busy.startable(), ["other account"]);
        let idle = set(vec![operation("everything", Queued, true, &["1"])]);
        assert_eq!(idle.startable(), ["everything"]);
        let updating = set(vec![
            operation("everything", Running, true, &[]),
            operation("behind everything", Queued, false, &["1"]),
        ]);
        assert!(updating.startable().is_empty());
    }
}
