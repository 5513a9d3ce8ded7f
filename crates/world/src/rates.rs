//! Limits and latencies of AWS and the SaaS: token buckets, page sizes, and the backoff of the
//! SDK's retries.
//!
//! Independent of a world and its clock.

use std::time::Duration;

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};

/// Attempts of the SDK per call before it reports a failure.
pub(crate) const ATTEMPTS: u32 = 4;

/// Accounts in a page of `ListAccounts`.
pub(crate) const ACCOUNTS_A_PAGE: usize = 20;
/// Units in a page of `ListOrganizationalUnitsForParent`.
pub(crate) const UNITS_A_PAGE: usize = 20;
/// Baselines in a page of `ListEnabledBaselines`.
pub(crate) const BASELINES_A_PAGE: usize = 100;
/// The most targets that `ListEnabledBaselines` filters by.
pub(crate) const BASELINE_TARGETS: usize = 5;
/// Instances in a page of `ListStackInstances`.
pub(crate) const INSTANCES_A_PAGE: usize = 100;
/// Up to this many accounts are listed with one `ListStackInstances` each.
pub(crate) const INSTANCES_ONE_BY_ONE: usize = 20;
/// Bytes in a page of a `Query`.
pub(crate) const QUERY_BYTES: usize = 1024 * 1024;
/// Items in a `TransactWriteItems`.
pub(crate) const WRITES_A_TRANSACTION: usize = 100;
/// Messages in a `SendMessageBatch`.
pub(crate) const MESSAGES_A_BATCH: usize = 10;

/// How many accounts per second a StackSet operation starts, if all may run concurrently. AWS
/// publishes no figure; its quota is 10,000 concurrent instances.
pub(crate) const INSTANCES_A_SECOND: u64 = 20;
/// The shortest and longest duration of the member stack in one account, in milliseconds: one role.
pub(crate) const INSTANCE_TAKES: (u64, u64) = (20_000, 40_000);

/// How many pages `items` fill; an empty listing is one page.
pub(crate) fn pages(items: usize, a_page: usize) -> usize {
    items.div_ceil(a_page).max(1)
}

/// A token bucket's parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rate {
    /// Tokens added per second.
    pub(crate) per_second: f64,
    /// The capacity in tokens.
    pub(crate) burst: f64,
}

impl Rate {
    const fn new(per_second: f64, burst: f64) -> Self {
        Self { per_second, burst }
    }
}

/// The rate limit of an operation; `None` where calls stay far below it.
///
/// Organizations' are its documented ones for one account (`orgs_reference_limits`). CloudFormation
/// and Control Tower publish none; these are low guesses, of which the listing of 10,000 instances at
/// 5 pages a second takes 20 s. DynamoDB on demand, SQS, SNS and Lambda allow thousands of calls a
/// second, Secrets Manager 10,000.
pub(crate) fn rate(operation: &str) -> Option<Rate> {
    let (service, call) = operation.split_once(':')?;
    match (service, call) {
        ("organizations", "DescribeAccount") => Some(Rate::new(20.0, 30.0)),
        ("organizations", "ListAccounts") => Some(Rate::new(8.0, 12.0)),
        ("organizations", "DescribeOrganizationalUnit") => Some(Rate::new(2.0, 2.0)),
        ("organizations", "ListRoots") => Some(Rate::new(1.0, 2.0)),
        ("organizations", _) => Some(Rate::new(5.0, 8.0)),
        ("controltower", _) => Some(Rate::new(5.0, 10.0)),
        ("cloudformation", call) if call.starts_with("List") || call.starts_with("Describe") => {
            Some(Rate::new(5.0, 10.0))
        }
        ("cloudformation", _) => Some(Rate::new(1.0, 5.0)),
        ("cloudtrail", _) => Some(Rate::new(10.0, 10.0)),
        _ => None,
    }
}

/// The interval between calls at the sustained rate of an operation.
pub(crate) fn turn(operation: &str) -> SignedDuration {
    rate(operation).map_or(SignedDuration::ZERO, |rate| {
        SignedDuration::from_secs_f64(rate.per_second.recip())
    })
}

/// The shortest and longest latency of a call, in milliseconds. The SaaS uses a given role before
/// it responds.
pub(crate) fn latency(operation: &str) -> (u64, u64) {
    match operation {
        "registry:CreateCloudAccount" | "registry:UpdateCloudAccount" => (500, 1500),
        _ if operation.starts_with("registry:") => (100, 400),
        _ => (20, 80),
    }
}

/// The SDK's backoff after `failures` throttled attempts: up to 1 s after the first, doubling after
/// each more, at most 20 s.
pub(crate) fn pause(failures: u32, dice: &mut Rng) -> Duration {
    const BASE: f64 = 1.0;
    const LONGEST: f64 = 20.0;
    let doublings = i32::try_from(failures.saturating_sub(1)).unwrap_or(i32::MAX);
    let most = (BASE * 2f64.powi(doublings)).min(LONGEST);
    Duration::from_secs_f64(dice.f64() * most)
}

/// A token bucket; each call takes one token.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bucket {
    rate: Rate,
    tokens: f64,
    since: Timestamp,
}

impl Bucket {
    /// A full one.
    pub(crate) fn new(rate: Rate, now: Timestamp) -> Self {
        Self {
            rate,
            tokens: rate.burst,
            since: now,
        }
    }

    /// Takes a token, if one is available.
    pub(crate) fn take(&mut self, now: Timestamp) -> bool {
        let seconds = now.duration_since(self.since).as_secs_f64();
        self.tokens = (self.tokens + seconds * self.rate.per_second).min(self.rate.burst);
        self.since = now;
        let is_there = self.tokens >= 1.0;
        if is_there {
            self.tokens -= 1.0;
        }
        is_there
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The times of the calls let through, out of calls at random times.
    fn let_through(rate: Rate, seed: u64) -> Vec<Timestamp> {
        let mut dice = Rng::with_seed(seed);
        let mut now = Timestamp::UNIX_EPOCH;
        let mut bucket = Bucket::new(rate, now);
        let mut passed = Vec::new();
        for _ in 0..400 {
            // Alternate bursts and pauses.
            let most = if dice.bool() { 20 } else { 700 };
            now += SignedDuration::from_millis(dice.i64(0..=most));
            if bucket.take(now) {
                passed.push(now);
            }
        }
        passed
    }

    #[test]
    fn no_window_has_more_calls_than_the_burst_and_what_came_back() {
        for seed in 0..50 {
            for operation in ["organizations:ListAccounts", "organizations:ListRoots"] {
                let rate = rate(operation).unwrap();
                let passed = let_through(rate, seed);
                for (first, begins) in passed.iter().enumerate() {
                    for (last, ends) in passed.iter().enumerate().skip(first) {
                        let seconds = ends.duration_since(*begins).as_secs_f64();
                        let allowed = rate.burst + rate.per_second * seconds;
                        let count = (last - first + 1) as f64;
                        assert!(count <= allowed + 1e-6, "{operation}, seed {seed}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_bucket_that_is_never_overdrawn_lets_all_through() {
        let mut now = Timestamp::UNIX_EPOCH;
        let mut bucket = Bucket::new(Rate::new(8.0, 12.0), now);
        for _ in 0..100 {
            assert!(bucket.take(now));
            now += SignedDuration::from_millis(125);
        }
    }

    #[test]
    fn pauses_double_and_are_never_over_20_seconds() {
        let mut dice = Rng::with_seed(1);
        for (failures, most) in [
            (1, 1.0),
            (2, 2.0),
            (3, 4.0),
            (5, 16.0),
            (6, 20.0),
            (99, 20.0),
        ] {
            let pauses = (0..500).map(|_| pause(failures, &mut dice).as_secs_f64());
            let longest = pauses.fold(0.0, f64::max);
            assert!(
                longest <= most && longest > most * 0.9,
                "{failures}: {longest}"
            );
        }
    }

    #[test]
    fn a_listing_of_nothing_is_a_page() {
        assert_eq!([0, 1, 20, 21].map(|items| pages(items, 20)), [1, 1, 1, 2]);
    }
}
