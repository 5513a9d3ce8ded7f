//! The parts of a form that only StackSet operations have.

use std::collections::BTreeMap;

use super::model::{Overrides, Preferences};
use crate::gateway::answer::ApiError;
use crate::gateway::parameters::Form;

/// Parameters by key; one with `UsePreviousValue` takes its value from `previous`.
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

/// The overrides for instances; `None` if the request has no such list. An empty list removes the
/// existing ones.
pub(super) fn parameter_overrides(form: &Form) -> Result<Option<Overrides>, ApiError> {
    let overrides = given(form, "ParameterOverrides")?;
    let is_given = !overrides.is_empty() || form.get("ParameterOverrides").is_some();
    Ok(is_given.then_some(overrides))
}

/// Parameters by key, each with its value; `None` for `UsePreviousValue`.
fn given(form: &Form, name: &str) -> Result<Overrides, ApiError> {
    form.structures(name, ["ParameterKey", "ParameterValue", "UsePreviousValue"])
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

/// The filters of a list operation, by name.
pub(super) fn filters(form: &Form) -> Vec<(&str, &str)> {
    form.structures("Filters", ["Name", "Values"])
        .into_iter()
        .map(|[name, values]| (name.unwrap_or_default(), values.unwrap_or_default()))
        .collect()
}

pub(super) fn preferences(form: &Form) -> Result<Preferences, ApiError> {
    let text = |name: &str| form.optional(&format!("OperationPreferences.{name}"));
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
        region_order: form.list("OperationPreferences.RegionOrder"),
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
