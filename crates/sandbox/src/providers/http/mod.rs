//! What the simulators of HTTP APIs have in common.

pub(crate) mod answer;
pub(crate) mod clock;
pub(crate) mod fault;
pub(crate) mod like;
pub(crate) mod rate_limit;
pub(crate) mod server;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A lock that survives a panic in another request: the state behind it is replaced whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
