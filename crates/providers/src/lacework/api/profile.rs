//! `/api/v2/UserProfile`.

use reqwest::Method;
use serde_json::Value;
use towerhook_core::{
    Result,
    model::{Profile, Store},
};

use super::{LaceworkApi, wire};
use crate::api::{
    client::{Call, TokenSource},
    json,
};

const GET: &str = "lacework:GetUserProfile";

pub(super) async fn profile<T: TokenSource>(lacework: &LaceworkApi<T>) -> Result<Profile> {
    let call = Call::new(GET, Method::GET, lacework.0.endpoint(&["UserProfile"]));
    read(&lacework.0.send(&call).await?.json(GET)?)
}

pub(super) fn read(body: &Value) -> Result<Profile> {
    let user = &body["data"][0];
    let tenant = tenant(user["url"].as_str().unwrap_or_default());
    if tenant.is_empty() {
        return Err(json::missing(GET, "url"));
    }
    let stores = user["accounts"]
        .as_array()
        .map(|accounts| stores(accounts, &tenant))
        .unwrap_or_default();
    Ok(Profile {
        tenant,
        stores,
        external_id: None,
    })
}

/// `acme` from `acme.lacework.net`, which is a host name and not a URL.
fn tenant(url: &str) -> String {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    let label = host.split(['.', ':', '/']).next().unwrap_or_default();
    label.trim().to_lowercase()
}

/// The accounts in which the user is enabled, without the tenant, which is listed among them.
fn stores(accounts: &[Value], tenant: &str) -> Vec<Store> {
    accounts
        .iter()
        .filter(|account| wire::is_on(&account["userEnabled"]))
        .filter_map(|account| account["accountName"].as_str())
        .map(Store::from)
        .filter(|name| !name.as_str().is_empty() && name.as_str() != tenant)
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use towerhook_core::{ErrorKind, ports::RegistryReads};

    use super::*;
    use crate::lacework::api::testing::{
        Counting, answering, client, json as answer, request_lines,
    };

    #[tokio::test]
    async fn the_tenant_and_the_stores_are_told_apart() {
        let account = |name: &str, enabled: Value| json!({ "admin": true, "accountName": name, "userEnabled": enabled });
        let server = answering([answer(
            200,
            json!({ "data": [{
                "username": "someone@example.com",
                "orgAccount": true,
                "url": "CustomerDemo.lacework.net",
                "accounts": [
                    account("CUSTOMERDEMO", json!(1)),
                    account("TEAM-A", json!(1)),
                    account("TEAM-B", json!(0)),
                    { "admin": true },
                ],
            }] }),
        )])
        .await;
        let tokens = Counting::default();
        let profile = client(&server, &tokens).profile().await.unwrap();
        assert_eq!(
            profile,
            Profile {
                tenant: "customerdemo".into(),
                stores: vec!["team-a".into()],
                external_id: None,
            }
        );
        assert_eq!(request_lines(&server).await, ["GET /api/v2/UserProfile"]);
    }

    #[tokio::test]
    async fn a_profile_without_a_tenant_is_none() {
        for body in [
            json!({}),
            json!({ "data": [] }),
            json!({ "data": [{ "url": null }] }),
            json!({ "data": [{ "url": "" }] }),
        ] {
            let server = answering([answer(200, body.clone())]).await;
            let tokens = Counting::default();
            let error = client(&server, &tokens).profile().await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Invalid, "{body}");
        }
    }

    #[test]
    fn the_tenant_is_the_first_label_of_the_host() {
        for url in [
            "acme",
            "acme.lacework.net",
            "ACME.fra.lacework.net",
            "https://acme.lacework.net/",
            "acme:443",
        ] {
            assert_eq!(tenant(url), "acme", "{url}");
        }
    }
}
