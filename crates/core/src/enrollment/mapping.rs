use std::collections::{BTreeMap, BTreeSet};

use super::{AccountView, Inventory};
use crate::{
    Read,
    model::{AccountId, AccountMapping, Store},
    policy::{Deployment, Destination},
};

/// The store of every account in the organization, if all of them could be read.
///
/// The trail covers every account, enrolled or not, so only the account's OU counts.
pub(super) fn wanted_mapping(
    deployment: &Deployment,
    inventory: &Inventory,
) -> Option<AccountMapping> {
    let policy = &deployment.policy;
    let complete = inventory.scope.all && inventory.accounts.values().all(is_known);
    if !complete || !matches!(policy.destination, Destination::Mapped(_)) {
        return None;
    }
    let mut mapping = policy.empty_mapping()?;
    for (id, view) in &inventory.accounts {
        let Read::Ok(Some(account)) = &view.account else {
            continue;
        };
        if let Some(Some(store)) = policy.destination.of(&account.path)
            && store != mapping.default
        {
            insert(&mut mapping.accounts, store, *id);
        }
    }
    Some(mapping)
}

fn insert(accounts: &mut BTreeMap<Store, BTreeSet<AccountId>>, store: Store, id: AccountId) {
    accounts.entry(store).or_default().insert(id);
}

fn is_known(view: &AccountView) -> bool {
    matches!(
        (
            &view.account,
            &view.management,
            &view.instance,
            &view.registrations
        ),
        (Read::Ok(_), Read::Ok(_), Read::Ok(_), Read::Ok(_))
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        enrollment::Watchers,
        landing_zone::{Account, AccountState, Management},
        lifecycle::Scope,
        model::OuId,
        policy::{Policy, testing},
    };

    fn ou(n: usize) -> OuId {
        format!("ou-ab12-0000000{n}").parse().unwrap()
    }

    fn mapped() -> Deployment {
        let units = [(ou(1), "emea".into()), (ou(2), "apac".into())];
        testing::deployment(Policy {
            destination: Destination::Mapped(units.into()),
            ..testing::policy()
        })
    }

    fn account(id: AccountId, unit: usize) -> AccountView {
        AccountView {
            account: Read::Ok(Some(Account {
                id,
                name: "an account".into(),
                state: AccountState::Active,
                path: vec!["r-ab12".parse().unwrap(), ou(unit)],
            })),
            management: Read::Ok(Management::Managed),
            instance: Read::Ok(None),
            registrations: Read::Ok(Watchers::default()),
        }
    }

    /// Accounts 11, 12 and 13 in units 1, 2 and 3; the last unit is mapped to nothing.
    fn inventory() -> Inventory {
        let accounts = (1..=3).map(|unit| {
            let id: AccountId = format!("{:012}", 10 + unit).parse().unwrap();
            (id, account(id, unit))
        });
        Inventory {
            scope: Scope::all(),
            accounts: accounts.collect(),
            ..Inventory::default()
        }
    }

    #[test]
    fn the_mapping_says_where_every_account_is() {
        let mapping = wanted_mapping(&mapped(), &inventory()).unwrap();
        assert_eq!(mapping.default, "acme".into());
        let ids = |ids: &[&str]| ids.iter().map(|id| id.parse().unwrap()).collect();
        assert_eq!(
            mapping.accounts,
            [
                ("apac".into(), ids(&["000000000012"])),
                ("emea".into(), ids(&["000000000011"])),
            ]
            .into()
        );
        let unmapped = testing::deployment(testing::policy());
        assert_eq!(wanted_mapping(&unmapped, &inventory()), None);
    }

    #[test]
    fn half_an_inventory_has_no_mapping() {
        let doubts: [fn(&mut Inventory); 3] = [
            |inventory| inventory.scope = Scope::default(),
            |inventory| {
                let view = inventory.accounts.values_mut().next().unwrap();
                view.account = Read::Unknown("throttled".into());
            },
            |inventory| {
                let view = inventory.accounts.values_mut().next().unwrap();
                view.registrations = Read::Unknown("throttled".into());
            },
        ];
        for doubt in doubts {
            let mut inventory = inventory();
            doubt(&mut inventory);
            assert_eq!(wanted_mapping(&mapped(), &inventory), None);
        }
    }
}
