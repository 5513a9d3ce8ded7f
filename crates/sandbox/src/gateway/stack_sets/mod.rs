//! CloudFormation's StackSets, whole, with self-managed permissions.
//!
//! Every stack instance is a real stack, made by the emulator's CloudFormation in the target
//! account from the submitted template. Service-managed permissions, drift and import are answered
//! with an error.

mod answers;
mod control_towers;
mod events;
mod form;
mod instances;
mod lookup;
mod model;
mod operations;
mod page;
mod readings;
mod requests;
mod run;
mod template;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::Response;
use serde::Serialize;
use tokio::task::JoinSet;

use super::answer::{ApiError, Body, cloudformation_answer};
use super::organizations::Organizations;
use super::parameters::Form;
use super::route::Call;
use crate::aws_client::AwsClient;
use crate::chaos::Chaos;
use model::StackSet;

pub use model::{Action, DetailedStatus, InstanceStatus, OperationStatus, ResultStatus};

/// The StackSets of every account and Region. Clones share them.
#[derive(Debug, Clone)]
pub struct StackSets {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    upstream: AwsClient,
    chaos: Arc<Chaos>,
    organizations: Organizations,
    operation_delay: Duration,
    silent: AtomicBool,
    sets: Mutex<Vec<StackSet>>,
    failing: Mutex<BTreeMap<String, String>>,
    tasks: Mutex<JoinSet<()>>,
}

/// A StackSet as a test sees it.
#[derive(Debug, Clone)]
pub struct StackSetView {
    /// Name.
    pub name: String,
    /// `arn:aws:cloudformation:<Region>:<account>:stackset/<name>:<uuid>`
    pub arn: String,
    /// The template's text.
    pub template: String,
    /// Parameters by key.
    pub parameters: BTreeMap<String, String>,
    /// Tags by key.
    pub tags: BTreeMap<String, String>,
    /// Whether concurrent operations are queued instead of refused.
    pub managed_execution: bool,
    /// Its instances.
    pub instances: Vec<InstanceView>,
    /// Its operations, oldest first.
    pub operations: Vec<OperationView>,
}

/// A stack instance as a test sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceView {
    /// 12-digit account id.
    pub account: String,
    /// Region.
    pub region: String,
    /// ARN of the stack in the account, where there is one.
    pub stack_id: Option<String>,
    /// Whether the stack matches the StackSet.
    pub status: InstanceStatus,
    /// The result of its last operation.
    pub detailed_status: DetailedStatus,
    /// The reason for its status.
    pub reason: Option<String>,
}

/// An operation as a test sees it.
#[derive(Debug, Clone)]
pub struct OperationView {
    /// Operation id, as its caller chose it.
    pub id: String,
    /// Its action.
    pub action: Action,
    /// Its status.
    pub status: OperationStatus,
    /// The accounts and Regions that it targets, each with its result.
    pub results: Vec<(String, String, ResultStatus)>,
    /// Time from submission to end, queueing included; `None` until it ends.
    pub took: Option<Duration>,
}

/// Whether an operation of CloudFormation's is about StackSets.
pub(super) fn serves(operation: &str) -> bool {
    ["StackSet", "StackInstance"]
        .iter()
        .any(|noun| operation.contains(noun))
        || operation == "ImportStacksToStackSet"
}

impl StackSets {
    pub(super) fn new(
        upstream: AwsClient,
        organizations: Organizations,
        operation_delay: Duration,
        chaos: Arc<Chaos>,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                upstream,
                chaos,
                organizations,
                operation_delay,
                silent: AtomicBool::default(),
                sets: Mutex::default(),
                failing: Mutex::default(),
                tasks: Mutex::default(),
            }),
        }
    }

    /// Makes Control Tower's own StackSets in its management account and home Region.
    pub(super) fn add_control_towers(&self, account: &str, region: &str) {
        let own = control_towers::stack_sets(account, region);
        self.inner.sets().extend(own);
    }

    /// Every StackSet that is not deleted, Control Tower's own apart.
    #[must_use]
    pub fn all(&self) -> Vec<StackSetView> {
        self.inner
            .sets()
            .iter()
            .filter(|set| !set.deleted && !control_towers::is_control_towers(&set.name))
            .map(view)
            .collect()
    }

    /// The StackSet with this name, unless it is deleted.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<StackSetView> {
        self.all().into_iter().find(|set| set.name == name)
    }

    /// Sets whether every event about StackSets is lost from now on.
    pub fn lose_events(&self, lose: bool) {
        self.inner.silent.store(lose, Ordering::Relaxed);
    }

    /// Makes every operation fail in these accounts from now on, with this reason. An empty list
    /// ends that.
    pub fn fail_instances<A: Into<String>>(
        &self,
        accounts: impl IntoIterator<Item = A>,
        reason: &str,
    ) {
        *self.inner.failing() = accounts
            .into_iter()
            .map(|account| (account.into(), reason.to_owned()))
            .collect();
    }

    /// Whether an update removes tags from a StackSet: those that it leaves out, if it has any.
    pub(super) fn loses_tags(&self, call: &Call, form: &Form) -> bool {
        let mut sets = self.inner.sets();
        let name = form.get("StackSetName").unwrap_or_default();
        let (Ok(set), Some(tags)) = (lookup::find(&mut sets, call, name), form.tags()) else {
            return false;
        };
        set.tags.keys().any(|key| !tags.contains_key(key))
    }

    /// Serves a StackSet operation; `None` for any other call of CloudFormation.
    pub(super) async fn serve(
        &self,
        call: &Call,
        form: &Form,
    ) -> Option<Result<Response<Body>, ApiError>> {
        self.inner.serve(call, form).await
    }

    /// Aborts the running operations.
    pub(super) fn abort(&self) {
        self.inner
            .tasks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .abort_all();
    }
}

impl Inner {
    async fn publish(&self, event: events::Event) {
        if !self.silent.load(Ordering::Relaxed) {
            events::publish(&self.upstream, &self.chaos, event).await;
        }
    }

    fn sets(&self) -> MutexGuard<'_, Vec<StackSet>> {
        self.sets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failing(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    async fn serve(
        self: &Arc<Self>,
        call: &Call,
        form: &Form,
    ) -> Option<Result<Response<Body>, ApiError>> {
        Some(match call.operation.as_str() {
            "CreateStackSet" => answered(call, self.create_stack_set(call, form).await),
            "DescribeStackSet" => answered(call, self.describe_stack_set(call, form)),
            "UpdateStackSet" => answered(call, self.update_stack_set(call, form).await),
            "DeleteStackSet" => answered(call, self.delete_stack_set(call, form).await),
            "ListStackSets" => answered(call, self.list_stack_sets(call, form)),
            "CreateStackInstances" => answered(call, self.create_stack_instances(call, form).await),
            "UpdateStackInstances" => answered(call, self.update_stack_instances(call, form).await),
            "DeleteStackInstances" => answered(call, self.delete_stack_instances(call, form).await),
            "ListStackInstances" => answered(call, self.list_stack_instances(call, form)),
            "DescribeStackInstance" => answered(call, self.describe_stack_instance(call, form)),
            "DescribeStackSetOperation" => answered(call, self.describe_operation(call, form)),
            "ListStackSetOperations" => answered(call, self.list_operations(call, form)),
            "ListStackSetOperationResults" => answered(call, self.list_results(call, form)),
            "StopStackSetOperation" => answered(call, self.stop_operation(call, form).await),
            "DetectStackSetDrift"
            | "ImportStacksToStackSet"
            | "ListStackSetAutoDeploymentTargets" => Err(ApiError::new(
                400,
                "InvalidAction",
                format!("The sandbox's StackSets do not serve {}", call.operation),
            )),
            _ => return None,
        })
    }
}

fn answered(
    call: &Call,
    result: Result<impl Serialize, ApiError>,
) -> Result<Response<Body>, ApiError> {
    result.map(|result| cloudformation_answer(&call.operation, &result))
}

fn view(set: &StackSet) -> StackSetView {
    StackSetView {
        name: set.name.clone(),
        arn: set.arn(),
        template: set.template.clone(),
        parameters: set.parameters.clone(),
        tags: set.tags.clone(),
        managed_execution: set.managed_execution,
        instances: set
            .instances
            .iter()
            .map(|((account, region), instance)| InstanceView {
                account: account.clone(),
                region: region.clone(),
                stack_id: instance.stack_id.clone(),
                status: instance.status,
                detailed_status: instance.detailed,
                reason: instance.reason.clone(),
            })
            .collect(),
        operations: set
            .operations
            .iter()
            .map(|operation| OperationView {
                id: operation.id.clone(),
                action: operation.action,
                status: operation.status,
                results: operation
                    .results
                    .iter()
                    .map(|result| {
                        let (account, region) = result.place.clone();
                        (account, region, result.status)
                    })
                    .collect(),
                took: operation.took,
            })
            .collect(),
    }
}
