//! The registrations that the ledger knows, regardless of the SaaS's lists.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::{
    foundation::former_requests::deployments,
    ledger::{Record, Recorded},
    model::{AccountId, Registration},
    planted::{Fault, planted},
    policy::{DeployedTrail, Deployment, Policy},
    provider::{Footprint, Provider},
    time::later,
};

/// The ledger's registrations, divided by whether a request wants them.
#[derive(Debug)]
pub(in crate::foundation) struct KnownRegistrations {
    /// The ids of all members' registrations, including those changed by hand.
    pub(in crate::foundation) made: BTreeSet<String>,
    /// The ids of those that passes maintain, which setup leaves alone.
    pub(in crate::foundation) kept: BTreeSet<String>,
    /// The ids of unwanted ones. A list shows them unless they are gone.
    pub(in crate::foundation) expected: BTreeSet<String>,
    /// Whether the ledger has lost some of them, so that more may exist.
    pub(in crate::foundation) is_incomplete: bool,
    /// Unwanted ones created so recently that a list may lack them; they are deleted by id.
    pub(in crate::foundation) unwanted: Vec<Registration>,
    /// Until when a list may lack an unwanted one whose id is unknown.
    pub(in crate::foundation) unlisted_until: Option<Timestamp>,
}

impl KnownRegistrations {
    pub(super) fn new(
        provider: &dyn Provider,
        wanted: Option<&Footprint>,
        recorded: &Recorded,
        records: &BTreeMap<AccountId, Record>,
        now: Timestamp,
    ) -> Self {
        let deployment = wanted.map(|footprint| &footprint.deployment);
        // Passes use the last success.
        let last = deployments(recorded).next().map(|last| &last.policy);
        let has_members = wanted.is_some_and(|footprint| footprint.member.is_some());
        let has_names =
            deployment.map(|wanted| &wanted.policy.names) == last.map(|last| &last.names);
        let members_stay = has_members && has_names;
        let registered = records.values().filter(|record| record.is_registered());
        let kept = registered.filter_map(|record| record.registration_id.clone());
        let replaced: Vec<&Deployment> = deployments(recorded)
            .filter(|earlier| deployment.is_none_or(|wanted| is_replaced(earlier, wanted)))
            .collect();
        let trails = || replaced.iter().filter_map(|earlier| earlier.trail.as_ref());
        let recovered_at = || deployments(recorded).map(|earlier| earlier.recovered_at);
        let unlisted_at = trails().map(|trail| trail.asked_at).chain(recovered_at());
        let unlisted_at = unlisted_at.flatten().max();
        let limits = provider.limits();
        let is_new = |at: Timestamp| now.duration_since(at) < limits.list_lag;
        let new_trails = replaced.iter().copied().filter(|earlier| {
            let trail = earlier.trail.as_ref();
            trail.and_then(|trail| trail.made_at).is_some_and(is_new)
        });
        let mut known = Self {
            made: records
                .values()
                .filter(|_| limits.numbers_registrations)
                .flat_map(Record::guids)
                .map(str::to_owned)
                .collect(),
            kept: BTreeSet::new(),
            is_incomplete: recovered_at().any(|at| at.is_some()),
            expected: trails()
                .filter_map(|trail| trail.registration_id.clone())
                .filter(|_| !planted(Fault::UnlistedIsForgotten))
                .collect(),
            unwanted: new_trails
                .filter_map(trail_registration)
                .filter(|_| !planted(Fault::UnlistedIsForgotten))
                .collect(),
            unlisted_until: unlisted_at.map(|at| later(at, limits.list_lag)),
        };
        if members_stay {
            known.kept = kept.collect();
        } else if let Some(policy) = last
            && !planted(Fault::UnlistedIsForgotten)
        {
            known.expected.extend(kept);
            known
                .unwanted
                .extend(new_registrations(provider, policy, records, now));
            let members = records
                .values()
                .filter_map(|record| record.unlisted_until(limits));
            known.unlisted_until = known.unlisted_until.max(members.max());
        }
        known
    }
}

impl KnownRegistrations {
    /// Whether a list shows every unwanted registration that there can be, so that what it lacks is
    /// gone.
    pub(in crate::foundation) fn are_all_in(&self, listed: &[Registration]) -> bool {
        let shown: BTreeSet<&str> = listed.iter().map(|one| one.guid.as_str()).collect();
        let mut expected = self.expected.iter();
        !self.is_incomplete && expected.all(|guid| shown.contains(guid.as_str()))
    }
}

/// Whether the later deployment's trail has another registration than the earlier one's.
fn is_replaced(earlier: &Deployment, later: &Deployment) -> bool {
    match (&earlier.trail, &later.trail) {
        (Some(earlier), Some(later)) => !later.is_registered_as(earlier),
        _ => true,
    }
}

/// The registrations of recently enrolled or moved accounts as they were created, and the ones that
/// they replaced.
fn new_registrations(
    provider: &dyn Provider,
    policy: &Policy,
    records: &BTreeMap<AccountId, Record>,
    now: Timestamp,
) -> Vec<Registration> {
    let limits = provider.limits();
    let new = records
        .iter()
        .filter(|(_, record)| record.is_registered() && record.was_registered_lately(limits, now));
    new.flat_map(|(account, record)| {
        let Some(spec) = provider.wanted(policy, account) else {
            return Vec::new();
        };
        let ids = record.registration_id.as_ref().into_iter();
        let ids = ids.chain(record.replaced_lately(limits, now));
        ids.map(|guid| Registration {
            store: record.store.clone(),
            ..Registration::made(&spec, guid.clone())
        })
        .collect()
    })
    .collect()
}

/// The trail's registration as it was created.
fn trail_registration(deployment: &Deployment) -> Option<Registration> {
    let DeployedTrail {
        registration,
        registration_id: guid,
        ..
    } = deployment.trail.as_ref()?;
    let spec = registration.as_ref()?;
    let organization = spec.account_mapping.is_some();
    let store = deployment.policy.destination.shared();
    Some(Registration {
        store: store.filter(|_| !organization).cloned(),
        organization,
        queue_url: spec.queue_url.clone(),
        account_mapping: spec.account_mapping.clone(),
        ..Registration::made(spec, guid.clone()?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::testing::{deployment, policy};
    use crate::provider::{Provider, plain::Plain};

    #[test]
    fn a_list_is_complete_if_it_shows_what_is_expected_and_the_ledger_lost_nothing() {
        let (policy, account) = (policy(), policy().management_account);
        let spec = Plain.wanted(&policy, &account).unwrap();
        let listed = [Registration::made(&spec, "ONE".into())];
        let recorded = Recorded::default();
        let now = Timestamp::UNIX_EPOCH;
        let known = |expected: &[&str], is_incomplete| KnownRegistrations {
            expected: expected.iter().map(|guid| (*guid).to_owned()).collect(),
            is_incomplete,
            ..KnownRegistrations::new(&Plain, None, &recorded, &BTreeMap::new(), now)
        };
        assert!(known(&[], false).are_all_in(&listed));
        assert!(known(&["ONE"], false).are_all_in(&listed));
        assert!(!known(&["ONE", "TWO"], false).are_all_in(&listed));
        assert!(!known(&["ONE"], true).are_all_in(&listed));
    }

    #[test]
    fn a_time_in_the_ledger_may_be_any() {
        for (stored, until) in [
            (
                Timestamp::UNIX_EPOCH,
                Timestamp::UNIX_EPOCH + Plain.limits().list_lag,
            ),
            (Timestamp::MIN, Timestamp::MIN + Plain.limits().list_lag),
            (Timestamp::MAX, Timestamp::MAX),
        ] {
            let mut attempt = deployment(policy());
            attempt.recovered_at = Some(stored);
            let recorded = Recorded {
                attempt: Some(attempt),
                ..Recorded::default()
            };
            let record = Record {
                since: Some(stored),
                ..Record::default()
            };
            let records = [(policy().management_account, record)].into();
            let known =
                KnownRegistrations::new(&Plain, None, &recorded, &records, Timestamp::UNIX_EPOCH);
            assert_eq!(known.unlisted_until, Some(until));
        }
    }
}
