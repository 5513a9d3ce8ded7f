//! What a request takes over from the requests before it.

use std::collections::BTreeMap;

use crate::{
    enrollment::{Deployment, Record},
    landing_zone::Account,
    model::{AccountId, SubAccount},
    ports::Profile,
};

/// Takes over what an earlier deployment used and this one does not, so that an invocation which
/// goes on from here still knows it. A sub-account that no longer exists holds nothing of ours.
pub fn inherit(deployment: &mut Deployment, previous: &Deployment, profile: &Profile) {
    let exists = |sub_account: &&SubAccount| profile.sub_accounts.contains(sub_account);
    let sub_accounts = previous.sub_accounts.iter().filter(exists).cloned();
    deployment.sub_accounts.extend(sub_accounts);
    deployment.organization |= previous.organization;
    if let (Some(trail), Some(previous)) = (&mut deployment.trail, &previous.trail) {
        trail.guid = previous.guid.clone();
        trail.mended = previous.mended.clone();
    }
    let topics = previous.trail_topics.iter().cloned();
    deployment.trail_topics.extend(topics);
    let used = previous.retired.iter().chain([&previous.policy.names]);
    deployment.retired = used
        .filter(|names| **names != deployment.policy.names)
        .cloned()
        .collect();
}

/// The records to write so that the ledger knows who was there at launch: with
/// `MonitorExistingAccounts=No` a Create marks everybody, and with `Yes` nobody stays marked.
pub fn mark_existing(
    records: BTreeMap<AccountId, Record>,
    monitor_existing: bool,
    creates: bool,
    accounts: &[Account],
) -> Vec<(AccountId, Option<Record>)> {
    let marked = |record: Record, existing_at_launch| {
        Some(Record {
            existing_at_launch,
            ..record
        })
    };
    if monitor_existing {
        let all = records.into_iter();
        all.filter(|(_, record)| record.existing_at_launch)
            .map(|(id, record)| (id, marked(record, false)))
            .collect()
    } else if creates {
        let ids = accounts.iter().map(|account| account.id);
        ids.filter(|id| !records.contains_key(id))
            .map(|id| (id, marked(Record::default(), true)))
            .collect()
    } else {
        Vec::new()
    }
}
