//! The resources that Lacework's own Control Tower integration leaves once its stack is gone.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use towerhook_core::{
    model::{AccountId, RegistrationKind, RegistrationSpec, Store},
    provider::role_arn,
    stack_sets::{InstanceState, StackInstance, StackSet},
};
use towerhook_providers::lacework::external_id;

use crate::{
    World, operation,
    registrations::KeptRegistration,
    registrations::registration,
    state::{KeptStackSet, State},
    units::{AUDIT, Deployed, LOG_ARCHIVE, MANAGEMENT, TENANT, id},
    vendor::Vendor,
    wishes::Wishes,
};

/// The suffixes of its external ids: the members', and the trail's own.
pub const VENDORS_SUFFIXES: (&str, &str) = ("lw1a2b3c4d", "K3J9A0ZZ1Q");

impl World {
    /// Watches all accounts except the management account, and the trail, in this store or the
    /// tenant's own.
    pub fn deploy_vendors(&self, store: Option<&str>) {
        let (members, trails) = VENDORS_SUFFIXES;
        let wishes = Wishes {
            vendor: Vendor::Lacework,
            ..Wishes::default()
        };
        let (names, feed) = (wishes.resources(), wishes.feed());
        let (log, audit) = (id(LOG_ARCHIVE), id(AUDIT));
        let trail_id = external_id(TENANT, &log, trails);
        let own = [("ResourceNamePrefix", TENANT)];
        let sets = [
            (
                feed.log_stack_set.clone(),
                vec![("ExternalID", trail_id.as_str())],
                vec![log],
            ),
            (
                feed.audit_stack_set.clone().unwrap(),
                Vec::new(),
                vec![audit],
            ),
            (
                names.member_stack_set.clone(),
                vec![("LaceworkAccountName", TENANT), ("ExternalSuffix", members)],
                self.all_members(),
            ),
        ];
        for (name, parameters, accounts) in sets {
            let parameters = own.into_iter().chain(parameters);
            self.deploy(&name, parameters, &accounts);
        }
        let store = store.map(Store::from);
        let specs = self.all_members().into_iter().map(|account| {
            let spec = wishes.registration(&account, members);
            (store.clone(), spec)
        });
        let queue = feed.queue;
        let trail = RegistrationSpec {
            name: feed.log_stack_set.clone(),
            kind: RegistrationKind::Feed,
            account: log,
            role_arn: role_arn("aws", &log, &feed.log_role),
            external_id: trail_id,
            queue_url: Some(format!(
                "https://sqs.us-east-1.amazonaws.com/{AUDIT}/{queue}"
            )),
            account_mapping: None,
        };
        for (store, spec) in specs.chain([(None, trail)]) {
            self.integrate(store, &spec);
        }
    }

    /// Creates a foreign StackSet with this name, which deploys nothing.
    pub fn add_stack_set(&self, name: &str) {
        self.deploy(name, std::iter::empty(), &[]);
    }

    /// Creates or deletes a foreign rule or secret with this name.
    pub fn set_foreign_resource(&self, name: &str, is_there: bool) {
        let resources = &mut self.state().foreign_resources;
        if is_there {
            resources.insert(name.to_owned());
        } else {
            resources.remove(name);
        }
    }

    /// Deletes a StackSet with its stacks.
    pub fn remove_stack_set(&self, name: &str) {
        let now = self.now();
        let mut state = self.state();
        state.stack_sets.remove(name);
        state
            .instances
            .change(now)
            .retain(|(set, _), _| set != name);
        for stacks in state.deployed.values_mut() {
            stacks.remove(name);
        }
    }

    /// From now on every stack operation in an account fails, or works again.
    pub fn set_takes_stacks(&self, account: &AccountId, takes: bool) {
        let now = self.now();
        let mut state = self.state();
        if let Some(member) = state.change_organization(now).get_mut(account) {
            member.refuses_stacks = !takes;
        }
    }

    /// The SaaS's check finds that an account's registrations do not work.
    pub fn fail_registrations(&self, account: &AccountId) {
        let now = self.now();
        let mut state = self.state();
        let all = state.registrations.change(now).iter_mut();
        for kept in all.filter(|kept| kept.subject == *account) {
            kept.checked = (now, false);
        }
    }

    fn all_members(&self) -> Vec<AccountId> {
        let state = self.state();
        let all = state.organization.get().keys().copied();
        all.filter(|account| *account != id(MANAGEMENT)).collect()
    }

    fn deploy<'a>(
        &self,
        name: &str,
        parameters: impl Iterator<Item = (&'a str, &'a str)>,
        accounts: &[AccountId],
    ) {
        let now = self.now();
        let since = now - SignedDuration::from_hours(24);
        let owned = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let set = StackSet {
            name: name.to_owned(),
            description: "Lacework's cloud-native threat detection".into(),
            template: "ManagedPolicyName: !Sub LaceworkCWSAuditPolicy-${AWS::AccountId}".into(),
            parameters: owned.collect(),
            tags: BTreeMap::new(),
        };
        let mut state = self.state();
        for account in accounts {
            let instance = StackInstance {
                account: *account,
                state: InstanceState::Current,
                reason: None,
            };
            let key = (name.to_owned(), *account);
            state.instances.change(now).insert(key, instance);
            let role =
                operation::made_by(Vendor::Lacework, &set, account).map(|role| (role, since));
            let deployed = Deployed {
                role,
                left_behind: false,
                registered: None,
            };
            let stacks = state.deployed.entry(*account).or_default();
            stacks.insert(name.to_owned(), deployed);
        }
        state.made += 1;
        let kept = KeptStackSet {
            set,
            ours: true,
            operations: BTreeMap::new(),
            busy_until: now,
            generation: state.made,
            edited_at: None,
        };
        state.stack_sets.insert(name.to_owned(), kept);
    }

    /// Adds a registration that was made by hand or by another integration.
    pub fn integrate(&self, store: Option<Store>, spec: &RegistrationSpec) {
        let now = self.now();
        let mut state = self.state();
        let state: &mut State = &mut state;
        state.made += 1;
        let guid = format!("ACME_V{:05}", state.made);
        let kept = KeptRegistration {
            registration: registration(guid, store, spec, true),
            ours: true,
            made_by: "a person".into(),
            made_at: now,
            subject: spec.account,
            checked: (now, true),
        };
        state.registrations.change(now).push(kept);
    }
}
