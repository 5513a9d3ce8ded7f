//! The operations on connectors.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::connector::{Access, Connector, Store, account_of_role};
use super::service::Service;
use super::{lock, search, verification};
use crate::providers::Verification;
use crate::providers::http::answer::{Answer, ApiError, Handled};

pub(super) fn settings(service: &Service) -> Handled {
    if lock(&service.settings).hides_external_id {
        return Err(not_authorized("view AWS connector settings"));
    }
    Ok(Answer::ok(json!({ "externalId": service.external_id })))
}

pub(super) fn list(service: &Service) -> Answer {
    shown(lock(&service.connectors).all())
}

pub(super) fn find(service: &Service, body: &Value) -> Handled {
    let store = lock(&service.connectors);
    let found = search::search(body, store.all()).map_err(ApiError::bad_request)?;
    Ok(shown(found))
}

pub(super) fn read(service: &Service, id: u32) -> Handled {
    let store = lock(&service.connectors);
    let connector = store.find(id).ok_or_else(|| missing(id))?;
    Ok(Answer::ok(connector.to_json()))
}

pub(super) async fn create(service: &Service, body: &Value) -> Handled {
    let body = Body::of(body)?;
    let display_name = body.text("displayName")?;
    let display_name = display_name.ok_or_else(|| required("displayName"))?;
    let role_arn = body.text("crossAccountRoleArn")?;
    let role_arn = role_arn.ok_or_else(|| required("crossAccountRoleArn"))?;
    let workspaces_enabled = body.flag("workspacesEnabled")?.unwrap_or_default();
    let account_id = account_of(role_arn)?.to_owned();
    refuse_duplicate(&lock(&service.connectors), &account_id)?;
    verify(service, role_arn).await?;
    let mut store = lock(&service.connectors);
    // Another request may have created it while the role was verified.
    refuse_duplicate(&store, &account_id)?;
    let added = store.add(Connector {
        id: 0,
        display_name: display_name.to_owned(),
        account_id,
        access: Access::Role(role_arn.to_owned()),
        workspaces_enabled,
        last_sync: service.clock.now(),
    });
    Ok(Answer::created(added.to_json()))
}

/// Changes what the body names. `sync` asks for a look at the account.
pub(super) async fn modify(service: &Service, id: u32, sync: bool, body: &Value) -> Handled {
    let body = Body::of(body)?;
    let display_name = body.text("displayName")?;
    let role_arn = body.text("crossAccountRoleArn")?;
    let workspaces_enabled = body.flag("workspacesEnabled")?;
    let current = lock(&service.connectors).find(id).cloned();
    let current = current.ok_or_else(|| missing(id))?;
    if let Some(role_arn) = role_arn.filter(|arn| Some(*arn) != current.role_arn()) {
        if account_of(role_arn)? != current.account_id {
            return Err(ApiError::bad_request(format!(
                "The connector is for AWS account {}",
                current.account_id
            )));
        }
        verify(service, role_arn).await?;
    }
    let mut store = lock(&service.connectors);
    let connector = store.find_mut(id).ok_or_else(|| missing(id))?;
    if let Some(name) = display_name {
        name.clone_into(&mut connector.display_name);
    }
    if let Some(arn) = role_arn {
        connector.access = Access::Role(arn.to_owned());
    }
    if let Some(enabled) = workspaces_enabled {
        connector.workspaces_enabled = enabled;
    }
    if sync {
        connector.last_sync = service.clock.now();
    }
    Ok(Answer::ok(connector.to_json()))
}

pub(super) fn delete(service: &Service, id: u32) -> Handled {
    if lock(&service.connectors).remove(id) {
        Ok(Answer::no_content())
    } else {
        Err(missing(id))
    }
}

/// The error for a key that may not do this.
pub(super) fn not_authorized(action: &str) -> ApiError {
    let message = format!("Not authorized to {action}");
    ApiError::new(StatusCode::FORBIDDEN, message)
}

fn shown<'a>(connectors: impl IntoIterator<Item = &'a Connector>) -> Answer {
    let shown = connectors.into_iter().map(Connector::to_json);
    Answer::ok(json!({ "awsConnectors": shown.collect::<Vec<_>>() }))
}

fn missing(id: u32) -> ApiError {
    let message = format!("AWS connector {id} does not exist");
    ApiError::new(StatusCode::NOT_FOUND, message)
}

fn required(field: &str) -> ApiError {
    ApiError::bad_request(format!("{field} is required"))
}

fn account_of(role_arn: &str) -> Result<&str, ApiError> {
    account_of_role(role_arn)
        .ok_or_else(|| ApiError::bad_request(format!("{role_arn} is not the ARN of a role")))
}

fn refuse_duplicate(store: &Store, account: &str) -> Result<(), ApiError> {
    if store.has_account(account) {
        let message = format!("An AWS connector for account {account} already exists");
        return Err(ApiError::bad_request(message));
    }
    Ok(())
}

/// Assumes the role, as the service does before it accepts one.
async fn verify(service: &Service, role_arn: &str) -> Result<(), ApiError> {
    let verified = verification::verify(service, role_arn).await;
    match verified {
        Ok(Verification::Passed) => Ok(()),
        Ok(refused) => {
            let reason = refused.reason().unwrap_or_default();
            let message = format!("The cross-account role cannot be used: {reason}");
            Err(ApiError::bad_request(message))
        }
        Err(error) => Err(ApiError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("{error:#}"),
        )),
    }
}

/// The object in a request. Fields that nobody asks for are ignored.
struct Body<'a>(&'a Map<String, Value>);

impl<'a> Body<'a> {
    fn of(body: &'a Value) -> Result<Self, ApiError> {
        body.as_object()
            .map(Self)
            .ok_or_else(|| ApiError::bad_request("the body must be an object"))
    }

    /// A text that is not empty, where the field is there.
    fn text(&self, field: &str) -> Result<Option<&'a str>, ApiError> {
        match self.0.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
            Some(_) => Err(ApiError::bad_request(format!("{field} must be a text"))),
        }
    }

    /// A boolean or its name, which is how the vendor's own tool for Control Tower writes it.
    fn flag(&self, field: &str) -> Result<Option<bool>, ApiError> {
        let named = |text: &str| text.to_ascii_lowercase().parse().ok();
        let found = match self.0.get(field) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::Bool(flag)) => Some(*flag),
            Some(Value::String(text)) => named(text),
            Some(_) => None,
        };
        found
            .map(Some)
            .ok_or_else(|| ApiError::bad_request(format!("{field} must be a boolean")))
    }
}
