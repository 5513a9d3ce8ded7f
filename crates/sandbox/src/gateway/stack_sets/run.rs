//! Runs operations in order, Region by Region, within the failure tolerance.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};

use super::events::{self, Event};
use super::instances::{Outcome, Work};
use super::model::{
    DetailedStatus, Instance, InstanceStatus, Operation, OperationStatus, Place, ResultStatus,
    StackSet,
};
use super::operations::end;
use super::{Action, Inner};

impl Inner {
    /// Starts every queued operation that can run now. Each of them calls this when it ends, hence
    /// the box.
    pub(super) fn start_next<'a>(self: &'a Arc<Self>, uuid: &'a str) -> BoxFuture<'a, ()> {
        async move {
            let (startable, news) = self.next(uuid);
            for event in news {
                self.publish(event).await;
            }
            for id in startable {
                let inner = Arc::clone(self);
                let uuid = uuid.to_owned();
                self.spawn(async move { inner.run(&uuid, &id).await });
            }
        }
        .boxed()
    }

    /// Marks the operations to start as running; returns their ids and events.
    fn next(&self, uuid: &str) -> (Vec<String>, Vec<Event>) {
        self.change(uuid, |set| {
            let startable = set.startable();
            for id in &startable {
                if let Some(operation) = set.operation_mut(id) {
                    operation.status = OperationStatus::Running;
                }
            }
            let news = set
                .operations
                .iter()
                .filter(|one| startable.contains(&one.id))
                .map(|one| events::operation(set, one))
                .collect();
            Some((startable, news))
        })
        .unwrap_or_default()
    }

    async fn run(self: Arc<Self>, uuid: &str, id: &str) {
        tokio::time::sleep(self.operation_delay).await;
        let Some((regions, preferences)) = self.read(uuid, |set| {
            let operation = set.operation(id)?;
            Some((by_region(operation), operation.preferences.clone()))
        }) else {
            return;
        };
        let mut exceeded = false;
        for places in regions {
            let tolerance = preferences.tolerance(places.len());
            let concurrency = preferences.concurrency(places.len());
            let failures = AtomicUsize::new(if exceeded { usize::MAX } else { 0 });
            futures::stream::iter(places)
                .map(|place| {
                    let failures = &failures;
                    let inner = &self;
                    async move {
                        let go_on = failures.load(Ordering::Relaxed) <= tolerance;
                        if inner.work(uuid, id, &place, go_on).await == ResultStatus::Failed {
                            failures.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                })
                .buffer_unordered(concurrency)
                .collect::<Vec<()>>()
                .await;
            exceeded |= failures.into_inner() > tolerance;
        }
        let ended = self.change(uuid, |set| {
            let operation = set.operation_mut(id)?;
            let status = match operation.status {
                OperationStatus::Stopping => OperationStatus::Stopped,
                _ if exceeded => {
                    operation.reason = Some(
                        "The operation failed in more accounts than its failure tolerance allows"
                            .to_owned(),
                    );
                    OperationStatus::Failed
                }
                _ => OperationStatus::Succeeded,
            };
            end(operation, status);
            let operation = operation.clone();
            Some(events::operation(set, &operation))
        });
        if let Some(event) = ended {
            self.publish(event).await;
        }
        self.start_next(uuid).await;
    }

    /// The part of an operation in one instance.
    async fn work(&self, uuid: &str, id: &str, place: &Place, go_on: bool) -> ResultStatus {
        let begun = self.change(uuid, |set| {
            let operation = set.operation_mut(id)?;
            let go_on = go_on && operation.status == OperationStatus::Running;
            let (action, status, detailed) = (
                operation.action,
                if go_on {
                    ResultStatus::Running
                } else {
                    ResultStatus::Cancelled
                },
                if go_on {
                    DetailedStatus::Running
                } else {
                    DetailedStatus::Cancelled
                },
            );
            record(operation, place, status, None);
            let work = Work::new(set, id, place)?;
            let instance = set.instances.get_mut(place)?;
            instance.detailed = detailed;
            let instance = instance.clone();
            Some((
                go_on.then_some(work),
                events::instance(set, &instance, action),
            ))
        });
        let Some((work, event)) = begun else {
            return ResultStatus::Cancelled;
        };
        self.publish(event).await;
        let Some(work) = work else {
            return ResultStatus::Cancelled;
        };
        let outcome = self.perform(&work).await;
        let ended = self.change(uuid, |set| {
            let operation = set.operation_mut(id)?;
            let action = operation.action;
            let (status, reason) = outcome.result();
            record(operation, place, status, reason);
            let mut instance = set.instances.get(place)?.clone();
            apply(&mut instance, action, &outcome);
            if matches!(outcome, Outcome::Gone) {
                set.instances.remove(place);
            } else {
                set.instances.insert(place.clone(), instance.clone());
            }
            Some((status, events::instance(set, &instance, action)))
        });
        let Some((status, event)) = ended else {
            return ResultStatus::Cancelled;
        };
        self.publish(event).await;
        status
    }

    fn read<T>(&self, uuid: &str, read: impl FnOnce(&StackSet) -> Option<T>) -> Option<T> {
        self.sets()
            .iter()
            .find(|set| set.uuid == uuid)
            .and_then(read)
    }

    fn change<T>(&self, uuid: &str, change: impl FnOnce(&mut StackSet) -> Option<T>) -> Option<T> {
        self.sets()
            .iter_mut()
            .find(|set| set.uuid == uuid)
            .and_then(change)
    }
}

fn apply(instance: &mut Instance, action: Action, outcome: &Outcome) {
    let (status, detailed, reason) = match outcome {
        Outcome::Done { stack_id } => {
            instance.stack_id = Some(stack_id.clone());
            (InstanceStatus::Current, DetailedStatus::Succeeded, None)
        }
        Outcome::Gone => (instance.status, DetailedStatus::Succeeded, None),
        Outcome::Skipped { reason } => (
            instance.status,
            DetailedStatus::SkippedSuspendedAccount,
            Some(reason.clone()),
        ),
        Outcome::Failed { stack_id, reason } => {
            if stack_id.is_some() {
                instance.stack_id.clone_from(stack_id);
            }
            let reason = Some(reason.clone());
            if action == Action::Delete {
                (
                    InstanceStatus::Inoperable,
                    DetailedStatus::Inoperable,
                    reason,
                )
            } else {
                (InstanceStatus::Outdated, DetailedStatus::Failed, reason)
            }
        }
    };
    instance.status = status;
    instance.detailed = detailed;
    instance.reason = reason;
}

fn record(operation: &mut Operation, place: &Place, status: ResultStatus, reason: Option<String>) {
    for result in &mut operation.results {
        if result.place == *place {
            result.status = status;
            result.reason.clone_from(&reason);
        }
    }
}

/// An operation's places, Region by Region in the order that its preferences give.
fn by_region(operation: &Operation) -> Vec<Vec<Place>> {
    let mut regions = operation.preferences.region_order.clone();
    for result in &operation.results {
        if !regions.contains(&result.place.1) {
            regions.push(result.place.1.clone());
        }
    }
    regions
        .into_iter()
        .map(|region| {
            operation
                .results
                .iter()
                .map(|result| result.place.clone())
                .filter(|place| place.1 == region)
                .collect()
        })
        .collect()
}
