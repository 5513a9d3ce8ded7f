//! Operations: submitted, queued, run, stopped.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use uuid::Uuid;

use super::answers::{Nothing, StartedOperation};
use super::form::{parameter_overrides, preferences};
use super::lookup::{find, instance_not_found, operation_not_found};
use super::model::{
    DetailedStatus, Instance, InstanceStatus, Operation, OperationResult, OperationStatus,
    Overrides, Place, Preferences, ResultStatus, StackSet,
};
use super::template::check_names;
use super::{Action, Inner, events};
use crate::gateway::answer::ApiError;
use crate::gateway::parameters::Form;
use crate::gateway::route::Call;

/// A requested operation.
pub(super) struct Submission {
    pub(super) action: Action,
    pub(super) whole_set: bool,
    pub(super) places: Vec<Place>,
    pub(super) retain_stacks: bool,
    /// Overrides for the targeted instances; `None` leaves theirs unchanged.
    pub(super) overrides: Option<Overrides>,
    pub(super) preferences: Preferences,
    pub(super) id: Option<String>,
    /// The StackSet after an UpdateStackSet.
    pub(super) definition: Option<StackSet>,
}

impl Inner {
    pub(super) async fn create_stack_instances(
        self: &Arc<Self>,
        call: &Call,
        form: &Form,
    ) -> Result<StartedOperation, ApiError> {
        let submission = self.of_instances(Action::Create, form)?;
        self.submit(call, form.required("StackSetName")?, submission)
            .await
    }

    pub(super) async fn update_stack_instances(
        self: &Arc<Self>,
        call: &Call,
        form: &Form,
    ) -> Result<StartedOperation, ApiError> {
        let name = form.required("StackSetName")?;
        let submission = self.of_instances(Action::Update, form)?;
        {
            let mut sets = self.sets();
            let set = find(&mut sets, call, name)?;
            if let Some(missing) = submission
                .places
                .iter()
                .find(|place| !set.instances.contains_key(*place))
            {
                return Err(instance_not_found(name, missing));
            }
        }
        self.submit(call, name, submission).await
    }

    pub(super) async fn delete_stack_instances(
        self: &Arc<Self>,
        call: &Call,
        form: &Form,
    ) -> Result<StartedOperation, ApiError> {
        let name = form.required("StackSetName")?;
        form.required("RetainStacks")?;
        let mut submission = self.of_instances(Action::Delete, form)?;
        {
            let mut sets = self.sets();
            let set = find(&mut sets, call, name)?;
            // A missing instance counts as deleted.
            submission
                .places
                .retain(|place| set.instances.contains_key(place));
        }
        self.submit(call, name, submission).await
    }

    fn of_instances(&self, action: Action, form: &Form) -> Result<Submission, ApiError> {
        let mut accounts = form.list("Accounts");
        accounts.extend(form.list("DeploymentTargets.Accounts"));
        let regions = form.list("Regions");
        if accounts.is_empty() || regions.is_empty() {
            return Err(ApiError::validation(
                "Accounts and Regions are required with self-managed permissions",
            ));
        }
        Ok(Submission {
            action,
            whole_set: false,
            places: places(&accounts, &regions)?,
            retain_stacks: form.flag("RetainStacks").unwrap_or(false),
            overrides: parameter_overrides(form)?,
            preferences: preferences(form)?,
            id: form.optional("OperationId").map(str::to_owned),
            definition: None,
        })
    }

    /// Submits an operation: it starts at once, is queued, or is refused.
    pub(super) async fn submit(
        self: &Arc<Self>,
        call: &Call,
        name: &str,
        submission: Submission,
    ) -> Result<StartedOperation, ApiError> {
        let id = submission
            .id
            .clone()
            .unwrap_or_else(|| Uuid::new_v4().to_string());
        let (uuid, waits) = {
            let mut sets = self.sets();
            let set = find(&mut sets, call, name)?;
            if set.operation(&id).is_some() {
                return Err(ApiError::new(
                    409,
                    "OperationIdAlreadyExistsException",
                    format!("Operation {id} already exists"),
                ));
            }
            if set.is_busy() && !set.managed_execution {
                return Err(ApiError::new(
                    409,
                    "OperationInProgressException",
                    format!("Another Operation on StackSet {} is in progress", set.arn()),
                ));
            }
            if let Some(overrides) = &submission.overrides {
                check_names(&set.template, overrides.keys())?;
            }
            accept(set, &id, submission);
            let waits = (!set.startable().contains(&id))
                .then(|| set.operation(&id).map(|one| events::operation(set, one)))
                .flatten();
            (set.uuid.clone(), waits)
        };
        if let Some(event) = waits {
            self.publish(event).await;
        }
        self.start_next(&uuid).await;
        Ok(StartedOperation { operation_id: id })
    }

    pub(super) async fn stop_operation(
        self: &Arc<Self>,
        call: &Call,
        form: &Form,
    ) -> Result<Nothing, ApiError> {
        let id = form.required("OperationId")?;
        let (set, stopped) = {
            let mut sets = self.sets();
            let set = find(&mut sets, call, form.required("StackSetName")?)?;
            let operation = set
                .operation_mut(id)
                .ok_or_else(|| operation_not_found(id))?;
            match operation.status {
                OperationStatus::Running => operation.status = OperationStatus::Stopping,
                OperationStatus::Queued => {
                    for result in &mut operation.results {
                        result.status = ResultStatus::Cancelled;
                    }
                    end(operation, OperationStatus::Stopped);
                }
                OperationStatus::Stopping => {}
                _ => {
                    return Err(ApiError::new(
                        400,
                        "InvalidOperationException",
                        format!("Operation {id} is not in progress"),
                    ));
                }
            }
            let operation = operation.clone();
            (set.clone(), operation)
        };
        self.publish(events::operation(&set, &stopped)).await;
        self.start_next(&set.uuid).await;
        Ok(Nothing {})
    }
}

/// Records an accepted operation and marks its targets as pending.
fn accept(set: &mut StackSet, id: &str, submission: Submission) {
    if let Some(definition) = submission.definition {
        let changed =
            definition.template != set.template || definition.parameters != set.parameters;
        set.description = definition.description;
        set.template = definition.template;
        set.parameters = definition.parameters;
        set.capabilities = definition.capabilities;
        set.tags = definition.tags;
        set.administration_role = definition.administration_role;
        set.execution_role = definition.execution_role;
        set.managed_execution = definition.managed_execution;
        for instance in set.instances.values_mut() {
            if changed && instance.status == InstanceStatus::Current {
                instance.status = InstanceStatus::Outdated;
            }
        }
    }
    let update = submission.action == Action::Update;
    let places: Vec<_> = submission
        .places
        .into_iter()
        // An update skips instances that only a deletion can fix.
        .filter(|place| {
            let status = set.instances.get(place).map(|instance| instance.status);
            !(update && (status.is_none() || status == Some(InstanceStatus::Inoperable)))
        })
        .collect();
    for place in &places {
        let instance = set
            .instances
            .entry(place.clone())
            .or_insert_with(|| Instance {
                stack_id: None,
                status: InstanceStatus::Outdated,
                detailed: DetailedStatus::Pending,
                reason: None,
                overrides: BTreeMap::new(),
                last_operation: id.to_owned(),
            });
        instance.detailed = DetailedStatus::Pending;
        id.clone_into(&mut instance.last_operation);
        if let Some(overrides) = &submission.overrides {
            instance.override_parameters(overrides);
        }
    }
    set.operations.push(Operation {
        id: id.to_owned(),
        action: submission.action,
        whole_set: submission.whole_set,
        status: OperationStatus::Queued,
        reason: None,
        retain_stacks: submission.retain_stacks,
        preferences: submission.preferences,
        administration_role: set.administration_role.clone(),
        execution_role: set.execution_role.clone(),
        created: Timestamp::now(),
        ended: None,
        submitted: Instant::now(),
        took: None,
        results: places
            .into_iter()
            .map(|place| OperationResult {
                place,
                status: ResultStatus::Pending,
                reason: None,
            })
            .collect(),
    });
}

/// Marks an operation as over.
pub(super) fn end(operation: &mut Operation, status: OperationStatus) {
    operation.status = status;
    operation.ended = Some(Timestamp::now());
    operation.took = Some(operation.submitted.elapsed());
}

/// Every account in every Region, each once.
pub(super) fn places(accounts: &[String], regions: &[String]) -> Result<Vec<Place>, ApiError> {
    let mut places: Vec<Place> = Vec::new();
    for account in accounts {
        if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ApiError::validation(format!(
                "1 validation error detected: Value '[{account}]' at 'accounts' failed to satisfy \
                 constraint: Member must satisfy regular expression pattern: ^[0-9]{{12}}$"
            )));
        }
        for region in regions {
            let place = (account.clone(), region.clone());
            if !places.contains(&place) {
                places.push(place);
            }
        }
    }
    Ok(places)
}
