//! Manual changes of our resources, and foreign resources.

use std::collections::BTreeSet;

use towerhook_core::{
    ledger::Reason,
    model::{AccountId, RegistrationKind, RegistrationSpec},
    provider::role_arn,
    stack_sets::InstanceState,
};

use crate::{
    SUFFIX, World,
    registrations::KeptRegistration,
    registrations::registration,
    safety::{self, is_member},
    state::State,
    wishes::stores,
};

impl World {
    /// Where external ids are masked, a changed registration is recognized only by its id in the
    /// ledger, so one that is not in the ledger is left unchanged.
    pub(crate) fn bend_registration(
        &self,
        number: usize,
        bend: impl FnOnce(&mut KeptRegistration),
    ) {
        let masked = self.state().options.masks_external_ids;
        let known: BTreeSet<String> = {
            let state = self.state();
            let records = state.ledger.records.values();
            records
                .flat_map(|record| record.guids().map(str::to_owned).collect::<Vec<_>>())
                .collect()
        };
        self.change_registration(number, |kept| {
            if !masked || known.contains(&kept.registration.guid) {
                bend(kept);
            }
        });
    }

    pub(crate) fn change_registration(
        &self,
        number: usize,
        change: impl FnOnce(&mut KeptRegistration),
    ) {
        let now = self.now();
        let mut state = self.state();
        let all = state.registrations.get();
        let ours: Vec<usize> = (0..all.len())
            .filter(|index| is_member(&all[*index]))
            .collect();
        if !ours.is_empty() {
            let index = ours[number % ours.len()];
            change(&mut state.registrations.change(now)[index]);
        }
    }

    pub(crate) fn delete_registration(&self, number: usize) {
        let now = self.now();
        let mut state = self.state();
        let all = state.registrations.get().iter();
        let ours: Vec<KeptRegistration> = all.filter(|kept| is_member(kept)).cloned().collect();
        if ours.is_empty() {
            return;
        }
        let gone = &ours[number % ours.len()];
        state.last_deleted.insert(gone.subject, now);
        let all = state.registrations.change(now);
        all.retain(|kept| kept.registration.guid != gone.registration.guid);
    }

    pub(crate) fn double(&self, number: usize, store: usize) {
        let now = self.now();
        let mut state = self.state();
        if state.options.refuses_duplicates {
            return;
        }
        state.made += 1;
        let guid = format!("ACME_{:06}", state.made);
        let ours: Vec<KeptRegistration> = state
            .registrations
            .get()
            .iter()
            .filter(|kept| is_member(kept))
            .cloned()
            .collect();
        if ours.is_empty() {
            return;
        }
        let mut second = ours[number % ours.len()].clone();
        let stores: Vec<_> = stores().into_iter().collect();
        second.registration.guid = guid;
        second.made_by = "somebody".into();
        second.made_at = now;
        if state.options.masks_external_ids {
            // A changed copy would be indistinguishable from a foreign one.
            let spec = state.wish().registration(&second.subject, SUFFIX);
            second.registration.role_arn = spec.role_arn;
            second.registration.name = spec.name;
        }
        second.registration.store = stores[store % stores.len()].clone();
        // A store that no deployment has used is never read, so a copy there would never be found.
        let success = state.ledger.recorded.success.as_ref();
        let is_known = second.registration.store.as_ref().is_none_or(|store| {
            success.is_some_and(|success| success.deployment.stores.contains(store))
        });
        if is_known {
            state.registrations.change(now).push(second);
        }
    }

    pub(crate) fn delete_instance(&self, number: usize) {
        let now = self.now();
        let mut state = self.state();
        let vendor = state.options.vendor;
        let settled = state.instances.get().iter().filter(|((set, _), one)| {
            vendor.is_members(set) && one.state != InstanceState::InProgress
        });
        let keys: Vec<_> = settled.map(|(key, _)| key.clone()).collect();
        if keys.is_empty() {
            return;
        }
        remove_instance(&mut state, now, &keys[number % keys.len()]);
    }

    /// Where the SaaS can use none of many roles, only an administrator recreates them.
    pub(crate) fn remove_bare_instances(&self) {
        let now = self.now();
        let mut state = self.state();
        let vendor = state.options.vendor;
        let is_bare = |(set, account): &&(String, AccountId)| {
            vendor.is_members(set)
                && state
                    .deployed(account, set)
                    .is_some_and(|stack| stack.role.is_none())
        };
        let bare: Vec<_> = state
            .instances
            .get()
            .keys()
            .filter(is_bare)
            .cloned()
            .collect();
        let mut records = state.ledger.records.values();
        let is_told =
            records.any(|record| matches!(record.reason, Some(Reason::ManyUnreadable(_))));
        if is_told || bare.len() > safety::AT_LEAST {
            for key in &bare {
                remove_instance(&mut state, now, key);
            }
        }
    }
}

pub(crate) fn remove_instance(state: &mut State, now: jiff::Timestamp, key: &(String, AccountId)) {
    state.instances.change(now).remove(key);
    let stack = state.deployed.entry(key.1).or_default().remove(&key.0);
    if let Some(registered) = stack.and_then(|stack| stack.registered) {
        // The registration is deleted with the stack that created it.
        state.last_deleted.insert(key.1, now);
        let all = state.registrations.change(now);
        all.retain(|kept| kept.registration.guid != registered.guid);
    }
}

/// A foreign registration of an account.
pub(crate) fn foreign(
    state: &State,
    number: usize,
    subject: AccountId,
    store: usize,
    at: jiff::Timestamp,
) -> KeptRegistration {
    let vendor = state.options.vendor;
    let spec = RegistrationSpec {
        name: format!("by hand {number}"),
        kind: RegistrationKind::Account,
        account: subject,
        role_arn: format!("arn:aws:iam::{subject}:role/by-hand"),
        external_id: vendor.external_id(&subject, "THEIRSUFFX").into(),
        queue_url: None,
        account_mapping: None,
    };
    let stores: Vec<_> = stores().into_iter().collect();
    let store = stores[store % stores.len()].clone();
    let mut made = registration(format!("ACME_HAND_{number}"), store, &spec, true);
    if vendor.shares_accounts() {
        // What the vendor's own hook made, with the role that is ours, too; or what does not use it.
        made.name = format!("ControlTower - {number} - {subject}");
        made.store = None;
        if vendor.numbers_by_account() {
            made.guid = subject.to_string();
        }
        if number % 2 == 1 {
            let role = state.wish().resources().member_role;
            made.role_arn = role_arn("aws", &subject, &role);
        }
    } else if number % 2 == 1 && !state.options.masks_external_ids {
        // Another deployment of the same tenant: the same names, a different external id.
        made.name = vendor.registration_name(&subject);
    }
    KeptRegistration {
        registration: made,
        ours: false,
        made_by: "somebody".into(),
        made_at: at,
        subject,
        checked: (at, true),
    }
}
