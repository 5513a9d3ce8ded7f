use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::model::SubAccount;

/// What the ledger remembers of one account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Since when the account is enrolled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// The sub-account that its integration is in; the tenant's own store where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub_account: Option<SubAccount>,
    /// Why the account is not enrolled, in words for an administrator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// It was there at launch with `MonitorExistingAccounts=No`, and nothing has happened to it since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub existing_at_launch: bool,
    /// When it was taken out, for the count of a day's offboardings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_at: Option<Timestamp>,
    /// Its offboarding awaits an administrator's word.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub held: bool,
}

impl Record {
    /// Whether the account was taken out in the 24 hours before `now`.
    pub(super) fn left_within_the_day(&self, now: Timestamp) -> bool {
        self.left_at
            .is_some_and(|at| now.duration_since(at) < SignedDuration::from_hours(24))
    }
}
