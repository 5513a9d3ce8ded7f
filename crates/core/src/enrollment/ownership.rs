use std::collections::BTreeMap;

use crate::{
    ledger::Record,
    model::{AccountId, Registration, account_of_role},
    planted::{Fault, planted},
    policy::Policy,
    provider::{Provider, Subject},
};

/// Separates this deployment's registrations from foreign ones.
#[derive(Debug)]
pub struct Ownership<'a> {
    provider: &'a dyn Provider,
    policy: &'a Policy,
    by_guid: BTreeMap<&'a str, AccountId>,
}

impl<'a> Ownership<'a> {
    /// The registrations that follow from `policy`, and those that the ledger's records name.
    pub fn new(
        provider: &'a dyn Provider,
        policy: &'a Policy,
        records: &'a BTreeMap<AccountId, Record>,
    ) -> Self {
        let numbered = provider.limits().numbers_registrations;
        let by_guid = records
            .iter()
            .filter(|_| numbered)
            .flat_map(|(account, record)| record.guids().map(|guid| (guid, *account)))
            .collect();
        Self {
            provider,
            policy,
            by_guid,
        }
    }

    /// Whose a member's registration is. An id in the ledger decides, even if the registration was
    /// changed by hand, then the provider's rule.
    pub fn subject(&self, registration: &Registration) -> Subject {
        if let Some(account) = self.by_guid.get(registration.guid.as_str()) {
            return Subject::Ours(*account);
        }
        if planted(Fault::ForeignIsOurs) {
            let account = account_of_role(&registration.role_arn);
            return account.map_or(Subject::Unknown, Subject::Ours);
        }
        let names = &self.policy.names;
        self.provider.subject(self.policy, names, registration)
    }
}
