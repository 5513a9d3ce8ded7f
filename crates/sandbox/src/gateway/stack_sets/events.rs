//! The three events that CloudFormation publishes about StackSets, on the administrator
//! account's default bus.

use serde_json::{Value, json};

use super::model::{Action, Instance, Operation, StackSet};
use crate::aws_client::AwsClient;
use crate::chaos::Chaos;

/// An event and its bus.
#[derive(Debug, Clone)]
pub(super) struct Event {
    account: String,
    region: String,
    arn: String,
    detail_type: &'static str,
    detail: Value,
}

pub(super) fn stack_set(set: &StackSet) -> Event {
    let status = if set.deleted { "DELETED" } else { "ACTIVE" };
    event(
        set,
        "CloudFormation StackSet Status Change",
        json!({"status-details": {"status": status}}),
    )
}

pub(super) fn operation(set: &StackSet, operation: &Operation) -> Event {
    event(
        set,
        "CloudFormation StackSet Operation Status Change",
        json!({
            "stack-set-operation-id": operation.id,
            "status-details": {"status": operation.status.to_string()},
        }),
    )
}

/// The stack's id is empty until the stack exists.
pub(super) fn instance(set: &StackSet, instance: &Instance, action: Action) -> Event {
    event(
        set,
        "CloudFormation StackSet StackInstance Status Change",
        json!({
            "stack-id": instance.stack_id.as_deref().unwrap_or_default(),
            "action": action.to_string(),
            "status-details": {
                "status": instance.status.to_string(),
                "status-reason": instance.reason.as_deref().unwrap_or("User Initiated"),
                "detailed-status": instance.detailed.to_string(),
            },
        }),
    )
}

fn event(set: &StackSet, detail_type: &'static str, mut detail: Value) -> Event {
    detail["stack-set-arn"] = json!(set.arn());
    Event {
        account: set.account.clone(),
        region: set.region.clone(),
        arn: set.arn(),
        detail_type,
        detail,
    }
}

/// Puts the event on the bus. A failure is only logged: CloudFormation does not fail with its
/// events.
pub(super) async fn publish(upstream: &AwsClient, chaos: &Chaos, event: Event) {
    for _ in 0..chaos.deliveries() {
        put(upstream, &event).await;
    }
}

async fn put(upstream: &AwsClient, event: &Event) {
    let entry = json!({
        "Source": "aws.cloudformation",
        "DetailType": event.detail_type,
        "Detail": event.detail.to_string(),
        "Resources": [event.arn],
    });
    let answer = upstream
        .account(&event.account)
        .in_region(&event.region)
        .json(
            "events",
            "AWSEvents",
            "PutEvents",
            json!({"Entries": [entry]}),
        )
        .await;
    match answer {
        Ok(answer) if answer["FailedEntryCount"] == json!(0) => {}
        Ok(answer) => tracing::warn!(%answer, "the bus refused an event about a StackSet"),
        Err(error) => tracing::warn!(%error, "an event about a StackSet was not published"),
    }
}
