//! A simulator's clock: the machine's, plus what a test has advanced it by.

use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;

use super::lock;

/// Tells the time for whatever a service does by the hour.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    advanced: Mutex<Duration>,
}

impl Clock {
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::now() + *lock(&self.advanced)
    }

    pub(crate) fn advance(&self, by: Duration) {
        *lock(&self.advanced) += by;
    }
}

/// The time since `earlier`; zero if the machine's clock was set back.
pub(crate) fn elapsed(earlier: Timestamp, now: Timestamp) -> Duration {
    now.duration_since(earlier).try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advancing_adds_up() {
        let clock = Clock::default();
        let before = clock.now();
        clock.advance(Duration::from_secs(3600));
        clock.advance(Duration::from_secs(60));
        assert!(elapsed(before, clock.now()) >= Duration::from_secs(3660));
        assert_eq!(elapsed(clock.now(), before), Duration::ZERO);
    }
}
