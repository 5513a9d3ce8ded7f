use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::Footprint;
use crate::{
    landing_zone::Account,
    model::{AccountId, Registration},
    policy::{Adoption, Policy},
    refusal::Refusal,
    stack_sets::{StackInstance, StackSet},
};

/// The vendor's own integration with Control Tower: what a deployment of it looks like, and what
/// has to be kept of it.
pub trait OwnIntegration: fmt::Debug + Send + Sync {
    /// The EventBridge rule of its main stack, which has this name in every version.
    fn rule(&self) -> &'static str;

    /// The secret of its main stack, likewise.
    fn secret(&self) -> &'static str;

    /// Finds the deployment to take over. `all` are the names of all StackSets, and `policy`
    /// follows from the parameters alone.
    ///
    /// # Errors
    ///
    /// There is none, or it cannot be taken over.
    fn to_take_over(&self, all: &[String], policy: &Policy) -> Result<Theirs, Refusal>;

    /// A warning about other deployments that exist beside a new one.
    ///
    /// # Errors
    ///
    /// A deployment's roles have the same names as the new one's.
    fn beside(&self, all: &[String], policy: &Policy) -> Result<Option<String>, Refusal>;

    /// Checks the existing resources; `None` if there are none. Changes nothing.
    ///
    /// `footprint` is the desired state if nothing existed.
    ///
    /// # Errors
    ///
    /// The existing resources cannot be taken over as they are.
    fn adopt(
        &self,
        footprint: &Footprint,
        found: &Found,
        accounts: &[Account],
    ) -> Result<Option<Adopted>, Refusal>;
}

/// The StackSets of the deployment to take over.
#[derive(Debug, PartialEq, Eq)]
pub struct Theirs {
    /// The suffix of all their names.
    pub resource: String,
    /// Their names, including those that `CapabilityType` does not use.
    pub stack_sets: BTreeSet<String>,
}

/// The existing resources of a deployment to take over.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// The StackSets, and the instances of those for Log Archive and Audit.
    pub stack_sets: BTreeMap<String, (StackSet, Vec<StackInstance>)>,
    /// The registrations in all of the tenant's stores.
    pub registrations: Vec<Registration>,
}

/// A deployment that can be taken over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Adopted {
    /// Properties that must be kept so that the existing roles and registrations keep working.
    pub adoption: Adoption,
    /// Watched accounts that the parameters leave out.
    pub unwatched: BTreeSet<AccountId>,
}
