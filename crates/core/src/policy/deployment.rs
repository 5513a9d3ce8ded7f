use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{DeployedTrail, Policy};
use crate::{
    landing_zone::{Announcement, TrailTopic},
    model::{Arn, Names, OuId, Store},
    planted::{Fault, planted},
};

/// What setup recorded: the administrator's parameters, resolved and checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// The parameters.
    pub policy: Policy,
    /// The templates' other inputs.
    pub site: Site,
    /// The id of each OU that a parameter names, by its name in the parameter. It stays valid as
    /// long as the parameter is unchanged, even if the OU is renamed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub units: BTreeMap<String, OuId>,
    /// Every store that this deployment has ever used, so that registrations there are found.
    pub stores: BTreeSet<Store>,
    /// Former names of this deployment whose resources may still exist.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retired: Vec<Names>,
    /// Every topic of ours that a trail may be set to.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub trail_topics: BTreeSet<TrailTopic>,
    /// Every notification of ours that a trail's bucket may have.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub announcements: BTreeSet<Announcement>,
    /// What the trail's registration depends on, where `CapabilityType` has CloudTrail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trail: Option<DeployedTrail>,
    /// Whether the trail's registration is, or once was, the organization's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub organization: bool,
    /// Foreign StackSets under our names that no request has completely taken over yet. A removal
    /// leaves them, and the registrations that use their roles, as they are.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub spared: BTreeSet<String>,
    /// When it was recovered from the StackSets that carry the stack's tag, after the ledger had
    /// lost it. The ids of its registrations are unknown then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovered_at: Option<Timestamp>,
    /// When a request succeeded with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub succeeded_at: Option<Timestamp>,
}

impl Deployment {
    /// Whether its roles and registrations stay when its stack is deleted. What a first launch made
    /// before it failed never stays.
    pub fn outlives_its_stack(&self) -> bool {
        let stood = self.succeeded_at.is_some() || self.recovered_at.is_some();
        self.policy.retain_protection && stood && !planted(Fault::RetainedIsRemoved)
    }

    /// A copy with the id of the trail's registration, created or changed as of `now`.
    pub fn with_trail_guid(&self, guid: &str, now: Timestamp) -> Self {
        let mut known = self.clone();
        if let Some(trail) = &mut known.trail {
            trail.registration_id = Some(guid.to_owned());
            trail.asked_at = None;
            trail.made_at = Some(now);
        }
        known
    }

    /// A copy that is about to have a registration of the trail as of `now`.
    pub fn with_trail_asked(&self, now: Timestamp) -> Self {
        let mut known = self.clone();
        if let Some(trail) = &mut known.trail {
            trail.registration_id = None;
            trail.asked_at = Some(now);
        }
        known
    }
}

/// The templates' inputs other than the policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// The principal that may assume the roles, if it is one of AWS's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<Arn>,
    /// The DNS suffix of the partition, such as `amazonaws.com`.
    pub url_suffix: String,
    /// The topic on which accounts register themselves, if their stacks do that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_topic: Option<String>,
    /// The name of the permissions boundary of the roles in accounts, if one is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions_boundary: Option<String>,
    /// The permissions boundary of the role in the management account's own stack, if it has one.
    pub management_boundary: Option<String>,
    /// The ARNs of the functions' roles, separated by commas, which the role for the bucket's
    /// notifications trusts. `None` if there is no such role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function_roles: Option<String>,
    /// The main stack's own tags, which are copied to StackSets and stacks.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

impl Site {
    /// The principal's ARN for a template; empty without one.
    pub fn principal(&self) -> &str {
        self.principal.as_ref().map_or("", Arn::as_str)
    }

    /// The name of the permissions boundary for a template; empty without one.
    pub fn boundary(&self) -> &str {
        self.permissions_boundary.as_deref().unwrap_or_default()
    }
}
