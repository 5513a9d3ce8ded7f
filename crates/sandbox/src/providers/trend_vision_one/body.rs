//! What a request's body may hold.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::features::is_feature;

/// Characters that a name or a description may have.
const LONGEST_TEXT: usize = 254;

/// Fields of the unreleased API, which the Terraform provider sends. They are kept as they are.
const BETA: [&str; 7] = [
    "featuresConfigFilePath",
    "isAwsOrgMgmtAccount",
    "isCAMCloudASRMEnabled",
    "isTFProviderDeployed",
    "organizationExcludedAccounts",
    "serverWorkloadProtectionRegions",
    "targetOrganizationalUnitIds",
];

/// The kind of body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A new account, with a role and a name.
    Account,
    /// What changes of an account.
    Change,
    /// What the vendor's template is to be for.
    TemplateRequest,
}

/// Checks every field of a body.
///
/// # Errors
/// One sentence about the first that is wrong.
pub(super) fn check(body: &Value, shape: Shape) -> Result<&Map<String, Value>, String> {
    let fields = body.as_object().ok_or("the body must be an object")?;
    if shape == Shape::Account {
        for name in ["roleArn", "name"] {
            if !fields.contains_key(name) {
                return Err(format!("{name} is required"));
            }
        }
    }
    for (name, value) in fields {
        field(name, value, shape)?;
    }
    Ok(fields)
}

fn field(name: &str, value: &Value, shape: Shape) -> Result<(), String> {
    let of_account = shape != Shape::TemplateRequest;
    match name {
        "features" => each(name, value, feature),
        "connectedSecurityServices" => each(name, value, security_service),
        "customTags" => each(name, value, tag),
        "roleArn" if of_account => role(value),
        "name" if of_account => text(name, value, 1),
        "description" if of_account => text(name, value, 0),
        _ if of_account && BETA.contains(&name) => Ok(()),
        "awsRegion" if !of_account => text(name, value, 1),
        "awsAccountName" | "awsAccountDescription" if !of_account => text(name, value, 0),
        "templateAccountType" if !of_account => {
            if ["single", "organization"].contains(&value.as_str().unwrap_or_default()) {
                Ok(())
            } else {
                Err(format!("{name} must be single or organization"))
            }
        }
        _ => Err(format!("{name} is not known")),
    }
}

fn text(name: &str, value: &Value, shortest: usize) -> Result<(), String> {
    let length = value.as_str().map(|text| text.chars().count());
    if length.is_some_and(|length| (shortest..=LONGEST_TEXT).contains(&length)) {
        Ok(())
    } else {
        Err(format!(
            "{name} must be a text of {shortest} to {LONGEST_TEXT} characters"
        ))
    }
}

/// `arn:aws:iam::<12 digits>:role/<name>`.
fn role(value: &Value) -> Result<(), String> {
    let is_role = |arn: &str| {
        let rest = arn.strip_prefix("arn:aws:iam::")?;
        let (account, name) = rest.split_once(":role/")?;
        let digits = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        (digits && !name.is_empty()).then_some(())
    };
    value
        .as_str()
        .and_then(is_role)
        .ok_or_else(|| "roleArn must be the ARN of a role".to_owned())
}

fn each(
    name: &str,
    value: &Value,
    check: impl Fn(&Map<String, Value>) -> Result<(), String>,
) -> Result<(), String> {
    let objects = value
        .as_array()
        .and_then(|list| {
            list.iter()
                .map(Value::as_object)
                .collect::<Option<Vec<_>>>()
        })
        .ok_or_else(|| format!("{name} must be a list of objects"))?;
    objects.into_iter().try_for_each(check)
}

fn only(object: &Map<String, Value>, known: &[&str]) -> Result<(), String> {
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(format!("{key} is not known")),
        None => Ok(()),
    }
}

fn regions(object: &Map<String, Value>) -> Result<(), String> {
    let well_formed = object.get("regions").is_none_or(|value| {
        let list = value.as_array();
        list.is_some_and(|list| list.iter().all(Value::is_string))
    });
    well_formed
        .then_some(())
        .ok_or_else(|| "regions must be a list of texts".to_owned())
}

fn feature(object: &Map<String, Value>) -> Result<(), String> {
    only(object, &["id", "regions"])?;
    match object.get("id").and_then(Value::as_str) {
        Some(id) if is_feature(id) => regions(object),
        _ => Err("a feature's id is unknown".to_owned()),
    }
}

fn security_service(object: &Map<String, Value>) -> Result<(), String> {
    only(object, &["name", "instanceIds", "regions"])?;
    if object.get("name").and_then(Value::as_str) != Some("workload") {
        return Err("a connected security service must be workload".to_owned());
    }
    match instance_ids(object).as_slice() {
        [id] if Uuid::try_parse(id).is_ok() => regions(object),
        _ => Err("instanceIds must be exactly one UUID".to_owned()),
    }
}

/// The instances that a connected security service names.
pub(super) fn instance_ids(service: &Map<String, Value>) -> Vec<&str> {
    let list = service.get("instanceIds").and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

fn tag(object: &Map<String, Value>) -> Result<(), String> {
    only(object, &["key", "value"])?;
    let complete = ["key", "value"]
        .iter()
        .all(|key| object.get(*key).is_some_and(Value::is_string));
    complete
        .then_some(())
        .ok_or_else(|| "a custom tag must have a key and a value".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ROLE: &str = "arn:aws:iam::111122223333:role/VisionOneRole";

    #[test]
    fn what_the_vendors_clients_send_is_accepted() {
        let account = json!({
            "roleArn": ROLE, "name": "n", "description": "",
            "features": [{"id": "cloud-sentry", "regions": ["us-east-1"]}, {"id": "cloud-response"}],
            "connectedSecurityServices": [{"name": "workload", "regions": [],
                "instanceIds": ["abcdef12-3456-7890-abcd-ef1234567890"]}],
            "customTags": [{"key": "k", "value": "v"}],
            "isCAMCloudASRMEnabled": true, "isTFProviderDeployed": true,
        });
        assert!(check(&account, Shape::Account).is_ok());
        assert!(check(&account, Shape::Change).is_ok());
        assert!(check(&json!({}), Shape::Change).is_ok());
        let template = json!({"awsRegion": "us-east-1", "features": [],
            "templateAccountType": "organization", "awsAccountName": ""});
        assert!(check(&template, Shape::TemplateRequest).is_ok());
    }

    #[test]
    fn everything_else_is_refused_with_its_reason() {
        let service = |ids: Value| json!([{"name": "workload", "instanceIds": ids}]);
        let cases = [
            ("roleArn", json!("arn:aws:iam::1:role/r"), "ARN of a role"),
            ("roleArn", json!("arn:aws:iam::111122223333:user/u"), "ARN"),
            ("name", json!(""), "1 to 254"),
            ("name", json!("n".repeat(255)), "1 to 254"),
            ("description", json!("d".repeat(255)), "0 to 254"),
            ("description", json!(7), "must be a text"),
            ("features", json!([{"id": "nothing"}]), "unknown"),
            ("features", json!({"id": "cloud-sentry"}), "list of objects"),
            (
                "features",
                json!([{"id": "cloud-sentry", "regions": [1]}]),
                "regions",
            ),
            (
                "connectedSecurityServices",
                service(json!([])),
                "exactly one",
            ),
            (
                "connectedSecurityServices",
                service(json!(["x"])),
                "exactly one",
            ),
            (
                "connectedSecurityServices",
                json!([{"name": "x"}]),
                "must be workload",
            ),
            ("customTags", json!([{"key": "k"}]), "key and a value"),
            (
                "customTags",
                json!([{"key": "k", "value": "v", "x": 1}]),
                "x is not known",
            ),
            ("awsRegion", json!("us-east-1"), "is not known"),
            ("externalId", json!("e"), "is not known"),
        ];
        for (name, value, reason) in cases {
            let mut account = json!({"roleArn": ROLE, "name": "n"});
            account[name] = value;
            let refused = check(&account, Shape::Account).unwrap_err();
            assert!(refused.contains(reason), "{refused} does not say {reason}");
        }
        assert!(check(&json!({"name": "n"}), Shape::Account).is_err());
        assert!(check(&json!([]), Shape::Change).is_err());
        let kind = json!({"templateAccountType": "both"});
        assert!(check(&kind, Shape::TemplateRequest).is_err());
    }
}
