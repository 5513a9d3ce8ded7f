//! How much of what should be watched is watched.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{AccountView, Decision, Inventory, decide};
use crate::{
    ledger::{Reason, Record},
    metrics::{Measurement, Metric},
    model::AccountId,
    policy::Policy,
};

/// Whether an account should be watched, and is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "standing", content = "reason", rename_all = "kebab-case")]
pub enum Standing {
    /// It should be, or may stay so, and the vendor reads it.
    Watched,
    /// It should be and is not, or the vendor cannot read it. Without a reason its enrollment is
    /// under way.
    Unwatched(Option<Reason>),
    /// It should not be.
    OutOfScope(Reason),
}

impl Standing {
    /// The standing of `id`, whose record is that after the pass which read `view`.
    pub fn of(
        policy: &Policy,
        id: &AccountId,
        view: &AccountView,
        record: Option<&Record>,
        arrived: bool,
    ) -> Self {
        let is_enrolled = record.is_some_and(|record| record.since.is_some());
        let known = record.and_then(|record| record.reason.as_ref());
        let missing = match decide(policy, id, view, record, arrived) {
            Decision::Ignore { reason }
            | Decision::Pause { reason }
            | Decision::Offboard { reason } => return Self::OutOfScope(reason),
            Decision::Keep { reason, .. } if !is_enrolled && reason == Reason::NotManaged => {
                return Self::OutOfScope(reason);
            }
            Decision::Enroll { .. } => None,
            Decision::Keep { reason, .. } | Decision::Undecided { reason } => Some(reason),
        };
        if is_enrolled && !known.is_some_and(Reason::is_blind) {
            Self::Watched
        } else {
            Self::Unwatched(known.cloned().or(missing))
        }
    }

    /// The code of the reason why it is not watched, as metrics and exports have it.
    pub fn code(&self) -> Option<String> {
        match self {
            Self::Watched => None,
            Self::Unwatched(reason) => Some(unwatched_code(reason.as_ref())),
            Self::OutOfScope(reason) => Some(reason.code()),
        }
    }
}

/// Every account's standing after a pass over the whole organization, by the records as they are then.
pub(super) fn standings<'a>(
    policy: &Policy,
    inventory: &Inventory,
    record: impl Fn(&AccountId) -> Option<&'a Record>,
) -> Vec<(AccountId, Standing)> {
    let accounts = inventory.accounts.iter();
    let standing = |(id, view): (&AccountId, &AccountView)| {
        let arrived = inventory.scope.arrived.contains(id);
        (*id, Standing::of(policy, id, view, record(id), arrived))
    };
    accounts.map(standing).collect()
}

/// The code of an unwatched account's reason.
pub(super) fn unwatched_code(reason: Option<&Reason>) -> String {
    reason.map_or_else(|| UNDER_WAY.to_owned(), Reason::code)
}

/// The code of an account whose enrollment is under way.
const UNDER_WAY: &str = "under-way";

/// How many accounts of the organization should be watched, and how many are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// Those that are.
    pub watched: usize,
    /// Those that should be and are not, by the code of the reason.
    pub unwatched: BTreeMap<String, usize>,
}

impl Coverage {
    /// The accounts that should be watched and are not.
    pub fn unwatched(&self) -> usize {
        self.unwatched.values().sum()
    }

    /// The accounts that should be watched.
    pub fn in_scope(&self) -> usize {
        self.watched + self.unwatched()
    }

    /// The gauges of a comparison of the whole organization.
    pub(super) fn measurements(&self) -> Vec<Measurement> {
        let mut all = vec![
            Metric::OrganizationCompared.count(1),
            Metric::AccountsInScope.count(self.in_scope()),
            Metric::AccountsWatched.count(self.watched),
            Metric::AccountsUnwatched.count(self.unwatched()),
        ];
        let by_reason = self.unwatched.iter();
        all.extend(
            by_reason
                .map(|(reason, count)| Metric::AccountsUnwatched.count_for(reason.clone(), *count)),
        );
        all
    }
}

impl<'a> FromIterator<&'a Standing> for Coverage {
    fn from_iter<T: IntoIterator<Item = &'a Standing>>(standings: T) -> Self {
        let mut coverage = Self::default();
        for standing in standings {
            match standing {
                Standing::Watched => coverage.watched += 1,
                Standing::Unwatched(reason) => {
                    let code = unwatched_code(reason.as_ref());
                    *coverage.unwatched.entry(code).or_default() += 1;
                }
                Standing::OutOfScope(_) => {}
            }
        }
        coverage
    }
}
