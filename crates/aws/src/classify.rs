use std::{error::Error as StdError, fmt::Display, str::FromStr, time::Duration};

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use towerhook_core::{Error, ErrorKind, Result, chain};

/// Turns the failure of `operation` (`service:Operation`) into the core's terms.
///
/// What is kept of it is the service's code and message. Never the SDK's error itself: its `Debug`
/// may show the answer's body, and that may be a secret.
pub(crate) fn failed<E>(operation: &'static str) -> impl FnOnce(SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    move |error| {
        let kind = match &error {
            SdkError::ServiceError(answer) => kind_of(
                error.code(),
                answer.raw().status().as_u16(),
                retry_after(answer.raw()),
            ),
            SdkError::ConstructionFailure(_) => ErrorKind::Invalid,
            // The connection, the time or the answer's end was lost; and what the SDK adds later.
            _ => ErrorKind::Unavailable,
        };
        Error::new(operation, kind, words(&error))
    }
}

/// An answer that the core cannot use.
pub(crate) fn unusable(operation: &'static str, reason: impl Into<String>) -> Error {
    Error::new(operation, ErrorKind::Invalid, reason.into())
}

/// An identifier in an answer.
pub(crate) fn parse<T>(operation: &'static str, text: &str) -> Result<T>
where
    T: FromStr<Err: Display>,
{
    text.parse()
        .map_err(|error: T::Err| unusable(operation, error.to_string()))
}

/// Whether the service answered with this error code.
pub(crate) fn has_code<E: ProvideErrorMetadata>(
    error: &SdkError<E, HttpResponse>,
    code: &str,
) -> bool {
    error.code() == Some(code)
}

fn kind_of(code: Option<&str>, status: u16, retry_after: Option<Duration>) -> ErrorKind {
    let code = code.unwrap_or_default();
    if is_throttling(code) || status == 429 {
        return ErrorKind::Throttled { retry_after };
    }
    // A success that is an error is an answer that could not be read.
    if !(300..500).contains(&status) {
        return ErrorKind::Unavailable;
    }
    if is_conflict(code) {
        return ErrorKind::Conflict;
    }
    if is_denial(code) || matches!(status, 401 | 403) {
        return ErrorKind::Denied;
    }
    // Not by status: a wrong endpoint answers 404 too, and that says nothing about what was asked for.
    if code.ends_with("NotFoundException") || code.ends_with("NonExistentQueue") {
        return ErrorKind::NotFound;
    }
    ErrorKind::Invalid
}

fn is_throttling(code: &str) -> bool {
    matches!(
        code,
        "Throttling"
            | "ThrottlingException"
            | "Throttled"
            | "ThrottledException"
            | "RequestThrottled"
            | "RequestThrottledException"
            | "RequestLimitExceeded"
            | "TooManyRequestsException"
            | "ProvisionedThroughputExceededException"
            | "SlowDown"
    )
}

fn is_conflict(code: &str) -> bool {
    matches!(
        code,
        "OperationInProgressException"
            | "StaleRequestException"
            | "StackSetNotEmptyException"
            | "CreatedButModifiedException"
            | "ConcurrentModificationException"
            | "ConflictException"
            | "ResourceConflictException"
            | "TransactionConflictException"
            | "TransactionCanceledException"
            | "ConditionalCheckFailedException"
            | "TransactionInProgressException"
    )
}

fn is_denial(code: &str) -> bool {
    code.starts_with("AccessDenied")
        || matches!(
            code,
            "AuthorizationError"
                | "ExpiredToken"
                | "ExpiredTokenException"
                | "InvalidClientTokenId"
                | "InvalidSignatureException"
                | "MissingAuthenticationToken"
                | "NotAuthorized"
                | "OptInRequired"
                | "SignatureDoesNotMatch"
                | "UnauthorizedOperation"
                | "UnrecognizedClientException"
        )
}

/// The header in seconds; its other form, a date, is not worth a clock.
fn retry_after(answer: &HttpResponse) -> Option<Duration> {
    let seconds = answer.headers().get("retry-after")?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

fn words<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        (None, Some(message)) => message.to_owned(),
        (None, None) => match error.raw_response() {
            Some(answer) => format!("HTTP {}: {}", answer.status(), chain(error)),
            None => chain(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use towerhook_core::ports::Accounts;

    use super::*;
    use crate::testing::{error, setup};

    #[test]
    fn each_code_leads_to_the_decision_that_it_calls_for() {
        let throttled = ErrorKind::Throttled { retry_after: None };
        for (code, status, kind) in [
            ("Throttling", 400, throttled),
            ("ThrottlingException", 400, throttled),
            ("TooManyRequestsException", 400, throttled),
            ("RequestLimitExceeded", 503, throttled),
            ("", 429, throttled),
            ("OperationInProgressException", 409, ErrorKind::Conflict),
            ("StaleRequestException", 409, ErrorKind::Conflict),
            ("ConcurrentModificationException", 400, ErrorKind::Conflict),
            ("TransactionCanceledException", 400, ErrorKind::Conflict),
            ("InternalFailure", 500, ErrorKind::Unavailable),
            ("", 502, ErrorKind::Unavailable),
            ("", 200, ErrorKind::Unavailable),
            ("AccessDenied", 403, ErrorKind::Denied),
            ("AccessDeniedException", 400, ErrorKind::Denied),
            ("AccessDeniedForDependencyException", 400, ErrorKind::Denied),
            ("UnrecognizedClientException", 400, ErrorKind::Denied),
            ("ResourceNotFoundException", 400, ErrorKind::NotFound),
            ("StackSetNotFoundException", 404, ErrorKind::NotFound),
            (
                "AWS.SimpleQueueService.NonExistentQueue",
                400,
                ErrorKind::NotFound,
            ),
            ("", 404, ErrorKind::Invalid),
            ("ValidationError", 400, ErrorKind::Invalid),
            ("LimitExceededException", 400, ErrorKind::Invalid),
        ] {
            assert_eq!(kind_of(Some(code), status, None), kind, "{code} {status}");
        }
    }

    #[tokio::test]
    async fn an_error_keeps_the_services_code_and_words() {
        let (aws, _) = setup([error(400, "AccessDeniedException")]);
        let failure = aws.accounts().await.unwrap_err();
        assert_eq!(failure.kind, ErrorKind::Denied);
        assert_eq!(
            failure.chain(),
            "organizations:ListAccounts failed: AccessDeniedException: because"
        );
    }

    #[tokio::test]
    async fn a_throttle_keeps_the_time_that_the_service_asked_for() {
        let throttle = error(400, "TooManyRequestsException").header("retry-after", "7");
        let (aws, _) = setup([throttle]);
        let retry_after = Some(Duration::from_secs(7));
        assert_eq!(
            aws.accounts().await.unwrap_err().kind,
            ErrorKind::Throttled { retry_after }
        );
    }

    #[tokio::test]
    async fn no_answer_is_unavailable() {
        let (aws, _) = setup([]);
        assert_eq!(
            aws.accounts().await.unwrap_err().kind,
            ErrorKind::Unavailable
        );
    }
}
