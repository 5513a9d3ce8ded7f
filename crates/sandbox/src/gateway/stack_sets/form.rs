//! The parameters of the StackSet operations, in the query protocol.

use std::collections::BTreeMap;

use super::model::{Overrides, Preferences};
use crate::gateway::answer::ApiError;
use crate::gateway::route::Form;

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
