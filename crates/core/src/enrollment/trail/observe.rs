use std::collections::BTreeSet;

use futures::join;

use super::TrailView;
use crate::{
    ErrorKind, Result,
    enrollment::Read,
    model::{AccountId, Registration, RegistrationKind},
    policy::{DeployedTrail, Deployment},
    ports::{AccountReads, RegistryReads},
    provider::Provider,
    stack_sets::StackInstance,
};

/// Reads everything that the trail's plan needs.
pub(super) async fn observe(
    provider: &dyn Provider,
    ports: &impl AccountReads,
    registry: &impl RegistryReads,
    deployment: &Deployment,
    trail: &DeployedTrail,
) -> TrailView {
    let resources = provider.resources(&deployment.policy.names);
    let (trail, registrations, log, audit) = join!(
        async { known(ports.trail(&trail.source.name).await) },
        registrations(registry, deployment),
        instance(ports, resources.log_stack_set, trail.registration.account),
        instance(ports, resources.audit_stack_set, trail.queue_account),
    );
    let is_requeued = matches!(
        &registrations,
        Err(error) if matches!(error.kind, ErrorKind::Throttled { .. })
    );
    TrailView {
        trail,
        registrations: known(registrations),
        log,
        audit,
        is_requeued,
    }
}

async fn registrations(
    registry: &impl RegistryReads,
    deployment: &Deployment,
) -> Result<Vec<Registration>> {
    let kind = RegistrationKind::Feed;
    let mut all = registry
        .registrations(deployment.policy.destination.shared(), kind)
        .await?;
    if deployment.organization {
        all.extend(registry.organization_registrations(kind).await?);
    }
    // A store's list includes the organization's registrations.
    let mut seen = BTreeSet::new();
    all.retain(|registration| seen.insert(registration.guid.clone()));
    Ok(all)
}

async fn instance(
    ports: &impl AccountReads,
    stack_set: String,
    account: AccountId,
) -> Read<Option<StackInstance>> {
    let instances = ports.instances(&stack_set, Some(&[account])).await;
    known(instances.map(|all| all.into_iter().find(|one| one.account == account)))
}

fn known<T>(reading: Result<T>) -> Read<T> {
    match reading {
        Ok(value) => Read::Ok(value),
        Err(error) => Read::Unknown(error.chain()),
    }
}
