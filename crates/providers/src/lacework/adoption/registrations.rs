//! Checks that all registrations of a deployment to take over will be recognized and watched.

use std::collections::{BTreeMap, BTreeSet};

use towerhook_core::{
    Refusal,
    landing_zone::Account,
    model::{AccountId, Registration, RegistrationKind, Store},
    policy::{Adoption, Destination, Policy},
    provider::{FeedFootprint, Footprint},
};

use crate::lacework::{external_id, subject::subject};

/// Returns the accounts that are watched now and will not be.
///
/// # Errors
///
/// A registration could not work, or is in a store that this deployment never lists, so that it
/// would be neither maintained nor deleted.
pub(super) fn settle(
    footprint: &Footprint,
    adoption: &Adoption,
    registrations: &[Registration],
    accounts: &[Account],
) -> Result<BTreeSet<AccountId>, Refusal> {
    let policy = policy(&footprint.deployment.policy, adoption);
    let mut strays: BTreeMap<Option<&Store>, usize> = BTreeMap::new();
    let mut watched = BTreeSet::new();
    for one in registrations.iter().filter(|one| !one.organization) {
        let is_theirs = match (one.kind, &footprint.trail, &footprint.member) {
            (RegistrationKind::Feed, Some(trail), _) => is_trails(one, trail, &policy, adoption)?,
            (RegistrationKind::Account, _, Some(_)) => {
                let member = subject(&policy, &policy.names, one).ours();
                watched.extend(member);
                member.is_some()
            }
            _ => false,
        };
        if is_theirs && !is_looked_into(&policy.destination, one.store.as_ref()) {
            *strays.entry(one.store.as_ref()).or_default() += 1;
        }
    }
    if !strays.is_empty() {
        return Err(forgotten(&strays));
    }
    let left_out = accounts
        .iter()
        .filter(|account| watched.contains(&account.id) && is_left_out(&policy, account));
    Ok(left_out.map(|account| account.id).collect())
}

/// The policy after the takeover.
fn policy(policy: &Policy, adoption: &Adoption) -> Policy {
    let policy = policy.clone();
    Policy {
        tenant: adoption.tenant.clone().unwrap_or(policy.tenant),
        external_id_suffix: adoption
            .member_suffix
            .clone()
            .unwrap_or(policy.external_id_suffix),
        adoption: Some(adoption.clone()),
        ..policy
    }
}

/// Whether a registration is the trail's. If it has the trail's name and store, its external id
/// must be the one that the role demands.
fn is_trails(
    one: &Registration,
    trail: &FeedFootprint,
    policy: &Policy,
    adoption: &Adoption,
) -> Result<bool, Refusal> {
    let (Some(_), Some(registration)) = (&adoption.trail_suffix, &trail.registration) else {
        return Ok(false);
    };
    let id = external_id(&policy.tenant, &trail.log.1, policy.trail_suffix());
    let name = &registration.name;
    let is_shown = id.is_shown_as(&one.external_id);
    if one.name == *name && !is_shown && one.store.as_ref() == policy.destination.shared() {
        return Err(super::not(
            &trail.log.0.name,
            &format!(
                "the integration {name} has the external id {} and the role demands {}",
                one.external_id,
                id.as_str()
            ),
        ));
    }
    let is_named = one.name == *name && one.role_arn == registration.role_arn;
    Ok(one.external_id == id.as_str() || is_shown && is_named)
}

/// Whether passes list the store. With a single store, registrations in the tenant's own store
/// count as forgotten, although that is always listed.
fn is_looked_into(destination: &Destination, store: Option<&Store>) -> bool {
    destination.uses(store) || store.is_none() && matches!(destination, Destination::Mapped(_))
}

fn forgotten(strays: &BTreeMap<Option<&Store>, usize>) -> Refusal {
    let stores = strays.iter().map(|(store, count)| match store {
        Some(store) => format!("the sub-account {store} ({count})"),
        None => format!("the Lacework account itself ({count})"),
    });
    let stores: Vec<String> = stores.collect();
    Refusal::new(format!(
        "AdoptExistingDeployment: integrations of the deployment are in {}, where the parameters send no \
         account. Set LaceworkOrgSubAccountNames or LaceworkSubAccountName as that deployment has it.",
        stores.join(", ")
    ))
}

/// Whether the parameters leave out an account, whatever its state.
fn is_left_out(policy: &Policy, account: &Account) -> bool {
    let Account { id, path, .. } = account;
    policy.destination.of(path).is_none()
        || policy.selection.leaves_out(id, path).is_some()
        || *id == policy.management_account && !policy.enroll_management
}
