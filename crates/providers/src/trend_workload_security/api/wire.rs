//! The API's JSON, parsed tolerantly: fields vary between releases.

use serde_json::{Value, json};
use towerhook_core::model::{AccountId, Health, Registration, RegistrationKind, RegistrationSpec};

use crate::api::json::text;

/// The body that makes a connector, or brings one to `spec`.
pub(super) fn connector_body(spec: &RegistrationSpec) -> Value {
    json!({
        "displayName": spec.name,
        "crossAccountRoleArn": spec.role_arn,
        "workspacesEnabled": true,
    })
}

/// The search for the connectors after this id, in the order of their ids.
pub(super) fn page_after(id: i64, most: usize) -> Value {
    json!({
        "maxItems": most,
        "searchCriteria": [{ "fieldName": "ID", "idTest": "greater-than", "idValue": id }],
        "sortByObjectID": true,
    })
}

/// The search for the connector of one account.
pub(super) fn of_account(account: &AccountId) -> Value {
    json!({
        "maxItems": 1,
        "searchCriteria": [{
            "fieldName": "accountId", "stringTest": "equal", "stringValue": account,
        }],
    })
}

/// A connector's id, with which it is changed and deleted.
pub(super) fn id(connector: &Value) -> Option<i64> {
    connector["ID"].as_i64().filter(|id| *id > 0)
}

/// A connector; `None` if it has no usable id.
///
/// One that works with an access key has no role. It stands here with its account's root, which is
/// what an access key of the account's own is worth.
pub(super) fn registration(connector: &Value) -> Option<Registration> {
    let role = text(&connector["crossAccountRoleArn"]);
    let account = connector["accountId"].as_str();
    let account = account.and_then(|id| id.parse::<AccountId>().ok());
    let role_arn = match account {
        Some(account) if role.is_empty() => format!("arn:aws:iam::{account}:root"),
        _ => role,
    };
    Some(Registration {
        guid: id(connector)?.to_string(),
        store: None,
        organization: false,
        name: text(&connector["displayName"]),
        kind: RegistrationKind::Account,
        enabled: true,
        role_arn,
        // The one of the tenant, which is not shown here.
        external_id: String::new(),
        queue_url: None,
        account_mapping: None,
        // A connector does not show whether its role still works.
        health: Health::Unknown,
    })
}
