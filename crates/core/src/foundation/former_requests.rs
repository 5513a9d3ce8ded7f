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

/// How long after a success CloudFormation may roll back to the one before it: it waits an hour for
/// a response, and another for the rollback's.
const GOES_BACK: SignedDuration = SignedDuration::from_hours(2);

/// The former success that a request restores. CloudFormation rolls back to the second to last one
/// if the response to the last was lost. After that time, the same properties are an
/// administrator's change.
pub(super) fn restored<'a>(
    recorded: &'a Recorded,
    properties: &Value,
    now: Timestamp,
) -> Option<&'a Success> {
    let last = recorded.success.as_ref();
    let succeeded_at = last.and_then(|last| last.deployment.succeeded_at);
    let may_go_back = last.is_none()
        || succeeded_at.is_some_and(|succeeded_at| now.duration_since(succeeded_at) < GOES_BACK);
    let previous = recorded.previous.as_ref().filter(|_| may_go_back);
    let mut known = last.into_iter().chain(previous);
    known.find(|success| success.properties == *properties)
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
