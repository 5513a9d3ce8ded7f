//! Pages of Organizations' lists.

use serde_json::{Value, json};

use super::id;
use crate::gateway::answer::ApiError;

/// The largest page of accounts or OUs, and the default.
const PAGE: u64 = 20;

pub(super) fn listing(field: &str, items: Vec<Value>, next: Option<String>) -> Value {
    let mut answer = json!({field: items});
    if let Some(next) = next {
        answer["NextToken"] = json!(next);
    }
    answer
}

/// A token names the last item returned, so that pages stay correct when the list changes.
pub(super) fn token(last: &str) -> String {
    format!("after:{last}")
}

pub(super) fn page<'a>(
    items: &'a [Value],
    request: &Value,
) -> Result<(&'a [Value], Option<String>), ApiError> {
    let invalid = |message: &str| ApiError::new(400, "InvalidInputException", message);
    let size = match &request["MaxResults"] {
        Value::Null => PAGE,
        value => value
            .as_u64()
            .filter(|size| (1..=PAGE).contains(size))
            .ok_or_else(|| invalid("MaxResults must be between 1 and 20."))?,
    };
    let size = usize::try_from(size).unwrap_or(items.len());
    let rest = match &request["NextToken"] {
        Value::Null => items,
        value => {
            let last = value
                .as_str()
                .and_then(|token| token.strip_prefix("after:"))
                .ok_or_else(|| invalid("INVALID_NEXT_TOKEN"))?;
            match items.iter().position(|item| id(item) == last) {
                Some(position) => &items[position + 1..],
                None if last.is_empty() => items,
                None => return Err(invalid("INVALID_NEXT_TOKEN")),
            }
        }
    };
    let page = &rest[..size.min(rest.len())];
    let next = (rest.len() > page.len())
        .then(|| page.last().map(|last| token(id(last))))
        .flatten();
    Ok((page, next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_cover_the_list_once() {
        let items: Vec<_> = (0..45)
            .map(|number| json!({"Id": format!("{number:012}")}))
            .collect();
        let mut seen = Vec::new();
        let mut request = json!({});
        let mut sizes = Vec::new();
        loop {
            let (page, next) = page(&items, &request).unwrap();
            sizes.push(page.len());
            seen.extend(page.iter().cloned());
            match next {
                Some(next) => request["NextToken"] = json!(next),
                None => break,
            }
        }
        assert_eq!(sizes, [20, 20, 5]);
        assert_eq!(seen, items);
    }

    #[test]
    fn what_aws_refuses_is_refused() {
        for request in [
            json!({"MaxResults": 21}),
            json!({"MaxResults": 0}),
            json!({"NextToken": "no such token"}),
            json!({"NextToken": "after:000000000000"}),
        ] {
            assert_eq!(
                page(&[], &request).unwrap_err().code,
                "InvalidInputException"
            );
        }
    }
}
