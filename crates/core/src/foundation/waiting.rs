//! Ports that wait: what passes by itself is tried again until it is answered, since CloudFormation
//! waits for setup. Before each write they ask whether this invocation still holds the lease, so a
//! request that a newer one has overtaken ends at its next step.

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

/// For so long after the beginning of a request a refusal by IAM may be one of permissions that were
/// made moments before.
const PERMISSIONS_SETTLE: SignedDuration = SignedDuration::from_secs(90);

/// How often what is not worth a long wait is tried again: an address that may be wrong, or what goes back
/// as it was.
const TRIES: u32 = 4;

/// What an invocation waits and writes by.
#[derive(Debug)]
pub(super) struct Guard<'a, L, C> {
    pub(super) leases: &'a L,
    pub(super) clock: &'a C,
    pub(super) progress: &'a Progress,
    /// When the request was first seen.
    pub(super) began: Timestamp,
    /// The holder that this invocation is, once it has asked for the lease.
    pub(super) holder: &'a RefCell<Option<Holder>>,
    /// Whether a token that was refused could be replaced, once that was tried.
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

    /// Makes a call that can be repeated, until it is answered.
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

    /// The same for a write, which only the holder of the lease may make.
    pub(super) async fn write<T>(&self, call: impl AsyncFn() -> Result<T>) -> Result<T> {
        self.read(async || {
            self.require_lease().await?;
            call().await
        })
        .await
    }

    /// Makes a write that must not be repeated without a look. After a failure that passes, the caller
    /// gets it when it is time for that look.
    pub(super) async fn write_once<T>(&self, call: impl AsyncFn() -> Result<T>) -> Result<T> {
        self.read(async || self.require_lease().await).await?;
        match call().await {
            Err(error) if passes(&error) => {
                if let Some(delay) = self.delay(&error, 0) {
                    self.wait(&error, delay).await;
                }
                Err(error)
            }
            answer => answer,
        }
    }

    /// Gives the lease back, if this invocation may have it. Where the ledger does not answer, it ends with
    /// the invocation's deadline.
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

    /// The same for what is not worth a long wait.
    pub(super) fn hasty(&self) -> Self {
        Self {
            backoff: WAIT.at_most(TRIES),
            ..self.clone()
        }
    }

    /// The same for what goes on without an answer, as what goes back does.
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
        let is_young = age < PERMISSIONS_SETTLE && !planted(Fault::YoungRefusalIsFinal);
        if error.kind == ErrorKind::Denied && is_young {
            return Some(self.backoff.delay(failures));
        }
        match self.backoff.after(error, failures) {
            Retry::After { delay, .. } => Some(delay),
            Retry::GiveUp => None,
        }
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

/// Whether a failure may be over by the next look.
pub(super) fn passes(error: &Error) -> bool {
    matches!(WAIT.after(error, 0), Retry::After { .. })
}

/// A newer request has the lease, or the ledger went with the stack.
pub(super) fn superseded() -> Error {
    let why = "a newer request of CloudFormation has taken over";
    Error::new("setup:Step", ErrorKind::Superseded, why)
}
