use std::{error::Error as StdError, fmt::Display, str::FromStr, time::Duration};

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use towerhook_core::{Error, ErrorKind, Result, chain};

/// SQS's message for a queue whose name was in use moments ago, and how long the name stays
/// blocked.
const QUEUE_NAME_IN_USE: &str = "You must wait 60 seconds after deleting a queue";
const QUEUE_NAME_FREE_AFTER: Duration = Duration::from_secs(60);

/// Turns the failure of `operation` (`service:Operation`) into core's error.
///
/// Keeps the service's code and message only. The `Debug` of the SDK's error may show the response
/// body, which may hold a secret.
pub(crate) fn failed<E>(operation: &'static str) -> impl FnOnce(SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    move |error| {
        let kind = match &error {
            SdkError::ServiceError(answer) => kind_of(
                error.code(),
                error.message(),
                answer.raw().status().as_u16(),
                retry_after(answer.raw()),
            ),
            SdkError::ConstructionFailure(_) => ErrorKind::Invalid,
            // Connection failures, timeouts, truncated responses, and variants that the SDK adds
            // later.
            _ => ErrorKind::Unavailable,
        };
        Error::new(operation, kind, words(&error))
    }
}

/// A response that core cannot use.
pub(crate) fn unusable(operation: &'static str, reason: impl Into<String>) -> Error {
    Error::new(operation, ErrorKind::Invalid, reason.into())
}

/// Parses an identifier from a response.
pub(crate) fn parse<T>(operation: &'static str, text: &str) -> Result<T>
where
    T: FromStr<Err: Display>,
{
    text.parse()
        .map_err(|error: T::Err| unusable(operation, error.to_string()))
}

/// Whether the service returned this error code.
pub(crate) fn has_code<E: ProvideErrorMetadata>(
    error: &SdkError<E, HttpResponse>,
    code: &str,
) -> bool {
    error.code() == Some(code)
}

/// The kind of a refusal with this code, message and HTTP status.
pub(crate) fn kind_of(
    code: Option<&str>,
    message: Option<&str>,
    status: u16,
    retry_after: Option<Duration>,
) -> ErrorKind {
    let (code, message) = (code.unwrap_or_default(), message.unwrap_or_default());
    if let Some(passing) = passing(code, message, retry_after) {
        return passing;
    }
    if status == 429 {
        return ErrorKind::Throttled { retry_after };
    }
    // An error with a success status is a response that could not be parsed.
    if !(300..500).contains(&status) {
        return ErrorKind::Unavailable;
    }
    if is_conflict(code) {
        return ErrorKind::Conflict;
    }
    if is_denial(code) || is_role_unusable(code, message) || matches!(status, 401 | 403) {
        return ErrorKind::Denied;
    }
    // Not by status: a wrong endpoint returns 404, too, which says nothing about the resource.
    if code == "NoSuchBucket"
        || code.ends_with("NotFoundException")
        || code.ends_with("NonExistentQueue")
    {
        return ErrorKind::NotFound;
    }
    ErrorKind::Invalid
}

/// The kind of a failure that the service's code or message marks as transient.
pub(crate) fn passing(
    code: &str,
    message: &str,
    retry_after: Option<Duration>,
) -> Option<ErrorKind> {
    if code.ends_with("QueueDeletedRecently") || message.contains(QUEUE_NAME_IN_USE) {
        let retry_after = Some(QUEUE_NAME_FREE_AFTER);
        return Some(ErrorKind::Throttled { retry_after });
    }
    is_throttling(code).then_some(ErrorKind::Throttled { retry_after })
}

/// Whether CloudFormation cannot assume a role. A new role may not have propagated everywhere yet.
fn is_role_unusable(code: &str, message: &str) -> bool {
    code == "ValidationError" && message.contains("is invalid or cannot be assumed")
}

fn is_throttling(code: &str) -> bool {
    matches!(
        code,
        // A concurrency quota: it has room again when running work ends.
        "LimitExceededException"
            | "Throttling"
            | "ThrottlingException"
            | "Throttled"
            | "ThrottledException"
            | "RequestThrottled"
            | "RequestThrottledException"
            | "RequestLimitExceeded"
            | "TooManyRequestsException"
            | "ProvisionedThroughputExceededException"
            | "SlowDown"
            // The KMS key of a topic, a queue or a function.
            | "KMSThrottling"
            | "KMSThrottlingException"
            | "KmsThrottled"
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
            // Another change of the same bucket.
            | "OperationAborted"
            | "ResourceConflictException"
            // A table that is being updated.
            | "ResourceInUseException"
            | "TransactionConflictException"
            | "TransactionCanceledException"
            | "ConditionalCheckFailedException"
            | "TransactionInProgressException"
    )
}

fn is_denial(code: &str) -> bool {
    // Includes access denied to the KMS key of a topic or a queue.
    code.contains("AccessDenied")
        || matches!(
            code,
            "AuthorizationError"
                | "ExpiredToken"
                | "ExpiredTokenException"
                // CloudTrail acts in other services with the permissions of the caller that changes
                // an organization trail.
                | "InsufficientDependencyServiceAccessPermissionException"
                | "InsufficientIAMAccessPermissionException"
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

/// The header in seconds. Its other form, a date, is ignored.
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
    use std::collections::BTreeMap;

    use towerhook_core::{
        ports::{Accounts, StackWrites},
        retry::{REQUEUE, Retry, WAIT},
        stack_sets::StackSetSpec,
    };

    use super::*;
    use crate::testing::{error, setup, xml_error};

    #[test]
    fn each_code_leads_to_the_decision_that_it_calls_for() {
        let throttled = ErrorKind::Throttled { retry_after: None };
        for (code, status, kind) in [
            ("Throttling", 400, throttled),
            ("ThrottlingException", 400, throttled),
            ("TooManyRequestsException", 400, throttled),
            ("RequestLimitExceeded", 503, throttled),
            ("KMSThrottling", 400, throttled),
            ("KmsThrottled", 400, throttled),
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
            (
                "InsufficientDependencyServiceAccessPermissionException",
                400,
                ErrorKind::Denied,
            ),
            (
                "CloudTrailAccessNotEnabledException",
                400,
                ErrorKind::Invalid,
            ),
            ("KMSAccessDenied", 400, ErrorKind::Denied),
            ("KmsAccessDenied", 400, ErrorKind::Denied),
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
            ("LimitExceededException", 400, throttled),
        ] {
            let found = kind_of(Some(code), None, status, None);
            assert_eq!(found, kind, "{code} {status}");
        }
    }

    /// Whether setup waits for it, and whether the account function requeues it.
    fn is_tried_again(kind: ErrorKind) -> [bool; 2] {
        let error = Error::new("service:Call", kind, "words");
        [WAIT, REQUEUE].map(|backoff| matches!(backoff.after(&error, 0), Retry::After { .. }))
    }

    #[test]
    fn a_quota_of_what_runs_at_once_passes_as_a_throttle_that_uses_up_tries() {
        let kind = kind_of(Some("LimitExceededException"), None, 400, None);
        assert_eq!(kind, ErrorKind::Throttled { retry_after: None });
        assert_eq!(is_tried_again(kind), [true, true]);
        let error = Error::new("service:Call", kind, "words");
        assert_eq!(REQUEUE.after(&error, REQUEUE.tries), Retry::GiveUp);
    }

    #[test]
    fn a_queue_whose_name_was_in_use_a_moment_ago_passes_in_a_minute() {
        let words = "You must wait 60 seconds after deleting a queue before you can create \
                     another with the same name.";
        let minute = ErrorKind::Throttled {
            retry_after: Some(Duration::from_secs(60)),
        };
        for (code, message) in [
            ("QueueDeletedRecently", None),
            ("AWS.SimpleQueueService.QueueDeletedRecently", Some(words)),
            ("InvalidRequest", Some(words)),
        ] {
            assert_eq!(kind_of(Some(code), message, 400, None), minute, "{code}");
        }
        let delay = Duration::from_secs(60);
        let error = Error::new("sqs:CreateQueue", minute, words);
        let waits = Retry::After {
            delay,
            counts: false,
        };
        assert_eq!(WAIT.after(&error, 0), waits);
        assert_eq!(REQUEUE.after(&error, 0), waits);
    }

    #[tokio::test]
    async fn a_role_that_cloudformation_cannot_see_yet_is_a_refusal_for_now() {
        let role = "Role arn:aws:iam::999999999999:role/acme is invalid or cannot be assumed";
        let (aws, _) = setup([
            xml_error(400, "ValidationError", role),
            xml_error(400, "ValidationError", "Template format error"),
        ]);
        let spec = StackSetSpec {
            name: "Member".into(),
            template: "Resources: {}",
            parameters: BTreeMap::new(),
            stack_id: "mine".into(),
            tags: BTreeMap::new(),
            roles: None,
        };
        let refused = aws.create_stack(&spec, "t").await.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Denied);
        // Only setup's grace period for new permissions covers it.
        assert_eq!(is_tried_again(refused.kind), [false, false]);
        let wrong = aws.create_stack(&spec, "t").await.unwrap_err();
        assert_eq!(wrong.kind, ErrorKind::Invalid);
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
