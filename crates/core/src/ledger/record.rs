use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Gap, Reason};
use crate::{
    model::{Registration, Store},
    planted::{Fault, planted},
    provider::Limits,
    time::later,
};

/// The most that a listing of stacks may be behind others.
const STACKS_LAG: SignedDuration = SignedDuration::from_mins(7);
/// The longest time to delete a stack and create it again.
const LONGEST_RECREATION: SignedDuration = SignedDuration::from_mins(15);
/// Two listings this far apart prove that an enrolled account has no registration.
const SETTLED_BY: SignedDuration = SignedDuration::from_mins(55);
/// The failed deletions of a stack after which it is left behind.
const DELETION_TRIES: u32 = 2;
/// The most former registrations of an account that are remembered.
const FORMER_AT_MOST: usize = 8;

/// The ledger's record of one account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// When the account was enrolled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// The store of its registration; `None` is the tenant's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<Store>,
    /// The id of its registration, which identifies one that was changed by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_id: Option<String>,
    /// Its former registrations, and when each was replaced within the last day. A stale list that
    /// lacks one leads to another, and then both are ours.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub former: BTreeMap<String, Timestamp>,
    /// Whether its registration is disabled until the account is active again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
    /// Why the account is not enrolled, or what is wrong although it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// It existed at launch with `MonitorExistingAccounts=No`, and no event has named it since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub existing_at_launch: bool,
    /// When a lifecycle event named it, if `OffboardUnenrolled` would offboard it while Control
    /// Tower's listing is behind that event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrived_at: Option<Timestamp>,
    /// When it was offboarded, for the daily limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_at: Option<Timestamp>,
    /// Whether its offboarding awaits an administrator's approval.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub held: bool,
    /// Since when the SaaS has been unable to use its role, through all retries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unusable_at: Option<Timestamp>,
    /// The expiry of the token that its stack was last given, which identifies the token. Only if
    /// the stack registers the account itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_ends: Option<Timestamp>,
    /// Since when its stack has been missing although the SaaS lists the registration that it would
    /// create.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing_at: Option<Timestamp>,
    /// When its stack was last deleted to be recreated, which happens at most once a day.
    #[serde(default, alias = "remade_at", skip_serializing_if = "Option::is_none")]
    pub recreated_at: Option<Timestamp>,
    /// When a stack that had been deleted by hand was last recreated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored_at: Option<Timestamp>,
    /// The requested deletions of its stack, while that still exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion: Option<Deletion>,
    /// Since when the SaaS has listed no registration of it although it is enrolled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlisted_at: Option<Timestamp>,
    /// When its last move to another store failed and was undone. Its registration is not deleted
    /// for another attempt within a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub move_failed_at: Option<Timestamp>,
    /// When it last went unwatched for a while: its registration was moved, or had been deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap_at: Option<Timestamp>,
    /// When it was last found to be watched, while it is not although it is enrolled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_at: Option<Timestamp>,
    /// The last time in which it was not watched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<Gap>,
}

/// Deletions of a stack that still exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    /// How often it was requested.
    pub times: u32,
    /// When it was last requested.
    pub asked_at: Timestamp,
}

impl Deletion {
    /// Whether a listing may still show the stack as it was before the last deletion.
    pub(crate) fn may_be_unlisted(&self, now: Timestamp) -> bool {
        now.duration_since(self.asked_at) < LONGEST_RECREATION + STACKS_LAG
    }

    /// Whether the stack's deletion has failed often enough.
    pub(crate) fn is_in_vain(&self, now: Timestamp) -> bool {
        self.times >= DELETION_TRIES && !self.may_be_unlisted(now)
    }
}

/// A day, plus the longest duration of a pass.
const DAY_OF_LEAVING: SignedDuration = SignedDuration::from_mins(24 * 60 + 15);

impl Record {
    /// A copy with this registration id as of `now`. The former registration may still exist.
    pub(crate) fn known_as(self, now: Timestamp, guid: Option<String>) -> Self {
        let mut former = self.former;
        former.retain(|id, replaced_at| {
            guid.as_ref() != Some(id) && is_within_the_day(Some(*replaced_at), now)
        });
        if let Some(replaced) = self
            .registration_id
            .filter(|replaced| guid.as_ref() != Some(replaced))
            && former.len() < FORMER_AT_MOST
        {
            former.entry(replaced).or_insert(now);
        }
        Self {
            registration_id: guid,
            former,
            ..self
        }
    }

    /// The record of an account that has been watched by this registration since `now` at the
    /// latest.
    pub(crate) fn enrolled(
        self,
        now: Timestamp,
        store: Option<Store>,
        guid: Option<String>,
    ) -> Self {
        Self {
            since: self.since.or(Some(now)),
            store,
            paused: false,
            reason: None,
            held: false,
            unusable_at: None,
            deletion: None,
            unlisted_at: None,
            ..self.known_as(now, guid)
        }
    }

    /// Whether the account has a registration, according to the ledger.
    pub fn is_registered(&self) -> bool {
        self.since.is_some() || self.paused
    }

    /// The ids of registrations that were replaced so recently that they may still exist.
    pub(crate) fn replaced_lately(
        &self,
        limits: &Limits,
        now: Timestamp,
    ) -> impl Iterator<Item = &String> {
        let lag = limits.list_lag;
        let is_late = move |at: &Timestamp| now.duration_since(*at) < lag;
        let former = self.former.iter();
        former.filter_map(move |(guid, at)| is_late(at).then_some(guid))
    }

    /// Whether a listing may lack the account's registration because it was created moments ago.
    pub(crate) fn was_registered_lately(&self, limits: &Limits, now: Timestamp) -> bool {
        let made = [self.since, self.gap_at].into_iter().flatten();
        let replaced = self.former.values().copied();
        let mut times = made.chain(replaced);
        times.any(|at| now.duration_since(at) < limits.list_lag)
    }

    /// Until when a listing may lack a registration of the account whose id is unknown.
    pub(crate) fn unlisted_until(&self, limits: &Limits) -> Option<Timestamp> {
        let since = self.since.filter(|_| self.registration_id.is_none());
        since.map(|at| later(at, limits.list_lag))
    }

    /// Whether a listing shows the account's registration: the one with the known id, or any if
    /// none is known.
    pub(crate) fn is_among(&self, ours: &[Registration]) -> bool {
        let is_it = |one: &Registration| {
            self.registration_id
                .as_ref()
                .is_none_or(|guid| *guid == one.guid)
        };
        ours.iter().any(is_it)
    }

    /// Whether the account may have a registration that one listing lacks: it is enrolled, or has a
    /// stack whose deletion was not requested, since the response with the registration's id may
    /// have been lost. Two complete listings an hour apart prove that there is none.
    pub(crate) fn may_be_listed_yet(&self, has_stack: bool, now: Timestamp) -> bool {
        if planted(Fault::OneListIsEnough) {
            return false;
        }
        let is_let_go = self.left_at.is_some() || self.deletion.is_some();
        (self.is_registered() || has_stack && !is_let_go)
            && self
                .unlisted_at
                .is_none_or(|at| now.duration_since(at) < SETTLED_BY)
    }

    /// The record of an account whose stack's deletion was requested at `now`.
    pub(crate) fn asked_to_go(self, now: Timestamp) -> Self {
        let times = self.deletion.map_or(0, |deletion| deletion.times);
        Self {
            deletion: Some(Deletion {
                times: times.saturating_add(1),
                asked_at: now,
            }),
            ..self
        }
    }

    /// The ids of all registrations that may have been created for the account.
    pub fn guids(&self) -> impl Iterator<Item = &str> {
        let former = self.former.keys().map(String::as_str);
        self.registration_id.as_deref().into_iter().chain(former)
    }

    /// The record of an account that is not watched, with the reason.
    pub(crate) fn not_enrolled(self, reason: Reason) -> Self {
        Self {
            since: None,
            reason: Some(reason),
            ..self
        }
    }

    /// Whether the account was offboarded in the 24 hours before `now`, plus a margin: the time
    /// counts from the start of the pass, some minutes before the offboarding.
    pub(crate) fn left_within_the_day(&self, now: Timestamp) -> bool {
        self.left_at
            .is_some_and(|at| now.duration_since(at) < DAY_OF_LEAVING)
    }

    /// Whether its stack was recreated in the 24 hours before `now`.
    pub(crate) fn recreated_within_the_day(&self, now: Timestamp) -> bool {
        is_within_the_day(self.recreated_at, now)
    }

    /// Likewise, including a stack that had been deleted by hand.
    pub(crate) fn made_within_the_day(&self, now: Timestamp) -> bool {
        is_within_the_day(self.recreated_at.max(self.restored_at), now)
    }

    /// Whether a listing may still show the stack as it was before its deletion.
    pub(crate) fn was_recreated_lately(&self, now: Timestamp) -> bool {
        self.recreated_at
            .max(self.restored_at)
            .is_some_and(|at| now.duration_since(at) < LONGEST_RECREATION + STACKS_LAG)
    }

    /// Whether it went unwatched for a while in the 24 hours before `now`.
    pub(crate) fn had_gap_within_the_day(&self, now: Timestamp) -> bool {
        is_within_the_day(self.gap_at, now)
    }

    /// Whether a move to another store failed in the 24 hours before `now`.
    pub(crate) fn move_failed_within_the_day(&self, now: Timestamp) -> bool {
        is_within_the_day(self.move_failed_at, now)
    }
}

fn is_within_the_day(at: Option<Timestamp>, now: Timestamp) -> bool {
    at.is_some_and(|at| now.duration_since(at) < SignedDuration::from_hours(24))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_lists_almost_an_hour_apart_prove_that_there_is_no_registration() {
        let now: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
        let unlisted = |minutes| Record {
            since: Some(now),
            unlisted_at: Some(now - SignedDuration::from_mins(minutes)),
            ..Record::default()
        };
        assert!(unlisted(54).may_be_listed_yet(false, now));
        assert!(!unlisted(55).may_be_listed_yet(false, now));
    }
}
