use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{AccountId, Store};

/// The store of each AWS account, in a shared registration. Accounts in no list belong to the
/// default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountMapping {
    /// The store of all others, in lower case: the tenant's own.
    pub default: Store,
    /// The AWS accounts of each store; none of these sets is empty.
    pub accounts: BTreeMap<Store, BTreeSet<AccountId>>,
}

impl AccountMapping {
    /// A mapping of everything to one store.
    pub fn to_default(default: Store) -> Self {
        Self {
            default,
            accounts: BTreeMap::new(),
        }
    }
}
