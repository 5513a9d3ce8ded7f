//! What a request inherits from earlier requests.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::{
    ledger::{Record, Recorded, Success},
    model::{AccountId, Profile, Store},
    policy::Deployment,
};

/// Every deployment with resources that may exist: that of the last success, and that of an
/// unfinished attempt.
pub(super) fn deployments(recorded: &Recorded) -> impl Iterator<Item = &Deployment> {
    let success = recorded.success.as_ref().map(|success| &success.deployment);
    success.into_iter().chain(&recorded.attempt)
}

/// For how long after a success an update with the properties of the one before it counts as a rollback,
/// whatever the stack's status: CloudFormation waits an hour for a response, and another for the
/// rollback's.
const GOES_BACK: SignedDuration = SignedDuration::from_hours(2);

/// A former success with the properties of a request.
#[derive(Debug, Clone, Copy)]
pub(super) enum Former<'a> {
    /// The request restores it.
    Restored(&'a Success),
    /// The request restores it if CloudFormation rolls the stack back. Otherwise it is an
    /// administrator's change.
    PerhapsRestored(&'a Success),
}

/// The former success with these properties. CloudFormation rolls back to the second to last one if the
/// response to the last was lost, and continues a failed rollback whenever an administrator asks for it.
pub(super) fn former<'a>(
    recorded: &'a Recorded,
    properties: &Value,
    now: Timestamp,
) -> Option<Former<'a>> {
    let has_them = |success: &&Success| success.properties == *properties;
    let last = recorded.success.as_ref();
    if let Some(last) = last.filter(has_them) {
        return Some(Former::Restored(last));
    }
    let previous = recorded.previous.as_ref().filter(has_them)?;
    let succeeded_at = last.and_then(|last| last.deployment.succeeded_at);
    let is_recent = last.is_none()
        || succeeded_at.is_some_and(|succeeded_at| now.duration_since(succeeded_at) < GOES_BACK);
    Some(if is_recent {
        Former::Restored(previous)
    } else {
        Former::PerhapsRestored(previous)
    })
}

/// Inherits what an earlier deployment used and this one does not, so that later requests still
/// know it. A store that no longer exists has no registrations of ours.
pub(super) fn inherit(
    deployment: &mut Deployment,
    previous: &Deployment,
    profile: Option<&Profile>,
) {
    let exists = |store: &&Store| profile.is_none_or(|profile| profile.stores.contains(store));
    let stores = previous.stores.iter().filter(exists).cloned();
    deployment.stores.extend(stores);
    deployment.organization |= previous.organization;
    deployment.spared.extend(previous.spared.iter().cloned());
    deployment.recovered_at = deployment.recovered_at.max(previous.recovered_at);
    if let (Some(trail), Some(previous)) = (&mut deployment.trail, &previous.trail) {
        if trail.is_registered_as(previous) {
            trail.registration_id = trail
                .registration_id
                .take()
                .or_else(|| previous.registration_id.clone());
            trail.asked_at = trail.asked_at.max(previous.asked_at);
            trail.made_at = trail.made_at.max(previous.made_at);
        }
        if trail.mended.is_empty() {
            trail.mended = previous.mended.clone();
        }
    }
    let topics = previous.trail_topics.iter().cloned();
    deployment.trail_topics.extend(topics);
    let announcements = previous.announcements.iter().cloned();
    deployment.announcements.extend(announcements);
    let own = deployment.policy.names.clone();
    for names in previous.retired.iter().chain([&previous.policy.names]) {
        if *names != own && !deployment.retired.contains(names) {
            deployment.retired.push(names.clone());
        }
    }
}

/// The records that mark the accounts that existed at launch: with `MonitorExistingAccounts=No` a
/// Create marks `existing`, and with `Yes` all marks are removed.
pub(super) fn mark_existing(
    records: &BTreeMap<AccountId, Record>,
    monitor_existing: bool,
    existing: &BTreeSet<AccountId>,
) -> Vec<(AccountId, Option<Record>)> {
    let marked = |record: Record, existing_at_launch| {
        Some(Record {
            existing_at_launch,
            ..record
        })
    };
    if monitor_existing {
        let all = records.iter();
        all.filter(|(_, record)| record.existing_at_launch)
            .map(|(id, record)| (*id, marked(record.clone(), false)))
            .collect()
    } else {
        let ids = existing.iter();
        ids.filter(|id| !records.contains_key(id))
            .map(|id| (*id, marked(Record::default(), true)))
            .collect()
    }
}
