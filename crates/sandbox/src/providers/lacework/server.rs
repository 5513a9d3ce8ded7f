//! From an HTTP request to its answer: what every operation has in common.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use axum::routing::post;
use serde_json::Value;

use super::answer::{Answer, ApiError, Handled, response};
use super::operation::Operation;
use super::pages::{further_page, listing, page_name};
use super::service::Service;
use super::settings::Fault;
use super::user_profile::user_profile;
use super::{cloud_accounts, lock, registration, sdk_only};
use crate::chaos::{Caller, Mishap, Moment};

/// Bytes that a request's body may have.
const BODY_LIMIT: usize = 1 << 20;
/// Name in [`Service::calls`] of requests for what the API does not have.
const UNRECOGNIZED: &str = "Unrecognized url";

pub(super) fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route(registration::PATH, post(registration::delivered))
        .fallback(entry)
        .with_state(service)
}

/// Completes the request even when the client disconnects.
async fn entry(State(service): State<Arc<Service>>, request: Request) -> Response {
    let worked = tokio::spawn(async move { answer(&service, request).await }).await;
    worked.unwrap_or_else(|error| {
        tracing::error!("a request to the simulator failed: {error}");
        response(Err(ApiError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the simulator failed",
        )))
    })
}

async fn answer(service: &Service, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Some(operation) = Operation::parse(&parts.method, parts.uri.path()) else {
        service.count(UNRECOGNIZED);
        return response(Err(ApiError::unrecognized_url()));
    };
    let label = operation.label();
    service.count(label);
    let mishap = service
        .config
        .chaos
        .call(&parts.headers, || format!("lacework:{label}"));
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    let caller = || {
        let ConnectInfo(peer) = peer.context("the connection is not known")?;
        let port = service.base.port().context("the port is not known")?;
        Caller::find(*peer, port)
    };
    let mut crash = None;
    match mishap {
        Some(Mishap::Throttle) => {
            return response(Err(too_many_requests()));
        }
        Some(Mishap::ServerError) => {
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            return response(Err(ApiError::new(status, "something went wrong")));
        }
        Some(Mishap::Reset) => return cut_off(),
        Some(Mishap::Crash(Moment::Before)) => {
            service.config.chaos.crash(caller());
            return cut_off();
        }
        Some(Mishap::Crash(Moment::After)) => crash = Some(caller()),
        Some(Mishap::Delay(time)) => tokio::time::sleep(time).await,
        Some(Mishap::LostReply) | None => {}
    }
    let now = service.clock.now();
    let allowance = lock(&service.limiter).take(operation.functionality(), now);
    let handled = if allowance.is_some_and(|allowance| !allowance.allowed) {
        Err(too_many_requests())
    } else {
        let fault = lock(&service.settings).take_fault(label);
        match fault {
            Some(fault) if !fault.after_effect => Err(failure(&fault)),
            fault => {
                let handled = match to_bytes(body, BODY_LIMIT).await {
                    Err(_) => Err(ApiError::new(
                        StatusCode::PAYLOAD_TOO_LARGE,
                        "the body is larger than 1 MB",
                    )),
                    Ok(body) => {
                        perform(service, &operation, &parts.headers, &parts.uri, &body).await
                    }
                };
                fault.map_or(handled, |fault| Err(failure(&fault)))
            }
        }
    };
    if operation == Operation::CreateCloudAccount && handled.is_ok() {
        let hang = lock(&service.settings).take_hang();
        if let Some(hang) = hang {
            tokio::time::sleep(hang).await;
        }
    }
    if let Some(caller) = crash {
        service.config.chaos.crash(caller);
        return cut_off();
    }
    if mishap == Some(Mishap::LostReply) {
        return cut_off();
    }
    let mut response = response(handled);
    if let Some(allowance) = allowance {
        allowance.write(response.headers_mut());
    }
    response
}

fn too_many_requests() -> ApiError {
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests")
}

/// An answer whose body fails midway: the server closes the connection.
fn cut_off() -> Response {
    let broken = std::io::Error::other("cut off on purpose");
    let body = futures::stream::once(async { Err::<Vec<u8>, _>(broken) });
    Response::new(Body::from_stream(body))
}

fn failure(fault: &Fault) -> ApiError {
    let status = StatusCode::from_u16(fault.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    ApiError::new(
        status,
        status.canonical_reason().unwrap_or("injected failure"),
    )
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
        .ok_or_else(ApiError::unauthorized_access)?;
    let config = &service.config;
    match operation {
        Operation::CreateToken => Err(ApiError::unrecognized_url()),
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
