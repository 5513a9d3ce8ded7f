//! Events as AWS's services put them on the management account's default bus.

use anyhow::{Context, ensure};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::aws_client::AwsClient;

const SERVICE_EVENT: &str = "AWS Service Event via CloudTrail";
const API_CALL: &str = "AWS API Call via CloudTrail";

/// The bus of an event.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The management account, 12 digits.
    pub account: &'a str,
    /// Control Tower's home Region, or the Region that has the events of Organizations.
    pub region: &'a str,
}

/// The content of a `CreateManagedAccount` or `UpdateManagedAccount` event.
#[derive(Debug, Clone, Copy)]
pub struct ManagedAccount<'a> {
    /// `CreateManagedAccount` or `UpdateManagedAccount`.
    pub event_name: &'a str,
    /// `SUCCEEDED` or `FAILED`.
    pub state: &'a str,
    /// 12 digits.
    pub account_id: &'a str,
    /// Name of the account.
    pub account_name: &'a str,
    /// `ou-…`
    pub unit_id: &'a str,
    /// Name of the OU.
    pub unit_name: &'a str,
}

/// The event in the shape of Control Tower's user guide ("Lifecycle events").
#[must_use]
pub fn managed_account(place: Place<'_>, event: &ManagedAccount<'_>) -> Value {
    let verb = match event.event_name {
        "UpdateManagedAccount" => "update",
        _ => "create",
    };
    let message = match event.state {
        "SUCCEEDED" => format!("AWS Control Tower successfully {verb}d a managed account."),
        _ => format!("AWS Control Tower failed to {verb} a managed account."),
    };
    let status = json!({
        "organizationalUnit": {
            "organizationalUnitName": event.unit_name,
            "organizationalUnitId": event.unit_id,
        },
        "account": {"accountName": event.account_name, "accountId": event.account_id},
        "state": event.state,
        "message": message,
    });
    lifecycle(place, event.event_name, status)
}

/// `RegisterOrganizationalUnit`, successful.
#[must_use]
pub fn registered_unit(place: Place<'_>, unit_id: &str, unit_name: &str) -> Value {
    let status = json!({
        "state": "SUCCEEDED",
        "message": "AWS Control Tower successfully registered an organizational unit.",
        "organizationalUnit": {
            "organizationalUnitName": unit_name,
            "organizationalUnitId": unit_id,
        },
    });
    lifecycle(place, "RegisterOrganizationalUnit", status)
}

/// The content of an `EnableBaseline` or `DisableBaseline` event.
#[derive(Debug, Clone, Copy)]
pub struct Baseline<'a> {
    /// `EnableBaseline` or `DisableBaseline`.
    pub event_name: &'a str,
    /// ARN of the enabled baseline.
    pub enabled_baseline: &'a str,
    /// ARN of the enabled baseline of the account's OU.
    pub parent: &'a str,
    /// `o-…`
    pub organization_id: &'a str,
    /// The target, 12 digits.
    pub account_id: &'a str,
}

/// The event in the shape of Control Tower's user guide, successful.
#[must_use]
pub fn baseline(place: Place<'_>, event: &Baseline<'_>) -> Value {
    let target = format!(
        "arn:aws:organizations::{}:account/{}/{}",
        place.account, event.organization_id, event.account_id
    );
    let details = json!({
        "arn": event.enabled_baseline,
        "parentIdentifier": event.parent,
        "targetIdentifier": target,
        "baselineIdentifier":
            format!("arn:aws:controltower:{}::baseline/17BSJV3IGJ2QSGA2", place.region),
        "baselineVersion": "4.0",
        "statusSummary": {"lastOperationIdentifier": Uuid::new_v4().to_string(), "status": "SUCCEEDED"},
        "parameters": [],
    });
    let mut status = json!({"enabledBaselineDetails": details});
    if event.event_name == "DisableBaseline" {
        status["baselineDetails"] = details;
    }
    lifecycle(place, event.event_name, status)
}

/// `Drift Detected`, as since landing zone 4.0, about an account.
#[must_use]
pub fn account_drift(
    place: Place<'_>,
    organization_id: &str,
    drift_type: &str,
    account_id: &str,
) -> Value {
    let detail = json!({
        "message": format!("AWS Control Tower has detected drift of the account {account_id}."),
        "managementAccountId": place.account,
        "organizationId": organization_id,
        "driftType": drift_type,
        "remediationStep": "Re-register this organizational unit (OU).",
        "accountId": account_id,
    });
    envelope(place, "aws.controltower", "Drift Detected", detail)
}

/// A call of Organizations' API from the management account.
#[must_use]
pub fn organizations_call(place: Place<'_>, event_name: &str, request: Value) -> Value {
    let identity = json!({
        "type": "AssumedRole",
        "arn": format!("arn:aws:sts::{}:assumed-role/Administrator/administrator", place.account),
        "accountId": place.account,
    });
    let mut detail = record(place, "organizations.amazonaws.com", event_name, identity);
    detail["eventType"] = json!("AwsApiCall");
    detail["requestParameters"] = request;
    envelope(place, "aws.organizations", API_CALL, detail)
}

/// An event of Organizations itself. `status` is the name and the value in `serviceEventDetails`;
/// those of `AccountJoinedOrganization` and `AccountDepartedOrganization` have no public sample.
#[must_use]
pub fn organizations_service(
    place: Place<'_>,
    event_name: &str,
    (key, status): (&str, Value),
) -> Value {
    let source = "organizations.amazonaws.com";
    let identity = json!({"accountId": place.account, "invokedBy": source});
    let mut detail = record(place, source, event_name, identity);
    detail["serviceEventDetails"] = json!({key: status});
    envelope(place, "aws.organizations", SERVICE_EVENT, detail)
}

/// A lifecycle event; the status' name follows from the event's.
fn lifecycle(place: Place<'_>, event_name: &str, mut status: Value) -> Value {
    // Control Tower's own timestamps are not RFC 3339: their offset has no colon.
    let timestamp = Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%S+0000")
        .to_string();
    for field in ["requestedTimestamp", "completedTimestamp"] {
        status[field] = json!(timestamp);
    }
    let (first, rest) = event_name.split_at(1);
    let key = format!("{}{rest}Status", first.to_lowercase());
    let identity = json!({"accountId": place.account, "invokedBy": "AWS Internal"});
    let mut detail = record(place, "controltower.amazonaws.com", event_name, identity);
    detail["serviceEventDetails"] = json!({key: status});
    envelope(place, "aws.controltower", SERVICE_EVENT, detail)
}

/// A CloudTrail record of a service event, to be changed for others.
fn record(place: Place<'_>, source: &str, event_name: &str, identity: Value) -> Value {
    json!({
        "eventVersion": "1.11",
        "userIdentity": identity,
        "eventTime": time(),
        "eventSource": source,
        "eventName": event_name,
        "awsRegion": place.region,
        "sourceIPAddress": "AWS Internal",
        "userAgent": "AWS Internal",
        "requestParameters": null,
        "responseElements": null,
        "eventID": Uuid::new_v4().to_string(),
        "readOnly": false,
        "eventType": "AwsServiceEvent",
        "managementEvent": true,
        "recipientAccountId": place.account,
        "eventCategory": "Management",
    })
}

fn envelope(place: Place<'_>, source: &str, detail_type: &str, detail: Value) -> Value {
    json!({
        "version": "0",
        "id": Uuid::new_v4().to_string(),
        "detail-type": detail_type,
        "source": source,
        "account": place.account,
        "time": time(),
        "region": place.region,
        "resources": [],
        "detail": detail,
    })
}

fn time() -> String {
    let now = Timestamp::now();
    now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Sends an event to the default bus of the client's account and Region. It takes `source`,
/// `detail-type`, `detail` and `resources` from the envelope; the bus adds the rest.
///
/// # Errors
/// When the envelope lacks one of the first three, or the bus does not take it.
pub async fn put(aws: &AwsClient, envelope: &Value) -> anyhow::Result<()> {
    put_all(aws, std::slice::from_ref(envelope)).await
}

/// The same for many events, ten in a request as AWS allows.
///
/// # Errors
/// As [`put`]; events before the one that is refused are on the bus.
pub async fn put_all(aws: &AwsClient, envelopes: &[Value]) -> anyhow::Result<()> {
    for some in envelopes.chunks(10) {
        let entries = some
            .iter()
            .map(entry)
            .collect::<anyhow::Result<Vec<Value>>>()?;
        let answer = aws
            .json(
                "events",
                "AWSEvents",
                "PutEvents",
                json!({"Entries": entries}),
            )
            .await?;
        ensure!(
            answer["FailedEntryCount"] == 0,
            "the bus rejected an event: {}",
            answer["Entries"]
        );
    }
    Ok(())
}

fn entry(envelope: &Value) -> anyhow::Result<Value> {
    let field = |name: &str| {
        envelope[name]
            .as_str()
            .with_context(|| format!("the event has no {name}"))
    };
    ensure!(envelope["detail"].is_object(), "the event has no detail");
    Ok(json!({
        "Source": field("source")?,
        "DetailType": field("detail-type")?,
        "Detail": envelope["detail"].to_string(),
        "Resources": envelope["resources"].as_array().cloned().unwrap_or_default(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place<'_> = Place {
        account: "111111111111",
        region: "us-east-1",
    };

    #[test]
    fn the_status_has_the_name_that_goes_with_the_event() {
        let event = ManagedAccount {
            event_name: "UpdateManagedAccount",
            state: "FAILED",
            account_id: "222222222222",
            account_name: "one",
            unit_id: "ou-ab12-12345678",
            unit_name: "Sandbox",
        };
        let update = managed_account(PLACE, &event);
        let details = &update["detail"]["serviceEventDetails"];
        let status = &details["updateManagedAccountStatus"];
        assert_eq!(status["account"]["accountId"], "222222222222");
        assert_eq!(status["state"], "FAILED");
        let create = managed_account(
            PLACE,
            &ManagedAccount {
                event_name: "CreateManagedAccount",
                state: "SUCCEEDED",
                ..event
            },
        );
        assert_eq!(
            create["detail"]["serviceEventDetails"]["createManagedAccountStatus"]["message"],
            "AWS Control Tower successfully created a managed account."
        );
        let disabled = baseline(
            PLACE,
            &Baseline {
                event_name: "DisableBaseline",
                enabled_baseline: "arn:e",
                parent: "arn:p",
                organization_id: "o-ab12",
                account_id: "222222222222",
            },
        );
        let details = &disabled["detail"]["serviceEventDetails"]["disableBaselineStatus"];
        assert_eq!(
            details["baselineDetails"],
            details["enabledBaselineDetails"]
        );
    }

    #[test]
    fn what_is_no_event_does_not_get_to_the_bus() {
        for odd in [
            json!({}),
            json!({"source": "a", "detail-type": "b", "detail": "text"}),
            json!({"source": "a", "detail": {}}),
        ] {
            assert!(entry(&odd).is_err(), "{odd}");
        }
    }
}
