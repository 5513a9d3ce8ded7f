//! From an HTTP request to its answer: what every operation has in common.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use serde_json::{Value, json};

use super::answer::{Answer, ApiError, Handled, response};
use super::keys::Permission;
use super::operation::Operation;
use super::service::Service;
use super::{accounts, features, links, listing, lock};
use crate::providers::http::fault::spoiled;
use crate::providers::http::server::{answered, completed, content};

/// Name in [`Service::calls`] of requests for what the API does not have.
const UNKNOWN: &str = "Unknown path";

pub(super) fn router(service: Arc<Service>) -> Router {
    Router::new().fallback(entry).with_state(service)
}

async fn entry(State(service): State<Arc<Service>>, request: Request) -> Response {
    completed(async move { answer(&service, request).await }).await
}

async fn answer(service: &Service, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Some(operation) = Operation::parse(&parts.method, parts.uri.path()) else {
        service.count(UNKNOWN);
        return response(Err(ApiError::not_found()));
    };
    let label = operation.label();
    service.count(label);
    answered(
        &service.config.chaos,
        service.base.port(),
        &parts,
        || format!("trend-vision-one:{label}"),
        |status| response(Err(refusal(status))),
        async { response(limited(service, &operation, &parts, body).await) },
    )
    .await
}

/// As a service that is busy or broken answers.
fn refusal(status: StatusCode) -> ApiError {
    match status {
        StatusCode::TOO_MANY_REQUESTS => ApiError::too_many_requests(),
        _ => ApiError::internal("something went wrong"),
    }
}

/// Performs an operation, unless the rate limit or a fault stands against it.
async fn limited(service: &Service, operation: &Operation, parts: &Parts, body: Body) -> Handled {
    let label = operation.label();
    if !lock(&service.limiter).take(label, service.clock.now()) {
        return Err(ApiError::too_many_requests());
    }
    let fault = lock(&service.settings).faults.take(label);
    let operation = async {
        let body = content(body)
            .await
            .map_err(|error| ApiError::new(error.status, "RequestEntityTooLarge", error.message))?;
        perform(service, operation, &parts.headers, &parts.uri, &body).await
    };
    spoiled(fault, operation).await
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
    let permission = lock(&service.keys).check(header("authorization"), now)?;
    match operation {
        Operation::CheckConnectivity => {
            return Ok(Answer::ok(json!({ "status": "available" })));
        }
        Operation::GetBusinessProfile => return business_profile(service),
        _ if permission == Permission::None => return Err(ApiError::access_denied()),
        _ => {}
    }
    match operation {
        Operation::ListAccounts(collection) => {
            listing::page(service, *collection, uri, header("tmv1-filter"))
        }
        Operation::CreateAccount(collection) => {
            let organization = header("tmv1-organizationid");
            accounts::create(service, *collection, organization, &json()?).await
        }
        Operation::GetAccount(id) => accounts::get(service, id),
        Operation::UpdateAccount(collection, id) => {
            accounts::update(service, *collection, id, header("if-match"), &json()?).await
        }
        Operation::DeleteAccount(id) => accounts::delete(service, id),
        Operation::ListFeatures => features::list(),
        Operation::LinkTemplates => links::link_templates(service, &json()?),
        Operation::CheckConnectivity | Operation::GetBusinessProfile => Err(ApiError::not_found()),
    }
}

/// Who the tenant is. That the answer holds identifier and name is published, and how the name is
/// called, but not how the identifier is.
fn business_profile(service: &Service) -> Handled {
    if lock(&service.settings).profile_denied {
        return Err(ApiError::access_denied());
    }
    Ok(Answer::ok(json!({
        "businessId": service.config.tenant.business_id,
        "businessName": "Acme",
    })))
}
