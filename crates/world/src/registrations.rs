//! The SaaS's registrations, indexed by account.

use std::{
    collections::BTreeMap,
    ops::{Deref, DerefMut},
};

use jiff::Timestamp;
use towerhook_core::model::{AccountId, Health, Registration, RegistrationSpec, Store};

/// A registration of the vendor, and how it came about.
#[derive(Debug, Clone)]
pub(crate) struct KeptRegistration {
    pub(crate) registration: Registration,
    pub(crate) ours: bool,
    /// Its creator, and the time of creation.
    pub(crate) made_by: String,
    pub(crate) made_at: Timestamp,
    /// The account that it was created for.
    pub(crate) subject: AccountId,
    /// The time and the result of the SaaS's last check.
    pub(crate) checked: (Timestamp, bool),
}

/// A registration as it is right after its creation or update.
pub(crate) fn registration(
    guid: String,
    store: Option<Store>,
    spec: &RegistrationSpec,
    enabled: bool,
) -> Registration {
    let organization = spec.is_of_organization();
    Registration {
        guid,
        store: store.filter(|_| !organization),
        organization,
        name: spec.name.clone(),
        kind: spec.kind,
        enabled,
        role_arn: spec.role_arn.clone(),
        external_id: spec.external_id.as_str().to_owned(),
        queue_url: spec.queue_url.clone(),
        account_mapping: spec.account_mapping.clone(),
        health: Health::Good,
    }
}

/// All registrations in order of creation. The account of one never changes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Registrations {
    all: Vec<KeptRegistration>,
    places: BTreeMap<AccountId, Vec<usize>>,
}

impl Registrations {
    /// Those of an account, in order of creation.
    pub(crate) fn of(
        &self,
        subject: &AccountId,
    ) -> impl Iterator<Item = &KeptRegistration> + use<'_> {
        let places = self.places.get(subject).into_iter().flatten();
        places.map(|place| &self.all[*place])
    }

    pub(crate) fn push(&mut self, kept: KeptRegistration) {
        let places = self.places.entry(kept.subject).or_default();
        places.push(self.all.len());
        self.all.push(kept);
    }

    pub(crate) fn retain(&mut self, stays: impl FnMut(&KeptRegistration) -> bool) {
        self.all.retain(stays);
        self.places.clear();
        for (place, kept) in self.all.iter().enumerate() {
            self.places.entry(kept.subject).or_default().push(place);
        }
    }
}

impl Deref for Registrations {
    type Target = [KeptRegistration];

    fn deref(&self) -> &Self::Target {
        &self.all
    }
}

impl DerefMut for Registrations {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.all
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use towerhook_core::model::{Health, Registration, RegistrationKind};

    use super::*;
    use crate::units::member_id;

    fn kept(guid: usize, subject: usize) -> KeptRegistration {
        KeptRegistration {
            registration: Registration {
                guid: guid.to_string(),
                store: None,
                organization: false,
                name: String::new(),
                kind: RegistrationKind::Account,
                enabled: true,
                role_arn: String::new(),
                external_id: String::new(),
                queue_url: None,
                account_mapping: None,
                health: Health::Good,
            },
            ours: true,
            made_by: String::new(),
            made_at: Timestamp::UNIX_EPOCH,
            subject: member_id(subject),
            checked: (Timestamp::UNIX_EPOCH, true),
        }
    }

    #[test]
    fn what_is_left_is_still_found_by_its_account() {
        let mut all = Registrations::default();
        for guid in 0..9 {
            all.push(kept(guid, guid % 3));
        }
        all.retain(|kept| kept.registration.guid != "3");
        let guids = |subject| {
            let found = all.of(&member_id(subject));
            found
                .map(|kept| kept.registration.guid.as_str())
                .collect::<Vec<_>>()
        };
        assert_eq!(guids(0), ["0", "6"]);
        assert_eq!(guids(1), ["1", "4", "7"]);
        assert!(guids(5).is_empty());
        assert_eq!(all.len(), 8);
    }
}
