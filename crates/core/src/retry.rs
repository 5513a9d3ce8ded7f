//! One policy for every failure: whether it is transient, how long to back off, when to give up.

use std::time::Duration;

use crate::{
    Error, ErrorKind,
    planted::{Fault, planted},
};

/// A caller's backoff: each delay is twice the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The first delay.
    pub first: Duration,
    /// The longest delay.
    pub longest: Duration,
    /// How many attempts may fail.
    pub tries: u32,
    /// Whether a refused key may work again at the next attempt, as after a rotation.
    outlasts_refusals: bool,
    /// Whether every failure uses up an attempt, and no delay exceeds the longest, even if a
    /// service asks for more.
    is_brief: bool,
}

/// The account function requeues: it sends itself a delayed message. Once the attempts are used up,
/// the account is reported as blocked and the schedule takes over.
pub const REQUEUE: Backoff = Backoff {
    first: Duration::from_secs(15),
    longest: Duration::from_secs(900),
    tries: 10,
    outlasts_refusals: true,
    is_brief: false,
};

/// Setup waits in place, since CloudFormation waits for it; the deadline is the only limit.
pub const WAIT: Backoff = Backoff {
    first: Duration::from_secs(1),
    longest: Duration::from_secs(15),
    tries: u32::MAX,
    outlasts_refusals: false,
    is_brief: false,
};

/// What to do after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Retry after a delay.
    After {
        /// The delay.
        delay: Duration,
        /// Whether it uses up an attempt: a rate limit or another running operation does not.
        counts: bool,
    },
    /// A retry is useless, or there are no attempts left.
    GiveUp,
}

impl Backoff {
    /// A copy with a shorter longest delay.
    pub const fn up_to(self, longest: Duration) -> Self {
        Self { longest, ..self }
    }

    /// A copy with fewer attempts.
    pub const fn at_most(self, tries: u32) -> Self {
        Self { tries, ..self }
    }

    /// A copy for work that continues without the call after this many attempts.
    pub const fn brief(self, tries: u32) -> Self {
        Self {
            tries,
            is_brief: true,
            ..self
        }
    }

    /// The delay after this attempt, if `failures` have failed before it.
    pub fn delay(&self, failures: u32) -> Duration {
        if planted(Fault::RepeatedWithoutPause) {
            return Duration::ZERO;
        }
        let factor = 2u32.saturating_pow(failures);
        self.first.saturating_mul(factor).min(self.longest)
    }

    /// What to do after `error`, if `failures` attempts have failed before.
    pub fn after(&self, error: &Error, failures: u32) -> Retry {
        let delay = self.delay(failures);
        let (delay, counts) = match error.kind {
            ErrorKind::Throttled {
                retry_after: Some(asked),
            } => (asked.max(self.first), false),
            ErrorKind::Conflict => (delay, false),
            ErrorKind::Throttled { retry_after: None } | ErrorKind::Unavailable => (delay, true),
            ErrorKind::Unauthorized if self.outlasts_refusals => (delay, true),
            ErrorKind::Unauthorized
            | ErrorKind::Denied
            | ErrorKind::NotFound
            | ErrorKind::Invalid
            | ErrorKind::Superseded => return Retry::GiveUp,
        };
        let is_too_long = self.is_brief && delay > self.longest;
        if (counts || self.is_brief) && failures >= self.tries || is_too_long {
            Retry::GiveUp
        } else {
            Retry::After { delay, counts }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(backoff: Backoff, kind: ErrorKind, failures: u32) -> Retry {
        backoff.after(&Error::new("service:Call", kind, "words"), failures)
    }

    #[test]
    fn waits_double_up_to_what_a_queue_can_delay() {
        let waits: Vec<u64> = (0..8).map(|n| REQUEUE.delay(n).as_secs()).collect();
        assert_eq!(waits, [15, 30, 60, 120, 240, 480, 900, 900]);
        assert_eq!(REQUEUE.delay(u32::MAX).as_secs(), 900);
        assert_eq!(WAIT.delay(u32::MAX).as_secs(), 15);
    }

    #[test]
    fn what_passes_is_tried_ten_times_and_then_somebody_is_told() {
        let unavailable = |failures| after(REQUEUE, ErrorKind::Unavailable, failures);
        assert!(matches!(unavailable(9), Retry::After { counts: true, .. }));
        assert_eq!(unavailable(10), Retry::GiveUp);
        for kind in [ErrorKind::Denied, ErrorKind::Invalid, ErrorKind::NotFound] {
            assert_eq!(after(REQUEUE, kind, 0), Retry::GiveUp, "{kind:?}");
            assert_eq!(after(WAIT, kind, 0), Retry::GiveUp, "{kind:?}");
        }
    }

    #[test]
    fn a_rate_limit_and_another_operation_use_up_no_tries() {
        let asked = Duration::from_secs(77);
        let throttled = ErrorKind::Throttled {
            retry_after: Some(asked),
        };
        let expected = Retry::After {
            delay: asked,
            counts: false,
        };
        assert_eq!(after(REQUEUE, throttled, 500), expected);
        assert_eq!(after(WAIT, throttled, 500), expected);
        let conflict = after(REQUEUE, ErrorKind::Conflict, 500);
        assert!(matches!(conflict, Retry::After { counts: false, .. }));
    }

    #[test]
    fn what_goes_on_without_an_answer_waits_for_no_rate_limit() {
        let brief = WAIT.brief(4);
        let throttled = |seconds| ErrorKind::Throttled {
            retry_after: Some(Duration::from_secs(seconds)),
        };
        assert_eq!(after(brief, throttled(900), 0), Retry::GiveUp);
        assert!(matches!(after(brief, throttled(2), 3), Retry::After { .. }));
        for kind in [throttled(2), ErrorKind::Conflict, ErrorKind::Unavailable] {
            assert_eq!(after(brief, kind, 4), Retry::GiveUp, "{kind:?}");
        }
    }

    #[test]
    fn a_refused_key_is_worth_a_requeue_and_no_wait() {
        assert_eq!(after(WAIT, ErrorKind::Unauthorized, 0), Retry::GiveUp);
        let requeued = after(REQUEUE, ErrorKind::Unauthorized, 0);
        assert!(matches!(requeued, Retry::After { .. }));
    }
}
