//! Events as they come over the management account's default bus.

use anyhow::{Context, ensure};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::aws_client::AwsClient;

/// What a `CreateManagedAccount` or `UpdateManagedAccount` event says.
#[derive(Debug, Clone, Copy)]
pub struct ManagedAccount<'a> {
    /// `CreateManagedAccount` or `UpdateManagedAccount`.
    pub event_name: &'a str,
    /// `SUCCEEDED` or `FAILED`.
    pub state: &'a str,
    /// 12 digits.
    pub management_account: &'a str,
    /// Control Tower's home Region.
    pub region: &'a str,
    /// 12 digits.
    pub account_id: &'a str,
    /// Name of the account.
    pub account_name: &'a str,
    /// `ou-…`
    pub unit_id: &'a str,
    /// Name of the OU.
    pub unit_name: &'a str,
}

/// The event in the shape of Control Tower's user guide ("Lifecycle events"), with EventBridge's
/// envelope around it.
#[must_use]
pub fn managed_account(event: &ManagedAccount<'_>) -> Value {
    let now = Timestamp::now();
    let time = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    // Control Tower's own timestamps are not RFC 3339: their offset has no colon.
    let timestamp = now.strftime("%Y-%m-%dT%H:%M:%S+0000").to_string();
    let (status, verb) = match event.event_name {
        "UpdateManagedAccount" => ("updateManagedAccountStatus", "update"),
        _ => ("createManagedAccountStatus", "create"),
    };
    let message = match event.state {
        "SUCCEEDED" => format!("AWS Control Tower successfully {verb}d a managed account."),
        _ => format!("AWS Control Tower failed to {verb} a managed account."),
    };
    envelope(
        event.management_account,
        event.region,
        &time,
        json!({
            "eventVersion": "1.05",
            "userIdentity": {"accountId": event.management_account, "invokedBy": "AWS Internal"},
            "eventTime": time,
            "eventSource": "controltower.amazonaws.com",
            "eventName": event.event_name,
            "awsRegion": event.region,
            "sourceIPAddress": "AWS Internal",
            "userAgent": "AWS Internal",
            "eventID": Uuid::new_v4().to_string(),
            "readOnly": false,
            "eventType": "AwsServiceEvent",
            "serviceEventDetails": {status: {
                "organizationalUnit": {
                    "organizationalUnitName": event.unit_name,
                    "organizationalUnitId": event.unit_id,
                },
                "account": {"accountName": event.account_name, "accountId": event.account_id},
                "state": event.state,
                "message": message,
                "requestedTimestamp": timestamp,
                "completedTimestamp": timestamp,
            }},
        }),
    )
}

fn envelope(account: &str, region: &str, time: &str, detail: Value) -> Value {
    json!({
        "version": "0",
        "id": Uuid::new_v4().to_string(),
        "detail-type": "AWS Service Event via CloudTrail",
        "source": "aws.controltower",
        "account": account,
        "time": time,
        "region": region,
        "resources": [],
        "detail": detail,
    })
}

/// Sends an event to the default bus of the client's account. Of the envelope its `source`,
/// `detail-type`, `detail` and `resources` are taken; the bus adds the rest.
///
/// # Errors
/// When the envelope lacks one of the first three, or the bus does not take it.
pub async fn put(aws: &AwsClient, envelope: &Value) -> anyhow::Result<()> {
    let field = |name: &str| {
        envelope[name]
            .as_str()
            .with_context(|| format!("the event has no {name}"))
    };
    ensure!(envelope["detail"].is_object(), "the event has no detail");
    let entry = json!({
        "Source": field("source")?,
        "DetailType": field("detail-type")?,
        "Detail": envelope["detail"].to_string(),
        "Resources": envelope["resources"].as_array().cloned().unwrap_or_default(),
    });
    let answer = aws
        .json(
            "events",
            "AWSEvents",
            "PutEvents",
            json!({"Entries": [entry]}),
        )
        .await?;
    let refused = &answer["Entries"][0]["ErrorMessage"];
    ensure!(
        answer["FailedEntryCount"] == 0,
        "the bus did not take the event: {refused}"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_has_the_name_that_goes_with_the_event() {
        let event = ManagedAccount {
            event_name: "UpdateManagedAccount",
            state: "FAILED",
            management_account: "111111111111",
            region: "us-east-1",
            account_id: "222222222222",
            account_name: "one",
            unit_id: "ou-ab12-12345678",
            unit_name: "Sandbox",
        };
        let update = managed_account(&event);
        let details = &update["detail"]["serviceEventDetails"];
        let status = &details["updateManagedAccountStatus"];
        assert_eq!(status["account"]["accountId"], "222222222222");
        assert_eq!(status["state"], "FAILED");
        let create = managed_account(&ManagedAccount {
            event_name: "CreateManagedAccount",
            state: "SUCCEEDED",
            ..event
        });
        assert_eq!(
            create["detail"]["serviceEventDetails"]["createManagedAccountStatus"]["message"],
            "AWS Control Tower successfully created a managed account."
        );
    }
}
