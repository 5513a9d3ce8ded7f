//! What a plan needs beyond AWS and the ledger.

use crate::{
    Read,
    enrollment::{AccountView, Decision, decide, inventory::LandingZoneView},
    landing_zone::AccountState,
    ledger::Record,
    lifecycle::Scope,
    model::AccountId,
    policy::Policy,
    stack_sets::InstanceState,
};

/// What is read of the vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Nothing, for this reason.
    Nothing(&'static str),
    /// All registrations.
    Registrations,
}

/// What the plan for this scope needs of the vendor, which allows few requests. Before its stack
/// exists, an account needs none.
pub(crate) fn needs(policy: &Policy, scope: &Scope, landing_zone: &LandingZoneView) -> Needs {
    let stack_comes_first = |id: &AccountId| {
        let view = landing_zone.view(policy, id, Read::Unknown(String::new()));
        let arrived = scope.arrived.contains(id);
        comes_after_its_stack(policy, id, &view, landing_zone.records.get(id), arrived)
    };
    let only_named = !scope.all && scope.ous.is_empty();
    if only_named && scope.accounts.keys().all(stack_comes_first) {
        Needs::Nothing("its stack comes first")
    } else {
        Needs::Registrations
    }
}

/// Whether the account should be watched, and needs its stack before anything else.
fn comes_after_its_stack(
    policy: &Policy,
    id: &AccountId,
    view: &AccountView,
    record: Option<&Record>,
    arrived: bool,
) -> bool {
    let Read::Ok(instance) = &view.instance else {
        return false;
    };
    let is_under_way = instance
        .as_ref()
        .is_some_and(|instance| instance.state == InstanceState::InProgress);
    // A stack that registers its account needs the listing: the account may be registered already.
    let is_missing = instance.is_none() && !policy.is_registered_by_stack(id);
    let is_active = matches!(&view.account, Read::Ok(Some(account))
        if account.state == AccountState::Active);
    let is_watched = || {
        let decision = decide(policy, id, view, record, arrived);
        matches!(decision, Decision::Enroll { .. })
    };
    is_active && (is_under_way || is_missing && is_watched())
}
