//! Searches: criteria that a connector must meet all of, and how many to return.

use regex_lite::Regex;
use serde::Deserialize;
use serde_json::Value;

use super::connector::Connector;
use crate::providers::http::like::like;

/// The most that one search returns, and what it returns when it does not say.
const MOST: usize = 5000;

/// The field that pages are told apart by. Its criteria need not name it.
const ID: &str = "ID";

/// A search's body. The vendor's client sends more fields.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    max_items: Option<usize>,
    search_criteria: Option<Criteria>,
}

/// The vendor's client sends a list, its own tool for Control Tower one object.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Criteria {
    Several(Vec<Criterion>),
    One(Box<Criterion>),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Criterion {
    field_name: Option<String>,
    string_test: Option<String>,
    string_value: Option<String>,
    string_wildcards: Option<bool>,
    id_test: Option<String>,
    id_value: Option<u32>,
}

/// The connectors that meet all criteria, by id.
///
/// # Errors
/// When the body is no search.
pub(super) fn search<'a>(
    body: &Value,
    connectors: &'a [Connector],
) -> Result<Vec<&'a Connector>, String> {
    let request: Request = serde_json::from_value(body.clone())
        .map_err(|error| format!("malformed search: {error}"))?;
    let most = match request.max_items {
        Some(0) => return Err("maxItems must be at least 1".to_owned()),
        Some(items) => items.min(MOST),
        None => MOST,
    };
    let criteria = match request.search_criteria {
        None => Vec::new(),
        Some(Criteria::Several(criteria)) => criteria,
        Some(Criteria::One(criterion)) => vec![*criterion],
    };
    let tests: Vec<Test> = criteria.iter().map(Test::of).collect::<Result<_, _>>()?;
    let meets_all = |connector: &&Connector| tests.iter().all(|test| test.passes(connector));
    let mut found: Vec<_> = connectors.iter().filter(meets_all).collect();
    found.sort_by_key(|connector| connector.id);
    found.truncate(most);
    Ok(found)
}

/// A criterion that was understood.
enum Test {
    Text {
        field: fn(&Connector) -> &str,
        pattern: Regex,
        negated: bool,
    },
    Id(fn(&u32, &u32) -> bool, u32),
}

impl Test {
    fn of(criterion: &Criterion) -> Result<Self, String> {
        let by_id = criterion.id_test.is_some() || criterion.id_value.is_some();
        match criterion.field_name.as_deref() {
            None | Some(ID) if by_id => Self::by_id(criterion),
            None => Err("fieldName is required".to_owned()),
            Some("accountId") => Self::by_text(criterion, |one| &one.account_id),
            Some("displayName") => Self::by_text(criterion, |one| &one.display_name),
            Some("crossAccountRoleArn") => {
                Self::by_text(criterion, |one| one.role_arn().unwrap_or_default())
            }
            Some(other) => Err(format!("{other} cannot be searched")),
        }
    }

    fn by_text(criterion: &Criterion, field: fn(&Connector) -> &str) -> Result<Self, String> {
        let negated = match criterion.string_test.as_deref() {
            None | Some("equal") => false,
            Some("not-equal") => true,
            Some(other) => return Err(format!("stringTest {other} is unknown")),
        };
        let value = criterion.string_value.as_deref();
        let value = value.ok_or("stringValue is required")?;
        let pattern = if criterion.string_wildcards.unwrap_or(true) {
            like(value)
        } else {
            format!("^{}$", regex_lite::escape(value))
        };
        Ok(Self::Text {
            field,
            pattern: Regex::new(&pattern).map_err(|_| format!("{value} cannot be searched"))?,
            negated,
        })
    }

    fn by_id(criterion: &Criterion) -> Result<Self, String> {
        let accepts = match criterion.id_test.as_deref() {
            None | Some("equal") => u32::eq,
            Some("not-equal") => u32::ne,
            Some("greater-than") => u32::gt,
            Some("greater-than-or-equal") => u32::ge,
            Some("less-than") => u32::lt,
            Some("less-than-or-equal") => u32::le,
            Some(other) => return Err(format!("idTest {other} is unknown")),
        };
        Ok(Self::Id(
            accepts,
            criterion.id_value.ok_or("idValue is required")?,
        ))
    }

    fn passes(&self, connector: &Connector) -> bool {
        match self {
            Self::Text {
                field,
                pattern,
                negated,
            } => pattern.is_match(field(connector)) != *negated,
            Self::Id(accepts, value) => accepts(&connector.id, value),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::providers::trend_workload_security::Access;

    fn connectors() -> Vec<Connector> {
        let connector = |id: u32, name: &str| Connector {
            id,
            display_name: name.to_owned(),
            account_id: id.to_string().repeat(12),
            access: Access::Role(format!("arn:aws:iam::{}:role/r", id.to_string().repeat(12))),
            workspaces_enabled: true,
            last_sync: Timestamp::UNIX_EPOCH,
        };
        vec![
            connector(3, "Trend-3"),
            connector(1, "Trend_1"),
            connector(2, "other"),
        ]
    }

    fn found(body: &Value) -> Vec<u32> {
        let connectors = connectors();
        let found = search(body, &connectors).unwrap();
        found.iter().map(|connector| connector.id).collect()
    }

    #[test]
    fn criteria_come_as_one_or_in_a_list_and_all_must_be_met() {
        let one =
            json!({"fieldName": "accountId", "stringTest": "equal", "stringValue": "222222222222"});
        assert_eq!(found(&json!({ "searchCriteria": one })), [2]);
        assert_eq!(found(&json!({ "searchCriteria": [one] })), [2]);
        let named = json!({"fieldName": "displayName", "stringValue": "Trend%"});
        assert_eq!(found(&json!({ "searchCriteria": [named] })), [1, 3]);
        assert_eq!(
            found(&json!({ "searchCriteria": [named, one] })),
            [] as [u32; 0]
        );
        for all in [
            json!({}),
            json!({ "searchCriteria": [] }),
            json!({"searchCriteria": null, "sortByObjectID": true}),
        ] {
            assert_eq!(found(&all), [1, 2, 3], "{all}");
        }
    }

    #[test]
    fn texts_have_wildcards_unless_the_criterion_says_otherwise() {
        let by_name = |value: &str, more: Value| {
            let mut criterion = json!({"fieldName": "displayName", "stringValue": value});
            for (key, value) in more.as_object().unwrap() {
                criterion[key] = value.clone();
            }
            found(&json!({ "searchCriteria": criterion }))
        };
        assert_eq!(by_name("Trend_3", json!({})), [3]);
        assert_eq!(by_name("T%", json!({"stringTest": "not-equal"})), [2]);
        let literal = json!({"stringWildcards": false});
        assert_eq!(by_name("Trend_3", literal.clone()), [] as [u32; 0]);
        assert_eq!(by_name("Trend_1", literal), [1]);
        assert_eq!(by_name("trend%", json!({})), [] as [u32; 0]);
        let role = json!({"fieldName": "crossAccountRoleArn", "stringValue": "%:111111111111:%"});
        assert_eq!(found(&json!({ "searchCriteria": role })), [1]);
    }

    #[test]
    fn pages_go_by_id() {
        let after = |id: u32, most: usize| {
            let criterion = json!({"idTest": "greater-than", "idValue": id});
            found(&json!({"maxItems": most, "searchCriteria": [criterion]}))
        };
        assert_eq!(after(0, 2), [1, 2]);
        assert_eq!(after(2, 2), [3]);
        assert_eq!(after(3, 9000), [] as [u32; 0]);
        for (test, expected) in [
            (json!("equal"), vec![2]),
            (json!(null), vec![2]),
            (json!("not-equal"), vec![1, 3]),
            (json!("greater-than-or-equal"), vec![2, 3]),
            (json!("less-than"), vec![1]),
            (json!("less-than-or-equal"), vec![1, 2]),
        ] {
            let criterion = json!({"fieldName": "ID", "idTest": test, "idValue": 2});
            assert_eq!(
                found(&json!({ "searchCriteria": criterion })),
                expected,
                "{test}"
            );
        }
    }

    #[test]
    fn what_is_no_search_is_refused() {
        for body in [
            json!([]),
            json!({"maxItems": 0}),
            json!({"maxItems": -1}),
            json!({"searchCriteria": "name"}),
            json!({"searchCriteria": {"stringValue": "x"}}),
            json!({"searchCriteria": {"fieldName": "secretKey", "stringValue": "x"}}),
            json!({"searchCriteria": {"fieldName": "AccountId", "stringValue": "x"}}),
            json!({"searchCriteria": {"fieldName": "accountId"}}),
            json!({"searchCriteria": {"fieldName": "accountId", "stringTest": "like", "stringValue": "x"}}),
            json!({"searchCriteria": {"fieldName": "ID", "idTest": "greater-than"}}),
            json!({"searchCriteria": {"idTest": "above", "idValue": 1}}),
        ] {
            assert!(search(&body, &connectors()).is_err(), "{body}");
        }
    }
}
