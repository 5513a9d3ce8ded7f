use std::collections::BTreeMap;

use crate::model::{AccountId, Arn};

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

#[cfg(test)]
mod tests {
    use super::*;

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
