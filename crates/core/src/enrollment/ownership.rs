use std::collections::BTreeMap;

use crate::{
    ledger::Record,
    model::{AccountId, ExternalId, Names, Registration, account_of_role},
    planted::{Fault, planted},
    policy::Policy,
};

/// Tells this deployment's registrations from everybody else's.
#[derive(Debug)]
pub struct Ownership<'a> {
    policy: &'a Policy,
    by_guid: BTreeMap<&'a str, AccountId>,
}

impl<'a> Ownership<'a> {
    /// What is ours by `policy`, and by what the ledger remembers of having made.
    pub fn new(policy: &'a Policy, records: &'a BTreeMap<AccountId, Record>) -> Self {
        let by_guid = records
            .iter()
            .flat_map(|(account, record)| record.guids().map(|guid| (guid, *account)))
            .collect();
        Self { policy, by_guid }
    }

    /// The account that a member registration of ours is about; `None` for one that is not ours.
    ///
    /// Another deployment's may have the same name and role, so these count only where the
    /// external id is shown masked, or where that is wrong. One that somebody has bent is still ours by its
    /// guid.
    pub fn member(&self, registration: &Registration) -> Option<AccountId> {
        if let Some(account) = self.by_guid.get(registration.guid.as_str()) {
            return Some(*account);
        }
        if planted(Fault::ForeignIsOurs) {
            return account_of_role(&registration.role_arn);
        }
        let Policy {
            tenant,
            external_id_suffix,
            names,
            partition,
            ..
        } = self.policy;
        let shown = &registration.external_id;
        ExternalId::account_in(shown, tenant, external_id_suffix).or_else(|| {
            let account = account_of_role(&registration.role_arn)?;
            let role = Names::role_arn(partition, &account, &names.member_role());
            let is_ours = ExternalId::is_masked(shown)
                && registration.name == names.member_registration(&account)
                || self.policy.owns_broken(registration);
            (is_ours && registration.role_arn == role).then_some(account)
        })
    }
}
