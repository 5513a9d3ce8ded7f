//! How each step changes the world.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::json;
use towerhook_core::{
    dead_letters::{Wish, redrive},
    landing_zone::{AccountState, Management},
    model::AccountId,
    stack_sets::InstanceState,
};

use crate::{
    World,
    announce::{control_tower, enable_baseline},
    drift::remove_instance,
    functions,
    people::{Change, Step},
    ports::Ports,
    state::{KeptLedger, OddList, State},
    units::{self, Member, unit_id},
    wishes::StackRequest,
    wishes::Wishes,
};

/// The accounts that steps apply to: all except the landing zone's own.
pub(crate) fn members(state: &State) -> Vec<AccountId> {
    let own = [units::MANAGEMENT, units::LOG_ARCHIVE, units::AUDIT].map(units::id);
    let all = state.organization.get().keys();
    all.filter(|id| !own.contains(id)).copied().collect()
}

impl World {
    /// The account that a number selects.
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
        // Without a landing zone, Control Tower manages no account.
        let managed = managed || !state.options.control_tower;
        let member = Member::new(id, &name, Some(unit), managed);
        state.change_organization(now).insert(id, member);
        id
    }

    /// Applies one step.
    pub fn happen(&self, step: &Step) {
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
            Step::DeleteRegistration { account } => self.delete_registration(*account),
            Step::DisableRegistration { .. }
                if !self.state().options.vendor.provider().limits().pauses => {}
            Step::DisableRegistration { account } => {
                self.change_registration(*account, |kept| kept.registration.enabled = false);
            }
            Step::RenameRegistration { account } => {
                self.bend_registration(*account, |kept| kept.registration.name.push_str(" (old)"));
            }
            Step::RepointRegistration { account } => {
                self.bend_registration(*account, |kept| {
                    kept.registration.role_arn =
                        format!("arn:aws:iam::{}:role/other", kept.subject);
                });
            }
            Step::DoubleRegistration { account, store } => self.double(*account, *store),
            Step::DeleteInstance { account } => self.delete_instance(*account),
            // Nothing in AWS or elsewhere shows that such a role is gone.
            Step::DeleteRole { .. } if !self.state().options.vendor.has_registrations() => {}
            Step::DeleteRole { account } => {
                if let Some(id) = self.choose(*account) {
                    self.delete_roles(&id);
                }
            }
            Step::Update(Change::ExcludeAccount(Some(number))) => {
                let id = self.choose(*number);
                self.request(|wishes| wishes.exclude_accounts.extend(id));
            }
            Step::Update(change) => self.request(|wishes| *wishes = wishes.clone().with(change)),
            Step::CancelUpdate { after } => {
                self.state().next_cancelled_after = Some(Duration::from_secs(*after));
            }
            Step::InvokeTwice => self.state().next_invoked_twice = true,
            Step::SlowSetup { latency } => self.state().next_setup_latency = Some(*latency),
            Step::DeleteStackSet { which } => self.delete_stack_set(*which),
            Step::EditStackSet { which } => {
                if let Some(name) = self.choose_stack_set(*which) {
                    self.edit_stack_set(&name, |set| set.template = "edited by hand".into());
                }
            }
            Step::EmptyLedger => self.empty_ledger(),
            Step::GarbleLedger => {
                let why = "it is no account's id".to_owned();
                let garbage = &mut self.state().ledger.garbage;
                garbage.insert("not-an-account".into(), why);
            }
            Step::ListNothing | Step::ListGarbage | Step::Unlist { .. }
                if !self.state().options.vendor.has_registrations() => {}
            Step::ListNothing => self.state().next_list = Some(OddList::Empty),
            Step::ListGarbage => self.state().next_list = Some(OddList::Garbage),
            Step::Unlist { account } => {
                let id = self.choose(*account);
                self.state().unlisted.extend(id);
            }
            Step::StopLogging => self.state().trail.is_logging = false,
            Step::StartLogging => self.state().trail.is_logging = true,
            Step::Approve => self.approve(),
            Step::RevokeKey => {
                let mut state = self.state();
                state.secrets.key_works = false;
                state.secrets.key_revoked_at = Some(now);
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
                    // An operator retries a failed redrive.
                    let _ = redrive(&ports, Wish::Return).await;
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

    /// Ends all faults.
    pub(crate) fn calm(&self) {
        let mut state = self.state();
        state.faults = Default::default();
        state.rounds.calm();
        state.next_crash = None;
        state.next_latency = None;
        state.next_setup_latency = None;
        state.next_cancelled_after = None;
        state.next_invoked_twice = false;
        state.next_list = None;
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

    /// The administrator approves the held offboardings.
    pub(crate) fn approve(&self) {
        let mut state = self.state();
        let Some(held) = state.held.take() else {
            return;
        };
        state.approved.extend(held.accounts.iter().copied());
        drop(state);
        self.request(|wishes| wishes.approve = Some(held.digest));
    }

    /// The administrator requests another update, based on the last requested parameters.
    pub(crate) fn request(&self, change: impl FnOnce(&mut Wishes)) {
        let mut state = self.state();
        let asked = state
            .requests
            .iter()
            .rev()
            .find_map(|request| match request {
                StackRequest::Update(wishes) => Some((**wishes).clone()),
                StackRequest::Delete => None,
            });
        let mut wishes = match asked {
            Some(wishes) => wishes,
            // A request that was refused, or will be, is not a basis.
            None if !state.wishes.is_empty() => state.wishes[0].clone(),
            None => return,
        };
        wishes.wrong = false;
        wishes.elsewhere = false;
        change(&mut wishes);
        state
            .requests
            .push_back(StackRequest::Update(Box::new(wishes)));
    }

    fn choose_stack_set(&self, which: usize) -> Option<String> {
        let state = self.state();
        let ours = state.stack_sets.iter().filter(|(_, kept)| kept.ours);
        let names: Vec<&String> = ours.map(|(name, _)| name).collect();
        (!names.is_empty()).then(|| names[which % names.len()].clone())
    }

    /// A StackSet is deleted by hand with its stacks, while no operation runs.
    fn delete_stack_set(&self, which: usize) {
        let Some(name) = self.choose_stack_set(which) else {
            return;
        };
        let now = self.now();
        let mut state = self.state();
        // Without the ledger, its parameters are the only record of the external ids.
        if state.stack_sets[&name].busy_until > now || state.ledger_emptied.is_some() {
            return;
        }
        let mut instances = state.instances.get().keys();
        let accounts: Vec<AccountId> = instances
            .by_ref()
            .filter(|(set, _)| *set == name)
            .map(|(_, account)| *account)
            .collect();
        for account in accounts {
            remove_instance(&mut state, now, &(name.clone(), account));
        }
        state.stack_sets.remove(&name);
        state.notification_stays |= state.log_stack_set().as_ref() == Some(&name);
        state.needs_update = true;
    }

    fn empty_ledger(&self) {
        let now = self.now();
        let mut state = self.state();
        if state.needs_update {
            return;
        }
        // The items are deleted, the table stays.
        state.ledger = KeptLedger {
            is_protected: state.ledger.is_protected,
            ..KeptLedger::default()
        };
        // Without records the daily count starts over.
        state.offboarded.clear();
        state.held = None;
        state.ledger_emptied = Some(now);
        state.lease_lost_at = Some(now);
        state.needs_update = true;
    }

    /// A new API key, which CloudFormation writes into the secret.
    pub(crate) fn replace_key(&self) {
        let now = self.now();
        let mut state = self.state();
        state.secrets.key_works = true;
        state.secrets.key_version += 1;
        state.revoke_tokens(now);
    }

    /// Makes every account able to receive stacks, one after another.
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
        state.unlisted.clear();
        state.ledger.garbage.clear();
        state.trail.is_logging = true;
        drop(state);
        self.remove_bare_instances();
    }

    /// The age of an event.
    pub(crate) fn since(&self, then: jiff::Timestamp) -> SignedDuration {
        self.now().duration_since(then)
    }
}
