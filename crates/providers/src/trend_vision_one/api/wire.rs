//! The API's JSON, parsed tolerantly: fields vary between releases.

use serde_json::{Value, json};
use towerhook_core::model::{AccountId, Health, Registration, RegistrationKind, RegistrationSpec};

use super::Settings;
use crate::api::json::text;

/// What a mark follows in a row's description. The name is not the place for it: an account's alias
/// replaces it.
const KEPT_BY: &str = "Kept by Towerhook: ";

/// The body that makes an account's row.
pub(super) fn new_account(spec: &RegistrationSpec, settings: &Settings) -> Value {
    let mut body = json!({
        "roleArn": spec.role_arn,
        "name": spec.name,
        "description": description(&spec.name),
        "features": features(settings),
    });
    if let Some(instance) = &settings.workload_instance {
        body["connectedSecurityServices"] =
            json!([{ "name": "workload", "instanceIds": [instance] }]);
    }
    body
}

/// The body that brings a row to `spec`. The name is the vendor's to change, and the connected
/// instance can never change. Features that were chosen elsewhere stay unless some are set.
pub(super) fn change(spec: &RegistrationSpec, settings: &Settings) -> Value {
    let mut body = json!({
        "roleArn": spec.role_arn,
        "description": description(&spec.name),
    });
    if !settings.features.is_empty() {
        body["features"] = features(settings);
    }
    body
}

fn features(settings: &Settings) -> Value {
    let features = settings.features.iter();
    features.map(|id| json!({ "id": id })).collect()
}

fn description(mark: &str) -> String {
    format!("{KEPT_BY}{mark}")
}

/// The mark in a description, whatever somebody wrote around it.
fn mark(description: &str) -> Option<&str> {
    let (_, rest) = description.split_once(KEPT_BY)?;
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let end = rest.find(|c| !is_letter(c)).unwrap_or(rest.len());
    Some(&rest[..end]).filter(|mark| !mark.is_empty())
}

/// Whether a row has a role. One without is only what another of the vendor's products knows of the
/// account, and is completed when its account is connected.
pub(super) fn has_role(row: &Value) -> bool {
    row["roleArn"].as_str().is_some_and(|arn| !arn.is_empty())
}

/// An account's row.
#[derive(Debug)]
pub(super) struct Row {
    /// `None` for a row without a role.
    pub(super) registration: Option<Registration>,
    /// Whether the vendor's own template is newer than what was made with it.
    pub(super) outdated: bool,
    /// Whether a feature lacks permissions.
    pub(super) incomplete: bool,
}

/// Reads a row; `None` if its id is no account's.
pub(super) fn row(row: &Value) -> Option<Row> {
    let account: AccountId = row["id"].as_str()?.parse().ok()?;
    let description = text(&row["description"]);
    let name = mark(&description).map_or_else(|| text(&row["name"]), str::to_owned);
    let state = text(&row["state"]).to_lowercase();
    let registration = Registration {
        guid: account.to_string(),
        store: None,
        organization: false,
        name,
        kind: RegistrationKind::Account,
        enabled: true,
        role_arn: text(&row["roleArn"]),
        // It is in the role's trust, which is not shown here.
        external_id: String::new(),
        queue_url: None,
        account_mapping: None,
        health: health(&state),
    };
    let is_registration = has_role(row);
    Some(Row {
        registration: is_registration.then_some(registration),
        outdated: is_registration && state == "outdated",
        incomplete: is_registration && lacks_permissions(row),
    })
}

/// A row of another template than the vendor's own may well be outdated or lack permissions, and
/// works nevertheless.
fn health(state: &str) -> Health {
    match state {
        "managed" | "outdated" => Health::Good,
        "failed" => Health::Failing("the account's state is failed: its role was lost".to_owned()),
        _ => Health::Unknown,
    }
}

fn lacks_permissions(row: &Value) -> bool {
    let features = row["features"].as_array();
    features.into_iter().flatten().any(|feature| {
        let missing = feature["missingAwsPermissions"].as_array();
        missing.is_some_and(|missing| !missing.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_found_whatever_is_written_around_it() {
        for (description, found) in [
            ("Kept by Towerhook: P-1-A", Some("P-1-A")),
            (
                "Team blue. Kept by Towerhook: P-1-A, see wiki",
                Some("P-1-A"),
            ),
            ("Kept by Towerhook: P-1-A.", Some("P-1-A")),
            ("Kept by Towerhook: ", None),
            ("Kept by Towerhook", None),
            ("P-1-A", None),
            ("", None),
        ] {
            assert_eq!(mark(description), found, "{description:?}");
        }
        assert_eq!(mark(&description("P-1-A")), Some("P-1-A"));
    }
}
