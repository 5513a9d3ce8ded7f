use crate::{
    landing_zone::{Announcement, TrailTopic},
    model::{AccountId, RegistrationSpec},
    policy::{Deployment, PolicyNames},
    stack_sets::{StackSetRoles, StackSetSpec},
};

/// Everything that setup creates, fully specified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Footprint {
    /// The deployment, as the account function reads it.
    pub deployment: Deployment,
    /// The trail's part, if `CapabilityType` has CloudTrail.
    pub trail: Option<FeedFootprint>,
    /// The members' StackSet, if `CapabilityType` has Config.
    pub member: Option<StackSetSpec>,
}

impl Footprint {
    /// The names of its StackSets.
    pub fn stack_sets(&self) -> impl Iterator<Item = &String> {
        let trail = self.trail.iter();
        let trail = trail.flat_map(FeedFootprint::stack_sets);
        let trail = trail.map(|(set, _)| &set.name);
        trail.chain(self.member.iter().map(|member| &member.name))
    }
}

/// One of a deployment's StackSets, which these roles run, with parameters as names and values.
pub fn stack_set<'p>(
    deployment: &Deployment,
    roles: &StackSetRoles,
    name: String,
    template: &'static str,
    parameters: impl IntoIterator<Item = (&'p str, &'p str)>,
) -> StackSetSpec {
    let parameters = parameters.into_iter();
    StackSetSpec {
        name,
        template,
        parameters: parameters
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        stack_id: deployment.policy.stack_id.clone(),
        tags: deployment.site.tags.clone(),
        roles: Some(roles.clone()),
    }
}

/// The stacks placed once, and what depends on them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedFootprint {
    /// The role in Log Archive.
    pub log: (StackSetSpec, AccountId),
    /// The queue in Audit, or in Log Archive if the trail's topic is there; `None` if it comes with
    /// the role.
    pub audit: Option<(StackSetSpec, AccountId)>,
    /// The topic in Log Archive, if the trail has none of its own.
    pub topic: Option<TrailTopic>,
    /// The notification of the trail's bucket, if that tells the topic of each log file.
    pub announcement: Option<Announcement>,
    /// The registration, if the vendor has one.
    pub registration: Option<RegistrationSpec>,
}

impl FeedFootprint {
    /// Its StackSets, each with the one account of its instance.
    pub fn stack_sets(&self) -> impl Iterator<Item = &(StackSetSpec, AccountId)> {
        [&self.log].into_iter().chain(&self.audit)
    }
}

/// What a StackSet's parameters say about the deployment that made it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traces {
    /// The part of the names that follows the prefix.
    pub resource: Option<String>,
    /// The tenant in the external ids.
    pub tenant: Option<String>,
    /// The suffix of the external ids.
    pub suffix: Option<String>,
    /// The naming of the members' managed policies.
    pub policy_names: PolicyNames,
    /// Whether the members' stacks register their accounts.
    pub registers_by_stack: bool,
    /// The name of the trail whose topic the StackSet creates.
    pub topic_of: Option<String>,
    /// The trail's bucket, which notifies the topic that the StackSet creates.
    pub bucket: Option<String>,
}
