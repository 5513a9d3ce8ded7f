//! Endpoints that no function of Towerhook calls: they exist only for the check with the vendor's
//! own client library, `laceworksdk`.

mod agent_tokens;
mod schemas;
mod search;

use serde_json::{Value, json};

use super::service::Service;
use super::store::Scope;
use super::user_profile::host;
use super::{cloud_accounts, lock, pages};
use crate::providers::http::answer::{Answer, ApiError, Handled};

pub(super) use agent_tokens::AgentTokens;

/// One operation of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Operation {
    GetCloudAccount(String),
    SearchCloudAccounts,
    GetOrganizationInfo,
    ListSchemas,
    GetSchema(String),
    GetSubtypeSchema(String, String),
    ListAgentAccessTokens,
    GetAgentAccessToken(String),
    CreateAgentAccessToken,
    SearchAgentAccessTokens,
    UpdateAgentAccessToken(String),
}

impl Operation {
    /// From the method and the parts of the path below `/api/v2/`; `None` for any other operation.
    pub(super) fn parse(method: &str, path: &[&str]) -> Option<Self> {
        let owned = |part: &str| part.to_owned();
        Some(match (method, path) {
            ("GET", ["CloudAccounts", guid]) => Self::GetCloudAccount(owned(guid)),
            ("POST", ["CloudAccounts", "search"]) => Self::SearchCloudAccounts,
            ("GET", ["OrganizationInfo"]) => Self::GetOrganizationInfo,
            ("GET", ["schemas"]) => Self::ListSchemas,
            ("GET", ["schemas", resource]) => Self::GetSchema(owned(resource)),
            ("GET", ["schemas", resource, subtype]) => {
                Self::GetSubtypeSchema(owned(resource), owned(subtype))
            }
            ("GET", ["AgentAccessTokens"]) => Self::ListAgentAccessTokens,
            ("POST", ["AgentAccessTokens"]) => Self::CreateAgentAccessToken,
            ("POST", ["AgentAccessTokens", "search"]) => Self::SearchAgentAccessTokens,
            ("GET", ["AgentAccessTokens", id]) => Self::GetAgentAccessToken(owned(id)),
            ("PATCH", ["AgentAccessTokens", id]) => Self::UpdateAgentAccessToken(owned(id)),
            _ => return None,
        })
    }

    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::GetCloudAccount(_) => "GET CloudAccounts/{intgGuid}",
            Self::SearchCloudAccounts => "POST CloudAccounts/search",
            Self::GetOrganizationInfo => "GET OrganizationInfo",
            Self::ListSchemas => "GET schemas",
            Self::GetSchema(_) => "GET schemas/{type}",
            Self::GetSubtypeSchema(..) => "GET schemas/{type}/{subtype}",
            Self::ListAgentAccessTokens => "GET AgentAccessTokens",
            Self::GetAgentAccessToken(_) => "GET AgentAccessTokens/{accessToken}",
            Self::CreateAgentAccessToken => "POST AgentAccessTokens",
            Self::SearchAgentAccessTokens => "POST AgentAccessTokens/search",
            Self::UpdateAgentAccessToken(_) => "PATCH AgentAccessTokens/{accessToken}",
        }
    }
}

/// Performs an operation; `body` reads the request's.
pub(super) async fn perform(
    service: &Service,
    scope: &Scope,
    operation: &Operation,
    body: impl Fn() -> Result<Value, ApiError>,
) -> Handled {
    let rows = |rows: Vec<Value>| Ok(Answer::ok(json!({ "data": rows })));
    match operation {
        Operation::GetCloudAccount(guid) => get(service, scope, guid).await,
        Operation::SearchCloudAccounts => find(service, scope, &body()?),
        Operation::GetOrganizationInfo => Ok(Answer::ok(organization_info(
            &service.config.tenant,
            &service.config.sub_accounts,
        ))),
        Operation::ListSchemas => Ok(Answer::ok(schemas::resources())),
        Operation::GetSchema(resource) => found(schemas::resource_schema(resource)),
        Operation::GetSubtypeSchema(resource, kind) => {
            found(schemas::subtype_schema(resource, kind))
        }
        Operation::ListAgentAccessTokens => rows(lock(&service.agent_tokens).list()),
        Operation::GetAgentAccessToken(id) => lock(&service.agent_tokens).get(id),
        Operation::CreateAgentAccessToken => {
            lock(&service.agent_tokens).create(&body()?, service.clock.now())
        }
        Operation::SearchAgentAccessTokens => rows(lock(&service.agent_tokens).search(&body()?)?),
        Operation::UpdateAgentAccessToken(id) => lock(&service.agent_tokens).update(id, &body()?),
    }
}

fn found(body: Option<Value>) -> Handled {
    body.map(Answer::ok).ok_or_else(ApiError::not_found)
}

fn find(service: &Service, scope: &Scope, body: &Value) -> Handled {
    let all = cloud_accounts::list(service, scope, None);
    let found = search::search(body, all).map_err(ApiError::bad_request)?;
    if found.is_empty() && lock(&service.settings).empty_search_is_no_content {
        Ok(Answer::no_content())
    } else {
        pages::listing(service, scope, found)
    }
}

async fn get(service: &Service, scope: &Scope, guid: &str) -> Handled {
    if lock(&service.store)
        .visible(scope)
        .all(|record| record.guid != guid)
    {
        return Err(ApiError::not_found());
    }
    if let Err(error) = cloud_accounts::refresh(service, guid).await {
        tracing::warn!(guid, "the integration keeps its last state: {error:#}");
    }
    let view = service.view();
    let store = lock(&service.store);
    let record = store.find(guid).ok_or_else(ApiError::not_found)?;
    Ok(Answer::ok(json!({ "data": record.to_json(&view) })))
}

fn organization_info(tenant: &str, sub_accounts: &[String]) -> Value {
    if sub_accounts.is_empty() {
        json!({ "data": [{ "orgAccount": false }] })
    } else {
        json!({ "data": [{ "orgAccount": true, "orgAccountUrl": host(tenant) }] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_organization_has_a_url() {
        let info =
            |sub_accounts: &[String]| organization_info("acme", sub_accounts)["data"][0].clone();
        assert_eq!(info(&[])["orgAccount"], false);
        assert_eq!(
            info(&["dev".to_owned()])["orgAccountUrl"],
            "acme.lacework.net"
        );
    }
}
