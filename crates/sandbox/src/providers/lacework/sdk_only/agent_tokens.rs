//! `AgentAccessTokens`.

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::search;
use crate::providers::http::answer::{Answer, ApiError, Handled};
use crate::providers::lacework::time;

/// The tokens that host agents report with. They can be switched off, never deleted.
#[derive(Debug, Default)]
pub(in crate::providers::lacework) struct AgentTokens {
    tokens: Vec<Value>,
}

impl AgentTokens {
    pub(super) fn list(&self) -> Vec<Value> {
        self.tokens.clone()
    }

    pub(super) fn get(&self, id: &str) -> Handled {
        let found = self.tokens.iter().find(|token| token["accessToken"] == id);
        found.map_or_else(
            || Err(ApiError::not_found()),
            |token| Ok(Answer::ok(json!({ "data": token }))),
        )
    }

    pub(super) fn search(&self, body: &Value) -> Result<Vec<Value>, ApiError> {
        search::search(body, self.list()).map_err(ApiError::bad_request)
    }

    pub(super) fn create(&mut self, body: &Value, now: Timestamp) -> Handled {
        check(body)?;
        for key in ["tokenAlias", "tokenEnabled"] {
            if body.get(key).is_none() {
                return Err(ApiError::bad_request(format!("key {key} is required")));
            }
        }
        let token = json!({
            "accessToken": format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple()),
            "createdTime": time::text(now),
            "props": body.get("props").cloned().unwrap_or_else(|| json!({})),
            "tokenAlias": body["tokenAlias"],
            "tokenEnabled": body["tokenEnabled"],
            "version": "0.1",
        });
        self.tokens.push(token.clone());
        Ok(Answer::created(json!({ "data": token })))
    }

    pub(super) fn update(&mut self, id: &str, body: &Value) -> Handled {
        check(body)?;
        let token = self
            .tokens
            .iter_mut()
            .find(|token| token["accessToken"] == id)
            .ok_or_else(ApiError::not_found)?;
        for key in ["tokenAlias", "tokenEnabled", "props"] {
            if let Some(value) = body.get(key) {
                token[key] = value.clone();
            }
        }
        Ok(Answer::ok(json!({ "data": token })))
    }
}

fn check(body: &Value) -> Result<(), ApiError> {
    let body = body
        .as_object()
        .ok_or_else(|| ApiError::bad_request("the body must be an object"))?;
    for (key, value) in body {
        let valid = match key.as_str() {
            "tokenAlias" => value.as_str().is_some_and(|alias| !alias.is_empty()),
            "tokenEnabled" => matches!(value.as_u64(), Some(0 | 1)),
            "props" => value.is_object(),
            _ => return Err(ApiError::bad_request(format!("key {key} is unrecognized"))),
        };
        if !valid {
            return Err(ApiError::bad_request(format!("key {key} is malformed")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agent_tokens_are_made_found_and_switched_off() {
        let mut tokens = AgentTokens::default();
        let body = json!({"tokenAlias": "linux", "tokenEnabled": 1, "props": {"os": "linux"}});
        let made = tokens
            .create(&body, Timestamp::UNIX_EPOCH)
            .unwrap()
            .body
            .unwrap();
        let id = made["data"]["accessToken"].as_str().unwrap();
        assert_eq!(made["data"]["createdTime"], "1970-01-01T00:00:00.000Z");
        let off = tokens
            .update(id, &json!({"tokenEnabled": 0}))
            .unwrap()
            .body
            .unwrap();
        assert_eq!(
            (&off["data"]["tokenEnabled"], &off["data"]["tokenAlias"]),
            (&json!(0), &json!("linux"))
        );
        assert_eq!(tokens.get(id).unwrap().body.unwrap(), off);
        let filter =
            json!({"filters": [{"field": "tokenAlias", "expression": "eq", "value": "linux"}]});
        assert_eq!(tokens.search(&filter).unwrap().len(), 1);
        assert!(tokens.get("other").is_err());
        for bad in [
            json!({}),
            json!({"tokenAlias": "", "tokenEnabled": 1}),
            json!({"alias": "x"}),
            json!([]),
        ] {
            assert!(tokens.create(&bad, Timestamp::UNIX_EPOCH).is_err(), "{bad}");
        }
    }
}
