use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::model::{AccountId, OuId};

/// `IncludeOrganizationalUnits`, `ExcludeOrganizationalUnits` and `ExcludeAccounts`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// OUs whose accounts are enrolled; an empty set means all.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub include: BTreeSet<OuId>,
    /// OUs whose accounts are not enrolled.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub exclude: BTreeSet<OuId>,
    /// Accounts that are not enrolled.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub exclude_accounts: BTreeSet<AccountId>,
}

/// Why an account is not selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unselected {
    /// `ExcludeAccounts` names it.
    Account,
    /// The nearest named OU above it is in `ExcludeOrganizationalUnits`.
    Excluded,
    /// None of `IncludeOrganizationalUnits` is above it.
    NotIncluded,
}

impl Selection {
    pub(super) fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Why the account is not selected; `None` if it is. The nearest named OU above it decides, so
    /// that an OU can be excluded and one below it included again.
    pub fn leaves_out(&self, account: &AccountId, path: &[OuId]) -> Option<Unselected> {
        if self.exclude_accounts.contains(account) {
            return Some(Unselected::Account);
        }
        for ou in path.iter().rev() {
            if self.exclude.contains(ou) {
                return Some(Unselected::Excluded);
            }
            if self.include.contains(ou) {
                return None;
            }
        }
        (!self.include.is_empty()).then_some(Unselected::NotIncluded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_nested_units_the_nearest_decides_who_is_enrolled() {
        let ou = |text: &str| text.parse::<OuId>().unwrap();
        let account: AccountId = "111122223333".parse().unwrap();
        let path = [
            ou("r-ab12"),
            ou("ou-ab12-11111111"),
            ou("ou-ab12-22222222"),
            ou("ou-ab12-33333333"),
        ];
        let mut selection = Selection {
            include: [path[1].clone(), path[3].clone()].into(),
            exclude: [path[2].clone()].into(),
            exclude_accounts: BTreeSet::new(),
        };
        let left_out =
            |selection: &Selection, depth| selection.leaves_out(&account, &path[..depth]);
        let by_depth = [1, 2, 3, 4].map(|depth| left_out(&selection, depth));
        let (excluded, not_included) = (Some(Unselected::Excluded), Some(Unselected::NotIncluded));
        assert_eq!(by_depth, [not_included, None, excluded, None]);
        selection.include.clear();
        assert_eq!(
            [1, 4].map(|depth| left_out(&selection, depth)),
            [None, excluded]
        );
        selection.exclude_accounts.insert(account);
        assert_eq!(left_out(&selection, 1), Some(Unselected::Account));
        assert_eq!(Selection::default().leaves_out(&account, &path), None);
    }
}
