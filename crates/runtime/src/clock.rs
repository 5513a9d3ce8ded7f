//! The one place that reads the clock.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;

/// Now.
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// The time until an invocation's deadline; zero once it has passed.
pub fn time_left(context: &lambda_runtime::Context) -> Duration {
    context
        .deadline()
        .duration_since(SystemTime::now())
        .unwrap_or_default()
}
