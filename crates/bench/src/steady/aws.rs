//! AWS's answers about the organization, in pages of the sizes that AWS has.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use towerhook_core::landing_zone::{Account, LandingZone, Trail};
use towerhook_core::model::AccountId;
use towerhook_world::MANAGEMENT;

use super::enrolled::Enrolled;
use super::pages::{Page, page, page_up_to};
use crate::endpoint::{Call, Reply};
use crate::lambda::REGION;

/// Accounts in a page of `ListAccounts`.
const ACCOUNTS: usize = 20;
/// Baselines in a page of `ListEnabledBaselines`, and instances in one of `ListStackInstances`.
const HUNDRED: usize = 100;
/// Bytes of items in a page of `Query`.
const QUERY_BYTES: usize = 1 << 20;

/// The organization's id.
const ORGANIZATION: &str = "o-aa111bb222";

/// Refuses every write but those of the lease.
pub(super) fn answer(enrolled: &Enrolled, call: &Call) -> Reply {
    match call.name.as_str() {
        "dynamodb:GetItem" => Reply::json(&item(enrolled, call)),
        "dynamodb:UpdateItem" if !call.is_write() => {
            Reply::json(&json!({"Attributes": deployment(enrolled)}))
        }
        "dynamodb:PutItem" | "dynamodb:DeleteItem" if !call.is_write() => Reply::json(&json!({})),
        "dynamodb:Query" => Reply::json(&records(enrolled, call)),
        "organizations:ListAccounts" => Reply::json(&accounts(enrolled, call)),
        "controltower:ListEnabledBaselines" => Reply::json(&baselines(enrolled, call)),
        "controltower:ListLandingZones" => {
            Reply::json(&json!({"landingZones": [{"arn": landing_zone_arn()}]}))
        }
        "controltower:GetLandingZone" => Reply::json(&landing_zone(&enrolled.landing_zone)),
        "cloudtrail:GetTrail" => Reply::json(&trail(&enrolled.trail)),
        "cloudtrail:GetTrailStatus" => {
            Reply::json(&json!({"IsLogging": enrolled.trail.is_logging}))
        }
        "cloudformation:ListStackInstances" => instances(enrolled, call),
        "secretsmanager:GetSecretValue" => Reply::json(&token(&enrolled.deployment.policy.host)),
        _ => Reply::unforeseen(),
    }
}

fn item(enrolled: &Enrolled, call: &Call) -> Value {
    let kind = call.body["Key"]["kind"]["S"].as_str();
    if kind == Some("deployment") {
        json!({"Item": deployment(enrolled)})
    } else {
        json!({})
    }
}

fn deployment(enrolled: &Enrolled) -> Value {
    let document = json!(enrolled.deployment).to_string();
    stored("deployment", "current", document)
}

/// An item of the ledger with a document.
fn stored(kind: &str, id: &str, document: String) -> Value {
    json!({"kind": {"S": kind}, "id": {"S": id}, "document": {"S": document}})
}

fn records(enrolled: &Enrolled, call: &Call) -> Value {
    let records = enrolled.records.iter();
    let items: Vec<Value> = records
        .map(|(id, record)| stored("account", id.as_str(), json!(record).to_string()))
        .collect();
    let sizes: Vec<usize> = items.iter().map(size).collect();
    let after = call.body["ExclusiveStartKey"]["id"]["S"].as_str();
    let begin = after.map(|after| {
        let before = enrolled.records.keys();
        let before = before.take_while(|id| id.as_str() <= after);
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

fn accounts(enrolled: &Enrolled, call: &Call) -> Value {
    let all = &enrolled.accounts;
    let Page { range, next } = page(call.text("NextToken"), ACCOUNTS, all.len());
    let found = all[range].iter().map(|Account { id, name, path, .. }| {
        let path: String = path.iter().map(|unit| format!("{unit}/")).collect();
        json!({
            "Id": id,
            "Arn": arn_of_account(id),
            "Email": format!("aws+{id}@example.com"),
            "Name": name,
            "Status": "ACTIVE",
            "State": "ACTIVE",
            "JoinedMethod": "CREATED",
            "JoinedTimestamp": 1_767_225_600.123,
            "Paths": [format!("{ORGANIZATION}/{path}{id}/")],
        })
    });
    let found: Vec<Value> = found.collect();
    with_token(json!({"Accounts": found}), "NextToken", next)
}

fn arn_of_account(id: &AccountId) -> String {
    format!("arn:aws:organizations::{MANAGEMENT}:account/{ORGANIZATION}/{id}")
}

/// The units' baselines first, then those of the accounts, which inherit them.
fn baselines(enrolled: &Enrolled, call: &Call) -> Value {
    let units = enrolled.units.0.keys();
    let units =
        units.map(|unit| format!("arn:aws:organizations::{MANAGEMENT}:ou/{ORGANIZATION}/{unit}"));
    let count = units.len();
    let members = enrolled.accounts.iter().map(|account| &account.id);
    let members = members.filter(|id| id.as_str() != MANAGEMENT);
    let targets: Vec<String> = units.chain(members.map(arn_of_account)).collect();
    let Page { range, next } = page(call.text("nextToken"), HUNDRED, targets.len());
    let places = range.clone().zip(&targets[range]);
    let found = places.map(|(place, target)| {
        let parent = place.checked_sub(count);
        json!({
            "arn": enabled_baseline(place),
            "baselineIdentifier":
                format!("arn:aws:controltower:{REGION}::baseline/17BSJV3IGJ2QSGA2"),
            "baselineVersion": "4.0",
            "driftStatusSummary": { "types": { "inheritance": { "status": "IN_SYNC" } } },
            "parentIdentifier": parent.map(|place| enabled_baseline(place % count)),
            "statusSummary": {
                "lastOperationIdentifier": format!("00000000-0000-4000-8000-{place:012}"),
                "status": "SUCCEEDED",
            },
            "targetIdentifier": target,
        })
    });
    let found: Vec<Value> = found.collect();
    with_token(json!({"enabledBaselines": found}), "nextToken", next)
}

fn enabled_baseline(place: usize) -> String {
    format!("arn:aws:controltower:{REGION}:{MANAGEMENT}:enabledbaseline/XA{place:015}")
}

fn landing_zone_arn() -> String {
    format!("arn:aws:controltower:{REGION}:{MANAGEMENT}:landingzone/1A2B3C4D5E6F7G8H")
}

fn landing_zone(
    LandingZone {
        version,
        log_archive,
        audit,
        ..
    }: &LandingZone,
) -> Value {
    json!({"landingZone": {
        "arn": landing_zone_arn(),
        "driftStatus": { "status": "IN_SYNC" },
        "latestAvailableVersion": version,
        "manifest": {
            "governedRegions": [REGION],
            "centralizedLogging": { "accountId": log_archive, "enabled": true },
            "securityRoles": { "accountId": audit },
        },
        "status": "ACTIVE",
        "version": version,
    }})
}

fn trail(trail: &Trail) -> Value {
    json!({"Trail": {
        "HomeRegion": trail.home_region,
        "IncludeGlobalServiceEvents": true,
        "IsMultiRegionTrail": trail.is_multi_region,
        "IsOrganizationTrail": trail.is_organization,
        "LogFileValidationEnabled": true,
        "Name": trail.name,
        "S3BucketName": trail.bucket,
        "S3KeyPrefix": ORGANIZATION,
        "SnsTopicARN": trail.topic,
        "TrailARN": format!("arn:aws:cloudtrail:{REGION}:{MANAGEMENT}:trail/{}", trail.name),
    }})
}

fn instances(enrolled: &Enrolled, call: &Call) -> Reply {
    let name = call.text("StackSetName").unwrap_or_default();
    let only = call.text("StackInstanceAccount");
    let found = enrolled.instances.get(name).into_iter().flatten();
    let found = found.filter(|id| only.is_none_or(|only| id.as_str() == only));
    let found: Vec<&AccountId> = found.collect();
    let Page { range, next } = page(call.text("NextToken"), HUNDRED, found.len());
    let members: String = found[range].iter().map(|id| instance(name, id)).collect();
    let next = next.map(|next| format!("<NextToken>{next}</NextToken>"));
    let next = next.unwrap_or_default();
    let summaries = format!("<Summaries>{members}</Summaries>{next}");
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

fn token(host: &str) -> Value {
    let token = json!({
        "token": format!("_{}", "0123456789abcdef".repeat(4)),
        "expiresAt": Timestamp::now() + SignedDuration::from_hours(20),
        "keyVersion": "v1",
        "host": host,
    });
    json!({"SecretString": token.to_string(), "VersionId": "v1"})
}

fn with_token(mut answer: Value, name: &str, next: Option<String>) -> Value {
    if let Some(next) = next {
        answer[name] = Value::String(next);
    }
    answer
}
