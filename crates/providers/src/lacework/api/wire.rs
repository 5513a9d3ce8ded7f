//! The API's JSON, parsed tolerantly: fields vary between tenants and releases.

use serde_json::{Value, json};
use towerhook_core::{
    Error, ErrorKind, Result,
    model::{Health, Registration, RegistrationKind, RegistrationSpec, Store},
};

use crate::lacework::mapping_file;

/// The longest server message that is passed on, in characters.
const LONGEST_MESSAGE: usize = 300;

/// The most values in a response's JSON: 40 for each of as many integrations as fit. An empty value
/// takes two bytes in the response, and up to 350 in memory.
const MOST_VALUES: usize = 500_000;

/// A response with more values than the limit.
#[derive(Debug, thiserror::Error)]
#[error("the response has more than {MOST_VALUES} values")]
struct TooMany;

/// A response that lacks a mandatory field.
#[derive(Debug, thiserror::Error)]
#[error("the response has no {0}")]
struct Missing(&'static str);

pub(super) fn missing(operation: &'static str, what: &'static str) -> Error {
    Error::new(operation, ErrorKind::Invalid, Missing(what)).of_registry()
}

pub(super) fn json(operation: &'static str, body: &[u8]) -> Result<Value> {
    // Each value follows one of these; separators inside strings are counted, too.
    let separators = body
        .iter()
        .filter(|byte| matches!(byte, b'[' | b'{' | b','));
    if separators.count() > MOST_VALUES {
        return Err(Error::new(operation, ErrorKind::Invalid, TooMany).of_registry());
    }
    serde_json::from_slice(body)
        .map_err(|error| Error::new(operation, ErrorKind::Invalid, error).of_registry())
}

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
    let answer = json(operation, body).ok()?;
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

/// The string, or an empty one for any other value.
pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The server's message for a refusal, on one line, bounded, and with the texts in `hidden`
/// redacted.
///
/// Errors are `{"message": "..."}`; gateways in between return text or HTML.
pub(super) fn message(body: &[u8], hidden: &[&str]) -> String {
    let parsed: Value = serde_json::from_slice(body).unwrap_or_default();
    let mut message = match &parsed {
        Value::Null => String::from_utf8_lossy(body).into_owned(),
        parsed => parsed["message"]
            .as_str()
            .map_or_else(|| parsed.to_string(), str::to_owned),
    };
    for secret in hidden.iter().filter(|secret| !secret.is_empty()) {
        message = message.replace(secret, "[redacted]");
    }
    let line = bounded_line(&message);
    if line.is_empty() {
        return "no message".to_owned();
    }
    line
}

fn bounded_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST_MESSAGE) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_bounded_line_in_the_servers_words() {
        let long = format!(r#"{{"message":"{}"}}"#, "ä".repeat(1000));
        for (body, expected) in [
            (r#"{"message":"Not Found"}"#, "Not Found"),
            ("404 page not found\n", "404 page not found"),
            ("<h1>\n  Bad\r\n Gateway</h1>", "<h1> Bad Gateway</h1>"),
            (
                r#"{"data":{"ErrorMsg":"slow"}}"#,
                r#"{"data":{"ErrorMsg":"slow"}}"#,
            ),
            (r#"{"message":7}"#, r#"{"message":7}"#),
            ("", "no message"),
            ("null", "null"),
            (r#"{"message":" "}"#, "no message"),
            (&long, &format!("{}...", "ä".repeat(300))),
        ] {
            assert_eq!(message(body.as_bytes(), &[]), expected);
        }
        assert_eq!(message(b"\xff", &[]), "\u{fffd}");
    }

    #[test]
    fn a_response_with_too_many_values_is_not_parsed() {
        let values = |count: usize| format!("[{}]", vec!["{}"; count].join(","));
        assert!(json("lacework:Read", values(MOST_VALUES / 2).as_bytes()).is_ok());
        let error = json("lacework:Read", values(MOST_VALUES).as_bytes()).unwrap_err();
        assert_eq!(
            error.chain(),
            "lacework:Read failed: the response has more than 500000 values"
        );
        assert_eq!(
            made_guid("lacework:Read", values(MOST_VALUES).as_bytes()),
            None
        );
    }

    #[test]
    fn a_message_repeats_no_secret() {
        let hidden = ["", "a/b"];
        for body in [
            r#"{"message":"id a/b"}"#,
            r#"{"error":"id a\/b"}"#,
            "id a/b",
        ] {
            let message = message(body.as_bytes(), &hidden);
            assert!(message.contains("id [redacted]"), "{message}");
        }
        // The bound must not leave half of the secret, either.
        let body = format!("{}{}", "x".repeat(295), "secret-token");
        assert!(!message(body.as_bytes(), &["secret-token"]).contains("secret"));
    }
}
