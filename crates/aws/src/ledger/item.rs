//! The table's items and their attributes, in DynamoDB's JSON form.
//!
//! An attribute of another type than the expected one counts as one that is not there.

use std::fmt::Display;

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};
use towerhook_core::Result;

use crate::classify::unusable;

pub(super) type Item = Map<String, Value>;

pub(super) fn key((kind, id): (&str, &str)) -> Item {
    [("kind", kind), ("id", id)]
        .map(|(name, value)| (name.to_owned(), text(value)))
        .into_iter()
        .collect()
}

pub(super) fn with_document(
    operation: &'static str,
    of: (&str, &str),
    document: &impl Serialize,
) -> Result<Item> {
    let mut item = key(of);
    item.insert("document".to_owned(), text(&encoded(operation, document)?));
    Ok(item)
}

pub(super) fn encoded(operation: &'static str, document: &impl Serialize) -> Result<String> {
    serde_json::to_string(document).map_err(|error| unusable(operation, error.to_string()))
}

pub(super) fn text(value: &str) -> Value {
    json!({"S": value})
}

pub(super) fn number(value: impl Display) -> Value {
    json!({"N": value.to_string()})
}

pub(super) fn milliseconds(time: Timestamp) -> Value {
    number(time.as_millisecond())
}

pub(super) fn set_of(texts: &[&str]) -> Value {
    json!({"SS": texts})
}

pub(super) fn document<T: DeserializeOwned>(operation: &'static str, item: &Item) -> Result<T> {
    serde_json::from_str(attribute(operation, item, "document")?)
        .map_err(|error| unusable(operation, error.to_string()))
}

pub(super) fn attribute<'a>(
    operation: &'static str,
    item: &'a Item,
    name: &str,
) -> Result<&'a str> {
    of_type("S", item, name)
        .and_then(Value::as_str)
        .ok_or_else(|| unusable(operation, format!("an item without {name}")))
}

pub(super) fn time(operation: &'static str, item: &Item, name: &str) -> Result<Timestamp> {
    of_type("N", item, name)
        .and_then(Value::as_str)
        .and_then(|number| Timestamp::from_millisecond(number.parse().ok()?).ok())
        .ok_or_else(|| unusable(operation, format!("an item without {name}")))
}

/// The texts of a set.
pub(super) fn texts<'a>(item: &'a Item, name: &str) -> impl Iterator<Item = &'a str> {
    let set = of_type("SS", item, name).and_then(Value::as_array);
    set.into_iter().flatten().filter_map(Value::as_str)
}

fn of_type<'a>(data_type: &str, item: &'a Item, name: &str) -> Option<&'a Value> {
    item.get(name)?.get(data_type)
}
