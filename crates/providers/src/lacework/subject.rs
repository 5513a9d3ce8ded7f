//! The one rule of whose a registration is.

use towerhook_core::{
    model::{ExternalId, Names, Registration, RegistrationKind, account_of_role},
    policy::Policy,
    provider::{Subject, role_arn},
};

use super::{external_id, names};

/// The external id decides. Another deployment may use the same name and role, so these count
/// only if the external id is shown masked; the role alone counts only by
/// [`Policy::owns_broken`].
pub(super) fn subject(policy: &Policy, names: &Names, seen: &Registration) -> Subject {
    let account = account_of_role(&seen.role_arn);
    let foreign = account.map_or(Subject::Unknown, Subject::Foreign);
    let suffix = match seen.kind {
        RegistrationKind::Account => &policy.external_id_suffix,
        RegistrationKind::Feed => policy.trail_suffix(),
    };
    let in_id = external_id::account_in(&seen.external_id, &policy.tenant, suffix);
    if let Some(account) = in_id {
        return Subject::Ours(account);
    }
    let Some(account) = account else {
        return foreign;
    };
    let (name, role) = match seen.kind {
        RegistrationKind::Account => (
            names::member_registration(names, &account),
            names::member_role(names),
        ),
        RegistrationKind::Feed => (names::log_stack_set(names), names::log_role(names)),
    };
    let has_role = seen.role_arn == role_arn(&policy.partition, &account, &role);
    let is_masked = ExternalId::is_masked(&seen.external_id) && seen.name == name;
    if has_role && (is_masked || policy.owns_broken(seen)) {
        Subject::Ours(account)
    } else {
        foreign
    }
}
