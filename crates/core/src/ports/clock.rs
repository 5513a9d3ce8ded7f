use std::time::Duration;

use jiff::Timestamp;

/// The clock of the process, and waiting by it.
pub trait Clock {
    /// The time.
    fn now(&self) -> Timestamp;
    /// Waits for as long as this.
    async fn sleep(&self, time: Duration);
}
