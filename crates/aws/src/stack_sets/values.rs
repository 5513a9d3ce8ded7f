//! The values of StackSets and stacks, in CloudFormation's format.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::types::{
    ConcurrencyMode, Parameter, StackInstanceDetailedStatus as Detailed, StackInstanceStatus,
    StackInstanceSummary, StackSetOperationPreferences, Tag,
};
use towerhook_core::{
    Result,
    model::{AccountId, SecretText},
    stack_sets::{ACCESS_TOKEN, InstanceState, StackInstance},
};

use super::INSTANCES;
use crate::classify::parse;

pub(super) fn instance(summary: &StackInstanceSummary) -> Result<StackInstance> {
    let detailed = summary
        .stack_instance_status()
        .and_then(|status| status.detailed_status());
    let state = match (summary.status(), detailed) {
        (_, Some(Detailed::Pending | Detailed::Running)) => InstanceState::InProgress,
        (Some(StackInstanceStatus::Inoperable), _) => InstanceState::Inoperable,
        (Some(StackInstanceStatus::Current), _) => InstanceState::Current,
        _ => InstanceState::Outdated,
    };
    let reason = match (summary.status_reason(), state, detailed) {
        (Some(reason), ..) if !reason.is_empty() => Some(reason),
        (_, InstanceState::Outdated, Some(detailed)) => Some(detailed.as_str()),
        _ => None,
    };
    Ok(StackInstance {
        account: parse(INSTANCES, summary.account().unwrap_or_default())?,
        state,
        reason: reason.map(str::to_owned),
    })
}

/// One failing account must not hold up the others: failed instances are read from the operation's
/// results, not from its status.
pub(super) fn preferences() -> StackSetOperationPreferences {
    StackSetOperationPreferences::builder()
        .failure_tolerance_percentage(100)
        .max_concurrent_percentage(100)
        .concurrency_mode(ConcurrencyMode::SoftFailureTolerance)
        .build()
}

pub(super) fn to_texts(accounts: &[AccountId]) -> Vec<String> {
    accounts.iter().map(AccountId::to_string).collect()
}

/// The one parameter that each instance overrides.
pub(super) fn access_token(token: &SecretText) -> Vec<Parameter> {
    let parameter = Parameter::builder()
        .parameter_key(ACCESS_TOKEN)
        .parameter_value(token.expose());
    vec![parameter.build()]
}

/// Converts tags to CloudFormation's type.
pub(crate) fn to_tags(tags: BTreeMap<String, String>) -> Vec<Tag> {
    let tags = tags.into_iter();
    tags.map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect()
}

pub(crate) fn from_tags(tags: &[Tag]) -> BTreeMap<String, String> {
    tags.iter()
        .filter_map(|tag| Some((tag.key()?.to_owned(), tag.value()?.to_owned())))
        .collect()
}

pub(crate) fn to_parameters(parameters: &BTreeMap<String, String>) -> Vec<Parameter> {
    parameters
        .iter()
        .map(|(key, value)| {
            Parameter::builder()
                .parameter_key(key)
                .parameter_value(value)
                .build()
        })
        .collect()
}
