//! A rate limit: so many requests of a kind within the last minute.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use jiff::Timestamp;

use super::clock::elapsed;

const WINDOW: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(crate) struct RateLimiter {
    limit: Option<usize>,
    /// The requests of each kind that were let through within the window, oldest first.
    accepted: BTreeMap<&'static str, VecDeque<Timestamp>>,
}

impl RateLimiter {
    pub(crate) fn new(limit: Option<usize>) -> Self {
        Self {
            limit,
            accepted: BTreeMap::new(),
        }
    }

    pub(crate) fn set_limit(&mut self, limit: Option<usize>) {
        self.limit = limit;
    }

    /// Whether one more request of this kind is let through. One that is not does not count.
    pub(crate) fn take(&mut self, kind: &'static str, now: Timestamp) -> bool {
        let accepted = self.accepted.entry(kind).or_default();
        let is_past = |at: &Timestamp| elapsed(*at, now) >= WINDOW;
        while accepted.front().is_some_and(is_past) {
            accepted.pop_front();
        }
        let fits = self.limit.is_none_or(|limit| accepted.len() < limit);
        if fits {
            accepted.push_back(now);
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
        assert!(limiter.take("list", at(0)), "there is no limit at first");
        limiter.set_limit(Some(3));
        let taken = [10, 20, 30, 59, 60, 61, 70, 80].map(|second| limiter.take("list", at(second)));
        assert_eq!(taken, [true, true, false, false, true, false, true, true]);
        limiter.set_limit(Some(0));
        assert!(!limiter.take("list", at(900)));
        limiter.set_limit(None);
        assert!(limiter.take("list", at(900)));
    }

    #[test]
    fn requests_of_another_kind_do_not_count() {
        let mut limiter = RateLimiter::new(Some(1));
        assert!(limiter.take("list", at(0)));
        assert!(!limiter.take("list", at(1)));
        assert!(limiter.take("create", at(1)));
    }
}
