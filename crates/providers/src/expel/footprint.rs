//! Specifies what setup creates: the members' StackSet.

use towerhook_core::{
    policy::Deployment,
    provider::{Footprint, Provider, ResourceNames, Traces},
    stack_sets::{
        PERMISSIONS_BOUNDARY, StackSet, StackSetRoles, StackSetSpec, Templates, with_parameters,
    },
};

use super::{Expel, WORDS};

pub(super) fn footprint(
    deployment: Deployment,
    templates: &Templates,
    roles: &StackSetRoles,
) -> Footprint {
    let Deployment { policy, site, .. } = &deployment;
    let ResourceNames {
        member_stack_set,
        member_role,
        ..
    } = Expel.resources(&policy.names);
    let boundary = site.permissions_boundary.as_deref();
    let parameters = [
        ("RoleName", member_role.as_str()),
        (WORDS.tenant_parameter, policy.tenant.as_str()),
        (WORDS.principal_parameter, site.principal.as_str()),
        (PERMISSIONS_BOUNDARY, boundary.unwrap_or_default()),
    ];
    let member = StackSetSpec {
        name: member_stack_set,
        template: templates.member,
        parameters: with_parameters(parameters.iter()),
        stack_id: policy.stack_id.clone(),
        tags: site.tags.clone(),
        roles: Some(roles.clone()),
    };
    Footprint {
        trail: None,
        member: policy.capability.config().then_some(member),
        deployment,
    }
}

/// Reads back what the parameters of a StackSet say. Names carry the organization's GUID.
pub(super) fn traces(set: &StackSet) -> Traces {
    let tenant = set.parameters.get(WORDS.tenant_parameter).cloned();
    Traces {
        resource: tenant.clone(),
        tenant,
        ..Traces::default()
    }
}
