//! Specifies what setup creates: the members' StackSet.

use towerhook_core::{
    policy::Deployment,
    provider::{Footprint, Provider, Traces, stack_set},
    stack_sets::{PERMISSIONS_BOUNDARY, StackSet, StackSetRoles, Templates},
};

use super::{TrendVisionOne, identity::Identity};
use crate::traces::by_tenant;

/// The template's parameters that say what a deployment was made with.
const TENANT: &str = "TenantName";
const SUFFIX: &str = "RowSuffix";

pub(super) fn footprint(
    deployment: Deployment,
    templates: &Templates,
    roles: &StackSetRoles,
) -> Footprint {
    let Deployment { policy, site, .. } = &deployment;
    let names = TrendVisionOne.resources(&policy.names);
    let external_id = policy.external_id.as_ref();
    // Only a recovered deployment lacks it, and that one's stacks are removed or made anew.
    let identity = external_id.and_then(|id| Identity::parse(id.as_str()));
    let (host, subject) = identity.map_or(("", ""), |known| (known.host, known.subject));
    let parameters = [
        ("RoleName", names.member_role.as_str()),
        ("OidcHost", host),
        ("OidcSubject", subject),
        (TENANT, policy.names.resource.as_str()),
        (SUFFIX, policy.external_id_suffix.as_str()),
        (PERMISSIONS_BOUNDARY, site.boundary()),
    ];
    let name = names.member_stack_set;
    let member = stack_set(&deployment, roles, name, templates.member, parameters);
    Footprint {
        trail: None,
        member: policy.capability.config().then_some(member),
        deployment,
    }
}

/// Reads back what the parameters of a StackSet say.
pub(super) fn traces(set: &StackSet) -> Traces {
    by_tenant(set, TENANT, SUFFIX)
}
