//! The simulator's answers: JSON, and for every error one `message`.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// A success: the status and, except for 204, a JSON body.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Option<Value>,
}

impl Answer {
    pub(super) fn ok(body: Value) -> Self {
        Self {
            status: StatusCode::OK,
            body: Some(body),
        }
    }

    pub(super) fn created(body: Value) -> Self {
        Self {
            status: StatusCode::CREATED,
            body: Some(body),
        }
    }

    pub(super) fn no_content() -> Self {
        Self {
            status: StatusCode::NO_CONTENT,
            body: None,
        }
    }
}

/// An error answer. `data` never appears in it: the Python library would trip over it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ApiError {
    pub(super) status: StatusCode,
    pub(super) message: String,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not Found")
    }

    /// The answer to paths that the API does not have.
    pub(super) fn unrecognized_url() -> Self {
        Self::new(StatusCode::FORBIDDEN, "Unrecognized url")
    }

    /// The answer for an account that the user cannot act in. The service was seen to answer so
    /// about integrations; that it does about sub-accounts is assumed.
    pub(super) fn unauthorized_access() -> Self {
        Self::new(StatusCode::FORBIDDEN, "Unauthorized Access")
    }
}

/// The outcome of one operation.
pub(super) type Handled = Result<Answer, ApiError>;

/// The HTTP response for an outcome.
pub(super) fn response(handled: Handled) -> Response {
    let (status, body) = match handled {
        Ok(Answer { status, body }) => (status, body),
        Err(ApiError { status, message }) => (status, Some(json!({ "message": message }))),
    };
    match body {
        None => status.into_response(),
        Some(body) => {
            let mut response = Response::new(Body::from(body.to_string()));
            *response.status_mut() = status;
            response.headers_mut().insert(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/json"),
            );
            response
        }
    }
}
