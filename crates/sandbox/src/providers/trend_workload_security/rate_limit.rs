//! The rate limit: so many requests within the last minute.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;

use crate::providers::http::clock::elapsed;

const WINDOW: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(super) struct RateLimiter {
    limit: Option<usize>,
    /// The requests that were let through within the window, oldest first.
    accepted: VecDeque<Timestamp>,
}

impl RateLimiter {
    pub(super) fn set_limit(&mut self, limit: Option<usize>) {
        self.limit = limit;
    }

    /// Whether one more request is let through. One that is not does not count.
    pub(super) fn take(&mut self, now: Timestamp) -> bool {
        let is_past = |at: &Timestamp| elapsed(*at, now) >= WINDOW;
        while self.accepted.front().is_some_and(is_past) {
            self.accepted.pop_front();
        }
        let fits = self.limit.is_none_or(|limit| self.accepted.len() < limit);
        if fits {
            self.accepted.push_back(now);
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Timestamp {
        Timestamp::UNIX_EPOCH + Duration::from_secs(second)
    }

    #[test]
    fn the_last_minute_counts_and_refused_requests_do_not() {
        let mut limiter = RateLimiter::default();
        assert!(limiter.take(at(0)), "there is no limit at first");
        limiter.set_limit(Some(3));
        let taken = [10, 20, 30, 59, 60, 61, 70, 80].map(|second| limiter.take(at(second)));
        assert_eq!(taken, [true, true, false, false, true, false, true, true]);
        limiter.set_limit(Some(0));
        assert!(!limiter.take(at(900)));
        limiter.set_limit(None);
        assert!(limiter.take(at(900)));
    }
}
