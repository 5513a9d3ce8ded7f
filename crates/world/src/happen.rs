//! How each step changes the world.

use jiff::SignedDuration;
use serde_json::json;
use std::time::Duration;
use towerhook_core::{
    landing_zone::{AccountState, InstanceState, Management},
    lifecycle::redrive,
    model::AccountId,
};

use crate::{
    World,
    announce::{control_tower, enable_baseline},
    functions,
    people::Step,
    ports::Ports,
    state::State,
    units::{self, Member, unit_id},
};

/// The accounts that things happen to: all but the landing zone's own.
fn members(state: &State) -> Vec<AccountId> {
    let own = [units::MANAGEMENT, units::LOG_ARCHIVE, units::AUDIT].map(units::id);
    let all = state.organization.get().keys();
    all.filter(|id| !own.contains(id)).copied().collect()
}

impl World {
    /// The account that a number chooses.
    fn choose(&self, number: usize) -> Option<AccountId> {
        let members = members(&self.state());
        (!members.is_empty()).then(|| members[number % members.len()])
    }

    fn change(&self, number: usize, change: impl FnOnce(&mut Member)) -> Option<AccountId> {
        let id = self.choose(number)?;
        let now = self.now();
        if let Some(member) = self.state().change_organization(now).get_mut(&id) {
            change(member);
        }
        Some(id)
    }

    fn new_member(&self, unit: usize, managed: bool) -> AccountId {
        let now = self.now();
        let mut state = self.state();
        state.made += 1;
        let id = units::member_id(state.made);
        let name = format!("account {}", state.made);
        // Without a landing zone there is no Control Tower that could not manage it.
        let managed = managed || !state.options.control_tower;
        let member = Member::new(id, &name, Some(unit), managed);
        state.change_organization(now).insert(id, member);
        id
    }

    /// Lets one step happen.
    pub(crate) fn happen(&self, step: &Step) {
        self.say(|| format!("> {step:?}"));
        let now = self.now();
        match step {
            Step::Create { unit, told } => {
                let id = self.new_member(*unit, true);
                if *told {
                    self.account_event("CreateManagedAccount", "createManagedAccountStatus", id);
                }
            }
            Step::Join { unit } => {
                self.new_member(*unit, false);
            }
            Step::Register { unit, count } => {
                for _ in 0..*count {
                    let id = self.new_member(*unit, true);
                    self.arrive(id, enable_baseline(&id));
                }
                let unit =
                    json!({"organizationalUnitName": "u", "organizationalUnitId": unit_id(*unit)});
                let status = json!({"state": "SUCCEEDED", "organizationalUnit": unit});
                let details = json!({"registerOrganizationalUnitStatus": status});
                self.announce(control_tower("RegisterOrganizationalUnit", details));
            }
            Step::Move {
                account,
                unit,
                told,
            } => {
                let path = units::path(*unit);
                let Some(id) = self.change(*account, |member| member.account.path = path.clone())
                else {
                    return;
                };
                self.state().moved.insert(id, now);
                if *told {
                    let parent = path.last().map(ToString::to_string);
                    let parameters = json!({"destinationParentId": parent});
                    self.organizations_event("MoveAccount", id, parameters);
                }
            }
            Step::Rename { account } => {
                self.change(*account, |member| member.account.name.push('x'));
            }
            Step::Unmanage { .. } | Step::Manage { .. } | Step::ChangeBaseline { .. }
                if !self.state().options.control_tower => {}
            Step::Unmanage { account } => {
                self.change(*account, |member| {
                    member.management = Management::NotManaged;
                    member.reachable = false;
                    member.account.path = units::path(None);
                });
                if let Some(id) = self.choose(*account) {
                    self.state().moved.insert(id, now);
                }
            }
            Step::Manage { account } => {
                let managed = self.change(*account, |member| {
                    member.management = Management::Managed;
                    member.was_managed = true;
                    member.reachable = true;
                });
                if let Some(id) = managed {
                    self.account_event("UpdateManagedAccount", "updateManagedAccountStatus", id);
                }
            }
            Step::ChangeBaseline {
                account,
                minutes,
                fails,
            } => self.change_baseline(*account, *minutes, *fails),
            Step::Suspend { account } => {
                self.set_state(*account, AccountState::Active, AccountState::Suspended);
            }
            Step::Restore { account } => {
                self.set_state(*account, AccountState::Suspended, AccountState::Active);
            }
            Step::Close { account, busy } => self.close(*account, *busy),
            Step::Remove { account } => {
                if let Some(id) = self.choose(*account) {
                    self.state().change_organization(now).remove(&id);
                    self.organizations_event("RemoveAccountFromOrganization", id, json!({}));
                }
            }
            Step::Forbid { account } => {
                self.change(*account, |member| member.refuses_stacks = true);
            }
            Step::Permit { account } => {
                self.change(*account, |member| member.refuses_stacks = false);
            }
            Step::DeleteIntegration { account } => self.delete_integration(*account),
            Step::DisableIntegration { account } => {
                self.change_integration(*account, |kept| kept.integration.enabled = false);
            }
            Step::RenameIntegration { account } => {
                self.bend_integration(*account, |kept| kept.integration.name.push_str(" (old)"));
            }
            Step::RepointIntegration { account } => {
                self.bend_integration(*account, |kept| {
                    kept.integration.role_arn = format!("arn:aws:iam::{}:role/other", kept.subject);
                });
            }
            Step::DoubleIntegration { account, store } => self.double(*account, *store),
            Step::DeleteInstance { account } => self.delete_instance(*account),
            Step::DeleteRole { account } => {
                let Some(id) = self.choose(*account) else {
                    return;
                };
                let mut state = self.state();
                for stack in state.deployed.entry(id).or_default().values_mut() {
                    stack.role = None;
                }
            }
            Step::Update(change) => {
                let mut state = self.state();
                let latest = state
                    .requests
                    .back()
                    .or_else(|| state.wishes.last())
                    .cloned();
                if let Some(wishes) = latest {
                    state.requests.push_back(wishes.with(change));
                }
            }
            Step::Approve => self.approve(),
            Step::RevokeKey => {
                let mut state = self.state();
                state.secrets.key_works = false;
                state.revoke_tokens(now);
            }
            Step::ReplaceKey => self.replace_key(),
            Step::RevokeTokens => self.state().revoke_tokens(now),
            Step::Fault(window) => window.open(&mut self.state().faults),
            Step::Calm => self.calm(),
            Step::Crash { steps } => self.state().next_crash = Some(*steps),
            Step::Slow { latency } => self.state().next_latency = Some(*latency),
            Step::Redrive => {
                let world = self.clone();
                self.simulation().spawn(async move {
                    let ports = Ports::new(&world, "administrator");
                    // Who sees it fail tries it again.
                    let _ = redrive(&ports, true).await;
                });
            }
            Step::Fire => functions::fire(self),
            Step::Poison => {
                self.state()
                    .queue
                    .send(now, "poison".into(), Duration::ZERO);
            }
            Step::Wait { .. } => {}
        }
    }

    /// Nothing goes wrong any more.
    pub(crate) fn calm(&self) {
        let mut state = self.state();
        state.faults = Default::default();
        state.next_crash = None;
        state.next_latency = None;
    }

    fn set_state(&self, number: usize, from: AccountState, to: AccountState) {
        self.change(number, |member| {
            if member.account.state == from {
                member.account.state = to;
            }
        });
    }

    fn change_baseline(&self, number: usize, minutes: u64, fails: bool) {
        let is_managed = |member: &Member| member.management == Management::Managed;
        let Some(id) = self.choose(number) else {
            return;
        };
        if !self.state().member(&id).is_some_and(is_managed) {
            return;
        }
        self.change(number, |member| member.management = Management::UnderChange);
        let world = self.clone();
        self.simulation().spawn(async move {
            world
                .simulation()
                .sleep(Duration::from_secs(60 * minutes))
                .await;
            let now = world.now();
            if let Some(member) = world.state().change_organization(now).get_mut(&id)
                && member.management == Management::UnderChange
            {
                member.management = if fails {
                    Management::Failed
                } else {
                    Management::Managed
                };
            }
            if !fails {
                world.arrive(id, enable_baseline(&id));
            }
        });
    }

    fn close(&self, number: usize, busy: bool) {
        let mut number = number;
        if busy {
            let state = self.state();
            let instances = state.instances.get().values();
            let mut busy = instances.filter(|one| one.state == InstanceState::InProgress);
            let chosen =
                busy.find_map(|one| members(&state).iter().position(|id| *id == one.account));
            number = chosen.unwrap_or(number);
        }
        let closed = self.change(number, |member| {
            member.account.state = AccountState::PendingClosure;
        });
        let Some(id) = closed else { return };
        self.organizations_event("CloseAccount", id, json!({}));
        let world = self.clone();
        self.simulation().spawn(async move {
            world.simulation().sleep(Duration::from_secs(1800)).await;
            let now = world.now();
            if let Some(member) = world.state().change_organization(now).get_mut(&id) {
                member.account.state = AccountState::Closed;
            }
        });
    }

    /// The administrator lets go what is held.
    pub(crate) fn approve(&self) {
        let mut state = self.state();
        let Some(held) = state.held.take() else {
            return;
        };
        state.approved.extend(held.accounts.iter().copied());
        let latest = state
            .requests
            .back()
            .or_else(|| state.wishes.last())
            .cloned();
        if let Some(mut wishes) = latest {
            wishes.approve = Some(held.digest);
            state.requests.push_back(wishes);
        }
    }

    /// A new API key, which CloudFormation writes into the secret.
    pub(crate) fn replace_key(&self) {
        let now = self.now();
        let mut state = self.state();
        state.secrets.key_works = true;
        state.secrets.key_version += 1;
        state.revoke_tokens(now);
    }

    /// Accounts, one after another, are as they should be for stacks to be made in them.
    pub(crate) fn mend(&self) {
        let now = self.now();
        let mut state = self.state();
        for member in state.change_organization(now).values_mut() {
            member.refuses_stacks = false;
        }
        for stacks in state.deployed.values_mut() {
            stacks.retain(|_, stack| !stack.left_behind);
        }
        state.next_crash = None;
        drop(state);
        self.remove_bare_instances();
    }

    /// How long ago something was, for those who wait.
    pub(crate) fn since(&self, then: jiff::Timestamp) -> SignedDuration {
        self.now().duration_since(then)
    }
}
