//! The AWS side of what is observed: accounts, organizational units, the landing zone and its trail.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::model::{AccountId, Arn, OuId};

/// An account of the organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Its name; not unique, and it can change.
    pub name: String,
    /// Where in its life it is.
    pub state: AccountState,
    /// The root and the organizational units above it, outermost first.
    pub path: Vec<OuId>,
}

/// Organizations' `AccountState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountState {
    /// Made, not yet usable.
    PendingActivation,
    /// In use.
    Active,
    /// Suspended by AWS; it may come back.
    Suspended,
    /// Being closed.
    PendingClosure,
    /// Closed; it leaves the organization after about 90 days.
    Closed,
}

/// What Control Tower says of one account, from `ListEnabledBaselines`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Management {
    /// A baseline is enabled on it, or it is a shared account of the landing zone.
    Managed,
    /// A baseline is being changed: nothing can be said yet.
    UnderChange,
    /// A baseline could not be enabled.
    Failed,
    /// A complete reading has no baseline for it.
    NotManaged,
}

/// The enabled baselines by target account, from one complete reading.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Baselines(pub BTreeMap<AccountId, Management>);

impl Baselines {
    /// What Control Tower says of `account`.
    pub fn of(&self, account: &AccountId) -> Management {
        self.0
            .get(account)
            .copied()
            .unwrap_or(Management::NotManaged)
    }

    /// Takes one more baseline of `account` into account: the least certain one counts.
    pub fn add(&mut self, account: AccountId, management: Management) {
        let rank = |m: Management| match m {
            Management::UnderChange => 3,
            Management::Managed => 2,
            Management::Failed => 1,
            Management::NotManaged => 0,
        };
        let entry = self.0.entry(account).or_insert(management);
        if rank(management) > rank(*entry) {
            *entry = management;
        }
    }
}

/// What `GetLandingZone` says, as far as it matters here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LandingZone {
    /// Its version, such as `3.3` or `4.0`.
    pub version: String,
    /// `centralizedLogging.accountId`; a landing zone 4.0 may have none.
    pub log_archive: Option<AccountId>,
    /// `securityRoles.accountId`; a landing zone 4.0 may have none.
    pub audit: Option<AccountId>,
    /// `centralizedLogging.configurations.kmsKeyArn`.
    pub kms_key: Option<Arn>,
}

impl LandingZone {
    /// Whether Log Archive, Audit and the baselines can be left out, as from 4.0 on.
    pub fn has_optional_integrations(&self) -> bool {
        has_optional_integrations(&self.version)
    }
}

/// Whether a landing zone of this version can do without Log Archive, Audit and baselines.
///
/// Source: the key changes of landing zone 4.0 in Control Tower's user guide.
pub fn has_optional_integrations(version: &str) -> bool {
    let major = version.split('.').next().unwrap_or_default();
    major.parse().is_ok_and(|major: u32| major >= 4)
}

/// An organization trail, from CloudTrail's `GetTrail`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trail {
    /// Its name.
    pub name: String,
    /// The Region that it was made in; a multi-Region trail shows in all.
    pub home_region: Option<String>,
    /// The bucket that it delivers to.
    pub bucket: String,
    /// The topic that hears of each delivery.
    pub topic: Option<Arn>,
    /// The key that encrypts it.
    pub kms_key: Option<Arn>,
}

/// A topic of ours, and the trail that is to tell it of each delivery.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TrailTopic {
    /// The trail's name.
    pub trail: String,
    /// The topic.
    pub topic: Arn,
}

/// The organization's units by id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OuTree(pub BTreeMap<OuId, String>);

impl OuTree {
    /// Every unit with this name, compared without case.
    pub fn named(&self, name: &str) -> BTreeSet<OuId> {
        self.0
            .iter()
            .filter(|(_, candidate)| candidate.to_lowercase() == name.to_lowercase())
            .map(|(id, _)| id.clone())
            .collect()
    }
}

/// One stack of a StackSet, in one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackInstance {
    /// The account that holds it.
    pub account: AccountId,
    /// How it stands.
    pub state: InstanceState,
    /// CloudFormation's reason, where something went wrong.
    pub reason: Option<String>,
}

/// CloudFormation's `Status` and `DetailedStatus` of an instance, as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstanceState {
    /// An operation on it is pending or running.
    InProgress,
    /// It equals the StackSet's template.
    Current,
    /// The last operation failed, was cancelled or skipped; a new one tries again.
    Outdated,
    /// CloudFormation can no longer manage it.
    Inoperable,
}

/// How a StackSet operation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationState {
    /// Queued, running or stopping.
    InProgress,
    /// Ended. With a failure tolerance, instances may have failed all the same.
    Succeeded,
    /// Ended as failed or stopped.
    Failed,
}

/// An instance that an operation could not bring about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceFailure {
    /// Where.
    pub account: AccountId,
    /// CloudFormation's reason.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_baseline_under_change_outweighs_one_that_succeeded() {
        let account: AccountId = "111122223333".parse().unwrap();
        let mut baselines = Baselines::default();
        baselines.add(account, Management::Failed);
        baselines.add(account, Management::UnderChange);
        baselines.add(account, Management::Managed);
        assert_eq!(baselines.of(&account), Management::UnderChange);
        assert_eq!(
            baselines.of(&"999999999999".parse().unwrap()),
            Management::NotManaged
        );
    }
}
