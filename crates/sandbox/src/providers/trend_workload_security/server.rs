//! From an HTTP request to its answer: what every operation has in common.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde_json::{Map, Value};

use super::connectors::{self, not_authorized};
use super::lock;
use super::operation::Operation;
use super::service::Service;
use crate::providers::http::answer::{ApiError, Handled, response};
use crate::providers::http::fault::spoiled;
use crate::providers::http::server::{answered, completed, content};

/// Name in [`Service::calls`] of requests for what the simulator does not have.
const UNKNOWN: &str = "unknown";

/// The kind of every request to the rate limit, which counts them all together.
const ANY: &str = "any";

/// The version of the API, which every request names.
const VERSION: &str = "v1";

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
        &service.chaos,
        service.port,
        &parts,
        || format!("trend-workload-security:{label}"),
        |status| response(Err(refusal(status))),
        async { response(limited(service, operation, &parts, body).await) },
    )
    .await
}

/// As a service that is busy or broken answers.
fn refusal(status: StatusCode) -> ApiError {
    let message = match status {
        StatusCode::TOO_MANY_REQUESTS => "Too many API requests",
        _ => "Internal server error",
    };
    ApiError::new(status, message)
}

/// Performs an operation, unless the rate limit or a fault stands against it.
async fn limited(service: &Service, operation: Operation, parts: &Parts, body: Body) -> Handled {
    if !lock(&service.limiter).take(ANY, service.clock.now()) {
        return Err(refusal(StatusCode::TOO_MANY_REQUESTS));
    }
    let fault = lock(&service.settings).faults.take(operation.label());
    spoiled(fault, perform(service, operation, parts, body)).await
}

async fn perform(service: &Service, operation: Operation, parts: &Parts, body: Body) -> Handled {
    let version = parts.headers.get("api-version");
    if version.is_none_or(|version| version != VERSION) {
        let message = "the header api-version must be v1";
        return Err(ApiError::bad_request(message));
    }
    let may_write = lock(&service.keys).check(&parts.headers)?;
    if let Some(action) = operation.writes().filter(|_| !may_write) {
        return Err(not_authorized(action));
    }
    let body = content(body).await?;
    let json = || {
        serde_json::from_slice::<Value>(&body)
            .map_err(|_| ApiError::bad_request("the body is not JSON"))
    };
    match operation {
        Operation::GetSettings => connectors::settings(service),
        Operation::List => Ok(connectors::list(service)),
        Operation::Create => connectors::create(service, &json()?).await,
        Operation::Search if body.is_empty() => {
            connectors::find(service, &Value::Object(Map::new()))
        }
        Operation::Search => connectors::find(service, &json()?),
        Operation::Read(id) => connectors::read(service, id),
        Operation::Modify(id) => {
            connectors::modify(service, id, asks_for_sync(&parts.uri)?, &json()?).await
        }
        Operation::Delete(id) => connectors::delete(service, id),
    }
}

/// The vendor's client writes the flag as Python does.
fn asks_for_sync(uri: &Uri) -> Result<bool, ApiError> {
    let query = uri.query().unwrap_or_default();
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    let sync = pairs.find(|(name, _)| name == "sync");
    match sync.map(|(_, value)| value.to_ascii_lowercase()).as_deref() {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(ApiError::bad_request("sync must be a boolean")),
    }
}
