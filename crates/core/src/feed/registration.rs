//! The one rule of what comes next for the shared registration.

use crate::{
    model::{AccountMapping, Registration, RegistrationKind, RegistrationSpec},
    policy::{DeployedTrail, Deployment},
    provider::{Provider, Subject},
};

/// How the listed registrations become the one wanted: deletions first, then the next step.
#[derive(Debug)]
pub(crate) struct Reconciled<'a> {
    /// Registrations of ours to delete: in a wrong place, or duplicates. The vendor accepts a
    /// queue only once, and its messages wait there for 14 days.
    pub(crate) surplus: Vec<&'a Registration>,
    /// The step that follows once those are gone.
    pub(crate) next: Next<'a>,
}

/// What comes next for the registration itself.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next<'a> {
    /// It is as wanted.
    Stands(&'a Registration),
    /// It differs from this.
    Update(&'a Registration, RegistrationSpec),
    /// There is none.
    Create(RegistrationSpec),
    /// A foreign one has its name and place, or its queue.
    Blocked(&'a Registration),
}

/// Compares the listed registrations with the wanted one.
///
/// `wanted` is the registration as setup created it, and `mapping` is the desired mapping of accounts
/// to stores; without one, the current mapping stays.
pub(crate) fn reconcile<'a>(
    provider: &dyn Provider,
    deployment: &Deployment,
    (trail, wanted): (&DeployedTrail, &RegistrationSpec),
    mapping: Option<AccountMapping>,
    listed: impl IntoIterator<Item = &'a Registration>,
) -> Reconciled<'a> {
    let feeds = listed
        .into_iter()
        .filter(|one| one.kind == RegistrationKind::Feed);
    let (ours, others): (Vec<_>, Vec<_>) =
        feeds.partition(|one| owns(provider, deployment, (trail, wanted), one));
    let (mut here, mut surplus): (Vec<_>, Vec<_>) = ours
        .into_iter()
        .partition(|one| is_in_place(deployment, wanted, one));
    let doubled = here.split_off(here.len().min(1));
    surplus.splice(0..0, doubled);
    let mut spec = wanted.clone();
    let next = match here.first() {
        Some(existing) => {
            let shown = existing.account_mapping.clone();
            spec.account_mapping = mapping.or(shown);
            if is_as_wanted(existing, &spec) {
                Next::Stands(existing)
            } else {
                Next::Update(existing, spec)
            }
        }
        None => {
            let mut others = others.into_iter();
            let blocks = |other: &&Registration| {
                other.queue_url == spec.queue_url
                    || other.name == spec.name && is_in_place(deployment, wanted, other)
            };
            match others.find(blocks) {
                Some(other) => Next::Blocked(other),
                None => {
                    spec.account_mapping = mapping.or(spec.account_mapping);
                    Next::Create(spec)
                }
            }
        }
    };
    Reconciled { surplus, next }
}

/// Whether a registration is the one that this deployment created for the trail: by its id, else by
/// the provider's rule.
fn owns(
    provider: &dyn Provider,
    deployment: &Deployment,
    (trail, wanted): (&DeployedTrail, &RegistrationSpec),
    one: &Registration,
) -> bool {
    let policy = &deployment.policy;
    trail.registration_id.as_ref() == Some(&one.guid)
        || provider.subject(policy, &policy.names, one) == Subject::Ours(wanted.account)
}

/// Whether a registration is in the trail's store, or the organization's if the trail's is.
fn is_in_place(deployment: &Deployment, wanted: &RegistrationSpec, one: &Registration) -> bool {
    if wanted.is_of_organization() {
        one.organization
    } else {
        !one.organization && one.store.as_ref() == deployment.policy.destination.shared()
    }
}

fn is_as_wanted(existing: &Registration, spec: &RegistrationSpec) -> bool {
    existing.is_as_wanted(spec)
        && existing.queue_url == spec.queue_url
        && existing.account_mapping == spec.account_mapping
}
