use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

use crate::{
    Read,
    feed::FeedView,
    landing_zone::{Account, Baselines, Management},
    ledger::{Record, Source},
    lifecycle::Scope,
    model::{AccountId, Registration},
    planted::{Fault, planted},
    policy::Policy,
    provider::Provider,
    stack_sets::{InstanceState, StackInstance},
};

/// Everything read for one pass.
#[derive(Debug, Clone, Default)]
pub struct Inventory {
    /// The scope of the pass.
    pub scope: Scope,
    /// When the last comparison of the whole organization began that ran to its end, if there was
    /// one.
    pub compared: Option<Timestamp>,
    /// The accounts in scope.
    pub accounts: BTreeMap<AccountId, AccountView>,
    /// Every account's record, in scope or not: the offboard limit counts them all.
    pub records: BTreeMap<AccountId, Record>,
    /// The feed, in a pass over the whole organization whose deployment has one.
    pub feed: Option<FeedView>,
    /// How long the SaaS's rate limit forbids calls, if it is known.
    pub registry_wait: Option<Duration>,
    /// The expiry of the current access token, if stacks register their accounts.
    pub token_ends: Option<Timestamp>,
    /// The sources that this scope needs, and whether each was read.
    pub sources: BTreeMap<Source, bool>,
    /// Accounts missing from the listing, beyond the number that one pass describes. Left to a
    /// later pass.
    pub requeued: Scope,
    /// Unreadable items of the ledger. An account with an unreadable record is left alone.
    pub unreadable_items: Vec<String>,
}

/// Everything read about one account.
#[derive(Debug, Clone)]
pub struct AccountView {
    /// The account; `Read(None)` means that Organizations does not know it.
    pub account: Read<Option<Account>>,
    /// Its status in Control Tower.
    pub management: Read<Management>,
    /// Its member stack.
    pub instance: Read<Option<StackInstance>>,
    /// The registrations that watch it, in any store.
    pub registrations: Read<Watchers>,
}

impl AccountView {
    /// The name of what keeps the account's stack from being made, if the vendor may use it as it is.
    pub(super) fn foreign_name(&self, provider: &dyn Provider, policy: &Policy) -> Option<String> {
        let Read::Ok(Some(instance)) = &self.instance else {
            return None;
        };
        let names = provider.shared_names(policy);
        let found = instance.meets(&names).cloned();
        found.filter(|_| !planted(Fault::ForeignRoleBlocks))
    }
}

/// The registrations that watch an account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Watchers {
    /// Those of this deployment.
    pub ours: Vec<Registration>,
    /// Foreign ones.
    pub others: Vec<Registration>,
}

/// What AWS and the ledger say, before the vendor is asked.
#[derive(Debug)]
pub(super) struct LandingZoneView {
    /// Every account's record.
    pub(super) records: BTreeMap<AccountId, Record>,
    /// The ids of unreadable items of the ledger, each with the reason.
    pub(super) unreadable: BTreeMap<String, String>,
    /// The accounts that were listed or described.
    pub(super) accounts: BTreeMap<AccountId, Read<Option<Account>>>,
    /// Control Tower's listing.
    pub(super) baselines: Read<Baselines>,
    /// The member stacks.
    pub(super) instances: Read<BTreeMap<AccountId, StackInstance>>,
}

impl LandingZoneView {
    /// One account, with these registrations.
    pub(super) fn view(
        &self,
        policy: &Policy,
        id: &AccountId,
        registrations: Read<Watchers>,
    ) -> AccountView {
        AccountView {
            account: self.accounts.get(id).cloned().unwrap_or(Read::Ok(None)),
            management: self.baselines.as_ref().map(|baselines| baselines.of(id)),
            instance: self.instance(policy, id),
            registrations,
        }
    }

    fn instance(&self, policy: &Policy, id: &AccountId) -> Read<Option<StackInstance>> {
        if *id != policy.management_account {
            return self.instances.as_ref().map(|all| all.get(id).cloned());
        }
        // Setup creates its stack before any pass begins.
        Read::Ok(policy.enroll_management.then_some(StackInstance {
            account: *id,
            state: InstanceState::Current,
            reason: None,
        }))
    }
}
