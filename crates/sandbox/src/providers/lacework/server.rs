//! From an HTTP request to its answer: what every operation has in common.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use axum::routing::post;
use serde_json::Value;

use super::operation::Operation;
use super::pages::{further_page, listing, page_name};
use super::refusal::{unauthorized_access, unrecognized_url};
use super::service::Service;
use super::user_profile::user_profile;
use super::{cloud_accounts, lock, registration, sdk_only};
use crate::providers::http::answer::{Answer, ApiError, Handled, response};
use crate::providers::http::fault::spoiled;
use crate::providers::http::server::{answered, completed, content};

/// Name in [`Service::calls`] of requests for what the API does not have.
const UNRECOGNIZED: &str = "Unrecognized url";

pub(super) fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route(registration::PATH, post(registration::delivered))
        .fallback(entry)
        .with_state(service)
}

async fn entry(State(service): State<Arc<Service>>, request: Request) -> Response {
    completed(async move { answer(&service, request).await }).await
}

async fn answer(service: &Service, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Some(operation) = Operation::parse(&parts.method, parts.uri.path()) else {
        service.count(UNRECOGNIZED);
        return response(Err(unrecognized_url()));
    };
    let label = operation.label();
    service.count(label);
    answered(
        &service.config.chaos,
        service.base.port(),
        &parts,
        || format!("lacework:{label}"),
        |status| response(Err(refusal(status))),
        limited(service, &operation, &parts, body),
    )
    .await
}

/// As a service that is busy or broken answers.
fn refusal(status: StatusCode) -> ApiError {
    let message = match status {
        StatusCode::TOO_MANY_REQUESTS => "Too Many Requests",
        _ => "something went wrong",
    };
    ApiError::new(status, message)
}

/// Performs an operation, unless the rate limit or a fault stands against it.
async fn limited(service: &Service, operation: &Operation, parts: &Parts, body: Body) -> Response {
    let now = service.clock.now();
    let allowance = lock(&service.limiter).take(operation.functionality(), now);
    let handled = if allowance.is_some_and(|allowance| !allowance.allowed) {
        Err(refusal(StatusCode::TOO_MANY_REQUESTS))
    } else {
        let fault = lock(&service.settings).faults.take(operation.label());
        let performed = async {
            let body = content(body).await?;
            perform(service, operation, &parts.headers, &parts.uri, &body).await
        };
        spoiled(fault, performed).await
    };
    if *operation == Operation::CreateCloudAccount && handled.is_ok() {
        let hang = lock(&service.settings).take_hang();
        if let Some(hang) = hang {
            tokio::time::sleep(hang).await;
        }
    }
    let mut response = response(handled);
    if let Some(allowance) = allowance {
        allowance.write(response.headers_mut());
    }
    response
}

async fn perform(
    service: &Service,
    operation: &Operation,
    headers: &HeaderMap,
    uri: &Uri,
    body: &[u8],
) -> Handled {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let json = || {
        serde_json::from_slice::<Value>(body)
            .map_err(|_| ApiError::bad_request("the body is not JSON"))
    };
    let now = service.clock.now();
    if *operation == Operation::CreateToken {
        return lock(&service.tokens).create(header("x-lw-uaks"), &json()?, now);
    }
    lock(&service.tokens).check(header("authorization"), now)?;
    let org_access = header("org-access").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let scope = service
        .scope(header("account-name"), org_access)
        .ok_or_else(unauthorized_access)?;
    let config = &service.config;
    match operation {
        Operation::CreateToken => Err(unrecognized_url()),
        Operation::ListCloudAccounts => match page_name(uri) {
            Some(name) => further_page(service, &scope, &name),
            None => listing(service, &scope, cloud_accounts::list(service, &scope, None)),
        },
        Operation::ListCloudAccountsOfType(kind) => listing(
            service,
            &scope,
            cloud_accounts::list(service, &scope, Some(kind)),
        ),
        Operation::CreateCloudAccount => cloud_accounts::create(service, &scope, json()?).await,
        Operation::UpdateCloudAccount(guid) => {
            cloud_accounts::update(service, &scope, guid, json()?).await
        }
        Operation::DeleteCloudAccount(guid) => cloud_accounts::delete(service, &scope, guid),
        Operation::GetUserProfile => Ok(Answer::ok(user_profile(
            &service.user(),
            &config.tenant,
            &config.sub_accounts,
        ))),
        Operation::SdkOnly(operation) => sdk_only::perform(service, &scope, operation, json).await,
    }
}
