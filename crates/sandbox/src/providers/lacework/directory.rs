//! Who the user is, and the agent access tokens: what stands beside the integrations.

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::answer::{Answer, ApiError, Handled};
use super::{clock, search};

/// `GET UserProfile`: the tenant first, in capitals, then its sub-accounts.
pub(super) fn user_profile(user: &str, tenant: &str, sub_accounts: &[String]) -> Value {
    let accounts: Vec<Value> = std::iter::once(tenant)
        .chain(sub_accounts.iter().map(String::as_str))
        .map(|name| {
            let capitals = name.to_uppercase();
            json!({
                "admin": true,
                "accountName": capitals,
                "custGuid": guid(&capitals, "customer"),
                "userGuid": guid(&capitals, "user"),
                "userEnabled": 1,
            })
        })
        .collect();
    json!({ "data": [{
        "username": user,
        "orgAccount": !sub_accounts.is_empty(),
        "url": host(tenant),
        "orgAdmin": !sub_accounts.is_empty(),
        "orgUser": false,
        "accounts": accounts,
    }] })
}

/// `GET OrganizationInfo`.
pub(super) fn organization_info(tenant: &str, sub_accounts: &[String]) -> Value {
    if sub_accounts.is_empty() {
        json!({ "data": [{ "orgAccount": false }] })
    } else {
        json!({ "data": [{ "orgAccount": true, "orgAccountUrl": host(tenant) }] })
    }
}

fn host(tenant: &str) -> String {
    format!("{tenant}.lacework.net")
}

/// The same for every simulator, so that answers can be compared.
fn guid(account: &str, role: &str) -> String {
    let id = Uuid::new_v5(&Uuid::NAMESPACE_DNS, format!("{role}.{account}").as_bytes());
    format!("{account}_{}", id.simple()).to_uppercase()
}

/// The tokens that host agents report with. They can be switched off, never deleted.
#[derive(Debug, Default)]
pub(super) struct AgentTokens {
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
            "createdTime": clock::text(now),
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
    fn the_profile_names_the_tenant_and_its_sub_accounts() {
        let profile = user_profile("admin", "acme", &["dev".to_owned()]);
        let user = &profile["data"][0];
        assert_eq!(user["url"], "acme.lacework.net");
        assert_eq!(user["orgAccount"], true);
        let names: Vec<_> = user["accounts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|account| &account["accountName"])
            .collect();
        assert_eq!(names, ["ACME", "DEV"]);
        let alone = user_profile("admin", "acme", &[]);
        assert_eq!(alone["data"][0]["orgAccount"], false);
        assert_eq!(
            organization_info("acme", &[])["data"][0]["orgAccount"],
            false
        );
        assert_eq!(
            organization_info("acme", &["dev".to_owned()])["data"][0]["orgAccountUrl"],
            "acme.lacework.net"
        );
    }

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
