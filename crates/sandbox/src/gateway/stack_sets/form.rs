//! The query protocol of the StackSet operations: parameters in, XML out.

use std::collections::BTreeMap;

use jiff::Timestamp;
use quick_xml::escape::escape;

use super::model::{
    Action, Instance, Operation, OperationResult, Overrides, Place, Preferences, StackSet,
};
use super::template::told;
use crate::gateway::answer::ApiError;
use crate::gateway::route::Form;

/// The most that one page holds, and what it holds when the caller does not say.
const PAGE: usize = 100;

pub(super) fn required<'a>(form: &'a Form, name: &str) -> Result<&'a str, ApiError> {
    optional(form, name).ok_or_else(|| {
        ApiError::validation(format!(
            "1 validation error detected: Value null at '{name}' failed to satisfy constraint: \
             Member must not be null"
        ))
    })
}

pub(super) fn optional<'a>(form: &'a Form, name: &str) -> Option<&'a str> {
    form.get(name)
        .map(String::as_str)
        .filter(|value| !value.is_empty())
}

pub(super) fn flag(form: &Form, name: &str) -> Option<bool> {
    form.get(name).map(|value| value == "true")
}

/// `Name.member.1`, `Name.member.2` ...
pub(super) fn list(form: &Form, name: &str) -> Vec<String> {
    (1..)
        .map_while(|number| form.get(&format!("{name}.member.{number}")).cloned())
        .collect()
}

/// `Name.member.1.<field>`, `Name.member.2.<field>` ... with some fields of each.
fn structures<'a, const N: usize>(
    form: &'a Form,
    name: &str,
    fields: [&str; N],
) -> Vec<[Option<&'a str>; N]> {
    (1..)
        .map(|number| {
            fields.map(|field| {
                form.get(&format!("{name}.member.{number}.{field}"))
                    .map(String::as_str)
            })
        })
        .take_while(|found| found.iter().any(Option::is_some))
        .collect()
}

/// Parameters by key; one that is to keep its value takes it from `previous`.
pub(super) fn parameters(
    form: &Form,
    name: &str,
    previous: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, ApiError> {
    given(form, name)?
        .into_iter()
        .map(|(key, value)| {
            let value = value
                .or_else(|| previous.get(&key).cloned())
                .ok_or_else(|| ApiError::validation(format!("No previous value for {key}")))?;
            Ok((key, value))
        })
        .collect()
}

/// The values that instances are to have in place of their StackSet's; nothing where the caller
/// says nothing of them. An empty list takes back those that there are.
pub(super) fn parameter_overrides(form: &Form) -> Result<Option<Overrides>, ApiError> {
    let overrides = given(form, "ParameterOverrides")?;
    let said = !overrides.is_empty() || form.contains_key("ParameterOverrides");
    Ok(said.then_some(overrides))
}

/// Parameters by key, each with its value, or nothing where it is to keep the one it has.
fn given(form: &Form, name: &str) -> Result<Overrides, ApiError> {
    structures(
        form,
        name,
        ["ParameterKey", "ParameterValue", "UsePreviousValue"],
    )
    .into_iter()
    .map(|[key, value, keep]| {
        let key = key.unwrap_or_default().to_owned();
        let value = match (value, keep == Some("true")) {
            (Some(_), true) => {
                return Err(ApiError::validation(format!(
                    "Invalid input for parameter key {key}. Cannot specify usePreviousValue as \
                     true and a value for the parameter key"
                )));
            }
            (None, true) => None,
            (value, false) => Some(value.unwrap_or_default().to_owned()),
        };
        Ok((key, value))
    })
    .collect()
}

/// The tags, or nothing where the caller says nothing of tags.
pub(crate) fn tags(form: &Form) -> Option<BTreeMap<String, String>> {
    let tags: BTreeMap<_, _> = structures(form, "Tags", ["Key", "Value"])
        .into_iter()
        .map(|[key, value]| {
            (
                key.unwrap_or_default().to_owned(),
                value.unwrap_or_default().to_owned(),
            )
        })
        .collect();
    (!tags.is_empty() || form.contains_key("Tags")).then_some(tags)
}

/// The filters of a list operation, by name.
pub(super) fn filters(form: &Form) -> Vec<(&str, &str)> {
    structures(form, "Filters", ["Name", "Values"])
        .into_iter()
        .map(|[name, values]| (name.unwrap_or_default(), values.unwrap_or_default()))
        .collect()
}

pub(super) fn preferences(form: &Form) -> Result<Preferences, ApiError> {
    let text = |name: &str| optional(form, &format!("OperationPreferences.{name}"));
    let number = |name: &str| {
        text(name)
            .map(|value| {
                value.parse().map_err(|_| {
                    ApiError::validation(format!("OperationPreferences.{name} is not a number"))
                })
            })
            .transpose()
    };
    let preferences = Preferences {
        region_order: list(form, "OperationPreferences.RegionOrder"),
        region_concurrency: text("RegionConcurrencyType").map(str::to_owned),
        failure_tolerance_count: number("FailureToleranceCount")?,
        failure_tolerance_percentage: number("FailureTolerancePercentage")?,
        max_concurrent_count: number("MaxConcurrentCount")?,
        max_concurrent_percentage: number("MaxConcurrentPercentage")?,
        concurrency_mode: text("ConcurrencyMode").map(str::to_owned),
    };
    if preferences.failure_tolerance_count.is_some()
        && preferences.failure_tolerance_percentage.is_some()
    {
        return Err(ApiError::validation(
            "You cannot specify both FailureToleranceCount and FailureTolerancePercentage",
        ));
    }
    Ok(preferences)
}

/// One page of a list: its elements, and a token where there is more.
pub(super) fn summaries(form: &Form, items: &[String]) -> Result<String, ApiError> {
    let size = match optional(form, "MaxResults") {
        None => PAGE,
        Some(text) => text
            .parse()
            .ok()
            .filter(|size| (1..=PAGE).contains(size))
            .ok_or_else(|| ApiError::validation("MaxResults must be between 1 and 100"))?,
    };
    let start: usize = match optional(form, "NextToken") {
        None => 0,
        Some(token) => token
            .strip_prefix("page-")
            .and_then(|number| number.parse().ok())
            .ok_or_else(|| ApiError::validation("Invalid NextToken"))?,
    };
    let members: String = items
        .iter()
        .skip(start)
        .take(size)
        .map(|item| element("member", item))
        .collect();
    let mut answer = element("Summaries", &members);
    if start + size < items.len() {
        answer += &text("NextToken", &format!("page-{}", start + size));
    }
    Ok(answer)
}

/// An element around elements.
pub(super) fn element(name: &str, inner: &str) -> String {
    format!("<{name}>{inner}</{name}>")
}

/// An element around text.
pub(super) fn text(name: &str, value: &str) -> String {
    element(name, &escape(value))
}

fn maybe(name: &str, value: Option<&str>) -> String {
    value.map(|value| text(name, value)).unwrap_or_default()
}

fn time(name: &str, value: Timestamp) -> String {
    text(name, &format!("{value:.3}"))
}

fn pairs(name: &str, key: &str, value: &str, pairs: &BTreeMap<String, String>) -> String {
    let members: String = pairs
        .iter()
        .map(|(k, v)| element("member", &(text(key, k) + &text(value, v))))
        .collect();
    element(name, &members)
}

fn texts(name: &str, values: &[String]) -> String {
    let members: String = values.iter().map(|value| text("member", value)).collect();
    element(name, &members)
}

fn managed_execution(set: &StackSet) -> String {
    let active = text("Active", &set.managed_execution.to_string());
    element("ManagedExecution", &active)
}

fn set_status(set: &StackSet) -> String {
    text("Status", if set.deleted { "DELETED" } else { "ACTIVE" })
}

pub(super) fn stack_set(set: &StackSet) -> String {
    let mut regions: Vec<String> = set
        .instances
        .keys()
        .map(|(_, region)| region.clone())
        .collect();
    regions.sort();
    regions.dedup();
    let fields = [
        text("StackSetName", &set.name),
        text("StackSetId", &set.id()),
        maybe("Description", set.description.as_deref()),
        set_status(set),
        text("TemplateBody", &set.template),
        pairs(
            "Parameters",
            "ParameterKey",
            "ParameterValue",
            &told(&set.template, &set.parameters),
        ),
        texts("Capabilities", &set.capabilities),
        pairs("Tags", "Key", "Value", &set.tags),
        text("StackSetARN", &set.arn()),
        text("AdministrationRoleARN", &set.administration_role),
        text("ExecutionRoleName", &set.execution_role),
        text("PermissionModel", "SELF_MANAGED"),
        element("OrganizationalUnitIds", ""),
        managed_execution(set),
        texts("Regions", &regions),
    ];
    element("StackSet", &fields.concat())
}

pub(super) fn stack_set_summary(set: &StackSet) -> String {
    [
        text("StackSetName", &set.name),
        text("StackSetId", &set.id()),
        maybe("Description", set.description.as_deref()),
        set_status(set),
        text("PermissionModel", "SELF_MANAGED"),
        text("DriftStatus", "NOT_CHECKED"),
        managed_execution(set),
    ]
    .concat()
}

/// What DescribeStackInstance and ListStackInstances have in common.
pub(super) fn instance(set: &StackSet, place: &Place, instance: &Instance) -> String {
    let detailed = text("DetailedStatus", &instance.detailed.to_string());
    [
        text("StackSetId", &set.id()),
        text("Region", &place.1),
        text("Account", &place.0),
        maybe("StackId", instance.stack_id.as_deref()),
        text("Status", &instance.status.to_string()),
        maybe("StatusReason", instance.reason.as_deref()),
        element("StackInstanceStatus", &detailed),
        text("DriftStatus", "NOT_CHECKED"),
        text("LastOperationId", &instance.last_operation),
    ]
    .concat()
}

pub(super) fn overrides(set: &StackSet, instance: &Instance) -> String {
    pairs(
        "ParameterOverrides",
        "ParameterKey",
        "ParameterValue",
        &told(&set.template, &instance.overrides),
    )
}

/// What DescribeStackSetOperation and ListStackSetOperations have in common.
pub(super) fn operation(operation: &Operation) -> String {
    let mut fields = [
        text("OperationId", &operation.id),
        text("Action", &operation.action.to_string()),
        text("Status", &operation.status.to_string()),
        time("CreationTimestamp", operation.created),
        maybe("StatusReason", operation.reason.as_deref()),
        preferences_xml(&operation.preferences),
    ]
    .concat();
    if let Some(ended) = operation.ended {
        fields += &time("EndTimestamp", ended);
    }
    let failed = text(
        "FailedStackInstancesCount",
        &operation.failures().to_string(),
    );
    fields + &element("StatusDetails", &failed)
}

/// The operation as DescribeStackSetOperation has it.
pub(super) fn whole_operation(set: &StackSet, one: &Operation) -> String {
    let mut fields = operation(one)
        + &text("StackSetId", &set.id())
        + &text("AdministrationRoleARN", &one.administration_role)
        + &text("ExecutionRoleName", &one.execution_role);
    if one.action == Action::Delete {
        fields += &text("RetainStacks", &one.retain_stacks.to_string());
    }
    element("StackSetOperation", &fields)
}

fn preferences_xml(preferences: &Preferences) -> String {
    let number = |name, value: Option<u32>| {
        value
            .map(|value| text(name, &value.to_string()))
            .unwrap_or_default()
    };
    let fields = [
        maybe(
            "RegionConcurrencyType",
            preferences.region_concurrency.as_deref(),
        ),
        texts("RegionOrder", &preferences.region_order),
        number("FailureToleranceCount", preferences.failure_tolerance_count),
        number(
            "FailureTolerancePercentage",
            preferences.failure_tolerance_percentage,
        ),
        number("MaxConcurrentCount", preferences.max_concurrent_count),
        number(
            "MaxConcurrentPercentage",
            preferences.max_concurrent_percentage,
        ),
        maybe("ConcurrencyMode", preferences.concurrency_mode.as_deref()),
    ];
    element("OperationPreferences", &fields.concat())
}

pub(super) fn result(result: &OperationResult) -> String {
    // Accounts have no gate function: it is skipped, whatever became of the instance.
    let gate = text("Status", "SKIPPED");
    [
        text("Account", &result.place.0),
        text("Region", &result.place.1),
        text("Status", &result.status.to_string()),
        maybe("StatusReason", result.reason.as_deref()),
        element("AccountGateResult", &gate),
    ]
    .concat()
}
