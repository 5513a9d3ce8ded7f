use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Record;
use crate::{model::AccountId, policy::Deployment};

/// What setup recorded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recorded {
    /// The last request that succeeded.
    pub success: Option<Success>,
    /// The one before it, which CloudFormation goes back to where the answer to the last was lost.
    pub previous: Option<Success>,
    /// The deployment of a request that came no further, of which something may be there.
    pub attempt: Option<Deployment>,
    /// The ids of items that cannot be read and count as lost, from which setup recovers.
    pub unreadable: BTreeSet<String>,
}

/// A request that succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Success {
    /// What it came to.
    pub deployment: Deployment,
    /// The custom resource's properties.
    pub properties: Value,
}

/// What was read of the accounts' records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Records {
    /// The records by account.
    pub by_account: BTreeMap<AccountId, Record>,
    /// Items that cannot be understood, each with the reason, by their ids.
    pub unreadable: BTreeMap<String, String>,
}
