use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::model::SubAccount;

/// For so long a listing of AWS may be older than what it is held against.
pub(super) const LISTS_LAG: SignedDuration = SignedDuration::from_mins(7);
/// So often a stack must fail to be deleted before it is left where it is.
const DELETION_TRIES: u32 = 2;
/// As many former integrations of an account are remembered.
const FORMER_AT_MOST: usize = 8;

/// What the ledger remembers of one account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Since when the account is enrolled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// The sub-account that its integration is in; the tenant's own store where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub_account: Option<SubAccount>,
    /// The `intgGuid` of its integration, by which one that somebody has bent is still known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guid: Option<String>,
    /// Integrations that were made for it before that one within the last day, and when each was
    /// replaced. A list that is behind lacks one, so that another is made: both are ours.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub former: BTreeMap<String, Timestamp>,
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
    /// Since when its stack is missing although the SaaS lists the integration that it would make.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing_at: Option<Timestamp>,
    /// When its stack was last taken away to be made anew, which is not done again for a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remade_at: Option<Timestamp>,
    /// The deletions of its stack that were asked for, while it is still there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion: Option<Deletion>,
    /// When it was last moved to another sub-account in vain and put back. Its integration is not
    /// given up for that again for a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub move_failed_at: Option<Timestamp>,
    /// When it last went unwatched for a moment, since the SaaS would not take it in two
    /// sub-accounts at once.
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
    pub(super) fn may_be_unlisted(&self, now: Timestamp) -> bool {
        now.duration_since(self.asked_at) < LISTS_LAG
    }

    /// Whether the stack has refused to go often enough.
    pub(super) fn is_in_vain(&self, now: Timestamp) -> bool {
        self.times >= DELETION_TRIES && !self.may_be_unlisted(now)
    }
}

/// A day, and the longest that a pass takes.
const DAY_OF_LEAVING: SignedDuration = SignedDuration::from_mins(24 * 60 + 15);

impl Record {
    /// The record of an account that is watched by this integration as of `now` at the latest.
    pub(super) fn enrolled(
        self,
        now: Timestamp,
        sub_account: Option<SubAccount>,
        guid: Option<String>,
    ) -> Self {
        let mut former = self.former;
        former.retain(|id, replaced_at| {
            guid.as_ref() != Some(id) && is_within_the_day(Some(*replaced_at), now)
        });
        if let Some(replaced) = self.guid.filter(|replaced| guid.as_ref() != Some(replaced))
            && former.len() < FORMER_AT_MOST
        {
            former.entry(replaced).or_insert(now);
        }
        Self {
            since: self.since.or(Some(now)),
            sub_account,
            guid,
            former,
            reason: None,
            held: false,
            unusable_at: None,
            deletion: None,
            ..self
        }
    }

    /// The record of an account whose stack was asked to go as of `now`.
    pub(super) fn asked_to_go(self, now: Timestamp) -> Self {
        let times = self.deletion.map_or(0, |deletion| deletion.times);
        Self {
            deletion: Some(Deletion {
                times: times.saturating_add(1),
                asked_at: now,
            }),
            ..self
        }
    }

    /// The ids of all integrations that may have been made for the account.
    pub fn guids(&self) -> impl Iterator<Item = &str> {
        let former = self.former.keys().map(String::as_str);
        self.guid.as_deref().into_iter().chain(former)
    }

    /// The record of an account that is not watched, with why.
    pub(super) fn not_enrolled(self, reason: String) -> Self {
        Self {
            since: None,
            reason: Some(reason),
            ..self
        }
    }

    /// Whether the account was taken out in the 24 hours before `now`, and a little more: it counts
    /// from the beginning of the pass that takes it out, which is some minutes before it is out.
    pub(super) fn left_within_the_day(&self, now: Timestamp) -> bool {
        self.left_at
            .is_some_and(|at| now.duration_since(at) < DAY_OF_LEAVING)
    }

    /// Whether something of it was made anew in the 24 hours before `now`.
    pub(super) fn remade_within_the_day(&self, now: Timestamp) -> bool {
        is_within_the_day(self.remade_at, now)
    }

    /// Whether a move to another sub-account failed in the 24 hours before `now`.
    pub(super) fn move_failed_within_the_day(&self, now: Timestamp) -> bool {
        is_within_the_day(self.move_failed_at, now)
    }
}

fn is_within_the_day(at: Option<Timestamp>, now: Timestamp) -> bool {
    at.is_some_and(|at| now.duration_since(at) < SignedDuration::from_hours(24))
}
