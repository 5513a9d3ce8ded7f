//! The HTTP client's timeouts, the URLs that it may call, and the mapping of its errors.

use std::time::Duration;

use backon::ExponentialBuilder;
use towerhook_core::{Error, ErrorKind, model::is_loopback};
use towerhook_http::{Client, ClientError, MoreRoots, Timeouts};
use url::Url;

/// The timeout for connecting, including TLS.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The timeout of a call, from connecting to the last byte of its response.
///
/// The vendor verifies a role inside the call that names it, which can take over a minute. If the
/// call finishes after our timeout, the next list shows its result.
pub const TIMEOUT: Duration = Duration::from_secs(65);

/// A URL that secrets must not be sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the URL must be https, or http to this machine itself, and hold no credentials")]
pub struct UnsafeUrl;

/// The client for every call.
///
/// # Errors
///
/// TLS or the client could not be set up, which no input can cause.
pub fn http_client() -> Result<Client, ClientError> {
    client(TIMEOUT, MoreRoots::None)
}

/// Likewise, for a host whose certificate may be from one of these authorities. Blank for none.
///
/// # Errors
///
/// There is no certificate of an authority in the PEM text.
pub fn http_client_trusting(authorities: &str) -> Result<Client, ClientError> {
    let more_roots = match authorities.trim() {
        "" => MoreRoots::None,
        text => MoreRoots::Text(text),
    };
    client(TIMEOUT, more_roots)
}

#[cfg(test)]
pub(crate) fn client_within(timeout: Duration) -> Result<Client, ClientError> {
    client(timeout, MoreRoots::None)
}

fn client(timeout: Duration, more_roots: MoreRoots<'_>) -> Result<Client, ClientError> {
    let timeouts = Timeouts {
        connect: CONNECT_TIMEOUT,
        total: Some(timeout),
    };
    towerhook_http::client(timeouts, more_roots)
}

/// Refuses plain HTTP to other machines, and credentials in the URL.
pub fn require_safe(url: &Url) -> Result<(), UnsafeUrl> {
    let credentials = !url.username().is_empty() || url.password().is_some();
    match url.scheme() {
        "https" if !credentials => Ok(()),
        "http" if is_loopback(url) && !credentials => Ok(()),
        _ => Err(UnsafeUrl),
    }
}

/// Three attempts in all, with delays of half a second and a second.
pub(crate) const BACKOFF: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(500))
    .with_max_times(2)
    .with_jitter();

/// The error of a call without a response. Its URL is removed, because it can hold a signature.
pub fn no_answer(operation: &'static str, error: reqwest::Error) -> Error {
    let kind = if error.is_builder() {
        ErrorKind::Invalid
    } else {
        ErrorKind::Unavailable
    };
    Error::new(operation, kind, error.without_url())
}

/// Whether an immediate retry may succeed.
///
/// Not after a timeout: the server had its time, and the caller's own is limited.
pub(crate) fn is_passing(error: &Error) -> bool {
    let timed_out = std::error::Error::source(error)
        .and_then(|source| source.downcast_ref::<reqwest::Error>())
        .is_some_and(|error| error.is_timeout() && !error.is_connect());
    error.kind == ErrorKind::Unavailable && !timed_out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_safe(url: &str) -> bool {
        require_safe(&url.parse().unwrap()).is_ok()
    }

    #[test]
    fn secrets_go_over_tls_or_stay_on_this_machine() {
        for url in [
            "https://acme.lacework.net",
            "http://127.0.0.1:8443",
            "http://localhost",
            "http://[::1]:1",
        ] {
            assert!(is_safe(url), "{url}");
        }
        for url in [
            "http://acme.lacework.net",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "http://10.0.0.1",
            "ftp://127.0.0.1",
            "https://user:password@acme.lacework.net",
            "data:,",
        ] {
            assert!(!is_safe(url), "{url}");
        }
    }
}
