//! The AWS side of an inventory: accounts, OUs, the landing zone and its trail.

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
    /// Its state.
    pub state: AccountState,
    /// The root and the OUs above it, outermost first.
    pub path: Vec<OuId>,
}

/// Organizations' `AccountState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountState {
    /// Created, but not usable yet.
    PendingActivation,
    /// In use.
    Active,
    /// Suspended by AWS; it may become active again.
    Suspended,
    /// Being closed.
    PendingClosure,
    /// Closed; it leaves the organization after about 90 days.
    Closed,
}

/// The kind of a baseline that is enabled on an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BaselineKind {
    /// `AWSControlTowerBaseline`, which makes an account a member of the landing zone.
    ControlTower,
    /// Any other, which may be enabled in addition: for backups, for a shared account's role, or
    /// for Config alone.
    Other,
}

impl BaselineKind {
    /// The kind of a baseline's ARN. The ARN's Region differs between landing zones; its id is the
    /// same in all.
    ///
    /// Source: the responses of `ListBaselines` in public examples of several Regions.
    pub fn of(arn: &Arn) -> Self {
        if arn.resource() == "baseline/17BSJV3IGJ2QSGA2" {
            Self::ControlTower
        } else {
            Self::Other
        }
    }
}

/// An account's status in Control Tower, from `ListEnabledBaselines`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Management {
    /// A baseline is enabled on it, or it is a shared account of the landing zone.
    Managed,
    /// A baseline is being changed, so the status is undecided.
    UnderChange,
    /// A baseline could not be enabled.
    Failed,
    /// A complete listing has no baseline for it.
    NotManaged,
}

/// The enabled baselines by target account, from one complete listing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Baselines(pub BTreeMap<AccountId, Management>);

impl Baselines {
    /// The status of `account`.
    pub fn of(&self, account: &AccountId) -> Management {
        self.0
            .get(account)
            .copied()
            .unwrap_or(Management::NotManaged)
    }

    /// The combined status of each account's baselines: one under change leaves it undecided, a
    /// failed `AWSControlTowerBaseline` is not outweighed by another, and otherwise one enabled
    /// baseline is enough.
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

/// The landing zone, from `GetLandingZone`, as far as we need it.
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
    /// Whether Log Archive, Audit and the baselines are optional, as from 4.0 on.
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
    /// The Region that it was created in; a multi-Region trail appears in all.
    pub home_region: Option<String>,
    /// The bucket that it delivers to.
    pub bucket: String,
    /// The topic that is notified of each delivery.
    pub topic: Option<Arn>,
    /// The key that encrypts it.
    pub kms_key: Option<Arn>,
    /// Whether it is an organization trail, as opposed to one account's.
    pub is_organization: bool,
    /// Whether it covers every Region.
    pub is_multi_region: bool,
    /// Whether it is logging, from `GetTrailStatus`.
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

/// A topic of ours, and the trail that should notify it of each delivery.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TrailTopic {
    /// The trail's name.
    pub trail: String,
    /// The topic.
    pub topic: Arn,
}

/// An OU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Its name; OUs with different parents may share one, and it can change.
    pub name: String,
    /// The parent OU; `None` below the root.
    pub parent: Option<OuId>,
}

/// The organization's OUs by id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OuTree(pub BTreeMap<OuId, Unit>);

impl OuTree {
    /// All OUs that a name may refer to. Names are compared without case.
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

    /// Whether the OU's path ends in these names.
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

    /// An OU's path of names and its id, for an administrator.
    pub fn describe(&self, id: &OuId) -> String {
        let mut names = Vec::new();
        let mut at = Some(id);
        // Stops at a cycle of parents, which should not exist but would loop forever.
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
    /// Its state.
    pub state: InstanceState,
    /// CloudFormation's reason for a failure.
    pub reason: Option<String>,
}

/// An instance's state, from CloudFormation's `Status` and `DetailedStatus`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstanceState {
    /// An operation on it is pending or running.
    InProgress,
    /// It matches the StackSet's template.
    Current,
    /// The last operation failed, was cancelled or skipped; a new one retries it.
    Outdated,
    /// CloudFormation can no longer manage it.
    Inoperable,
}

/// The state of a StackSet operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationState {
    /// Queued, running or stopping.
    InProgress,
    /// Ended. Because of the failure tolerance, instances may still have failed.
    Succeeded,
    /// Ended as failed or stopped.
    Failed,
}

/// An instance that failed in an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceFailure {
    /// The account.
    pub account: AccountId,
    /// CloudFormation's reason.
    pub reason: String,
}

impl InstanceFailure {
    /// How long until the failure has passed, if its reason is transient.
    ///
    /// Source: the messages of SQS (`QueueDeletedRecently`) and of throttled services, which
    /// CloudFormation repeats.
    pub fn passes_after(&self) -> Option<Duration> {
        passes_after(&self.reason)
    }
}

impl StackInstance {
    /// Likewise for the failure of its last operation.
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
