use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::model::{OuId, Store};

/// The store of an account's registration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Destination {
    /// The tenant's own store.
    Tenant,
    /// One store for all.
    Single(Store),
    /// By OU, the nearest ancestor first; accounts elsewhere are not enrolled.
    ///
    /// The OU's id counts, so that renaming an OU offboards no account.
    Mapped(BTreeMap<OuId, Store>),
}

impl Destination {
    /// The store of an account with this path, or `None` if it is outside the mapped OUs.
    pub fn of(&self, path: &[OuId]) -> Option<Option<Store>> {
        match self {
            Self::Tenant => Some(None),
            Self::Single(store) => Some(Some(store.clone())),
            Self::Mapped(units) => path
                .iter()
                .rev()
                .find_map(|ou| units.get(ou))
                .map(|sub| Some(sub.clone())),
        }
    }

    /// The store of registrations that are not about one account, such as the trail's.
    pub fn shared(&self) -> Option<&Store> {
        match self {
            Self::Single(store) => Some(store),
            Self::Tenant | Self::Mapped(_) => None,
        }
    }

    /// Whether an account can be in this store.
    pub fn uses(&self, store: Option<&Store>) -> bool {
        match store {
            None => *self == Self::Tenant,
            Some(store) => self.stores().contains(store),
        }
    }

    /// Every store in use.
    pub fn stores(&self) -> BTreeSet<Store> {
        match self {
            Self::Tenant => BTreeSet::new(),
            Self::Single(store) => BTreeSet::from([store.clone()]),
            Self::Mapped(units) => units.values().cloned().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_mapped_ancestor_decides() {
        let ou = |text: &str| text.parse::<OuId>().unwrap();
        let mapped = Destination::Mapped(
            [
                (ou("ou-ab12-11111111"), "outer".into()),
                (ou("ou-ab12-22222222"), "inner".into()),
            ]
            .into(),
        );
        let path = [ou("r-ab12"), ou("ou-ab12-11111111"), ou("ou-ab12-22222222")];
        assert_eq!(mapped.of(&path), Some(Some("inner".into())));
        assert_eq!(mapped.of(&path[..2]), Some(Some("outer".into())));
        assert_eq!(mapped.of(&path[..1]), None);
        assert_eq!(Destination::Tenant.of(&path), Some(None));
    }
}
