use std::collections::BTreeSet;

use futures::join;

use crate::{
    Error, Read, Result,
    landing_zone::Trail,
    model::{AccountId, Registration, RegistrationKind},
    policy::Deployment,
    ports::{AccountReads, RegistryReads},
    provider::Provider,
    stack_sets::StackInstance,
};

/// Everything read about the trail.
#[derive(Debug, Clone)]
pub struct FeedView {
    /// The organization's trail itself.
    pub trail: Read<Option<Trail>>,
    /// The trail registrations in its store, and those of the organization.
    pub registrations: Read<Vec<Registration>>,
    /// The instance in Log Archive, which holds the role.
    pub log: Read<Option<StackInstance>>,
    /// The instance in Audit, or in Log Archive if the topic is there, which holds the queue.
    pub audit: Read<Option<StackInstance>>,
    /// Whether the SaaS's rate limit delayed the listing, which is not a failure.
    pub is_requeued: bool,
}

impl FeedView {
    /// Why reads failed.
    pub(crate) fn failures(&self) -> impl Iterator<Item = String> {
        let failures = [
            self.trail.reason(),
            self.log.reason(),
            self.audit.reason(),
            self.registrations.reason(),
        ];
        failures.into_iter().flatten()
    }
}

/// Reads everything that the feed's plan needs; `None` if the deployment has no feed.
pub async fn observe_feed(
    provider: &dyn Provider,
    ports: &impl AccountReads,
    registry: &impl RegistryReads,
    deployment: &Deployment,
) -> Option<FeedView> {
    let trail = deployment.trail.as_ref()?;
    let names = provider.resources(&deployment.policy.names).feed?;
    let (log_archive, queue_account) = (trail.registration.account, trail.queue_account);
    let (trail, registrations, log, audit) = join!(
        ports.trail(&trail.source.name),
        registrations(registry, deployment),
        instance(ports, names.log_stack_set, log_archive),
        instance(ports, names.audit_stack_set, queue_account),
    );
    let is_requeued = registrations.as_ref().is_err_and(Error::is_throttled);
    Some(FeedView {
        trail: trail.into(),
        registrations: registrations.into(),
        log: log.into(),
        audit: audit.into(),
        is_requeued,
    })
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
) -> Result<Option<StackInstance>> {
    let instances = ports.instances(&stack_set, Some(&[account])).await?;
    Ok(instances.into_iter().find(|one| one.account == account))
}
