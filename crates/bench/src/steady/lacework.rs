//! What Lacework answers about a landing zone with everything enrolled.

use serde_json::{Value, json};
use towerhook_core::{
    ledger::Record,
    model::{AccountId, RegistrationKind, RegistrationSpec},
};

use super::landing_zone::LandingZone;
use super::pages::{Page, page};
use crate::endpoint::{Call, Reply};

/// Rows of a page, as documented.
const ROWS: usize = 5000;
/// Where a page's link has the token.
const TOKEN: &str = "pageToken=";

pub(super) fn answer(zone: &LandingZone, call: &Call) -> Reply {
    match call.name.as_str() {
        "GET /api/v2/CloudAccounts/AwsCfg" => {
            let enrolled: Vec<_> = zone.records.iter().filter_map(enrolled).collect();
            let token = call.query.strip_prefix(TOKEN);
            let Page { range, next } = page(token, ROWS, enrolled.len());
            let rows: Vec<Value> = enrolled[range]
                .iter()
                .map(|(id, guid)| row(&zone.deployment.policy.member_registration(id), guid))
                .collect();
            listing(rows, next, enrolled.len())
        }
        "GET /api/v2/CloudAccounts/AwsCtSqs" => {
            let (spec, guid) = &zone.trail;
            listing(vec![row(spec, guid)], None, 1)
        }
        _ => Reply::unforeseen(),
    }
}

fn enrolled<'a>((id, record): (&'a AccountId, &'a Record)) -> Option<(&'a AccountId, &'a str)> {
    Some((id, record.registration_id.as_deref()?))
}

fn listing(rows: Vec<Value>, next: Option<String>, total: usize) -> Reply {
    // Only the link's path and query count.
    let next = next
        .map(|next| format!("https://acme.lacework.net/api/v2/CloudAccounts/AwsCfg?{TOKEN}{next}"));
    Reply::json(&json!({
        "paging": { "rows": rows.len(), "totalRows": total, "urls": { "nextPage": next } },
        "data": rows,
    }))
}

/// A registration with all the fields that the API shows.
fn row(spec: &RegistrationSpec, guid: &str) -> Value {
    let kind = match spec.kind {
        RegistrationKind::Account => "AwsCfg",
        RegistrationKind::Feed => "AwsCtSqs",
    };
    let mut data = json!({
        "awsAccountId": spec.account,
        "crossAccountCredentials": {
            "externalId": spec.external_id,
            "roleArn": spec.role_arn,
        },
    });
    if let Some(queue_url) = &spec.queue_url {
        data["queueUrl"] = json!(queue_url);
    }
    json!({
        "createdOrUpdatedBy": "security@example.com",
        "createdOrUpdatedTime": "2026-01-01T00:00:00.000Z",
        "enabled": 1,
        "intgGuid": guid,
        "isOrg": 0,
        "name": spec.name,
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
