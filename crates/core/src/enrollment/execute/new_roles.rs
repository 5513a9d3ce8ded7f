//! New roles propagate together: if the SaaS cannot use one of them yet, it cannot use the others.

use std::{cell::Cell, time::Duration};

use jiff::{SignedDuration, Timestamp};

use crate::{
    enrollment::outcome::{Outcome, ROLES_SETTLE},
    ports::{CALL_RESERVE, Clock},
};

/// What a pass knows about the roles that it tries for the first time.
#[derive(Debug, Clone, Copy)]
enum Known {
    /// None was refused.
    Nothing,
    /// One was refused. From this time on, all of them should work.
    SettledAt(Timestamp),
    /// One was refused after that time, too.
    Unusable,
}

/// The first tries of one pass.
pub(super) struct NewRoles<'a, C, T> {
    clock: &'a C,
    time_left: T,
    known: Cell<Known>,
}

impl<'a, C: Clock, T: Fn() -> Duration> NewRoles<'a, C, T> {
    pub(super) fn new(clock: &'a C, time_left: T) -> Self {
        Self {
            clock,
            time_left,
            known: Cell::new(Known::Nothing),
        }
    }

    /// Tries an account's role for the first time. After the first refusal of the pass, all wait until
    /// the roles have settled, and try once more: another pass would read everything again.
    ///
    /// A refusal is an answer, so nothing was created, and no new listing is needed.
    pub(super) async fn first_try(&self, register: impl AsyncFn() -> Outcome) -> Outcome {
        if !self.settled().await {
            return Outcome::RoleTooNew;
        }
        let outcome = register().await;
        if !matches!(outcome, Outcome::RoleNotAssumable(_)) {
            return outcome;
        }
        let now = self.clock.now();
        match self.known.get() {
            Known::Nothing => {
                let settle = SignedDuration::try_from(ROLES_SETTLE).unwrap_or_default();
                self.known.set(Known::SettledAt(now + settle));
            }
            Known::SettledAt(at) if at > now => {}
            Known::SettledAt(_) | Known::Unusable => {
                self.known.set(Known::Unusable);
                return outcome;
            }
        }
        if !self.settled().await {
            return outcome;
        }
        let outcome = register().await;
        if matches!(outcome, Outcome::RoleNotAssumable(_)) {
            self.known.set(Known::Unusable);
        }
        outcome
    }

    /// Waits until new roles should work. Returns whether a try is worthwhile then, and whether there
    /// is time for it.
    async fn settled(&self) -> bool {
        let at = match self.known.get() {
            Known::Nothing => return true,
            Known::Unusable => return false,
            Known::SettledAt(at) => at,
        };
        let wait = Duration::try_from(at.duration_since(self.clock.now())).unwrap_or_default();
        if wait.is_zero() {
            return true;
        }
        if (self.time_left)() < CALL_RESERVE + wait {
            return false;
        }
        self.clock.sleep(wait).await;
        !matches!(self.known.get(), Known::Unusable)
    }
}
