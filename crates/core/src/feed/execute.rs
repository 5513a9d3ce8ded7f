use std::time::Duration;

use jiff::Timestamp;

use super::{
    FeedAction, FeedPlan,
    settle::{Settled, settle},
};
use crate::{
    Error, ErrorKind, Result,
    landing_zone::TopicSet,
    ledger::Holder,
    lifecycle::{LONGEST_DELAY, Message, MessageScope},
    model::Created,
    policy::Deployment,
    ports::{AccountPorts, CALL_RESERVE, Registry, hour, start_operation},
    provider::Provider,
    retry::REQUEUE,
};

/// The result of repairing the feed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FeedReport {
    /// The number of writes.
    pub changes: usize,
    /// A further comparison of the whole organization, and its delay.
    pub revisit: Option<(Message, Duration)>,
    /// Problems that need an administrator, in words.
    pub blocked: Vec<String>,
    /// Failed calls, each as the whole error chain.
    pub failures: Vec<String>,
}

/// Executes the feed's plan, in a pass over the whole organization that is the `attempt`th in a row
/// for the same cause.
///
/// `time_left` is the time until the invocation's deadline.
///
/// # Errors
///
/// The ledger could not be written. A repair is recorded before it is made.
pub async fn execute_feed(
    ports: &impl AccountPorts,
    registry: &impl Registry,
    (provider, deployment): (&dyn Provider, &Deployment),
    holder: &Holder,
    plan: FeedPlan,
    (attempt, now): (u32, Timestamp),
    time_left: impl Fn() -> Duration,
) -> Result<FeedReport> {
    let FeedPlan {
        mut actions,
        mut record,
        mut look_again,
        blocked,
    } = plan;
    if !actions.is_empty() && time_left() < CALL_RESERVE {
        // A repair is recorded only if it can be tried.
        (actions, record, look_again) = (Vec::new(), None, true);
    }
    let mut report = FeedReport {
        blocked,
        ..FeedReport::default()
    };
    let mut deployment = deployment.clone();
    if let Some(trail) = record {
        deployment.trail = Some(trail);
        ports.store_deployment(holder, &deployment).await?;
    }
    let mut wait = Duration::ZERO;
    for action in actions {
        tracing::info!(%action, "feed action");
        if time_left() < CALL_RESERVE {
            look_again = true;
            break;
        }
        let outcome = act(ports, registry, &deployment, &action, now).await;
        report
            .failures
            .extend(outcome.as_ref().err().map(Error::chain));
        match settle(provider.words().title, &action, &outcome, attempt) {
            Settled::Next(guid) => {
                report.changes += 1;
                if let Some(guid) = guid {
                    // A later removal finds it by its id even if a stale list lacks it.
                    let deployment = deployment.with_trail_guid(&guid, now);
                    ports.store_deployment(holder, &deployment).await?;
                }
            }
            Settled::Requeue(delay, why) => {
                tracing::warn!(%action, why, "feed action requeued");
                (wait, look_again) = (delay, true);
                break;
            }
            Settled::Block(why) => {
                report.blocked.push(why);
                break;
            }
        }
    }
    report.revisit = (look_again && attempt < REQUEUE.tries).then(|| {
        let message = Message::new(MessageScope::All, attempt + 1);
        (message, REQUEUE.delay(attempt).max(wait).min(LONGEST_DELAY))
    });
    Ok(report)
}

async fn act(
    ports: &impl AccountPorts,
    registry: &impl Registry,
    deployment: &Deployment,
    action: &FeedAction,
    now: Timestamp,
) -> Result<Created> {
    let stack_id = &deployment.policy.stack_id;
    let hour = hour(now);
    match action {
        FeedAction::CreateInstance { stack_set, account } => {
            let content = ("create", stack_id, account, hour);
            start_operation(ports, stack_set, &content, async |operation| {
                ports
                    .create_instances(stack_set, &[*account], None, operation)
                    .await
            })
            .await?;
        }
        FeedAction::DeleteInstance { stack_set, account } => {
            let content = ("delete", stack_id, account, hour);
            start_operation(ports, stack_set, &content, async |operation| {
                ports
                    .delete_instances(stack_set, &[*account], false, operation)
                    .await
            })
            .await?;
        }
        FeedAction::Announce {
            announcement,
            found,
            notifications,
        } => {
            let set = ports.set_notifications(announcement, found, notifications);
            if let TopicSet::NotPublishable(why) = set.await? {
                return Err(Error::new(
                    "s3:PutBucketNotification",
                    ErrorKind::Unavailable,
                    why,
                ));
            }
        }
        FeedAction::CreateRegistration { spec } => {
            let store = deployment.policy.destination.shared();
            return registry.create(store, spec).await;
        }
        FeedAction::UpdateRegistration { existing, spec } => {
            return registry.update(existing, spec, true).await;
        }
        FeedAction::DeleteRegistration { existing } => registry.delete(existing).await?,
    }
    Ok(Created::Done(None))
}
