use std::collections::BTreeSet;

use futures::join;

use super::TrailView;
use crate::{
    ErrorKind, Result,
    enrollment::{DeployedTrail, Deployment, Known},
    landing_zone::StackInstance,
    model::AccountId,
    ports::{AccountPorts, Integration, IntegrationKind, Saas},
};

/// Reads all that the trail's plan needs.
pub(super) async fn observe(
    ports: &impl AccountPorts,
    saas: &impl Saas,
    deployment: &Deployment,
    trail: &DeployedTrail,
) -> TrailView {
    let names = &deployment.policy.names;
    let (trail, integrations, log, audit) = join!(
        async { known(ports.trail(&trail.source.name).await) },
        integrations(saas, deployment),
        instance(ports, names.log_stack_set(), trail.integration.account),
        instance(ports, names.audit_stack_set(), trail.queue_account),
    );
    let is_put_off = matches!(
        &integrations,
        Err(error) if matches!(error.kind, ErrorKind::Throttled { .. })
    );
    TrailView {
        trail,
        integrations: known(integrations),
        log,
        audit,
        is_put_off,
    }
}

async fn integrations(saas: &impl Saas, deployment: &Deployment) -> Result<Vec<Integration>> {
    let kind = IntegrationKind::CloudTrail;
    let mut all = saas
        .integrations(deployment.policy.destination.shared(), kind)
        .await?;
    if deployment.organization {
        all.extend(saas.organization_integrations(kind).await?);
    }
    // A store shows the organization's integrations as well.
    let mut seen = BTreeSet::new();
    all.retain(|integration| seen.insert(integration.guid.clone()));
    Ok(all)
}

async fn instance(
    ports: &impl AccountPorts,
    stack_set: String,
    account: AccountId,
) -> Known<Option<StackInstance>> {
    let instances = ports.instances(&stack_set, Some(&[account])).await;
    known(instances.map(|all| all.into_iter().find(|one| one.account == account)))
}

fn known<T>(reading: Result<T>) -> Known<T> {
    match reading {
        Ok(value) => Known::Known(value),
        Err(error) => Known::Unknown(error.chain()),
    }
}
