//! Whatever happens to the work, there is something to answer.

use std::{future::Future, panic::AssertUnwindSafe, time::Duration};

use futures::FutureExt;

/// How guarded work ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended<T> {
    /// By itself.
    Done(T),
    /// By a panic.
    Panicked,
    /// It was cut, since its time was over.
    OutOfTime,
}

/// Runs `work` for at most `limit`. It may be cut at any call, so each of its writes must bear a
/// repetition.
pub(crate) async fn guard<T>(work: impl Future<Output = T>, limit: Duration) -> Ended<T> {
    match tokio::time::timeout(limit, AssertUnwindSafe(work).catch_unwind()).await {
        Ok(Ok(done)) => Ended::Done(done),
        Ok(Err(_panic)) => Ended::Panicked,
        Err(_elapsed) => Ended::OutOfTime,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end<T>(work: impl Future<Output = T>, limit: Duration) -> Ended<T> {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_time().build().unwrap();
        runtime.block_on(guard(work, limit))
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_panic_and_an_endless_wait_come_to_an_end() {
        assert_eq!(end(async { 1 }, LONG), Ended::Done(1));
        assert_eq!(
            end(async { panic!("on purpose") }, LONG),
            Ended::<()>::Panicked
        );
        assert_eq!(
            end(std::future::pending::<()>(), Duration::ZERO),
            Ended::OutOfTime
        );
    }
}
