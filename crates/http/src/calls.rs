//! Counts the calls of this process. A function's process handles one invocation at a time, so what is
//! taken at the end of one is that invocation's.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The calls of AWS.
pub static AWS: Calls = Calls::new();
/// The calls of the vendor.
pub static VENDOR: Calls = Calls::new();

/// No limit was told.
const UNTOLD: u64 = u64::MAX;

/// Counts calls to one side.
#[derive(Debug)]
pub struct Calls {
    all: AtomicU64,
    throttled: AtomicU64,
    left: AtomicU64,
}

/// What was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// Requests, with the repeated ones.
    pub all: u64,
    /// Those of them that were throttled.
    pub throttled: u64,
    /// How many more the rate limit allowed, by the last answer that said so.
    pub left: Option<u64>,
}

impl Calls {
    const fn new() -> Self {
        Self {
            all: AtomicU64::new(0),
            throttled: AtomicU64::new(0),
            left: AtomicU64::new(UNTOLD),
        }
    }

    /// Counts a request.
    pub fn add(&self) {
        self.all.fetch_add(1, Relaxed);
    }

    /// Counts an answer that throttles a request.
    pub fn add_throttle(&self) {
        self.throttled.fetch_add(1, Relaxed);
    }

    /// Notes how many calls the rate limit leaves.
    pub fn leave(&self, calls: u64) {
        self.left.store(calls, Relaxed);
    }

    /// What was counted since the last time.
    pub fn take(&self) -> Counted {
        let left = self.left.swap(UNTOLD, Relaxed);
        Counted {
            all: self.all.swap(0, Relaxed),
            throttled: self.throttled.swap(0, Relaxed),
            left: (left != UNTOLD).then_some(left),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_call_is_counted_once_and_the_last_limit_stands() {
        let calls = Calls::new();
        for left in [9, 8] {
            calls.add();
            calls.leave(left);
        }
        calls.add_throttle();
        let counted = |all, throttled, left| Counted {
            all,
            throttled,
            left,
        };
        assert_eq!(calls.take(), counted(2, 1, Some(8)));
        assert_eq!(calls.take(), counted(0, 0, None));
    }
}
