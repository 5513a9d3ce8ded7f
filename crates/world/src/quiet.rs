//! Stories: sequences in a world without faults, and accessors for its state.

use std::{rc::Rc, time::Duration};

use serde_json::Value;
use towerhook_core::{
    enrollment::Reply,
    landing_zone::{AccountState, Trail},
    ledger::{Record, Recorded},
    model::{AccountId, Registration, RegistrationKind},
    provider::role_arn,
    stack_sets::{StackInstance, StackSet},
};

use crate::{
    Options, World, functions, oracle, stack,
    state::{Answered, SentAnswer},
    wishes::Wishes,
};

/// No story depends on the random choices in a quiet world.
const SEED: u64 = 1;
/// The longest time that an event takes to the queue.
const ON_THEIR_WAY: Duration = Duration::from_secs(5);
/// The longest time that the account function stays busy, in hours.
const LONGEST_WORK: u64 = 48;
const HOUR: Duration = Duration::from_secs(3600);

impl World {
    /// Runs a story in a world without faults.
    ///
    /// # Panics
    ///
    /// If an invariant was violated by its end.
    pub fn quiet<T: 'static>(options: Options, story: impl AsyncFnOnce(Self) -> T + 'static) -> T {
        let world = Self::new(options, SEED, false);
        for _ in 0..2 {
            world.simulation().spawn(functions::poll(world.clone()));
        }
        let end = world.simulation().run(story(world.clone()));
        let violations = std::mem::take(&mut world.state().violations);
        assert!(violations.is_empty(), "{violations:#?}");
        end
    }

    /// Launches the main stack.
    pub async fn launch(&self, wishes: Wishes) -> Answered {
        // The answer has the reason of a failure.
        let _ = stack::launch(self, wishes, None).await;
        let asked = self.state().asked;
        self.answered(asked)
    }

    /// Launches the main stack, deletes it during its creation, and returns the last request's
    /// outcome.
    pub async fn launch_and_delete(&self, wishes: Wishes, after: Duration) -> Answered {
        let _ = stack::launch(self, wishes, Some(after)).await;
        let asked = self.state().asked;
        self.answered(asked)
    }

    /// Updates the main stack. If that fails, CloudFormation's second request rolls back.
    pub async fn update(&self, change: impl FnOnce(&mut Wishes)) -> Vec<Answered> {
        let mut wishes = self.wishes();
        change(&mut wishes);
        let before = self.state().asked;
        stack::update(self, wishes).await;
        self.answers_since(before)
    }

    /// The administrator approves the held offboardings.
    pub async fn let_go(&self) -> Vec<Answered> {
        let held = self.state().held.take().expect("something is held");
        self.state().approved.extend(&held.accounts);
        self.update(|wishes| wishes.approve = Some(held.digest))
            .await
    }

    /// Deletes the main stack, with retries.
    pub async fn delete(&self) -> Vec<Answered> {
        let before = self.state().asked;
        stack::delete(self).await;
        self.answers_since(before)
    }

    fn answers_since(&self, before: usize) -> Vec<Answered> {
        let asked = self.state().asked;
        (before + 1..=asked).map(|n| self.answered(n)).collect()
    }

    fn answered(&self, request: usize) -> Answered {
        let answer = self.answer(&format!("request-{request}"));
        answer.expect("every request is answered")
    }

    fn answer(&self, request: &str) -> Option<Answered> {
        self.state().answers.get(request).cloned()
    }

    /// CloudFormation's request for these parameters, as setup receives it.
    pub fn request_for(&self, request_type: &str, wishes: &Wishes) -> Value {
        let old = (request_type == "Update").then(|| self.wishes().properties());
        let wishes = Wishes {
            vendor: self.state().options.vendor,
            ..wishes.clone()
        };
        self.event(request_type, &wishes.properties(), old.as_ref())
    }

    /// Waits for the answer to a request.
    pub async fn answer_to(&self, request: &Value) -> Answered {
        let id = request["RequestId"].as_str().unwrap_or_default();
        loop {
            if let Some(answer) = self.answer(id) {
                return answer;
            }
            self.simulation().sleep(Duration::from_secs(1)).await;
        }
    }

    /// Waits until the account function has nothing left to do.
    ///
    /// # Panics
    ///
    /// When that takes days.
    pub async fn rest(&self) {
        let began = self.now();
        let mut is_empty = false;
        loop {
            let was_empty = is_empty;
            self.simulation().sleep(ON_THEIR_WAY).await;
            is_empty = self.state().queue.is_empty();
            if was_empty && is_empty {
                return;
            }
            let longest = LONGEST_WORK * HOUR.as_secs();
            let busy_for = self.since(began).as_secs().unsigned_abs();
            assert!(busy_for < longest, "the account function never rests");
        }
    }

    /// Lets this many hours pass, with a schedule after each.
    pub async fn hours(&self, hours: usize) {
        for _ in 0..hours {
            self.simulation().sleep(HOUR).await;
            functions::fire(self);
            self.rest().await;
        }
    }
}

/// Manual changes.
impl World {
    /// The trail is changed.
    pub fn edit_trail(&self, edit: impl FnOnce(&mut Trail)) {
        edit(&mut self.state().trail);
    }

    /// The StackSets' administration role gets another trust policy, or is deleted.
    pub fn set_administration_trust(&self, policy: Option<&str>) {
        self.state().administration_trust = policy.map(str::to_owned);
    }

    /// Moves the organization to another AWS partition.
    pub fn set_partition(&self, partition: &'static str) {
        self.state().partition = partition;
    }

    /// A StackSet of ours is changed, but none of its stacks.
    pub fn edit_stack_set(&self, name: &str, edit: impl FnOnce(&mut StackSet)) {
        let now = self.now();
        if let Some(kept) = self.state().stack_sets.get_mut(name) {
            edit(&mut kept.set);
            kept.edited_at = Some(now);
        }
    }

    /// The registrations that read an account's configuration are changed.
    pub fn edit_registration(&self, account: &AccountId, edit: impl Fn(&mut Registration)) {
        let now = self.now();
        let mut state = self.state();
        let all = state.registrations.change(now).iter_mut();
        let is_its = |kept: &&mut crate::registrations::KeptRegistration| {
            kept.subject == *account && kept.registration.kind == RegistrationKind::Account
        };
        all.filter(is_its)
            .for_each(|kept| edit(&mut kept.registration));
    }

    /// Somebody makes a role with the name of ours in an account.
    pub fn make_role(&self, account: AccountId) {
        self.state().foreign_roles.insert(account);
    }

    /// That role is deleted.
    pub fn remove_role(&self, account: &AccountId) {
        self.state().foreign_roles.remove(account);
    }

    /// AWS suspends an account.
    pub fn suspend(&self, account: &AccountId) {
        let now = self.now();
        let mut state = self.state();
        if let Some(member) = state.change_organization(now).get_mut(account) {
            member.account.state = AccountState::Suspended;
        }
    }

    /// Somebody registers an account with a role of this name.
    pub fn register_by_hand(&self, account: AccountId, role: &str) {
        let now = self.now();
        let mut state = self.state();
        let mut kept = crate::drift::foreign(&state, 0, account, 0, now);
        kept.registration.guid = format!("ACME_HAND_{account}");
        kept.registration.name = "ControlTower - by hand".into();
        kept.registration.role_arn = role_arn("aws", &account, role);
        state.registrations.change(now).push(kept);
    }

    /// All registrations of one kind are deleted.
    pub fn delete_registrations(&self, kind: RegistrationKind) {
        let now = self.now();
        let mut state = self.state();
        let all = state.registrations.change(now);
        all.retain(|kept| kept.registration.kind != kind);
    }

    /// An OU is renamed.
    pub fn rename_unit(&self, unit: usize, name: &str) {
        self.state().unit_names.insert(unit, name.to_owned());
    }

    /// From now on the SaaS can use no new role in a store (`""` is the tenant's own store), or can
    /// again.
    pub fn set_usable(&self, store: &str, is_usable: bool) {
        let store = (!store.is_empty()).then(|| store.into());
        let unusable = &mut self.state().unusable;
        if is_usable {
            unusable.remove(&store);
        } else {
            unusable.insert(store);
        }
    }

    /// The roles of our stacks in an account are deleted.
    pub fn delete_roles(&self, account: &AccountId) {
        let mut state = self.state();
        for stack in state.deployed.entry(*account).or_default().values_mut() {
            stack.role = None;
        }
    }
}

/// What CloudFormation does, and what the ledger loses.
impl World {
    /// From now on CloudFormation rolls the main stack back.
    pub fn roll_back(&self) {
        self.state().rolls_back = true;
    }

    /// The ledger's record of an account is lost.
    pub fn lose_record(&self, account: &AccountId) {
        self.state().ledger.records.remove(account);
    }
}

/// The true state, independent of any listing.
impl World {
    /// The parameters of the last request that succeeded.
    pub fn wishes(&self) -> Wishes {
        self.state().wish().clone()
    }

    /// All accounts of the organization except the landing zone's own, ordered by id. Steps select
    /// by position.
    pub fn members(&self) -> Vec<AccountId> {
        crate::happen::members(&self.state())
    }

    /// The ledger's record of an account.
    pub fn record(&self, account: &AccountId) -> Option<Record> {
        self.state().ledger.records.get(account).cloned()
    }

    /// Setup's recorded state.
    pub fn recorded(&self) -> Recorded {
        self.state().ledger.recorded.clone()
    }

    /// All registrations of one kind.
    pub fn registrations(&self, kind: RegistrationKind) -> Vec<Registration> {
        let state = self.state();
        let all = state.registrations.get().iter();
        let all = all.map(|kept| kept.registration.clone());
        all.filter(|one| one.kind == kind).collect()
    }

    /// The enabled registrations that read an account's configuration.
    pub fn watching(&self, account: &AccountId) -> Vec<Registration> {
        let state = self.state();
        let all = state.registrations.get().of(account);
        let all = all.map(|kept| kept.registration.clone());
        all.filter(|one| one.kind == RegistrationKind::Account && one.enabled)
            .collect()
    }

    /// A StackSet, if it exists.
    pub fn stack_set(&self, name: &str) -> Option<StackSet> {
        let state = self.state();
        state.stack_sets.get(name).map(|kept| kept.set.clone())
    }

    /// All StackSets, including foreign ones.
    pub fn stack_sets(&self) -> Vec<StackSet> {
        let state = self.state();
        state
            .stack_sets
            .values()
            .map(|kept| kept.set.clone())
            .collect()
    }

    /// All of setup's answers, in order.
    pub fn sent_answers(&self) -> Vec<SentAnswer> {
        self.state().sent.clone()
    }

    /// The instance of a StackSet in an account, if it exists.
    pub fn instance(&self, stack_set: &str, account: &AccountId) -> Option<StackInstance> {
        let key = (stack_set.to_owned(), *account);
        self.state().instances.get().get(&key).cloned()
    }

    /// The results of the account function's passes, oldest first.
    pub fn replies(&self) -> Vec<Rc<Reply>> {
        self.state().replies.clone()
    }

    /// The total of their counts for this metric.
    pub fn counted(&self, metric: &str) -> u64 {
        let replies = self.replies();
        let counts = replies.iter().flat_map(|reply| reply.measurements());
        let own = counts.filter(|one| one.metric.name() == metric && one.reason.is_none());
        own.flat_map(|one| one.values).sum()
    }

    /// From now on the SaaS accepts an account's registrations without storing them.
    pub fn unlist(&self, account: AccountId) {
        self.state().unlisted.insert(account);
    }

    /// From now on the SaaS lists the organization's registrations as a store's.
    pub fn hide_organization(&self) {
        self.state().hides_organization = true;
    }

    /// CloudFormation has written another host into the functions' environments, for an update that
    /// it is about to request.
    pub fn write_other_host(&self) {
        let mut state = self.state();
        state.environment_host = state.options.vendor.other_host();
    }

    /// Whether the ledger is protected against deletion.
    pub fn is_ledger_protected(&self) -> bool {
        self.state().ledger.is_protected
    }

    /// Sends a message to the account function.
    pub fn send(&self, body: &str) {
        let now = self.now();
        let queue = &mut self.state().queue;
        queue.send(now, body.to_owned(), Duration::ZERO);
    }

    /// How many messages are in the dead-letter queue.
    pub fn dead_letters(&self) -> usize {
        self.state().queue.dead_count()
    }

    /// How many invocations of the account function timed out.
    pub fn timeouts(&self) -> usize {
        self.state().timeouts
    }

    /// How often an operation was called.
    pub fn calls(&self, operation: &str) -> usize {
        let counts = &self.state().counts;
        counts.get(operation).copied().unwrap_or_default()
    }

    /// The number of writes to AWS, the SaaS and the ledger, without leases.
    pub fn writes(&self) -> usize {
        self.state().writes
    }

    /// Whether the lease is held.
    pub fn is_leased(&self) -> bool {
        let now = self.now();
        let lease = &self.state().ledger.lease;
        lease.as_ref().is_some_and(|(_, until)| *until > now)
    }

    /// All of our resources that exist, as if the main stack were gone.
    pub fn leftovers(&self) -> Vec<String> {
        oracle::leftovers(&self.state())
    }
}
