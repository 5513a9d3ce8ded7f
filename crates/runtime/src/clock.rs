//! The one place that reads the clock.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use towerhook_core::ports::Clock;

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        now()
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

/// The current time.
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
