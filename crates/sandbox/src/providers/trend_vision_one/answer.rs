//! The simulator's answers: JSON, and for every error a code and a message.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::providers::Fault;

/// Names an answer in the vendor's logs.
const TRACE: HeaderName = HeaderName::from_static("x-trace-id");

/// A success: the status, at most one header of its own, and a JSON body or none.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) header: Option<(HeaderName, String)>,
    pub(super) body: Option<Value>,
}

impl Answer {
    pub(super) fn ok(body: Value) -> Self {
        Self {
            status: StatusCode::OK,
            header: None,
            body: Some(body),
        }
    }

    pub(super) fn tagged(body: Value, etag: String) -> Self {
        Self {
            header: Some((header::ETAG, etag)),
            ..Self::ok(body)
        }
    }

    pub(super) fn created(location: String) -> Self {
        Self {
            status: StatusCode::CREATED,
            header: Some((header::LOCATION, location)),
            body: None,
        }
    }

    pub(super) fn no_content() -> Self {
        Self {
            status: StatusCode::NO_CONTENT,
            header: None,
            body: None,
        }
    }
}

/// An error answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ApiError {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    /// The answer to a key that is missing, unknown, revoked or expired.
    pub(super) fn invalid_credentials() -> Self {
        let message = "The token is invalid or has expired.";
        Self::new(StatusCode::UNAUTHORIZED, "InvalidCredentials", message)
    }

    pub(super) fn access_denied() -> Self {
        let message = "Insufficient permissions.";
        Self::new(StatusCode::FORBIDDEN, "AccessDenied", message)
    }

    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "NotFound", "not found")
    }

    pub(super) fn too_many_requests() -> Self {
        let message = "Too many API requests";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", message)
    }

    pub(super) fn internal(message: impl Into<String>) -> Self {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self::new(status, "InternalServerError", message)
    }

    fn body(&self) -> Value {
        let mut error = json!({ "code": self.code, "message": self.message });
        if self.code == "InvalidCredentials" {
            error["innererror"] = json!({ "code": "InvalidToken", "service": "svp" });
        }
        json!({ "error": error })
    }
}

impl From<Fault> for ApiError {
    fn from(fault: Fault) -> Self {
        let (status, message) = fault.answer();
        Self::new(status, "InjectedFailure", message)
    }
}

/// The outcome of one operation.
pub(super) type Handled = Result<Answer, ApiError>;

/// The HTTP response for an outcome.
pub(super) fn response(handled: Handled) -> Response {
    let answer = handled.unwrap_or_else(|error| Answer {
        status: error.status,
        header: None,
        body: Some(error.body()),
    });
    let mut response = Response::new(Body::empty());
    *response.status_mut() = answer.status;
    let headers = response.headers_mut();
    let trace = Uuid::new_v4().to_string();
    for (name, value) in answer.header.into_iter().chain([(TRACE, trace)]) {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
    if let Some(body) = answer.body {
        let json = HeaderValue::from_static("application/json");
        headers.insert(header::CONTENT_TYPE, json);
        *response.body_mut() = Body::from(body.to_string());
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_key_names_the_service_that_refused_it() {
        assert_eq!(
            ApiError::invalid_credentials().body()["error"]["innererror"],
            json!({"code": "InvalidToken", "service": "svp"})
        );
        let other = ApiError::not_found().body();
        let expected = json!({"error": {"code": "NotFound", "message": "not found"}});
        assert_eq!(other, expected);
    }

    #[test]
    fn every_answer_has_a_trace_and_only_a_body_has_a_type() {
        let empty = response(Ok(Answer::no_content()));
        assert!(empty.headers().contains_key("x-trace-id"));
        assert!(!empty.headers().contains_key("content-type"));
        let refused = response(Err(ApiError::access_denied()));
        assert!(refused.headers().contains_key("x-trace-id"));
        assert_eq!(refused.headers()["content-type"], "application/json");
    }
}
