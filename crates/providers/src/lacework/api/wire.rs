//! The API's JSON, parsed tolerantly: fields vary between tenants and releases.

use serde_json::{Value, json};
use towerhook_core::model::{Health, Registration, RegistrationKind, RegistrationSpec, Store};

use crate::{
    api::json::{bounded_line, parse, text},
    lacework::mapping_file,
};

/// The type's name in paths and objects.
pub(super) fn type_name(kind: RegistrationKind) -> &'static str {
    match kind {
        RegistrationKind::Account => "AwsCfg",
        RegistrationKind::Feed => "AwsCtSqs",
    }
}

/// The body that sets an integration to `spec`, for POST and PATCH.
pub(super) fn registration_body(spec: &RegistrationSpec, enabled: bool) -> Value {
    let mut data = json!({
        "awsAccountId": spec.account,
        "crossAccountCredentials": {
            "roleArn": spec.role_arn,
            "externalId": spec.external_id,
        },
    });
    if let Some(queue_url) = &spec.queue_url {
        data["queueUrl"] = json!(queue_url);
    }
    if let Some(mapping) = &spec.account_mapping {
        data["accountMappingFile"] = json!(mapping_file::to_data_uri(mapping));
    }
    json!({
        "name": spec.name,
        "type": type_name(spec.kind),
        "enabled": u8::from(enabled),
        "data": data,
    })
}

/// An integration from a list; `None` if it has no usable id.
pub(super) fn registration(
    item: &Value,
    store: Option<&Store>,
    kind: RegistrationKind,
) -> Option<Registration> {
    let data = &item["data"];
    let credentials = &data["crossAccountCredentials"];
    let guid = item["intgGuid"].as_str().filter(|guid| is_guid(guid))?;
    let organization = is_on(&item["isOrg"]);
    Some(Registration {
        guid: guid.to_owned(),
        store: store.filter(|_| !organization).cloned(),
        organization,
        name: text(&item["name"]),
        kind,
        enabled: is_on(&item["enabled"]),
        role_arn: text(&credentials["roleArn"]),
        external_id: text(&credentials["externalId"]),
        queue_url: data["queueUrl"].as_str().map(str::to_owned),
        account_mapping: data["accountMappingFile"]
            .as_str()
            .and_then(|file| mapping_file::from_data_uri(file).ok()),
        health: health(&item["state"]),
    })
}

/// A state that is absent, or not ok and without details, is still pending.
fn health(state: &Value) -> Health {
    match (state["ok"].as_bool(), state["details"].as_object()) {
        (Some(true), _) => Health::Good,
        (Some(false), Some(details)) if !details.is_empty() => {
            Health::Failing(bounded_line(&state["details"].to_string()))
        }
        _ => Health::Unknown,
    }
}

/// The id of the created or changed object, if the response contains it.
pub(super) fn made_guid(operation: &'static str, body: &[u8]) -> Option<String> {
    let answer = parse(operation, body).ok()?;
    let guid = answer["data"]["intgGuid"].as_str();
    guid.filter(|guid| is_guid(guid)).map(str::to_owned)
}

/// Whether it is safe as a path segment: `ACME_09063B8C6458FAA0...`.
fn is_guid(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

/// Flags are the numbers 1 and 0.
pub(super) fn is_on(flag: &Value) -> bool {
    flag.as_f64() == Some(1.0) || flag.as_bool() == Some(true) || flag.as_str() == Some("1")
}
