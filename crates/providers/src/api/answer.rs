//! The meaning of an API response that is the same for every operation.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::{RequestBuilder, StatusCode, header::HeaderMap};
use serde_json::Value;
use towerhook_core::{Error, ErrorKind, Result};
use towerhook_http::calls;

use super::{body, http, json};

/// The longest wait that a response can request.
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);

/// A response that is neither a throttle nor a server error.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// Empty for a refused call.
    pub(crate) body: Vec<u8>,
    /// The server's message for a refusal, safe to show.
    pub(crate) message: String,
}

/// A refusal with the server's message.
#[derive(Debug, thiserror::Error)]
#[error("HTTP {status}: {message}")]
struct Refusal {
    status: StatusCode,
    message: String,
}

impl Answer {
    /// A header's text, if it is one.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The response as an error of this kind.
    pub(crate) fn into_error(self, operation: &'static str, kind: ErrorKind) -> Error {
        let Self {
            status, message, ..
        } = self;
        Error::new(operation, kind, Refusal { status, message }).of_registry()
    }

    /// The body's JSON, if the call succeeded.
    pub(crate) fn json(self, operation: &'static str) -> Result<Value> {
        if self.status.is_success() {
            json::parse(operation, &self.body)
        } else {
            Err(self.refused(operation))
        }
    }

    /// The error for a status without an operation-specific meaning.
    pub(crate) fn refused(self, operation: &'static str) -> Error {
        let kind = match self.status {
            StatusCode::NOT_FOUND => ErrorKind::NotFound,
            StatusCode::CONFLICT => ErrorKind::Conflict,
            _ => ErrorKind::Invalid,
        };
        self.into_error(operation, kind)
    }
}

/// Sends a request and reads its body, up to `longest` bytes on success. The texts in `hidden` are
/// removed from messages.
pub(crate) async fn answer(
    operation: &'static str,
    request: RequestBuilder,
    hidden: &[&str],
    longest: usize,
) -> Result<Answer> {
    calls::VENDOR.add();
    let response = request
        .send()
        .await
        .map_err(|error| http::no_answer(operation, error).of_registry())?;
    let status = response.status();
    let headers = response.headers().clone();
    let left = header(&headers, "ratelimit-remaining");
    tracing::debug!(
        operation,
        status = status.as_u16(),
        left,
        "response received"
    );
    if let Some(left) = left.and_then(|left| left.trim().parse().ok()) {
        calls::VENDOR.leave(left);
    }
    let is_success = status.is_success();
    let longest = if is_success {
        longest
    } else {
        body::LONGEST_SHORT
    };
    let (body, message) = match body::read(response, longest).await {
        Ok(body) if is_success => (body, String::new()),
        Ok(body) => (Vec::new(), json::message(&body, hidden)),
        // The message is lost, but the status still says whether it is a throttle or a refused
        // token.
        Err(error @ body::Unread::TooLong(_)) if !is_success => (Vec::new(), error.to_string()),
        Err(error) => return Err(error.into_error(operation).of_registry()),
    };
    let answer = Answer {
        status,
        headers,
        body,
        message,
    };
    match status {
        StatusCode::TOO_MANY_REQUESTS => {
            calls::VENDOR.add_throttle();
            let retry_after = retry_after(&answer.headers, Timestamp::now());
            Err(answer.into_error(operation, ErrorKind::Throttled { retry_after }))
        }
        status if status.is_server_error() => {
            Err(answer.into_error(operation, ErrorKind::Unavailable))
        }
        _ => Ok(answer),
    }
}

/// When to retry after a 429.
///
/// The vendor documents `RateLimit-Reset` without its unit. Values up to an hour, the documented
/// window, are taken as seconds from now; larger ones as seconds since 1970.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let reset: i64 = header(headers, "ratelimit-reset")
        .or_else(|| header(headers, "retry-after"))?
        .trim()
        .parse()
        .ok()?;
    let seconds = if reset <= 3600 {
        reset
    } else {
        reset.saturating_sub(now.as_second())
    };
    let wait = Duration::from_secs(seconds.max(1).unsigned_abs());
    Some(wait.min(LONGEST_WAIT))
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn a_reset_is_a_time_to_wait_or_a_time_of_day() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        for (name, value, seconds) in [
            ("ratelimit-reset", "77", Some(77)),
            ("ratelimit-reset", "0", Some(1)),
            ("ratelimit-reset", "3600", Some(900)),
            ("ratelimit-reset", "1800000060", Some(60)),
            ("ratelimit-reset", "1799999999", Some(1)),
            ("ratelimit-reset", "1800099999", Some(900)),
            ("ratelimit-reset", "1800000060000", Some(900)),
            ("ratelimit-reset", "-9223372036854775808", Some(1)),
            ("retry-after", "30", Some(30)),
            ("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT", None),
            ("ratelimit-limit", "480", None),
        ] {
            let headers =
                HeaderMap::from_iter([(name.parse().unwrap(), HeaderValue::from_static(value))]);
            assert_eq!(
                retry_after(&headers, now),
                seconds.map(Duration::from_secs),
                "{name}: {value}"
            );
        }
    }
}
