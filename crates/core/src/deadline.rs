//! Limits the time of work, and catches its panics.

use std::{panic::AssertUnwindSafe, pin::pin, time::Duration};

use futures::{
    FutureExt,
    future::{Either, select},
};

use crate::ports::Clock;

/// How limited work ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ended<T> {
    /// It finished, with this result.
    Done(T),
    /// It panicked.
    Panicked,
    /// It ran out of time.
    OutOfTime,
}

/// Runs `work` for at most `limit`. It may be cut off at any call, so all of its writes must be
/// idempotent.
pub(crate) async fn within<T>(
    clock: &impl Clock,
    limit: Duration,
    work: impl Future<Output = T>,
) -> Ended<T> {
    let work = pin!(AssertUnwindSafe(work).catch_unwind());
    let late = pin!(clock.sleep(limit));
    match select(work, late).await {
        Either::Left((Ok(done), _)) => Ended::Done(done),
        Either::Left((Err(_panic), _)) => Ended::Panicked,
        Either::Right(_) => Ended::OutOfTime,
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use jiff::Timestamp;

    use super::*;

    /// A clock whose timers take no time.
    struct Still;

    impl Clock for Still {
        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH
        }

        async fn sleep(&self, time: Duration) {
            if time > Duration::from_secs(1) {
                std::future::pending::<()>().await;
            }
        }
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_panic_and_an_endless_wait_come_to_an_end() {
        assert_eq!(block_on(within(&Still, LONG, async { 1 })), Ended::Done(1));
        let panics = within(&Still, LONG, async { panic!("on purpose") });
        assert_eq!(block_on(panics), Ended::<()>::Panicked);
        let endless = within(&Still, Duration::ZERO, std::future::pending::<()>());
        assert_eq!(block_on(endless), Ended::OutOfTime);
    }
}
