//! The AWS side of what is observed: accounts, organizational units, the landing zone and its trail.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::model::{AccountId, Arn, Means, OuId, UnitName};
use crate::planted::{Fault, planted};

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

/// Which baseline it is that is enabled on an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BaselineKind {
    /// `AWSControlTowerBaseline`, which makes an account a member of the landing zone.
    ControlTower,
    /// Any other, which may be beside it: of backups, of a shared account's part, of Config alone.
    Other,
}

impl BaselineKind {
    /// The kind by a baseline's ARN, which has another Region for each landing zone and one id for all.
    ///
    /// Source: the answers of `ListBaselines` in public examples of several Regions.
    pub fn of(arn: &Arn) -> Self {
        if arn.resource() == "baseline/17BSJV3IGJ2QSGA2" {
            Self::ControlTower
        } else {
            Self::Other
        }
    }
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

    /// What all baselines of each account come to: one under change leaves nothing to be said, a failed
    /// `AWSControlTowerBaseline` is not made good by another, and else one that is enabled is enough.
    pub fn from_enabled(
        enabled: impl IntoIterator<Item = (AccountId, BaselineKind, Management)>,
    ) -> Self {
        let rank = |(kind, management)| match (kind, management) {
            (_, Management::UnderChange) => 4,
            (BaselineKind::ControlTower, Management::Failed) => 3,
            (_, Management::Managed) => 2,
            (BaselineKind::Other, Management::Failed) => 1,
            (_, Management::NotManaged) => 0,
        };
        let mut foremost = BTreeMap::new();
        for (account, kind, management) in enabled {
            let entry = foremost.entry(account).or_insert((kind, management));
            if rank((kind, management)) > rank(*entry) {
                *entry = (kind, management);
            }
        }
        let managements = foremost.into_iter();
        Self(
            managements
                .map(|(account, (_, management))| (account, management))
                .collect(),
        )
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
    pub fn has_optional_registrations(&self) -> bool {
        has_optional_registrations(&self.version)
    }
}

/// Whether a landing zone of this version can do without Log Archive, Audit and baselines.
///
/// Source: the key changes of landing zone 4.0 in Control Tower's user guide.
pub fn has_optional_registrations(version: &str) -> bool {
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
    /// Whether it is the organization's and not one account's.
    pub is_organization: bool,
    /// Whether it is about every Region.
    pub is_multi_region: bool,
    /// Whether it is on, from `GetTrailStatus`.
    pub is_logging: bool,
}

impl Trail {
    /// Why this trail does not record everything in the organization, if it does not.
    pub fn shortfall(&self) -> Option<&'static str> {
        if !self.is_organization {
            Some("it is not an organization trail and records one account only")
        } else if !self.is_multi_region {
            Some("it records one Region only")
        } else if !self.is_logging && !planted(Fault::SilentTrailIsFine) {
            Some("its logging is switched off")
        } else {
            None
        }
    }
}

/// A topic of ours, and the trail that is to tell it of each delivery.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TrailTopic {
    /// The trail's name.
    pub trail: String,
    /// The topic.
    pub topic: Arn,
}

/// An organizational unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Its name; units of different parents may share one, and it can change.
    pub name: String,
    /// The unit above it; `None` below the root.
    pub parent: Option<OuId>,
}

/// The organization's units by id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OuTree(pub BTreeMap<OuId, Unit>);

impl OuTree {
    /// Every unit that a name can mean. Names are compared without case.
    pub fn find(&self, name: &UnitName) -> BTreeSet<OuId> {
        match name.means() {
            Means::Id(id) => self
                .0
                .contains_key(id)
                .then(|| id.clone())
                .into_iter()
                .collect(),
            Means::Path(names) => {
                let ids = self.0.keys();
                ids.filter(|id| self.ends_in(id, names)).cloned().collect()
            }
        }
    }

    /// Whether the unit's path ends in these names.
    fn ends_in(&self, id: &OuId, names: &[String]) -> bool {
        let mut at = Some(id);
        for name in names.iter().rev() {
            let Some(unit) = at.and_then(|id| self.0.get(id)) else {
                return false;
            };
            if unit.name.to_lowercase() != name.to_lowercase() {
                return false;
            }
            at = unit.parent.as_ref();
        }
        true
    }

    /// A unit's path of names and its id, for an administrator.
    pub fn describe(&self, id: &OuId) -> String {
        let mut names = Vec::new();
        let mut at = Some(id);
        // A circle of parents cannot be, and would be one too long.
        while let Some(unit) = at
            .and_then(|id| self.0.get(id))
            .filter(|_| names.len() < 16)
        {
            names.push(unit.name.as_str());
            at = unit.parent.as_ref();
        }
        names.reverse();
        format!("{} ({id})", names.join("/"))
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

impl InstanceFailure {
    /// How long to wait until the failure has passed by itself, where its reason says that it will.
    ///
    /// Source: the words of SQS (`QueueDeletedRecently`) and of throttled services, which
    /// CloudFormation repeats.
    pub fn passes_after(&self) -> Option<Duration> {
        passes_after(&self.reason)
    }
}

impl StackInstance {
    /// The same of what its last operation failed for.
    pub fn passes_after(&self) -> Option<Duration> {
        self.reason.as_deref().and_then(passes_after)
    }
}

fn passes_after(reason: &str) -> Option<Duration> {
    const PASSING: [(&str, u64); 6] = [
        ("You must wait 60 seconds", 60),
        ("QueueDeletedRecently", 60),
        ("Rate exceeded", 15),
        ("Throttling", 15),
        ("ServiceUnavailable", 15),
        ("Internal Failure", 15),
    ];
    let reason = reason.to_lowercase();
    let mut passing = PASSING.iter();
    let found = passing.find(|(words, _)| reason.contains(&words.to_lowercase()));
    found.map(|(_, seconds)| Duration::from_secs(*seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::parse_units;

    fn tree() -> OuTree {
        let unit = |id: &str, name: &str, parent: Option<&str>| {
            let unit = Unit {
                name: name.into(),
                parent: parent.map(|parent| parent.parse().unwrap()),
            };
            (id.parse().unwrap(), unit)
        };
        OuTree(
            [
                unit("ou-ab12-11111111", "Production", None),
                unit("ou-ab12-22222222", "Blue", Some("ou-ab12-11111111")),
                unit("ou-ab12-33333333", "Staging", None),
                unit("ou-ab12-44444444", "Blue", Some("ou-ab12-33333333")),
            ]
            .into(),
        )
    }

    #[test]
    fn a_queue_whose_name_was_in_use_a_moment_ago_is_worth_a_minute() {
        let passes = |reason: &str| {
            let failure = InstanceFailure {
                account: "111122223333".parse().unwrap(),
                reason: reason.into(),
            };
            failure.passes_after().map(|wait| wait.as_secs())
        };
        let queue = "You must wait 60 seconds after deleting a queue before you can create another";
        assert_eq!(passes(queue), Some(60));
        assert_eq!(passes("Rate exceeded (Service: Iam)"), Some(15));
        assert_eq!(
            passes("User is not authorized to perform: sqs:CreateQueue"),
            None
        );
    }

    #[test]
    fn of_two_units_of_one_name_each_can_be_named() {
        let found = |text: &str| {
            let entries = parse_units(text).unwrap();
            tree().find(&entries[0].unit).len()
        };
        let counts = [
            "blue",
            "production/blue",
            "ou-ab12-44444444",
            "Old (ou-ab12-44444444)",
        ];
        assert_eq!(counts.map(found), [2, 1, 1, 1]);
        assert_eq!(
            ["Blue/Production", "x/Blue", "ou-ab12-99999999"].map(found),
            [0, 0, 0]
        );
        let id = "ou-ab12-44444444".parse().unwrap();
        assert_eq!(tree().describe(&id), "Staging/Blue (ou-ab12-44444444)");
    }

    #[test]
    fn of_several_baselines_the_one_that_says_least_or_worst_of_control_tower_counts() {
        use BaselineKind::{ControlTower, Other};
        use Management::{Failed, Managed, NotManaged, UnderChange};
        let account: AccountId = "111122223333".parse().unwrap();
        let cases: [(&[(BaselineKind, Management)], Management); 7] = [
            (&[], NotManaged),
            (&[(Other, Failed)], Failed),
            (&[(Other, Managed)], Managed),
            (&[(Other, Failed), (Other, Managed)], Managed),
            (&[(ControlTower, Managed), (Other, Failed)], Managed),
            (&[(ControlTower, Failed), (Other, Managed)], Failed),
            (
                &[
                    (ControlTower, Failed),
                    (Other, UnderChange),
                    (Other, Managed),
                ],
                UnderChange,
            ),
        ];
        for (enabled, expected) in cases {
            let listed = enabled.iter().map(|(kind, found)| (account, *kind, *found));
            for listed in [listed.clone().collect::<Vec<_>>(), listed.rev().collect()] {
                let baselines = Baselines::from_enabled(listed);
                assert_eq!(baselines.of(&account), expected, "{enabled:?}");
            }
        }
    }

    #[test]
    fn control_towers_baseline_has_one_id_in_every_region() {
        let kind = |region: &str, id: &str| {
            let arn = format!("arn:aws:controltower:{region}::baseline/{id}");
            BaselineKind::of(&arn.parse().unwrap())
        };
        for region in ["us-east-1", "eu-west-2"] {
            assert_eq!(kind(region, "17BSJV3IGJ2QSGA2"), BaselineKind::ControlTower);
            assert_eq!(kind(region, "4T4HA1KMO10S6311"), BaselineKind::Other);
        }
    }
}
