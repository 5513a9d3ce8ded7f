//! What the simulators of HTTP APIs have in common.

pub(crate) mod answer;
pub(crate) mod clock;
pub(crate) mod fault;
pub(crate) mod like;
pub(crate) mod rate_limit;
pub(crate) mod server;

use std::sync::{Mutex, MutexGuard, PoisonError};

use url::Url;

/// A simulator's address as a template takes it.
pub(crate) fn endpoint(url: &Url) -> &str {
    url.as_str().trim_end_matches('/')
}

/// The name of the members' StackSet of a vendor whose names hold the host.
pub(crate) fn member_stack(prefix: &str, url: &Url) -> String {
    let endpoint = endpoint(url);
    let host = endpoint.split("://").last().unwrap_or(endpoint);
    let host = host.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-");
    format!("{prefix}Member-{host}")
}

/// A lock that survives a panic in another request: the state behind it is replaced whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
