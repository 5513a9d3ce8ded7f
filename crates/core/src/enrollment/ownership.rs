use std::collections::BTreeMap;

use crate::{
    ledger::Record,
    model::{AccountId, ExternalId, Names, Registration, account_of_role},
    planted::{Fault, planted},
    policy::Policy,
};

/// Separates this deployment's registrations from foreign ones.
#[derive(Debug)]
pub struct Ownership<'a> {
    policy: &'a Policy,
    by_guid: BTreeMap<&'a str, AccountId>,
}

impl<'a> Ownership<'a> {
    /// The registrations that follow from `policy`, and those that the ledger's records name.
    pub fn new(policy: &'a Policy, records: &'a BTreeMap<AccountId, Record>) -> Self {
        let by_guid = records
            .iter()
            .flat_map(|(account, record)| record.guids().map(|guid| (guid, *account)))
            .collect();
        Self { policy, by_guid }
    }

    /// The account of a member registration of ours; `None` for a foreign one.
    ///
    /// An id in the ledger decides, even if the registration was changed by hand, then the external
    /// id. Another deployment may use the same name and role, so these count only if the external
    /// id is shown masked; the role alone counts only by [`Policy::owns_broken`].
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
