//! What the parameters of a StackSet say about the deployment that made it.

use towerhook_core::{provider::Traces, stack_sets::StackSet};

/// A parameter's value, unless it is blank.
pub(crate) fn given(set: &StackSet, name: &str) -> Option<String> {
    let value = set.parameters.get(name);
    value.filter(|value| !value.is_empty()).cloned()
}

/// The traces of a deployment whose names carry the tenant, from these parameters.
pub(crate) fn by_tenant(set: &StackSet, tenant: &str, suffix: &str) -> Traces {
    let tenant = given(set, tenant);
    Traces {
        resource: tenant.clone(),
        tenant,
        suffix: given(set, suffix),
        ..Traces::default()
    }
}
