//! The results of the StackSet operations, for the serializer.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::model::{Action, Instance, Operation, OperationResult, Place, Preferences, StackSet};
use super::page::List;
use super::template::shown;

const SELF_MANAGED: &str = "SELF_MANAGED";
const NOT_CHECKED: &str = "NOT_CHECKED";

/// A result without fields.
#[derive(Debug, Serialize)]
pub(super) struct Nothing {}

/// The result of CreateStackSet.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreatedStackSet {
    pub(super) stack_set_id: String,
}

/// The result of a call that starts an operation.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct StartedOperation {
    pub(super) operation_id: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Parameter {
    parameter_key: String,
    parameter_value: String,
}

/// Parameters as answers show them.
fn parameters(template: &str, values: &BTreeMap<String, String>) -> List<Parameter> {
    shown(template, values)
        .into_iter()
        .map(|(parameter_key, parameter_value)| Parameter {
            parameter_key,
            parameter_value,
        })
        .collect()
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    key: String,
    value: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ManagedExecution {
    active: bool,
}

/// The result of DescribeStackSet.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribedStackSet {
    stack_set: WholeStackSet,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct WholeStackSet {
    #[serde(flatten)]
    summary: StackSetSummary,
    template_body: String,
    parameters: List<Parameter>,
    capabilities: List<String>,
    tags: List<Tag>,
    #[serde(rename = "StackSetARN")]
    arn: String,
    #[serde(rename = "AdministrationRoleARN")]
    administration_role: String,
    execution_role_name: String,
    organizational_unit_ids: List<String>,
    regions: List<String>,
}

/// An element of ListStackSets.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct StackSetSummary {
    stack_set_name: String,
    stack_set_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    status: &'static str,
    permission_model: &'static str,
    managed_execution: ManagedExecution,
    #[serde(skip_serializing_if = "Option::is_none")]
    drift_status: Option<&'static str>,
}

impl StackSetSummary {
    pub(super) fn of(set: &StackSet) -> Self {
        Self {
            stack_set_name: set.name.clone(),
            stack_set_id: set.id(),
            description: set.description.clone(),
            status: if set.deleted { "DELETED" } else { "ACTIVE" },
            permission_model: SELF_MANAGED,
            managed_execution: ManagedExecution {
                active: set.managed_execution,
            },
            drift_status: Some(NOT_CHECKED),
        }
    }
}

impl DescribedStackSet {
    pub(super) fn of(set: &StackSet) -> Self {
        let mut regions: Vec<String> = set
            .instances
            .keys()
            .map(|(_, region)| region.clone())
            .collect();
        regions.sort();
        regions.dedup();
        let tags = set.tags.clone().into_iter();
        Self {
            stack_set: WholeStackSet {
                summary: StackSetSummary {
                    drift_status: None,
                    ..StackSetSummary::of(set)
                },
                template_body: set.template.clone(),
                parameters: parameters(&set.template, &set.parameters),
                capabilities: set.capabilities.iter().cloned().collect(),
                tags: tags.map(|(key, value)| Tag { key, value }).collect(),
                arn: set.arn(),
                administration_role: set.administration_role.clone(),
                execution_role_name: set.execution_role.clone(),
                organizational_unit_ids: List::default(),
                regions: regions.into_iter().collect(),
            },
        }
    }
}

/// The result of DescribeStackInstance.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribedInstance {
    stack_instance: WholeInstance,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct WholeInstance {
    #[serde(flatten)]
    summary: InstanceSummary,
    parameter_overrides: List<Parameter>,
}

/// An element of ListStackInstances.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct InstanceSummary {
    stack_set_id: String,
    region: String,
    account: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    stack_id: Option<String>,
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_reason: Option<String>,
    stack_instance_status: InstanceDetail,
    drift_status: &'static str,
    last_operation_id: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct InstanceDetail {
    detailed_status: String,
}

impl InstanceSummary {
    pub(super) fn of(set: &StackSet, place: &Place, instance: &Instance) -> Self {
        Self {
            stack_set_id: set.id(),
            region: place.1.clone(),
            account: place.0.clone(),
            stack_id: instance.stack_id.clone(),
            status: instance.status.to_string(),
            status_reason: instance.reason.clone(),
            stack_instance_status: InstanceDetail {
                detailed_status: instance.detailed.to_string(),
            },
            drift_status: NOT_CHECKED,
            last_operation_id: instance.last_operation.clone(),
        }
    }
}

impl DescribedInstance {
    pub(super) fn of(set: &StackSet, place: &Place, instance: &Instance) -> Self {
        Self {
            stack_instance: WholeInstance {
                summary: InstanceSummary::of(set, place, instance),
                parameter_overrides: parameters(&set.template, &instance.overrides),
            },
        }
    }
}

/// The result of DescribeStackSetOperation.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribedOperation {
    stack_set_operation: WholeOperation,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct WholeOperation {
    #[serde(flatten)]
    summary: OperationSummary,
    stack_set_id: String,
    #[serde(rename = "AdministrationRoleARN")]
    administration_role: String,
    execution_role_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    retain_stacks: Option<bool>,
}

/// An element of ListStackSetOperations.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OperationSummary {
    operation_id: String,
    action: String,
    status: String,
    creation_timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_timestamp: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_reason: Option<String>,
    operation_preferences: OperationPreferences,
    status_details: StatusDetails,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct OperationPreferences {
    #[serde(skip_serializing_if = "Option::is_none")]
    region_concurrency_type: Option<String>,
    region_order: List<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_tolerance_count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_tolerance_percentage: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_concurrent_count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_concurrent_percentage: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    concurrency_mode: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct StatusDetails {
    failed_stack_instances_count: usize,
}

impl OperationSummary {
    pub(super) fn of(operation: &Operation) -> Self {
        Self {
            operation_id: operation.id.clone(),
            action: operation.action.to_string(),
            status: operation.status.to_string(),
            creation_timestamp: milliseconds(operation.created),
            end_timestamp: operation.ended.map(milliseconds),
            status_reason: operation.reason.clone(),
            operation_preferences: OperationPreferences::of(&operation.preferences),
            status_details: StatusDetails {
                failed_stack_instances_count: operation.failures(),
            },
        }
    }
}

impl OperationPreferences {
    fn of(preferences: &Preferences) -> Self {
        Self {
            region_concurrency_type: preferences.region_concurrency.clone(),
            region_order: preferences.region_order.iter().cloned().collect(),
            failure_tolerance_count: preferences.failure_tolerance_count,
            failure_tolerance_percentage: preferences.failure_tolerance_percentage,
            max_concurrent_count: preferences.max_concurrent_count,
            max_concurrent_percentage: preferences.max_concurrent_percentage,
            concurrency_mode: preferences.concurrency_mode.clone(),
        }
    }
}

impl DescribedOperation {
    pub(super) fn of(set: &StackSet, operation: &Operation) -> Self {
        Self {
            stack_set_operation: WholeOperation {
                summary: OperationSummary::of(operation),
                stack_set_id: set.id(),
                administration_role: operation.administration_role.clone(),
                execution_role_name: operation.execution_role.clone(),
                retain_stacks: (operation.action == Action::Delete)
                    .then_some(operation.retain_stacks),
            },
        }
    }
}

/// An element of ListStackSetOperationResults.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ResultSummary {
    account: String,
    region: String,
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_reason: Option<String>,
    account_gate_result: GateResult,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct GateResult {
    status: &'static str,
}

impl ResultSummary {
    pub(super) fn of(result: &OperationResult) -> Self {
        Self {
            account: result.place.0.clone(),
            region: result.place.1.clone(),
            status: result.status.to_string(),
            status_reason: result.reason.clone(),
            // Accounts have no gate function, so it is always skipped.
            account_gate_result: GateResult { status: "SKIPPED" },
        }
    }
}

fn milliseconds(time: Timestamp) -> String {
    format!("{time:.3}")
}
