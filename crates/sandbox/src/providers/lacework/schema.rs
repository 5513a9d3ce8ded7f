//! The shape of a cloud account integration: one table that validates requests.
//!
//! The constraints are those of the vendor's published models. Of the messages only
//! `key <name> is unrecognized` was seen; the others are worded like it.

use std::sync::LazyLock;

use regex_lite::Regex;
use serde_json::{Map, Value};

use super::integration_types::{Field, Kind, OTHER_TYPES, ROLE_ARN, fields};

/// Whether the API has an integration type of this name.
pub(super) fn is_type(name: &str) -> bool {
    fields(name).is_some() || OTHER_TYPES.contains(&name)
}

/// Checks a complete integration: `name`, `type`, `enabled`, `data` and, if given, `props`.
pub(super) fn validate(integration: &Map<String, Value>) -> Result<(), String> {
    for key in integration.keys() {
        if !["name", "type", "enabled", "data", "props"].contains(&key.as_str()) {
            return Err(unrecognized(key));
        }
    }
    let name = integration.get("name").ok_or_else(|| missing("name"))?;
    match name.as_str() {
        None => return Err("key name must be a string".to_owned()),
        Some(text) if text.is_empty() || text.chars().all(|character| character == ' ') => {
            return Err("key name must not be blank".to_owned());
        }
        Some(_) => {}
    }
    let kind = integration.get("type").ok_or_else(|| missing("type"))?;
    let kind = kind.as_str().ok_or("key type must be a string")?;
    let enabled = integration
        .get("enabled")
        .ok_or_else(|| missing("enabled"))?;
    if !matches!(enabled.as_u64(), Some(0 | 1)) {
        return Err("key enabled must be 0 or 1".to_owned());
    }
    let Some(fields) = fields(kind) else {
        return Err(if OTHER_TYPES.contains(&kind) {
            format!(
                "type {kind} cannot be created in this simulator, which knows the AWS types only"
            )
        } else {
            format!("type {kind} is unrecognized")
        });
    };
    let data = integration.get("data").ok_or_else(|| missing("data"))?;
    let data = data.as_object().ok_or("key data must be an object")?;
    validate_fields(data, &fields)
}

fn validate_fields(object: &Map<String, Value>, fields: &[Field]) -> Result<(), String> {
    if let Some(key) = object
        .keys()
        .find(|key| fields.iter().all(|field| field.name != *key))
    {
        return Err(unrecognized(key));
    }
    for field in fields {
        match object.get(field.name) {
            None | Some(Value::Null) if field.required => return Err(missing(field.name)),
            None | Some(Value::Null) => {}
            Some(value) => validate_value(field, value)?,
        }
    }
    Ok(())
}

fn validate_value(field: &Field, value: &Value) -> Result<(), String> {
    let name = field.name;
    let text = value.as_str();
    let (valid, expected) = match field.kind {
        Kind::Text => (
            text.is_some_and(|text| !text.is_empty()),
            "be a string and not empty".to_owned(),
        ),
        Kind::Pattern(pattern) => (
            text.is_some_and(|text| matches_pattern(pattern, text)),
            format!("match pattern {pattern}"),
        ),
        Kind::OneOf(choices) => (
            text.is_some_and(|text| choices.contains(&text)),
            format!("be one of {}", choices.join(", ")),
        ),
        Kind::Number => (value.is_number(), "be a number".to_owned()),
        Kind::Flag => (
            value.is_boolean() || matches!(value.as_u64(), Some(0 | 1)),
            "be a boolean".to_owned(),
        ),
        Kind::Texts => (
            value
                .as_array()
                .is_some_and(|list| list.iter().all(Value::is_string)),
            "be a list of strings".to_owned(),
        ),
        Kind::AnyObject => (value.is_object(), "be an object".to_owned()),
        Kind::Object(fields) => match value.as_object() {
            Some(object) => return validate_fields(object, fields),
            None => (false, "be an object".to_owned()),
        },
    };
    if valid {
        Ok(())
    } else {
        Err(format!("key {name} must {expected}"))
    }
}

fn matches_pattern(pattern: &str, text: &str) -> bool {
    static ROLE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(ROLE_ARN).ok());
    let compiled;
    let regex = if pattern == ROLE_ARN {
        ROLE.as_ref()
    } else {
        compiled = Regex::new(pattern).ok();
        compiled.as_ref()
    };
    regex.is_some_and(|regex| regex.is_match(text))
}

fn unrecognized(key: &str) -> String {
    format!("key {key} is unrecognized")
}

fn missing(key: &str) -> String {
    format!("key {key} is required")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::providers::lacework::integration_types::URL;

    const ROLE: &str = "arn:aws:iam::111122223333:role/acme-laceworkcwsrole-sa";

    fn config() -> Value {
        json!({"name": "n", "type": "AwsCfg", "enabled": 1, "data": {
            "crossAccountCredentials": {"roleArn": ROLE, "externalId": "e"}}})
    }

    fn check(integration: &Value) -> Result<(), String> {
        validate(integration.as_object().unwrap())
    }

    #[test]
    fn a_config_and_a_trail_integration_are_valid() {
        assert_eq!(check(&config()), Ok(()));
        let mut trail = config();
        trail["type"] = json!("AwsCtSqs");
        assert_eq!(check(&trail), Err("key queueUrl is required".to_owned()));
        trail["data"]["queueUrl"] =
            json!("https://sqs.us-east-1.amazonaws.com/111122223333/acme-laceworkcws");
        assert_eq!(check(&trail), Ok(()));
        trail["data"]["awsAccountId"] = json!("111122223333");
        assert_eq!(check(&trail), Ok(()));
    }

    #[test]
    fn every_departure_is_named() {
        let cases = [
            ("/name", json!(""), "key name must not be blank"),
            ("/name", json!("  "), "key name must not be blank"),
            ("/enabled", json!(2), "key enabled must be 0 or 1"),
            ("/enabled", json!(true), "key enabled must be 0 or 1"),
            (
                "/type",
                json!("AwsConfig"),
                "type AwsConfig is unrecognized",
            ),
            (
                "/data/crossAccountCredentials/externalId",
                json!(""),
                "key externalId must be a string and not empty",
            ),
            (
                "/data/crossAccountCredentials",
                json!("x"),
                "key crossAccountCredentials must be an object",
            ),
            (
                "/data",
                json!({}),
                "key crossAccountCredentials is required",
            ),
            ("/data", json!([]), "key data must be an object"),
        ];
        for (pointer, value, message) in cases {
            let mut integration = config();
            *integration.pointer_mut(pointer).unwrap() = value;
            assert_eq!(check(&integration), Err(message.to_owned()), "{pointer}");
        }
        let mut extra = config();
        extra["data"]["queueURL"] = json!("x");
        assert_eq!(
            check(&extra),
            Err("key queueURL is unrecognized".to_owned())
        );
        let mut extra = config();
        extra["isOrg"] = json!(1);
        assert_eq!(check(&extra), Err("key isOrg is unrecognized".to_owned()));
    }

    #[test]
    fn role_names_with_signs_that_the_service_refuses_are_refused() {
        let long = "arn:aws-cn:iam::111122223333:role/path/name_1";
        for (role, valid) in [
            (ROLE, true),
            (long, true),
            ("arn:aws:iam::111122223333:role/a.b", false),
            ("arn:aws:iam::111122223333:role/a@b", false),
            ("arn:aws:iam::1111:role/a", false),
            ("role/a", false),
        ] {
            let mut integration = config();
            integration["data"]["crossAccountCredentials"]["roleArn"] = json!(role);
            assert_eq!(check(&integration).is_ok(), valid, "{role}");
        }
    }

    #[test]
    fn every_pattern_compiles() {
        for pattern in [
            ROLE_ARN,
            URL,
            r"^\d{12}$",
            "^[A-Z0-9]{20}$",
            "^[A-Za-z0-9/+=]{40}$",
        ] {
            assert!(Regex::new(pattern).is_ok(), "{pattern}");
        }
    }
}
