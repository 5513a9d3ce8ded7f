//! A landing zone with everything enrolled, as the core's own values.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::ensure;
use jiff::Timestamp;
use towerhook_core::{
    enrollment::Reason,
    ledger::Record,
    model::{AccountId, Names, OuId, RegistrationKind, RegistrationSpec, host},
    policy::{
        Capability, DeployedTrail, Deployment, Destination, Policy, RegistrationMode, Selection,
        Site, TrailSource,
    },
};
use url::Url;

use crate::{
    functions::{MANAGEMENT_ACCOUNT, PRINCIPAL, STACK_ID},
    lambda::REGION,
};

/// Organizational units that the accounts are spread over.
pub(super) const UNITS: usize = 100;
/// The accounts that every landing zone has: management, Log Archive and Audit.
const SHARED: usize = 3;

/// The organization's id.
pub(super) const ORGANIZATION: &str = "o-aa111bb222";
/// The id of its root.
pub(super) const ROOT: &str = "r-a1b2";

/// The landing zone: what the ledger says, and who is in the organization.
#[derive(Debug, Clone)]
pub(super) struct LandingZone {
    pub(super) deployment: Deployment,
    /// The records of all accounts; those that are enrolled have a `registration_id`.
    pub(super) records: BTreeMap<AccountId, Record>,
    pub(super) accounts: Vec<AccountId>,
    /// The registration of the trail, with its `intgGuid`.
    pub(super) trail: (RegistrationSpec, String),
    pub(super) units: Vec<OuId>,
}

impl LandingZone {
    /// One of so many accounts in all, each as the account function leaves it, enrolled at `since`.
    pub(super) fn new(accounts: usize, since: Timestamp) -> anyhow::Result<Self> {
        ensure!(
            accounts > SHARED,
            "a landing zone has more than {SHARED} accounts"
        );
        let management: AccountId = MANAGEMENT_ACCOUNT.parse()?;
        let log_archive: AccountId = "100000000001".parse()?;
        let audit: AccountId = "100000000002".parse()?;
        let members = (0..accounts - SHARED)
            .map(|number| format!("2{number:011}").parse())
            .collect::<Result<Vec<AccountId>, _>>()?;
        let accounts: Vec<AccountId> = [management, log_archive, audit]
            .into_iter()
            .chain(members)
            .collect();
        let units = (0..UNITS)
            .map(|number| format!("ou-a1b2-{number:08}").parse())
            .collect::<Result<Vec<OuId>, _>>()?;

        let policy = policy(management, log_archive, audit)?;
        let record = |(number, id): (usize, &AccountId)| {
            let record = if *id == management {
                Record {
                    reason: Some(Reason::ManagementAccount.to_string()),
                    ..Record::default()
                }
            } else {
                Record {
                    since: Some(since),
                    registration_id: Some(guid(number)),
                    ..Record::default()
                }
            };
            (*id, record)
        };
        let records = accounts.iter().enumerate().map(record).collect();
        let spec = trail_registration(&policy, log_archive, audit);
        // No account has this number.
        let trail_guid = guid(accounts.len());
        let trail = DeployedTrail {
            source: trail_source(log_archive, audit)?,
            registration: spec.clone(),
            queue_account: audit,
            registration_id: Some(trail_guid.clone()),
            asked_at: None,
            made_at: None,
            mended: BTreeMap::new(),
        };
        Ok(Self {
            deployment: Deployment {
                policy,
                site: site()?,
                units: BTreeMap::new(),
                stores: BTreeSet::new(),
                retired: Vec::new(),
                trail_topics: BTreeSet::new(),
                trail: Some(trail),
                organization: false,
                spared: Default::default(),
                recovered_at: None,
                succeeded_at: None,
            },
            records,
            accounts,
            trail: (spec, trail_guid),
            units,
        })
    }

    /// The same with its registrations at this URL.
    pub(super) fn watched_at(mut self, lacework: &Url) -> Self {
        self.deployment.policy.host = host(lacework);
        self
    }

    /// The accounts with a member stack.
    pub(super) fn members(&self) -> impl Iterator<Item = &AccountId> {
        let management = &self.deployment.policy.management_account;
        self.accounts.iter().filter(move |id| *id != management)
    }

    /// The unit of the account with this place among all.
    pub(super) fn unit_of(&self, place: usize) -> &OuId {
        &self.units[place % self.units.len()]
    }
}

/// The shape of Lacework's ids.
fn guid(number: usize) -> String {
    format!("ACME_{number:056X}")
}

fn policy(
    management_account: AccountId,
    log_archive: AccountId,
    audit: AccountId,
) -> anyhow::Result<Policy> {
    Ok(Policy {
        stack_id: STACK_ID.to_owned(),
        partition: "aws".to_owned(),
        region: REGION.to_owned(),
        management_account,
        host: String::new(),
        tenant: "acme".to_owned(),
        names: Names {
            resource: "acme".to_owned(),
            prefix: "Lacework-Control-Tower-".parse()?,
        },
        capability: Capability::CloudTrailAndConfig,
        destination: Destination::Tenant,
        selection: Selection::default(),
        registration_mode: RegistrationMode::Function,
        external_id_suffix: "ABCDEFGHIJ".to_owned(),
        adoption: None,
        monitor_existing: true,
        enroll_management: false,
        control_tower: true,
        log_archive: Some(log_archive),
        audit: Some(audit),
        offboard_limit_percent: 10,
        approved_offboard: None,
        offboard_unenrolled: false,
    })
}

fn site() -> anyhow::Result<Site> {
    Ok(Site {
        principal: PRINCIPAL.parse()?,
        url_suffix: "amazonaws.com".to_owned(),
        registration_topic: None,
        permissions_boundary: None,
        management_boundary: None,
        tags: BTreeMap::new(),
    })
}

/// Control Tower's trail, with the bucket and the topic that it has.
fn trail_source(log_archive: AccountId, audit: AccountId) -> anyhow::Result<TrailSource> {
    Ok(TrailSource {
        name: "aws-controltower-BaselineCloudTrail".to_owned(),
        bucket: format!("aws-controltower-logs-{log_archive}-{REGION}"),
        topic: format!("arn:aws:sns:{REGION}:{audit}:aws-controltower-AllConfigNotifications")
            .parse()?,
        makes_topic: false,
        kms_key: None,
    })
}

fn trail_registration(
    policy: &Policy,
    log_archive: AccountId,
    audit: AccountId,
) -> RegistrationSpec {
    let Policy {
        partition, names, ..
    } = policy;
    let queue = names.queue();
    RegistrationSpec {
        name: names.log_stack_set(),
        kind: RegistrationKind::Feed,
        account: log_archive,
        role_arn: Names::role_arn(partition, &log_archive, &names.log_role()),
        external_id: policy.trail_external_id(&log_archive),
        queue_url: Some(format!(
            "https://sqs.{REGION}.amazonaws.com/{audit}/{queue}"
        )),
        account_mapping: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_account_has_a_record_and_all_but_one_an_registration() {
        let zone = LandingZone::new(250, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(zone.accounts.len(), 250);
        assert_eq!(zone.records.len(), 250);
        assert_eq!(zone.members().count(), 249);
        let guids: BTreeSet<_> = zone
            .records
            .values()
            .filter_map(|record| record.registration_id.as_ref())
            .collect();
        assert_eq!(guids.len(), 249);
        assert!(!guids.contains(&zone.trail.1));
        let units: BTreeSet<_> = (0..250).map(|place| zone.unit_of(place)).collect();
        assert_eq!(units.len(), UNITS);
        assert!(LandingZone::new(3, Timestamp::UNIX_EPOCH).is_err());
    }
}
