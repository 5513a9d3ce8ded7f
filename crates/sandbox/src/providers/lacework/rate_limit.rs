//! The rate limit: one token bucket per functionality, refilled over the hour.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::providers::http::clock::elapsed;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;

/// Requests an hour that the service documents, per user and functionality.
pub(super) const DOCUMENTED_LIMIT: u32 = 480;
const HOUR: Duration = Duration::from_secs(3600);

#[derive(Debug)]
pub(super) struct RateLimiter {
    limit: Option<u32>,
    buckets: BTreeMap<String, Bucket>,
}

#[derive(Debug)]
struct Bucket {
    level: f64,
    at: Timestamp,
}

/// The state of the bucket for one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Allowance {
    pub(super) allowed: bool,
    limit: u32,
    remaining: u32,
    /// Seconds until the bucket is full, or, when it is empty, until it holds one request.
    /// The service does not document which, nor whether it is a time instead.
    reset: u64,
}

impl RateLimiter {
    pub(super) fn new(limit: Option<u32>) -> Self {
        Self {
            limit,
            buckets: BTreeMap::new(),
        }
    }

    /// Takes one request from a functionality's bucket; `None` without a limit.
    pub(super) fn take(&mut self, functionality: &str, now: Timestamp) -> Option<Allowance> {
        let limit = self.limit?;
        let capacity = f64::from(limit);
        let per_second = capacity / HOUR.as_secs_f64();
        let bucket = self
            .buckets
            .entry(functionality.to_owned())
            .or_insert(Bucket {
                level: capacity,
                at: now,
            });
        let refilled = elapsed(bucket.at, now).as_secs_f64() * per_second;
        bucket.level = (bucket.level + refilled).min(capacity);
        bucket.at = now;
        let allowed = bucket.level >= 1.0;
        if allowed {
            bucket.level -= 1.0;
        }
        let missing = if bucket.level < 1.0 {
            1.0 - bucket.level
        } else {
            capacity - bucket.level
        };
        let reset = if limit == 0 {
            HOUR
        } else {
            Duration::try_from_secs_f64(missing / per_second).unwrap_or(HOUR)
        };
        Some(Allowance {
            allowed,
            limit,
            remaining: bucket.level as u32,
            reset: reset.as_secs() + u64::from(reset.subsec_nanos() > 0),
        })
    }
}

impl Allowance {
    /// Adds the `RateLimit-*` headers. `Retry-After` stays out: the service does not send it,
    /// and with it the Python library would wait and try again in silence.
    pub(super) fn write(&self, headers: &mut HeaderMap) {
        for (name, value) in [
            ("ratelimit-limit", u64::from(self.limit)),
            ("ratelimit-remaining", u64::from(self.remaining)),
            ("ratelimit-reset", self.reset),
        ] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Timestamp {
        Timestamp::UNIX_EPOCH + Duration::from_secs(second)
    }

    #[test]
    fn a_bucket_empties_and_refills_over_the_hour() {
        let mut limiter = RateLimiter::new(Some(4));
        for remaining in [3, 2, 1, 0] {
            let found = limiter.take("CloudAccounts", at(0)).unwrap();
            assert_eq!(
                (found.allowed, found.limit, found.remaining),
                (true, 4, remaining)
            );
        }
        let refused = limiter.take("CloudAccounts", at(0)).unwrap();
        assert_eq!(
            (refused.allowed, refused.remaining, refused.reset),
            (false, 0, 900)
        );
        assert!(!limiter.take("CloudAccounts", at(899)).unwrap().allowed);
        assert!(limiter.take("CloudAccounts", at(900)).unwrap().allowed);
        let full_again = limiter.take("CloudAccounts", at(90_000)).unwrap();
        assert_eq!((full_again.remaining, full_again.reset), (3, 900));
    }

    #[test]
    fn functionalities_do_not_share_a_bucket() {
        let mut limiter = RateLimiter::new(Some(1));
        assert!(limiter.take("CloudAccounts", at(0)).unwrap().allowed);
        assert!(limiter.take("access", at(0)).unwrap().allowed);
        assert!(!limiter.take("CloudAccounts", at(0)).unwrap().allowed);
    }

    #[test]
    fn no_limit_takes_nothing_and_zero_refuses_all() {
        assert_eq!(RateLimiter::new(None).take("CloudAccounts", at(0)), None);
        let refused = RateLimiter::new(Some(0))
            .take("CloudAccounts", at(0))
            .unwrap();
        assert_eq!((refused.allowed, refused.reset), (false, 3600));
    }

    #[test]
    fn a_refusal_names_its_limits_and_no_retry_after() {
        let mut headers = HeaderMap::new();
        RateLimiter::new(Some(480))
            .take("CloudAccounts", at(0))
            .unwrap()
            .write(&mut headers);
        assert_eq!(headers["ratelimit-limit"], "480");
        assert_eq!(headers["ratelimit-remaining"], "479");
        assert_eq!(headers["ratelimit-reset"], "8");
        assert!(!headers.contains_key("retry-after"));
    }
}
