//! A constructed inventory for the planner.

use jiff::{SignedDuration, Timestamp};
use towerhook_core::{
    Read,
    enrollment::{AccountView, Action, Inventory, Plan, Watchers, plan},
    landing_zone::{Account, AccountState, Management},
    ledger::Record,
    lifecycle::Scope,
    model::{AccountId, OuId, Registration},
    policy::Deployment,
    provider::{Provider, plain::Plain},
    stack_sets::{InstanceState, StackInstance},
};
use towerhook_world::{Options, Wishes, World, member_id};

/// The deployment that setup records for these parameters.
pub(crate) fn deployment(wishes: Wishes) -> Deployment {
    World::quiet(Options::default(), async |world| {
        world.launch(wishes).await;
        world.recorded().success.unwrap().deployment
    })
}

/// The OUs of the world's members, by index.
pub(crate) const PRODUCTION: &str = "ou-ab12-product00";
pub(crate) const STAGING: &str = "ou-ab12-staging00";

pub(crate) fn path(unit: &str) -> Vec<OuId> {
    ["r-ab12", unit].map(|id| id.parse().unwrap()).into()
}

/// An inventory of accounts, with their records.
#[derive(Clone)]
pub(crate) struct Look {
    pub(crate) provider: &'static dyn Provider,
    pub(crate) deployment: Deployment,
    pub(crate) inventory: Inventory,
    pub(crate) now: Timestamp,
}

impl Look {
    /// This many accounts in Production that have been enrolled for days without drift.
    pub(crate) fn enrolled(deployment: Deployment, accounts: usize) -> Self {
        let mut look = Self {
            provider: &Plain,
            deployment,
            inventory: Inventory::default(),
            now: "2026-01-10T12:00:00Z".parse().unwrap(),
        };
        for n in 0..accounts {
            look.new_account(n);
            look.enroll(n);
        }
        look
    }

    /// One new account.
    pub(crate) fn new(deployment: Deployment) -> Self {
        let mut look = Self::enrolled(deployment, 0);
        look.new_account(0);
        look
    }

    fn new_account(&mut self, n: usize) {
        let view = AccountView {
            account: Read::Ok(Some(Account {
                id: member_id(n),
                name: format!("member {n}"),
                state: AccountState::Active,
                path: path(PRODUCTION),
            })),
            management: Read::Ok(Management::Managed),
            instance: Read::Ok(None),
            registrations: Read::Ok(Watchers::default()),
        };
        self.inventory.accounts.insert(member_id(n), view);
    }

    fn enroll(&mut self, n: usize) {
        self.stand(n, InstanceState::Current);
        let guid = format!("GUID_{n}");
        let spec = Plain.wanted(&self.deployment.policy, &member_id(n));
        let store = self.deployment.policy.destination.of(&path(PRODUCTION));
        let store = store.flatten();
        let record = Record {
            since: Some(self.now - SignedDuration::from_hours(72)),
            store: store.clone(),
            registration_id: Some(guid.clone()),
            ..Record::default()
        };
        self.inventory.records.insert(member_id(n), record);
        self.ours(n).push(Registration {
            store,
            ..Registration::made(&spec.unwrap(), guid)
        });
    }

    pub(crate) fn view(&mut self, n: usize) -> &mut AccountView {
        self.inventory.accounts.get_mut(&member_id(n)).unwrap()
    }

    pub(crate) fn account(&mut self, n: usize) -> &mut Account {
        match &mut self.view(n).account {
            Read::Ok(Some(account)) => account,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn watchers(&mut self, n: usize) -> &mut Watchers {
        match &mut self.view(n).registrations {
            Read::Ok(watchers) => watchers,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn ours(&mut self, n: usize) -> &mut Vec<Registration> {
        &mut self.watchers(n).ours
    }

    /// The member stack exists, in this state.
    pub(crate) fn stand(&mut self, n: usize, state: InstanceState) {
        let reason = (state != InstanceState::Current).then(|| "no role".to_owned());
        self.view(n).instance = Read::Ok(Some(StackInstance {
            account: member_id(n),
            state,
            reason,
        }));
    }

    pub(crate) fn record(&mut self, n: usize) -> &mut Record {
        self.inventory.records.entry(member_id(n)).or_default()
    }

    /// This many attempts at an account are used up.
    pub(crate) fn attempts(&mut self, n: usize, attempts: u32) {
        self.inventory.scope.accounts.insert(member_id(n), attempts);
    }

    /// A lifecycle event has named an account.
    pub(crate) fn arrives(&mut self, n: usize) {
        self.inventory.scope = Scope::arrival(member_id(n));
    }

    pub(crate) fn plan(&self) -> Plan {
        plan(self.provider, &self.deployment, &self.inventory, self.now)
    }

    /// The planned actions, in words.
    pub(crate) fn actions(&self) -> Vec<String> {
        let actions = self.plan().actions;
        actions.iter().map(Action::to_string).collect()
    }

    /// Applies the planned records.
    pub(crate) fn keep(&mut self, plan: &Plan) {
        for (account, record) in plan.records.clone() {
            match record {
                Some(record) => self.inventory.records.insert(account, record),
                None => self.inventory.records.remove(&account),
            };
        }
    }

    /// The delay of an account's revisit in seconds, and its attempt.
    pub(crate) fn revisit(&self) -> (u64, u32) {
        let revisits = self.plan().revisits;
        let [revisit] = &revisits[..] else {
            panic!("{revisits:?}");
        };
        (revisit.delay.as_secs(), revisit.attempt)
    }
}

/// An account's registration, as the actions name it.
pub(crate) fn registration(n: usize) -> String {
    format!("registration Plain-{}", member_id(n))
}

/// An account's member stack, as the actions name it.
pub(crate) fn stack(n: usize) -> String {
    format!("member stack in {}", member_id(n))
}

/// The ids of members.
pub(crate) fn ids(members: impl IntoIterator<Item = usize>) -> Vec<AccountId> {
    members.into_iter().map(member_id).collect()
}
