//! Executes one step.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    future::ready,
};

use futures::{StreamExt, stream};
use jiff::Timestamp;

use super::{
    ConvergeError, Goal, LOOKS,
    operation::{Awaited, Purpose},
};
use crate::{
    Error, ErrorKind, Result,
    foundation::{Progress, Step},
    landing_zone::{Announcement, TopicSet},
    model::{Created, Registration},
    ports::{Clock, FoundationPorts, Ledger, Registry, start_operation},
    stack_sets::{InstanceFailure, Operation, OperationState, operation_id},
};

/// The result of a step.
pub(super) enum Act {
    Done,
    /// The trail's registration is up to date, with this id if the response contains it.
    Integrated(Option<String>),
    Wait,
    Operation(Awaited),
    NotUsable(String),
    NotPublishable(String),
    NotReadable {
        of: Box<Announcement>,
        why: String,
    },
    AlreadyUsed,
}

impl Act {
    fn awaits(operation: Operation, purpose: Purpose) -> Self {
        Self::Operation(Awaited { operation, purpose })
    }
}

impl From<Created> for Act {
    fn from(created: Created) -> Self {
        match created {
            Created::Done(guid) => Self::Integrated(guid),
            Created::RoleNotAssumable(why) => Self::NotUsable(why),
            Created::AlreadyUsed => Self::AlreadyUsed,
        }
    }
}

impl From<TopicSet> for Act {
    fn from(set: TopicSet) -> Self {
        match set {
            TopicSet::Done => Self::Done,
            TopicSet::NotPublishable(why) => Self::NotPublishable(why),
        }
    }
}

pub(super) async fn act(
    aws: &(impl FoundationPorts + Ledger),
    registry: &impl Registry,
    goal: &Goal<'_>,
    step: &Step,
    now: Timestamp,
) -> Result<Act> {
    let request = goal.request;
    match step {
        Step::CreateStackSet(spec) => {
            aws.create_stack_set(spec).await?;
            Ok(Act::Done)
        }
        Step::UpdateStackSet(spec) => {
            let content = ("update", spec.description(), request);
            let started = start_operation(aws, &spec.name, &content, async |operation| {
                aws.update_stack_set(spec, operation).await
            })
            .await?;
            Ok(Act::awaits(started.operation, Purpose::Make))
        }
        Step::AdoptStackSet(spec) => {
            let content = ("adopt", spec.description(), request);
            let started = start_operation(aws, &spec.name, &content, async |operation| {
                aws.adopt_stack_set(spec, operation).await
            })
            .await?;
            Ok(Act::awaits(started.operation, Purpose::Make))
        }
        Step::CreateInstance { stack_set, account } => {
            let accounts = [*account];
            let started =
                start_operation(aws, stack_set, &("create", request, account), async |id| {
                    aws.create_instances(stack_set, &accounts, None, id).await
                })
                .await?;
            Ok(Act::awaits(started.operation, Purpose::Make))
        }
        Step::RenewToken {
            stack_set,
            accounts,
        } => {
            let Some(token) = goal.access.token() else {
                return Ok(Act::Done);
            };
            // Once per request, however many invocations it takes: a token lives longer than a
            // request.
            let id = operation_id(stack_set, &("token", request), 0);
            aws.renew_token(stack_set, accounts, token, &id).await?;
            let stack_set = stack_set.clone();
            let operation = Operation { stack_set, id };
            Ok(Act::awaits(operation, Purpose::RenewToken))
        }
        Step::DeleteInstances {
            stack_set,
            accounts,
            retain,
        } => {
            let content = ("delete", request, accounts, retain);
            let started = start_operation(aws, stack_set, &content, async |id| {
                aws.delete_instances(stack_set, accounts, *retain, id).await
            })
            .await?;
            Ok(Act::awaits(started.operation, Purpose::Remove))
        }
        Step::DeleteStackSet(name) => {
            aws.delete_stack_set(name).await?;
            Ok(Act::Done)
        }
        Step::CreateStack(spec) => {
            aws.create_stack(spec, &token("create", &spec.name, request))
                .await?;
            Ok(Act::Wait)
        }
        Step::UpdateStack(spec) => {
            aws.update_stack(spec, &token("update", &spec.name, request))
                .await?;
            Ok(Act::Wait)
        }
        Step::DeleteStack(name) => {
            aws.delete_stack(name, &token("delete", name, request))
                .await?;
            Ok(Act::Wait)
        }
        Step::CreateRegistration { store, spec } => {
            // Recorded first, so that the next request knows of it even if no list shows it yet.
            if let Some(wanted) = goal.wanted {
                let attempt = wanted.deployment.with_trail_asked(now);
                aws.store_attempt(goal.holder, &attempt).await?;
            }
            let created = registry.create(store.as_ref(), spec).await?;
            if let (Created::Done(Some(guid)), Some(wanted)) = (&created, goal.wanted) {
                let attempt = wanted.deployment.with_trail_guid(guid, now);
                aws.store_attempt(goal.holder, &attempt).await?;
            }
            Ok(created.into())
        }
        Step::UpdateRegistration { existing, spec } => {
            Ok(registry.update(existing, spec, true).await?.into())
        }
        Step::DeleteRegistration(existing) => {
            registry.delete(existing).await?;
            Ok(Act::Done)
        }
        Step::SetTrailTopic { of, set } => {
            let topic = set.then_some(&of.topic);
            Ok(aws.set_topic(&of.trail, topic).await?.into())
        }
        Step::SetNotifications {
            of,
            found,
            notifications,
        } => {
            let set = aws.set_notifications(of, found, notifications);
            Ok(set.await?.into())
        }
        Step::AwaitBucket { of, why } => Ok(Act::NotReadable {
            of: Box::new(of.clone()),
            why: why.clone(),
        }),
        Step::Await(_) => Ok(Act::Wait),
    }
}

/// A client request token: constant within a request, and never reused after it.
fn token(verb: &str, stack: &str, request: &str) -> String {
    operation_id(stack, &(verb, request), 0)
}

/// The result of deleting registrations.
#[derive(Default)]
pub(super) struct Deletions {
    /// Those that were deleted.
    pub(super) gone: BTreeSet<String>,
    /// Those that the SaaS refuses to delete, with the operation that it refused.
    pub(super) refused: BTreeMap<String, &'static str>,
    /// The failure that stopped the remaining deletions, transient or not.
    pub(super) trouble: Option<Error>,
}

/// Deletes registrations, `at_once` at a time, until one cannot be deleted now.
pub(super) async fn delete_registrations(
    registry: &impl Registry,
    registrations: &[&Registration],
    at_once: usize,
    progress: &Progress,
) -> Deletions {
    let halted = Cell::new(false);
    let calls = stream::iter(registrations)
        .take_while(|_| ready(!halted.get()))
        .map(|registration| async {
            let step = Step::DeleteRegistration((*registration).clone());
            tracing::info!(%step, "step");
            progress.begin(&step);
            let result = registry.delete(registration).await;
            if !matches!(&result, Err(error) if is_final(error)) && result.is_err() {
                halted.set(true);
            }
            (registration.guid.clone(), result)
        });
    let mut results = std::pin::pin!(calls.buffer_unordered(at_once));
    let mut deletions = Deletions::default();
    while let Some((guid, result)) = results.next().await {
        match result {
            Ok(()) => deletions.gone.insert(guid),
            Err(error) if error.kind == ErrorKind::NotFound => deletions.gone.insert(guid),
            Err(error) if error.kind == ErrorKind::Unauthorized => {
                deletions.refused.insert(guid, error.operation).is_none()
            }
            Err(error) => {
                deletions.trouble.get_or_insert(error);
                false
            }
        };
    }
    deletions
}

/// Whether a failure concerns this registration only, so that the next may succeed.
fn is_final(error: &Error) -> bool {
    matches!(error.kind, ErrorKind::NotFound | ErrorKind::Unauthorized)
}

/// Waits for an operation, and returns its failed instances. An operation that succeeded may still
/// have some.
pub(super) async fn finish(
    aws: &impl FoundationPorts,
    clock: &impl Clock,
    operation: &Operation,
) -> std::result::Result<Vec<InstanceFailure>, ConvergeError> {
    let Operation { stack_set, id } = operation;
    for round in 0.. {
        if aws.operation(stack_set, id).await? != OperationState::InProgress {
            break;
        }
        clock.sleep(LOOKS.delay(round)).await;
    }
    let failures = aws.failures(stack_set, id).await?;
    for failure in &failures {
        tracing::warn!(stack_set, account = %failure.account, reason = failure.reason, "instance failed");
    }
    Ok(failures)
}
