//! The search language: `filters`, `expression`s and the `returns` projection.

use std::cmp::Ordering;

use regex_lite::Regex;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::providers::http::like::like;

/// A search request's body.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    #[serde(default)]
    filters: Vec<Filter>,
    #[serde(default)]
    returns: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Filter {
    field: String,
    expression: String,
    value: Option<Value>,
    values: Option<Vec<Value>>,
}

/// The rows that pass every filter, cut to the fields that `returns` names.
pub(super) fn search(body: &Value, rows: Vec<Value>) -> Result<Vec<Value>, String> {
    let known = ["filters", "returns", "timeFilter"];
    if let Some(key) = body
        .as_object()
        .and_then(|object| object.keys().find(|key| !known.contains(&key.as_str())))
    {
        return Err(format!("key {key} is unrecognized"));
    }
    let request: Request = serde_json::from_value(body.clone())
        .map_err(|error| format!("malformed search: {error}"))?;
    let tests = request
        .filters
        .iter()
        .map(Test::parse)
        .collect::<Result<Vec<_>, _>>()?;
    let found = rows
        .into_iter()
        .filter(|row| {
            request
                .filters
                .iter()
                .zip(&tests)
                .all(|(filter, test)| test.passes(at(row, &filter.field)))
        })
        .map(|row| project(row, &request.returns));
    Ok(found.collect())
}

/// A filter's expression with its operands. A negation passes what the plain form does not,
/// a missing field included.
struct Test {
    negated: bool,
    kind: TestKind,
}

enum TestKind {
    In(Vec<String>),
    Matches(Regex),
    Compares(fn(Ordering) -> bool, Value),
    Between(Value, Value),
}

impl Test {
    fn parse(filter: &Filter) -> Result<Self, String> {
        let expression = filter.expression.as_str();
        let one = || {
            filter
                .value
                .clone()
                .ok_or_else(|| format!("filter on {} needs a value for {expression}", filter.field))
        };
        let many = || {
            filter
                .values
                .clone()
                .ok_or_else(|| format!("filter on {} needs values for {expression}", filter.field))
        };
        let (negated, plain) = match expression {
            "ne" => (true, "eq"),
            _ => match expression.strip_prefix("not_") {
                Some(plain @ ("in" | "like" | "ilike" | "rlike")) => (true, plain),
                _ => (false, expression),
            },
        };
        let kind = match plain {
            "eq" => TestKind::In(vec![text(&one()?)]),
            "in" => TestKind::In(many()?.iter().map(text).collect()),
            "like" => TestKind::Matches(regex(&like(&text(&one()?)))?),
            "ilike" => TestKind::Matches(regex(&format!("(?i){}", like(&text(&one()?))))?),
            "rlike" => TestKind::Matches(regex(&text(&one()?))?),
            "gt" => TestKind::Compares(Ordering::is_gt, one()?),
            "ge" => TestKind::Compares(Ordering::is_ge, one()?),
            "lt" => TestKind::Compares(Ordering::is_lt, one()?),
            "le" => TestKind::Compares(Ordering::is_le, one()?),
            "between" => match many()?.as_slice() {
                [low, high] => TestKind::Between(low.clone(), high.clone()),
                _ => return Err(format!("filter on {} needs two values", filter.field)),
            },
            _ => return Err(format!("expression {expression} is unrecognized")),
        };
        Ok(Self { negated, kind })
    }

    fn passes(&self, found: Option<&Value>) -> bool {
        let plain = found.is_some_and(|found| match &self.kind {
            TestKind::In(values) => values.contains(&text(found)),
            TestKind::Matches(regex) => regex.is_match(&text(found)),
            TestKind::Compares(accepts, value) => accepts(compare(found, value)),
            TestKind::Between(low, high) => {
                compare(found, low).is_ge() && compare(found, high).is_le()
            }
        });
        plain != self.negated
    }
}

fn regex(pattern: &str) -> Result<Regex, String> {
    Regex::new(pattern).map_err(|_| format!("{pattern} is not a regular expression"))
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// By number where both are numbers, else as text.
fn compare(left: &Value, right: &Value) -> Ordering {
    let number = |value: &Value| text(value).parse::<f64>().ok();
    match (number(left), number(right)) {
        (Some(left), Some(right)) => left.total_cmp(&right),
        _ => text(left).cmp(&text(right)),
    }
}

/// A field by its dotted path, such as `data.crossAccountCredentials.roleArn`.
fn at<'row>(row: &'row Value, path: &str) -> Option<&'row Value> {
    path.split('.').try_fold(row, |value, key| value.get(key))
}

fn project(row: Value, returns: &[String]) -> Value {
    if returns.is_empty() {
        return row;
    }
    let mut cut = Value::Object(Map::new());
    for path in returns {
        if let Some(found) = at(&row, path) {
            put(&mut cut, path, found.clone());
        }
    }
    cut
}

fn put(target: &mut Value, path: &str, value: Value) {
    let Some(object) = target.as_object_mut() else {
        return;
    };
    match path.split_once('.') {
        None => {
            object.insert(path.to_owned(), value);
        }
        Some((key, rest)) => {
            let inner = object
                .entry(key)
                .or_insert_with(|| Value::Object(Map::new()));
            put(inner, rest, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rows() -> Vec<Value> {
        vec![
            json!({"name": "Config-1", "enabled": 1, "data": {"awsAccountId": "111122223333"}}),
            json!({"name": "config-2", "enabled": 0, "data": {}}),
            json!({"name": "Trail", "enabled": 1, "data": {"queueUrl": "q"}}),
        ]
    }

    fn names(filter: Value) -> Vec<String> {
        let body = json!({ "filters": [filter] });
        let found = search(&body, rows()).unwrap();
        found.iter().map(|row| text(&row["name"])).collect()
    }

    #[test]
    fn expressions_choose_rows() {
        let cases: [(&str, Value, &[&str]); 11] = [
            ("eq", json!("Trail"), &["Trail"]),
            ("ne", json!("Trail"), &["Config-1", "config-2"]),
            ("like", json!("Config%"), &["Config-1"]),
            ("ilike", json!("config-_"), &["Config-1", "config-2"]),
            ("not_like", json!("Config%"), &["config-2", "Trail"]),
            ("not_ilike", json!("config%"), &["Trail"]),
            ("rlike", json!("-[12]$"), &["Config-1", "config-2"]),
            ("not_rlike", json!("-1$"), &["config-2", "Trail"]),
            ("gt", json!("Trail"), &["config-2"]),
            ("le", json!("Trail"), &["Config-1", "Trail"]),
            ("like", json!("C.nfig%"), &[]),
        ];
        for (expression, value, expected) in cases {
            let filter = json!({"field": "name", "expression": expression, "value": value});
            assert_eq!(names(filter), expected, "{expression} {value}");
        }
        let lists: [(&str, Value, &[&str]); 3] = [
            ("in", json!(["Trail", "Config-1"]), &["Config-1", "Trail"]),
            ("not_in", json!(["Trail", "Config-1"]), &["config-2"]),
            ("between", json!(["A", "U"]), &["Config-1", "Trail"]),
        ];
        for (expression, values, expected) in lists {
            let filter = json!({"field": "name", "expression": expression, "values": values});
            assert_eq!(names(filter), expected, "{expression} {values}");
        }
    }

    #[test]
    fn numbers_and_nested_fields_can_be_searched() {
        assert_eq!(
            names(json!({"field": "enabled", "expression": "eq", "value": "0"})),
            ["config-2"]
        );
        assert_eq!(
            names(json!({"field": "enabled", "expression": "ge", "value": 1})).len(),
            2
        );
        let nested =
            json!({"field": "data.awsAccountId", "expression": "eq", "value": "111122223333"});
        assert_eq!(names(nested), ["Config-1"]);
    }

    #[test]
    fn returns_cuts_the_rows_to_its_fields() {
        let body = json!({
            "filters": [{"field": "name", "expression": "eq", "value": "Config-1"}],
            "returns": ["name", "data.awsAccountId", "state"],
        });
        let expected = json!([{"name": "Config-1", "data": {"awsAccountId": "111122223333"}}]);
        assert_eq!(Value::Array(search(&body, rows()).unwrap()), expected);
        assert_eq!(search(&json!({}), rows()).unwrap(), rows());
    }

    #[test]
    fn what_is_no_search_is_refused() {
        for body in [
            json!({"filter": []}),
            json!({"filters": [{"field": "name", "expression": "equals", "value": "x"}]}),
            json!({"filters": [{"field": "name", "expression": "not_eq", "value": "x"}]}),
            json!({"filters": [{"field": "name", "expression": "eq"}]}),
            json!({"filters": [{"field": "name", "expression": "in", "value": "x"}]}),
            json!({"filters": [{"field": "name", "expression": "between", "values": ["x"]}]}),
            json!({"filters": [{"field": "name", "expression": "rlike", "value": "("}]}),
            json!({"filters": "name"}),
        ] {
            assert!(search(&body, rows()).is_err(), "{body}");
        }
    }
}
