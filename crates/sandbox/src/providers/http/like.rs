//! SQL's patterns, which searches use.

/// The pattern as a regular expression: `%` for any text, `_` for any character.
pub(crate) fn like(pattern: &str) -> String {
    let body: String = pattern
        .chars()
        .map(|character| match character {
            '%' => ".*".to_owned(),
            '_' => ".".to_owned(),
            other => regex_lite::escape(&other.to_string()),
        })
        .collect();
    format!("(?s)^{body}$")
}
