//! `schemas`: the table that validates integrations, as JSON Schema.

use serde_json::{Map, Value, json};

use crate::providers::lacework::integration_types::{Field, Kind, fields, types};

/// `GET schemas`: the resources that have a schema.
pub(super) fn resources() -> Value {
    json!(["AgentAccessTokens", "CloudAccounts"])
}

/// `GET schemas/{type}`.
pub(super) fn resource_schema(resource: &str) -> Option<Value> {
    match resource {
        "CloudAccounts" => {
            let all = types().filter_map(|kind| Some(json_schema(kind, &fields(kind)?)));
            Some(json!({ "oneOf": all.collect::<Vec<_>>() }))
        }
        "AgentAccessTokens" => Some(json!({
            "type": "object",
            "properties": {
                "tokenAlias": { "type": "string", "minLength": 1 },
                "tokenEnabled": { "type": "number", "minimum": 0, "maximum": 1 },
                "props": { "type": "object" },
            },
            "required": ["tokenAlias", "tokenEnabled"],
            "additionalProperties": false,
        })),
        _ => None,
    }
}

/// `GET schemas/{type}/{subtype}`.
pub(super) fn subtype_schema(resource: &str, subtype: &str) -> Option<Value> {
    let fields = fields(subtype).filter(|_| resource == "CloudAccounts")?;
    Some(json_schema(subtype, &fields))
}

fn json_schema(kind: &str, fields: &[Field]) -> Value {
    json!({
        "type": "object",
        "properties": {
            "name": { "type": "string", "minLength": 1, "pattern": "(?!^ +$)^.+$" },
            "type": { "type": "string", "enum": [kind] },
            "enabled": { "type": "number", "minimum": 0, "maximum": 1 },
            "data": object_schema(fields),
            "props": { "type": "object" },
        },
        "required": ["name", "type", "enabled", "data"],
        "additionalProperties": false,
    })
}

fn object_schema(fields: &[Field]) -> Value {
    let properties: Map<String, Value> = fields
        .iter()
        .map(|field| (field.name.to_owned(), field_schema(field.kind)))
        .collect();
    let required: Vec<_> = fields
        .iter()
        .filter(|field| field.required)
        .map(|field| field.name)
        .collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn field_schema(kind: Kind) -> Value {
    match kind {
        Kind::Text => json!({ "type": "string", "minLength": 1 }),
        Kind::Pattern(pattern) => json!({ "type": "string", "pattern": pattern }),
        Kind::OneOf(choices) => json!({ "type": "string", "enum": choices }),
        Kind::Number => json!({ "type": "number" }),
        Kind::Flag => json!({ "type": ["boolean", "number"] }),
        Kind::Texts => json!({ "type": "array", "items": { "type": "string" } }),
        Kind::AnyObject => json!({ "type": "object" }),
        Kind::Object(fields) => object_schema(fields),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schemas_served_are_those_that_validate() {
        let all = resource_schema("CloudAccounts").unwrap();
        let types: Vec<_> = all["oneOf"]
            .as_array()
            .unwrap()
            .iter()
            .map(|schema| schema["properties"]["type"]["enum"][0].as_str().unwrap())
            .collect();
        assert_eq!(types.len(), super::types().count());
        for kind in types {
            let schema = subtype_schema("CloudAccounts", kind).unwrap();
            assert_eq!(schema["additionalProperties"], false);
            assert!(schema["properties"]["data"]["properties"].is_object());
        }
        assert_eq!(subtype_schema("CloudAccounts", "AzureCfg"), None);
        assert_eq!(resource_schema("Nothing"), None);
    }
}
