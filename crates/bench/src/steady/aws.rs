//! What AWS answers about a landing zone with everything enrolled, in pages of the sizes that it has.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use towerhook_core::model::AccountId;

use super::landing_zone::{LandingZone, ORGANIZATION, ROOT};
use super::pages::{Page, page, page_up_to};
use crate::endpoint::{Call, Reply};
use crate::functions::MANAGEMENT_ACCOUNT;
use crate::lambda::REGION;

/// Accounts in a page of `ListAccounts`.
const ACCOUNTS: usize = 20;
/// Baselines in a page of `ListEnabledBaselines`, and instances in one of `ListStackInstances`.
const HUNDRED: usize = 100;
/// Bytes of items in a page of `Query`.
const QUERY_BYTES: usize = 1 << 20;

/// A version without optional registrations, for which no control has to be read.
const VERSION: &str = "3.3";
const LANDING_ZONE: &str =
    "arn:aws:controltower:eu-west-1:999999999999:landingzone/1A2B3C4D5E6F7G8H";

/// What is written beside the lease, which is taken and given back, is refused.
pub(super) fn answer(zone: &LandingZone, call: &Call) -> Reply {
    match call.name.as_str() {
        "dynamodb:GetItem" => Reply::json(&item(zone, call)),
        "dynamodb:UpdateItem" if !call.is_write() => {
            Reply::json(&json!({"Attributes": deployment(zone)}))
        }
        "dynamodb:PutItem" | "dynamodb:DeleteItem" if !call.is_write() => Reply::json(&json!({})),
        "dynamodb:Query" => Reply::json(&records(zone, call)),
        "organizations:ListAccounts" => Reply::json(&accounts(zone, call)),
        "controltower:ListEnabledBaselines" => Reply::json(&baselines(zone, call)),
        "controltower:ListLandingZones" => {
            Reply::json(&json!({"landingZones": [{"arn": LANDING_ZONE}]}))
        }
        "controltower:GetLandingZone" => Reply::json(&landing_zone(zone)),
        "cloudtrail:GetTrail" => Reply::json(&trail(zone)),
        "cloudtrail:GetTrailStatus" => Reply::json(&json!({"IsLogging": true})),
        "cloudformation:ListStackInstances" => instances(zone, call),
        "secretsmanager:GetSecretValue" => Reply::json(&token(zone)),
        _ => Reply::unforeseen(),
    }
}

fn item(zone: &LandingZone, call: &Call) -> Value {
    let kind = call.body["Key"]["kind"]["S"].as_str();
    if kind == Some("deployment") {
        json!({"Item": deployment(zone)})
    } else {
        json!({})
    }
}

fn deployment(zone: &LandingZone) -> Value {
    stored("deployment", "current", json!(zone.deployment).to_string())
}

/// An item of the ledger with a document.
fn stored(kind: &str, id: &str, document: String) -> Value {
    json!({"kind": {"S": kind}, "id": {"S": id}, "document": {"S": document}})
}

fn records(zone: &LandingZone, call: &Call) -> Value {
    let items: Vec<Value> = zone
        .records
        .iter()
        .map(|(id, record)| stored("account", id.as_str(), json!(record).to_string()))
        .collect();
    let sizes: Vec<usize> = items.iter().map(size).collect();
    let after = call.body["ExclusiveStartKey"]["id"]["S"].as_str();
    let begin = after.map(|after| {
        let before = zone.records.keys().take_while(|id| id.as_str() <= after);
        before.count().to_string()
    });
    let Page { range, next } = page_up_to(begin.as_deref(), QUERY_BYTES, &sizes);
    let found = &items[range];
    let mut answer = json!({"Count": found.len(), "ScannedCount": found.len(), "Items": found});
    if let (Some(_), Some(last)) = (next, found.last()) {
        answer["LastEvaluatedKey"] = json!({"kind": last["kind"], "id": last["id"]});
    }
    answer
}

/// The bytes of an item as DynamoDB counts them: names and values.
fn size(item: &Value) -> usize {
    let attributes = item.as_object().into_iter().flatten();
    attributes
        .map(|(name, value)| name.len() + value["S"].as_str().unwrap_or_default().len())
        .sum()
}

fn accounts(zone: &LandingZone, call: &Call) -> Value {
    let Page { range, next } = page(call.text("NextToken"), ACCOUNTS, zone.accounts.len());
    let found: Vec<Value> = range
        .map(|place| {
            let id = &zone.accounts[place];
            let unit = zone.unit_of(place);
            json!({
                "Id": id,
                "Arn": arn_of_account(id),
                "Email": format!("aws+{id}@example.com"),
                "Name": format!("workload-{place:05}-production"),
                "Status": "ACTIVE",
                "State": "ACTIVE",
                "JoinedMethod": "CREATED",
                "JoinedTimestamp": 1_767_225_600.123,
                "Paths": [format!("{ORGANIZATION}/{ROOT}/{unit}/{id}/")],
            })
        })
        .collect();
    with_token(json!({"Accounts": found}), "NextToken", next)
}

fn arn_of_account(id: &AccountId) -> String {
    format!("arn:aws:organizations::{MANAGEMENT_ACCOUNT}:account/{ORGANIZATION}/{id}")
}

/// The units' baselines first, then the accounts', which came with them.
fn baselines(zone: &LandingZone, call: &Call) -> Value {
    let units = zone.units.iter().map(|unit| {
        format!("arn:aws:organizations::{MANAGEMENT_ACCOUNT}:ou/{ORGANIZATION}/{unit}")
    });
    let targets: Vec<String> = units.chain(zone.members().map(arn_of_account)).collect();
    let Page { range, next } = page(call.text("nextToken"), HUNDRED, targets.len());
    let places = range.clone();
    let found: Vec<Value> = places
        .zip(&targets[range])
        .map(|(place, target)| {
            let parent = place
                .checked_sub(zone.units.len())
                .map(|place| enabled_baseline(place % zone.units.len()));
            json!({
                "arn": enabled_baseline(place),
                "baselineIdentifier":
                    format!("arn:aws:controltower:{REGION}::baseline/17BSJV3IGJ2QSGA2"),
                "baselineVersion": "4.0",
                "driftStatusSummary": { "types": { "inheritance": { "status": "IN_SYNC" } } },
                "parentIdentifier": parent,
                "statusSummary": {
                    "lastOperationIdentifier": format!("00000000-0000-4000-8000-{place:012}"),
                    "status": "SUCCEEDED",
                },
                "targetIdentifier": target,
            })
        })
        .collect();
    with_token(json!({"enabledBaselines": found}), "nextToken", next)
}

fn enabled_baseline(place: usize) -> String {
    format!("arn:aws:controltower:{REGION}:{MANAGEMENT_ACCOUNT}:enabledbaseline/XA{place:015}")
}

fn landing_zone(zone: &LandingZone) -> Value {
    let policy = &zone.deployment.policy;
    json!({"landingZone": {
        "arn": LANDING_ZONE,
        "driftStatus": { "status": "IN_SYNC" },
        "latestAvailableVersion": VERSION,
        "manifest": {
            "governedRegions": [REGION],
            "centralizedLogging": { "accountId": policy.log_archive, "enabled": true },
            "securityRoles": { "accountId": policy.audit },
        },
        "status": "ACTIVE",
        "version": VERSION,
    }})
}

fn trail(zone: &LandingZone) -> Value {
    let source = zone.deployment.trail.as_ref().map(|trail| &trail.source);
    let source = source.map(|source| {
        json!({
            "HomeRegion": REGION,
            "IncludeGlobalServiceEvents": true,
            "IsMultiRegionTrail": true,
            "IsOrganizationTrail": true,
            "LogFileValidationEnabled": true,
            "Name": source.name,
            "S3BucketName": source.bucket,
            "S3KeyPrefix": ORGANIZATION,
            "SnsTopicARN": source.topic,
            "TrailARN": format!(
                "arn:aws:cloudtrail:{REGION}:{MANAGEMENT_ACCOUNT}:trail/{}",
                source.name
            ),
        })
    });
    json!({"Trail": source})
}

fn instances(zone: &LandingZone, call: &Call) -> Reply {
    let name = call.text("StackSetName").unwrap_or_default();
    let policy = &zone.deployment.policy;
    let asked = call.text("StackInstanceAccount");
    let all: Vec<&AccountId> = if name == policy.names.member_stack_set() {
        zone.members().collect()
    } else if name == policy.names.log_stack_set() {
        policy.log_archive.iter().collect()
    } else if name == policy.names.audit_stack_set() {
        policy.audit.iter().collect()
    } else {
        Vec::new()
    };
    let found: Vec<&AccountId> = all
        .into_iter()
        .filter(|id| asked.is_none_or(|asked| id.as_str() == asked))
        .collect();
    let Page { range, next } = page(call.text("NextToken"), HUNDRED, found.len());
    let members: String = found[range].iter().map(|id| instance(name, id)).collect();
    let next = next.map(|next| format!("<NextToken>{next}</NextToken>"));
    let summaries = format!(
        "<Summaries>{members}</Summaries>{}",
        next.unwrap_or_default()
    );
    Reply::xml("ListStackInstances", &summaries)
}

fn instance(stack_set: &str, account: &AccountId) -> String {
    let id = "00000000-0000-4000-8000-000000000000";
    format!(
        "<member><StackSetId>{stack_set}:{id}</StackSetId><Region>{REGION}</Region>\
         <Account>{account}</Account>\
         <StackId>arn:aws:cloudformation:{REGION}:{account}:stack/StackSet-{stack_set}/{id}</StackId>\
         <Status>CURRENT</Status><StackInstanceStatus><DetailedStatus>SUCCEEDED</DetailedStatus>\
         </StackInstanceStatus><OrganizationalUnitId></OrganizationalUnitId>\
         <DriftStatus>NOT_CHECKED</DriftStatus><LastOperationId>{id}</LastOperationId></member>"
    )
}

fn token(zone: &LandingZone) -> Value {
    let token = json!({
        "token": format!("_{}", "0123456789abcdef".repeat(4)),
        "expiresAt": Timestamp::now() + SignedDuration::from_hours(20),
        "keyVersion": "v1",
        "host": zone.deployment.policy.host,
    });
    json!({"SecretString": token.to_string(), "VersionId": "v1"})
}

fn with_token(mut answer: Value, name: &str, next: Option<String>) -> Value {
    if let Some(next) = next {
        answer[name] = Value::String(next);
    }
    answer
}
