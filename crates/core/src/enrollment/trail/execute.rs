use std::time::Duration;

use jiff::Timestamp;

use super::{TrailAction, TrailPlan, observe::observe, plan_trail};
use crate::{
    ErrorKind, Result,
    enrollment::{Inventory, Report},
    ledger::Holder,
    lifecycle::{Message, MessageScope},
    model::Created,
    policy::Deployment,
    ports::{AccountPorts, Registry, start_operation},
    provider::Provider,
    retry::{REQUEUE, Retry},
};

/// With less time left than this, no call is started: verifying a role can take the SaaS a minute.
const RESERVE: Duration = Duration::from_secs(75);

/// The longest delay of an SQS message.
const LONGEST_WAIT: Duration = Duration::from_secs(900);

/// The result of a comparison of the trail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrailReport {
    /// The number of writes.
    pub changes: usize,
    /// A further comparison of the whole organization, and its delay.
    pub revisit: Option<(Message, Duration)>,
    /// Problems that need an administrator, in words.
    pub blocked: Vec<String>,
    /// Failed reads and calls, each as the whole error chain.
    pub failures: Vec<String>,
    /// Whether everything about the trail could be read, if it was tried.
    pub is_read: Option<bool>,
}

impl TrailReport {
    /// Adds the trail's result to that of the accounts; the trail's account is Log Archive.
    pub(in crate::enrollment) fn add_to(&self, report: &mut Report, deployment: &Deployment) {
        report.failures.extend(self.failures.iter().cloned());
        if let Some(trail) = &deployment.trail {
            let account = trail.registration.account;
            let blocked = self.blocked.iter().cloned();
            report.blocked.extend(blocked.map(|why| (account, why)));
        }
    }
}

/// Compares the trail with its desired state and repairs it, in a pass over the whole organization.
///
/// `time_left` is the time until the invocation's deadline.
///
/// # Errors
///
/// The ledger could not be written. A repair is recorded before it is made.
pub async fn keep_trail(
    provider: &dyn Provider,
    ports: &impl AccountPorts,
    registry: &impl Registry,
    (holder, deployment): (&Holder, &Deployment),
    inventory: &Inventory,
    now: Timestamp,
    time_left: impl Fn() -> Duration,
) -> Result<TrailReport> {
    let Some(trail) = deployment
        .trail
        .as_ref()
        .filter(|_| inventory.scope.all && time_left() >= RESERVE)
    else {
        return Ok(TrailReport::default());
    };
    let view = observe(provider, ports, registry, deployment, trail).await;
    let mut report = TrailReport::default();
    let unread = [
        view.trail.reason(),
        view.log.reason(),
        view.audit.reason(),
        view.registrations.reason(),
    ];
    report.failures.extend(unread.into_iter().flatten());
    report.is_read = (!view.is_requeued).then_some(report.failures.is_empty());
    let TrailPlan {
        actions,
        record,
        look_again,
        blocked,
    } = plan_trail(provider, deployment, inventory, &view, now);
    report.blocked = blocked;
    let mut deployment = deployment.clone();
    if let Some(trail) = record {
        deployment.trail = Some(trail);
        ports.store_deployment(holder, &deployment).await?;
    }
    let mut look_again = look_again;
    let mut wait = Duration::ZERO;
    for action in actions {
        tracing::info!(%action, "trail action");
        if time_left() < RESERVE {
            look_again = true;
            break;
        }
        match act(ports, registry, &deployment, &action, now).await {
            Ok(Created::Done(guid)) => {
                report.changes += 1;
                if let Some(guid) = guid {
                    // A later removal finds it by its id even if a stale list lacks it.
                    let deployment = deployment.with_trail_guid(&guid, now);
                    ports.store_deployment(holder, &deployment).await?;
                }
            }
            Ok(Created::RoleNotAssumable(why)) if inventory.scope.attempt < REQUEUE.tries => {
                tracing::warn!(
                    why,
                    "the SaaS cannot use the trail's role or queue yet; retrying"
                );
                look_again = true;
                break;
            }
            Ok(Created::RoleNotAssumable(why)) => {
                let title = provider.words().title;
                report.blocked.push(format!(
                    "{title} cannot use the trail's role or queue: {why}"
                ));
                break;
            }
            Ok(Created::AlreadyUsed) => {
                let title = provider.words().title;
                report.blocked.push(format!(
                    "the trail's queue is used by another integration of this {title} account"
                ));
                break;
            }
            Err(error) if error.kind == ErrorKind::NotFound => {
                report.blocked.push(format!(
                    "{action} failed, since it is gone; update the stack, so that setup recreates \
                     it: {}",
                    error.chain()
                ));
                break;
            }
            Err(error) => {
                match REQUEUE.after(&error, inventory.scope.attempt) {
                    Retry::After { delay, .. } => {
                        wait = delay;
                        look_again = true;
                    }
                    Retry::GiveUp => report.blocked.push(error.chain()),
                }
                report.failures.push(error.chain());
                break;
            }
        }
    }
    let attempt = inventory.scope.attempt;
    report.revisit = (look_again && attempt < REQUEUE.tries).then(|| {
        let message = Message::new(MessageScope::All, attempt + 1);
        (message, REQUEUE.delay(attempt).max(wait).min(LONGEST_WAIT))
    });
    Ok(report)
}

async fn act(
    ports: &impl AccountPorts,
    registry: &impl Registry,
    deployment: &Deployment,
    action: &TrailAction,
    now: Timestamp,
) -> Result<Created> {
    let stack_id = &deployment.policy.stack_id;
    // The hour distinguishes a repeated request for an operation from the same one much later.
    let hour = now.as_second().div_euclid(3600);
    match action {
        TrailAction::CreateInstance { stack_set, account } => {
            let content = ("create", stack_id, account, hour);
            start_operation(ports, stack_set, &content, async |operation| {
                ports
                    .create_instances(stack_set, &[*account], None, operation)
                    .await
            })
            .await?;
        }
        TrailAction::DeleteInstance { stack_set, account } => {
            let content = ("delete", stack_id, account, hour);
            start_operation(ports, stack_set, &content, async |operation| {
                ports
                    .delete_instances(stack_set, &[*account], false, operation)
                    .await
            })
            .await?;
        }
        TrailAction::CreateRegistration(spec) => {
            let store = deployment.policy.destination.shared();
            return registry.create(store, spec).await;
        }
        TrailAction::UpdateRegistration { existing, spec } => {
            return registry.update(existing, spec, true).await;
        }
        TrailAction::DeleteRegistration(existing) => registry.delete(existing).await?,
    }
    Ok(Created::Done(None))
}
