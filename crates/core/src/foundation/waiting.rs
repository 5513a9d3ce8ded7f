//! Ports that wait: transient failures are retried until the call is answered, since CloudFormation
//! waits for setup. Before each write they check that this invocation still holds the lease, so an
//! overtaken request ends at its next step.

mod aws;
mod registry;

use std::{cell::RefCell, time::Duration};

use futures::lock::Mutex;
use jiff::{SignedDuration, Timestamp};

use super::Progress;
use crate::{
    Error, ErrorKind, Result,
    ledger::Holder,
    planted::{Fault, planted},
    ports::{Clock, Leases},
    retry::{Backoff, Retry, WAIT},
};

/// For this long after the beginning of a request, IAM's refusals may be due to permissions that
/// were created moments before.
const PERMISSIONS_SETTLE: SignedDuration = SignedDuration::from_secs(90);

/// The attempts at calls that are not worth a long wait: to an address that may be wrong, or in a
/// rollback.
const TRIES: u32 = 4;

/// The state by which an invocation waits and writes.
#[derive(Debug)]
pub(super) struct Guard<'a, L, C> {
    pub(super) leases: &'a L,
    pub(super) clock: &'a C,
    pub(super) progress: &'a Progress,
    /// When the request was first seen.
    pub(super) began: Timestamp,
    /// The holder of this invocation, once it has asked for the lease.
    pub(super) holder: &'a RefCell<Option<Holder>>,
    /// Whether a refused token could be replaced, once that was tried.
    pub(super) renewed: &'a Mutex<Option<bool>>,
    pub(super) backoff: Backoff,
}

impl<L, C> Clone for Guard<'_, L, C> {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

/// Ports behind a guard.
#[derive(Debug)]
pub(super) struct Waiting<'a, P, L, C> {
    pub(super) ports: &'a P,
    pub(super) guard: Guard<'a, L, C>,
}

impl<'a, L: Leases, C: Clock> Guard<'a, L, C> {
    pub(super) fn over<P>(&self, ports: &'a P) -> Waiting<'a, P, L, C> {
        Waiting {
            ports,
            guard: self.clone(),
        }
    }

    /// Makes an idempotent call, and retries it until it is answered.
    pub(super) async fn read<T>(&self, call: impl AsyncFn() -> Result<T>) -> Result<T> {
        let mut failures = 0;
        loop {
            let error = match call().await {
                Ok(answer) => {
                    if failures > 0 {
                        self.progress.trouble(None);
                    }
                    return Ok(answer);
                }
                Err(error) => error,
            };
            let Some(delay) = self.delay(&error, failures) else {
                return Err(error);
            };
            self.wait(&error, delay).await;
            failures += 1;
        }
    }

    /// Likewise for a write, which only the lease holder may make.
    pub(super) async fn write<T>(&self, call: impl AsyncFn() -> Result<T>) -> Result<T> {
        self.read(async || {
            self.require_lease().await?;
            call().await
        })
        .await
    }

    /// Makes a write that must not be repeated without a read. After a transient failure, the error
    /// is returned once the backoff is over, so that the caller reads next. A refusal of IAM's has
    /// changed nothing and is waited out like any other.
    pub(super) async fn write_once<T>(&self, call: impl AsyncFn() -> Result<T>) -> Result<T> {
        let written = self.write(async || match call().await {
            Err(error) if error.kind == ErrorKind::Denied => Err(error),
            answer => Ok(answer),
        });
        match written.await? {
            Err(error) if passes(&error) => {
                if let Some(delay) = self.delay(&error, 0) {
                    self.wait(&error, delay).await;
                }
                Err(error)
            }
            answer => answer,
        }
    }

    /// Releases the lease, if this invocation may hold it. If the ledger does not answer, the lease
    /// expires at the invocation's deadline.
    pub(super) async fn release(&self) {
        let holder = self.holder.take();
        let Some(holder) = holder.filter(|_| !planted(Fault::LeaseIsKept)) else {
            return;
        };
        let release = async || self.leases.release_lease(&holder).await;
        if let Err(error) = self.hasty().read(release).await {
            tracing::warn!(error = error.chain(), "lease left to expire");
        }
    }

    /// A copy for calls that are not worth a long wait.
    pub(super) fn hasty(&self) -> Self {
        Self {
            backoff: WAIT.at_most(TRIES),
            ..self.clone()
        }
    }

    /// A copy for calls whose failure the work can do without, as in a rollback.
    pub(super) fn brief(&self) -> Self {
        Self {
            backoff: WAIT.brief(TRIES),
            ..self.clone()
        }
    }

    async fn wait(&self, error: &Error, delay: Duration) {
        tracing::warn!(error = error.chain(), ?delay, "backing off");
        self.progress.trouble(Some(error));
        self.clock.sleep(delay).await;
    }

    fn delay(&self, error: &Error, failures: u32) -> Option<Duration> {
        let age = self.clock.now().duration_since(self.began);
        delay(&self.backoff, age, error, failures)
    }

    async fn require_lease(&self) -> Result<()> {
        let holder = self.holder.borrow().clone();
        let Some(holder) = holder.filter(|_| !planted(Fault::OvertakenGoesOn)) else {
            return Ok(());
        };
        match self.leases.holds_lease(&holder).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(superseded()),
            Err(error) if error.kind == ErrorKind::NotFound => Err(superseded()),
            Err(error) => Err(error),
        }
    }
}

/// Whether a failure may have passed by the next round.
pub(super) fn passes(error: &Error) -> bool {
    matches!(WAIT.after(error, 0), Retry::After { .. })
}

/// A newer request holds the lease, or the ledger was deleted with the stack.
pub(super) fn superseded() -> Error {
    let why = "a newer request of CloudFormation has taken over";
    Error::new("setup:Step", ErrorKind::Superseded, why)
}

/// How long to wait before the next try of a call, for a request of this age.
fn delay(backoff: &Backoff, age: SignedDuration, error: &Error, failures: u32) -> Option<Duration> {
    let is_young = age < PERMISSIONS_SETTLE && !planted(Fault::YoungRefusalIsFinal);
    if error.kind == ErrorKind::Denied && is_young {
        return Some(backoff.delay(failures));
    }
    match backoff.after(error, failures) {
        Retry::After { delay, .. } => Some(delay),
        Retry::GiveUp => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_waited_out_while_permissions_may_be_new_and_nothing_else_is() {
        let waits = |kind, seconds| {
            let error = Error::new("service:Call", kind, "no");
            delay(&WAIT, SignedDuration::from_secs(seconds), &error, 0).is_some()
        };
        assert!(waits(ErrorKind::Denied, 0) && waits(ErrorKind::Denied, 89));
        assert!(!waits(ErrorKind::Denied, 90));
        assert!(!waits(ErrorKind::Invalid, 0));
        assert!(waits(ErrorKind::Unavailable, 0) && waits(ErrorKind::Unavailable, 90));
    }
}
