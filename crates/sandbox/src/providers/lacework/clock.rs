//! The simulator's clock: the machine's, plus what a test has advanced it by.

use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;

use super::lock;

/// Tells the time for token expiry, the rate limit, role propagation and integration states.
#[derive(Debug, Default)]
pub(super) struct Clock {
    advanced: Mutex<Duration>,
}

impl Clock {
    pub(super) fn now(&self) -> Timestamp {
        Timestamp::now() + *lock(&self.advanced)
    }

    pub(super) fn advance(&self, by: Duration) {
        *lock(&self.advanced) += by;
    }
}

/// The time since `earlier`; zero if the machine's clock was set back.
pub(super) fn elapsed(earlier: Timestamp, now: Timestamp) -> Duration {
    now.duration_since(earlier).try_into().unwrap_or_default()
}

/// The service's notation of a time. The Python library reads no other: three decimals are a must.
pub(super) fn text(at: Timestamp) -> String {
    format!("{at:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_milliseconds_even_on_a_full_second() {
        let at: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(text(at), "2026-01-01T00:00:00.000Z");
    }

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
