use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Record;
use crate::{model::AccountId, policy::Deployment};

/// Setup's recorded state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recorded {
    /// The last request that succeeded.
    pub success: Option<Success>,
    /// The success before it, which CloudFormation rolls back to if the response to the last was
    /// lost.
    pub previous: Option<Success>,
    /// The deployment of an unfinished request, whose resources may exist.
    pub attempt: Option<Deployment>,
    /// When the last comparison of the whole organization that ran to its end began.
    pub compared: Option<Timestamp>,
    /// The ids of unreadable items, which count as lost and from which setup recovers.
    pub unreadable: BTreeSet<String>,
}

/// A request that succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Success {
    /// The resulting deployment.
    pub deployment: Deployment,
    /// The custom resource's properties.
    pub properties: Value,
}

/// The accounts' records, as far as they are readable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Records {
    /// The records by account.
    pub by_account: BTreeMap<AccountId, Record>,
    /// Unreadable items by id, each with the reason.
    pub unreadable: BTreeMap<String, String>,
}
