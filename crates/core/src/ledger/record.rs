use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    model::{Registration, Store},
    planted::{Fault, planted},
    time::later,
};

/// For so long a listing may be older than what it is held against.
pub(crate) const LISTS_LAG: SignedDuration = SignedDuration::from_mins(7);
/// The longest that it takes to delete a stack and make it again.
const LONGEST_REMAKE: SignedDuration = SignedDuration::from_mins(15);
/// So far apart are two listings that settle that an enrolled account has no registration.
const SETTLED_BY: SignedDuration = SignedDuration::from_mins(55);
/// So often a stack must fail to be deleted before it is left where it is.
const DELETION_TRIES: u32 = 2;
/// As many former registrations of an account are remembered.
const FORMER_AT_MOST: usize = 8;

/// What the ledger remembers of one account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Since when the account is enrolled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// The store that its registration is in: a store, or the tenant's own where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<Store>,
    /// The `intgGuid` of its registration, by which one that somebody has bent is still known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_id: Option<String>,
    /// Registrations that were made for it before that one within the last day, and when each was
    /// replaced. A list that is behind lacks one, so that another is made: both are ours.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub former: BTreeMap<String, Timestamp>,
    /// Its registration is switched off until it is active again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
    /// Why the account is not enrolled, or what is wrong though it is, in words for an administrator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// It was there at launch with `MonitorExistingAccounts=No`, and nothing has happened to it since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub existing_at_launch: bool,
    /// When a lifecycle event named it, where `OffboardUnenrolled` would take it out as long as Control
    /// Tower's listing is behind that event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrived_at: Option<Timestamp>,
    /// When it was taken out, for the count of a day's offboardings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_at: Option<Timestamp>,
    /// Its offboarding awaits an administrator's word.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub held: bool,
    /// Since when the SaaS cannot use its role, however often it is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unusable_at: Option<Timestamp>,
    /// When the token ends that its stack was given last, by which the token is known; only where the
    /// stack registers the account itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_ends: Option<Timestamp>,
    /// Since when its stack is missing although the SaaS lists the registration that it would make.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing_at: Option<Timestamp>,
    /// When its stack was last taken away to be made anew, which is not done again for a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remade_at: Option<Timestamp>,
    /// When a stack that had gone by itself was last made again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored_at: Option<Timestamp>,
    /// The deletions of its stack that were asked for, while it is still there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion: Option<Deletion>,
    /// Since when the SaaS lists no registration of it although it is enrolled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlisted_at: Option<Timestamp>,
    /// When it was last moved to another store in vain and put back. Its registration is not
    /// given up for that again for a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub move_failed_at: Option<Timestamp>,
    /// When it last went unwatched for a while: its registration was moved, or had been deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap_at: Option<Timestamp>,
}

/// Deletions of a stack that is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    /// How often it was asked for.
    pub times: u32,
    /// When it was asked for last.
    pub asked_at: Timestamp,
}

impl Deletion {
    /// Whether a listing may still show the stack as it was before the last deletion.
    pub(crate) fn may_be_unlisted(&self, now: Timestamp) -> bool {
        now.duration_since(self.asked_at) < LONGEST_REMAKE + LISTS_LAG
    }

    /// Whether the stack has refused to go often enough.
    pub(crate) fn is_in_vain(&self, now: Timestamp) -> bool {
        self.times >= DELETION_TRIES && !self.may_be_unlisted(now)
    }
}

/// A day, and the longest that a pass takes.
const DAY_OF_LEAVING: SignedDuration = SignedDuration::from_mins(24 * 60 + 15);

impl Record {
    /// The same, of an account whose registration has this id as of `now`. The former one may be there yet.
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

    /// The record of an account that is watched by this registration as of `now` at the latest.
    pub(crate) fn enrolled(
        self,
        now: Timestamp,
        store: Option<Store>,
        guid: Option<String>,
    ) -> Self {
        Self {
            since: self.since.or(Some(now)),
            store: store,
            paused: false,
            reason: None,
            held: false,
            unusable_at: None,
            deletion: None,
            unlisted_at: None,
            ..self.known_as(now, guid)
        }
    }

    /// Whether the account has a registration, as far as the ledger knows.
    pub fn is_registered(&self) -> bool {
        self.since.is_some() || self.paused
    }

    /// The ids of the registrations that were replaced so lately that a listing may lack them, and that are
    /// there perhaps.
    pub(crate) fn replaced_lately(&self, now: Timestamp) -> impl Iterator<Item = &String> {
        let is_late = move |at: &Timestamp| now.duration_since(*at) < LISTS_LAG;
        let former = self.former.iter();
        former.filter_map(move |(guid, at)| is_late(at).then_some(guid))
    }

    /// Whether a listing may lack what watches the account, as it was made a moment ago.
    pub(crate) fn was_registered_lately(&self, now: Timestamp) -> bool {
        let made = [self.since, self.gap_at].into_iter().flatten();
        let replaced = self.former.values().copied();
        let mut times = made.chain(replaced);
        times.any(|at| now.duration_since(at) < LISTS_LAG)
    }

    /// Until when a listing may lack a registration that was made for the account and is known by no id.
    pub(crate) fn unlisted_until(&self) -> Option<Timestamp> {
        let since = self.since.filter(|_| self.registration_id.is_none());
        since.map(|at| later(at, LISTS_LAG))
    }

    /// Whether a listing shows the account's registration: the one that is known by its id, or any.
    pub(crate) fn is_among(&self, ours: &[Registration]) -> bool {
        let is_it = |one: &Registration| {
            self.registration_id
                .as_ref()
                .is_none_or(|guid| *guid == one.guid)
        };
        ours.iter().any(is_it)
    }

    /// Whether the account may have a registration that one listing lacks: one that is enrolled, or has a
    /// stack that was not asked to go, as the answer that told of the registration may be lost. Two complete
    /// listings an hour apart settle that there is none.
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

    /// The record of an account whose stack was asked to go as of `now`.
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

    /// The ids of all registrations that may have been made for the account.
    pub fn guids(&self) -> impl Iterator<Item = &str> {
        let former = self.former.keys().map(String::as_str);
        self.registration_id.as_deref().into_iter().chain(former)
    }

    /// The record of an account that is not watched, with why.
    pub(crate) fn not_enrolled(self, reason: String) -> Self {
        Self {
            since: None,
            reason: Some(reason),
            ..self
        }
    }

    /// Whether the account was taken out in the 24 hours before `now`, and a little more: it counts
    /// from the beginning of the pass that takes it out, which is some minutes before it is out.
    pub(crate) fn left_within_the_day(&self, now: Timestamp) -> bool {
        self.left_at
            .is_some_and(|at| now.duration_since(at) < DAY_OF_LEAVING)
    }

    /// Whether something of it was made anew in the 24 hours before `now`.
    pub(crate) fn remade_within_the_day(&self, now: Timestamp) -> bool {
        is_within_the_day(self.remade_at, now)
    }

    /// The same, or was made again after it had gone by itself.
    pub(crate) fn made_within_the_day(&self, now: Timestamp) -> bool {
        is_within_the_day(self.remade_at.max(self.restored_at), now)
    }

    /// Whether a listing may still show the stack as it was before it was deleted.
    pub(crate) fn was_remade_lately(&self, now: Timestamp) -> bool {
        self.remade_at
            .max(self.restored_at)
            .is_some_and(|at| now.duration_since(at) < LONGEST_REMAKE + LISTS_LAG)
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
