use std::collections::BTreeSet;

use futures::{future::OptionFuture, join};

use crate::{
    Error, Read, Result,
    landing_zone::{BucketNotifications, Trail},
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
    /// `None` if the queue comes with the role.
    pub audit: Option<Read<Option<StackInstance>>>,
    /// The notifications of the trail's bucket; `None` if that needs none of ours.
    pub bucket: Option<Read<BucketNotifications>>,
    /// Whether the SaaS's rate limit delayed the listing, which is not a failure.
    pub is_requeued: bool,
}

impl FeedView {
    /// Why reads failed.
    pub(crate) fn failures(&self) -> impl Iterator<Item = String> {
        let failures = [
            self.trail.reason(),
            self.log.reason(),
            self.audit.as_ref().and_then(Read::reason),
            self.bucket.as_ref().and_then(Read::reason),
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
    let log_archive = deployment.policy.log_archive?;
    let audit = names
        .audit_stack_set
        .map(|name| (name, trail.queue_account));
    let announcement = trail.source.announcement.as_ref();
    let (trail, registrations, log, audit, bucket) = join!(
        ports.trail(&trail.source.name),
        registrations(registry, deployment),
        instance(ports, names.log_stack_set, log_archive),
        OptionFuture::from(audit.map(|(name, account)| instance(ports, name, account))),
        OptionFuture::from(announcement.map(|of| ports.notifications(of))),
    );
    let is_requeued = registrations.as_ref().is_err_and(Error::is_throttled);
    Some(FeedView {
        trail: trail.into(),
        registrations: registrations.into(),
        log: log.into(),
        audit: audit.map(Read::from),
        bucket: bucket.map(Read::from),
        is_requeued,
    })
}

async fn registrations(
    registry: &impl RegistryReads,
    deployment: &Deployment,
) -> Result<Vec<Registration>> {
    let trail = deployment.trail.as_ref();
    if trail.is_none_or(|trail| trail.registration.is_none()) {
        return Ok(Vec::new());
    }
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
