//! Lacework's answers about the organization.

use serde_json::{Value, json};
use towerhook_core::model::{Registration, RegistrationKind};

use super::enrolled::Enrolled;
use super::pages::{Page, page};
use crate::endpoint::{Call, Reply};

/// Rows of a page, as documented.
const ROWS: usize = 5000;
/// Precedes the token in a page's link.
const TOKEN: &str = "pageToken=";

pub(super) fn answer(enrolled: &Enrolled, call: &Call) -> Reply {
    match call.name.as_str() {
        "GET /api/v2/CloudAccounts/AwsCfg" => listing(&enrolled.registrations, call),
        "GET /api/v2/CloudAccounts/AwsCtSqs" => listing(&enrolled.feeds, call),
        _ => Reply::unforeseen(),
    }
}

fn listing(all: &[Registration], call: &Call) -> Reply {
    let Page { range, next } = page(call.query.strip_prefix(TOKEN), ROWS, all.len());
    let rows: Vec<Value> = all[range].iter().map(row).collect();
    // The client takes only the link's path and query.
    let next = next
        .map(|next| format!("https://acme.lacework.net/api/v2/CloudAccounts/AwsCfg?{TOKEN}{next}"));
    Reply::json(&json!({
        "paging": { "rows": rows.len(), "totalRows": all.len(), "urls": { "nextPage": next } },
        "data": rows,
    }))
}

/// A registration with all the fields that the API shows.
fn row(registration: &Registration) -> Value {
    let kind = match registration.kind {
        RegistrationKind::Account => "AwsCfg",
        RegistrationKind::Feed => "AwsCtSqs",
    };
    let mut data = json!({
        "awsAccountId": registration.role_arn.split(':').nth(4),
        "crossAccountCredentials": {
            "externalId": registration.external_id,
            "roleArn": registration.role_arn,
        },
    });
    if let Some(queue_url) = &registration.queue_url {
        data["queueUrl"] = json!(queue_url);
    }
    json!({
        "createdOrUpdatedBy": "security@example.com",
        "createdOrUpdatedTime": "2026-01-01T00:00:00.000Z",
        "enabled": u8::from(registration.enabled),
        "intgGuid": registration.guid,
        "isOrg": u8::from(registration.organization),
        "name": registration.name,
        "props": { "tags": null },
        "state": {
            "details": {},
            "lastSuccessfulTime": 1_767_225_600_000_u64,
            "lastUpdatedTime": 1_767_225_600_000_u64,
            "ok": true,
        },
        "type": kind,
        "data": data,
    })
}
