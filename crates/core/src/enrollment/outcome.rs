use std::time::Duration;

use crate::{
    Error,
    model::{Created, Store},
    planted::{Fault, planted},
};

/// IAM takes seconds to propagate a new role; after this time it usually works everywhere.
pub(super) const ROLES_SETTLE: Duration = Duration::from_secs(20);

/// The outcome of one account's registration actions, which run in order up to the first failure.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It is watched, in this store and by this registration.
    Enrolled(Place),
    /// All actions succeeded, and none of them enrolled it.
    Changed {
        /// Whether a registration was removed.
        removed: bool,
    },
    /// The next call might outlast the invocation.
    OutOfTime,
    /// The SaaS's rate limit is reached; the next call may follow after this time.
    RateLimited(Duration),
    /// Not tried, because roles as new as its own were not usable yet.
    RoleTooNew,
    /// The SaaS could not use the role.
    RoleNotAssumable(String),
    /// A foreign registration blocks ours.
    AlreadyUsed,
    /// The new registration could not be created, so the old one was recreated.
    MovedBack(Place, String),
    /// A call failed.
    Failed(Error),
}

/// The store and the registration by which an account is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) store: Option<Store>,
    pub(super) guid: Option<String>,
    /// Whether it was unwatched for a moment.
    pub(super) gap: bool,
}

impl Outcome {
    /// What a creation or a change means for the account, in this store if it succeeded.
    pub(super) fn of(created: Created, store: Option<Store>, gap: bool) -> Self {
        let place = |guid| Place { store, guid, gap };
        match created {
            Created::Done(guid) => Self::Enrolled(place(guid)),
            Created::RoleNotAssumable(why) => Self::RoleNotAssumable(why),
            Created::AlreadyUsed if planted(Fault::AlreadyUsedIsSuccess) => {
                Self::Enrolled(place(None))
            }
            Created::AlreadyUsed => Self::AlreadyUsed,
        }
    }

    /// Whether all of the account's actions were carried out.
    pub(super) fn is_finished(&self) -> bool {
        matches!(self, Self::Enrolled(_) | Self::Changed { .. })
    }
}
