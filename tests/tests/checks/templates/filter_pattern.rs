//! CloudWatch's filter patterns for JSON, as far as our templates use them: no emulator makes a metric of a
//! log line.
//!
//! Source: docs.aws.amazon.com/AmazonCloudWatch/latest/logs/matching-terms-json-log-events.html.

use serde_json::Value;

/// Whether a pattern such as `{ ($.a = "x*") && ($.b NOT EXISTS) }` matches a record.
pub(crate) fn matches(pattern: &str, record: &Value) -> bool {
    let inner = pattern
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'));
    let mut rest = inner.expect("a pattern in braces");
    let found = any(&mut rest, record);
    assert!(rest.trim().is_empty(), "not read: {rest}");
    found
}

fn any(rest: &mut &str, record: &Value) -> bool {
    let mut found = all(rest, record);
    while take(rest, "||") {
        found |= all(rest, record);
    }
    found
}

fn all(rest: &mut &str, record: &Value) -> bool {
    let mut found = one(rest, record);
    while take(rest, "&&") {
        found &= one(rest, record);
    }
    found
}

fn one(rest: &mut &str, record: &Value) -> bool {
    if take(rest, "(") {
        let found = any(rest, record);
        assert!(take(rest, ")"), "no end: {rest}");
        return found;
    }
    assert!(take(rest, "$."), "no field: {rest}");
    let end = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '.');
    let (field, after) = rest.split_at(end.expect("a comparison"));
    *rest = after;
    let found = field
        .split('.')
        .try_fold(record, |value, name| value.get(name));
    if take(rest, "NOT EXISTS") {
        return found.is_none();
    }
    let is_negated = take(rest, "!=");
    assert!(is_negated || take(rest, "="), "no comparison: {rest}");
    assert!(take(rest, "\""), "no text: {rest}");
    let (wanted, after) = rest.split_once('"').expect("the end of a text");
    *rest = after;
    // A field that is missing matches neither.
    let text = found.and_then(Value::as_str);
    text.is_some_and(|text| is_like(wanted, text) != is_negated)
}

/// Whether a text is like one in which an asterisk at either end stands for anything.
fn is_like(wanted: &str, text: &str) -> bool {
    let (open, wanted) = (wanted.starts_with('*'), wanted.trim_start_matches('*'));
    let (more, wanted) = (wanted.ends_with('*'), wanted.trim_end_matches('*'));
    match (open, more) {
        (false, false) => text == wanted,
        (true, false) => text.ends_with(wanted),
        (false, true) => text.starts_with(wanted),
        (true, true) => text.contains(wanted),
    }
}

fn take(rest: &mut &str, token: &str) -> bool {
    let taken = rest.trim_start().strip_prefix(token);
    *rest = taken.unwrap_or(rest);
    taken.is_some()
}
