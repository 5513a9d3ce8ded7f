//! JSON responses, parsed tolerantly and within bounds, and the messages of refusals.

use serde_json::Value;
use towerhook_core::{Error, ErrorKind, Result};

/// The longest server message that is passed on, in characters.
const LONGEST_MESSAGE: usize = 300;

/// The most values in a response's JSON: 40 for each of as many registrations as fit. An empty value
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

pub(crate) fn missing(operation: &'static str, what: &'static str) -> Error {
    Error::new(operation, ErrorKind::Invalid, Missing(what)).of_registry()
}

pub(crate) fn parse(operation: &'static str, body: &[u8]) -> Result<Value> {
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

/// The string, or an empty one for any other value.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The server's message for a refusal, on one line, bounded, and with the texts in `hidden`
/// redacted.
///
/// Errors are `{"message": "..."}` or `{"error": {"message": "..."}}`; gateways in between return
/// text or HTML.
pub(crate) fn message(body: &[u8], hidden: &[&str]) -> String {
    let parsed: Value = serde_json::from_slice(body).unwrap_or_default();
    let mut message = match &parsed {
        Value::Null => String::from_utf8_lossy(body).into_owned(),
        parsed => parsed["message"]
            .as_str()
            .or_else(|| parsed["error"]["message"].as_str())
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

pub(crate) fn bounded_line(text: &str) -> String {
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
            (
                r#"{"error":{"code":"NotFound","message":"no row"}}"#,
                "no row",
            ),
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
        assert!(parse("registry:Read", values(MOST_VALUES / 2).as_bytes()).is_ok());
        let error = parse("registry:Read", values(MOST_VALUES).as_bytes()).unwrap_err();
        assert_eq!(
            error.chain(),
            "registry:Read failed: the response has more than 500000 values"
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
