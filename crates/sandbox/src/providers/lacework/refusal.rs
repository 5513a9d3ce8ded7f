//! The errors that only this API has.

use axum::http::StatusCode;

use crate::providers::http::answer::ApiError;

/// The answer to paths that the API does not have.
pub(super) fn unrecognized_url() -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, "Unrecognized url")
}

/// The answer for an account that the user cannot act in. The service was seen to answer so
/// about integrations; that it does about sub-accounts is assumed.
pub(super) fn unauthorized_access() -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, "Unauthorized Access")
}
