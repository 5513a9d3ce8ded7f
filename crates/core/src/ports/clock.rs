use std::time::Duration;

use jiff::Timestamp;

/// The process's clock, and timers.
pub trait Clock {
    /// The current time.
    fn now(&self) -> Timestamp;
    /// Waits this long.
    async fn sleep(&self, time: Duration);
}
