use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{DeployedTrail, Policy};
use crate::{
    landing_zone::TrailTopic,
    model::{Arn, Names, OuId, Store},
};

/// What setup recorded: the administrator's wishes, resolved and checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// The wishes.
    pub policy: Policy,
    /// What the templates need to know besides.
    pub site: Site,
    /// The id of each unit that a parameter names, by the name as it is written there: it counts for as
    /// long as the parameter says the same, whatever becomes of the name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub units: BTreeMap<String, OuId>,
    /// Every store that this deployment has ever used, so that nothing is forgotten there.
    pub stores: BTreeSet<Store>,
    /// Names that this deployment no longer uses and whose resources may still be there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retired: Vec<Names>,
    /// Every topic of ours that a trail may be set to.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub trail_topics: BTreeSet<TrailTopic>,
    /// What the trail's registration stands on, where `CapabilityType` has CloudTrail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trail: Option<DeployedTrail>,
    /// Whether the trail's registration is, or once was, the organization's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub organization: bool,
    /// StackSets under our names that somebody else made, and that no request has taken over to its end
    /// yet: a removal leaves them, and what reads their roles, as they are.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub spared: BTreeSet<String>,
    /// When it was told from the StackSets that carry the stack's tag, after the ledger had lost it: what
    /// the SaaS holds of it is known by no id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovered_at: Option<Timestamp>,
    /// When a request succeeded with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub succeeded_at: Option<Timestamp>,
}

impl Deployment {
    /// The same, with the id of the trail's registration, made or changed as of `now`.
    pub fn with_trail_guid(&self, guid: &str, now: Timestamp) -> Self {
        let mut known = self.clone();
        if let Some(trail) = &mut known.trail {
            trail.registration_id = Some(guid.to_owned());
            trail.asked_at = None;
            trail.made_at = Some(now);
        }
        known
    }

    /// The same, about to have a registration of the trail as of `now`.
    pub fn with_trail_asked(&self, now: Timestamp) -> Self {
        let mut known = self.clone();
        if let Some(trail) = &mut known.trail {
            trail.registration_id = None;
            trail.asked_at = Some(now);
        }
        known
    }
}

/// What the templates need to know besides the policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// Who may assume the roles.
    pub principal: Arn,
    /// The DNS suffix of the partition, such as `amazonaws.com`.
    pub url_suffix: String,
    /// The topic on which accounts register themselves, where their stacks do that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_topic: Option<String>,
    /// The name of the permissions boundary that roles in accounts get, where one is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions_boundary: Option<String>,
    /// The policy that bounds the role of the management account's own stack, where it has one.
    pub management_boundary: Option<String>,
    /// The main stack's own tags, which StackSets and stacks get, too.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}
