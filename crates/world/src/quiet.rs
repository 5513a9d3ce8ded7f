//! Stories: one thing after another in a world in which nothing goes wrong by itself, and what is so
//! at each moment.

use std::{rc::Rc, time::Duration};

use serde_json::Value;
use towerhook_core::{
    enrollment::Reply,
    landing_zone::Trail,
    ledger::{Record, Recorded},
    model::{AccountId, Registration, RegistrationKind},
    stack_sets::{StackInstance, StackSet},
};

use crate::{
    Options, World, functions, oracle, stack,
    state::{Answered, SentAnswer},
    units::OTHER_HOST,
    wishes::Wishes,
};

/// Whatever the dice of a quiet world decide, no story depends on it.
const SEED: u64 = 1;
/// Events are on their way to the queue for no longer.
const ON_THEIR_WAY: Duration = Duration::from_secs(5);
/// Nothing keeps the account function busy for longer, in hours.
const LONGEST_WORK: u64 = 48;
const HOUR: Duration = Duration::from_secs(3600);

impl World {
    /// Lives a story in a world with its faults off. Nothing may have happened by its end that may never
    /// happen.
    ///
    /// # Panics
    ///
    /// When something has.
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
        // Why it failed is in the answer.
        let _ = stack::launch(self, wishes, None).await;
        let asked = self.state().asked;
        self.answered(asked)
    }

    /// Launches the main stack, and deletes it while it is created; answers how the last request ended.
    pub async fn launch_and_delete(&self, wishes: Wishes, after: Duration) -> Answered {
        let _ = stack::launch(self, wishes, Some(after)).await;
        let asked = self.state().asked;
        self.answered(asked)
    }

    /// Updates the main stack. Where that fails, CloudFormation's second request goes back.
    pub async fn update(&self, change: impl FnOnce(&mut Wishes)) -> Vec<Answered> {
        let mut wishes = self.wishes();
        change(&mut wishes);
        let before = self.state().asked;
        stack::update(self, wishes).await;
        self.answers_since(before)
    }

    /// The administrator lets go what is held.
    pub async fn let_go(&self) -> Vec<Answered> {
        let held = self.state().held.take().expect("something is held");
        self.state().approved.extend(&held.accounts);
        self.update(|wishes| wishes.approve = Some(held.digest))
            .await
    }

    /// Deletes the main stack, as often as that fails.
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

    /// A request of CloudFormation for these parameters, as setup receives it.
    pub fn request_for(&self, request_type: &str, wishes: &Wishes) -> Value {
        let old = (request_type == "Update").then(|| self.wishes().properties());
        self.event(request_type, &wishes.properties(), old.as_ref())
    }

    /// Waits for the answer to a request that setup was invoked with.
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

    /// Lets so many hours pass, and the schedule fire after each.
    pub async fn hours(&self, hours: usize) {
        for _ in 0..hours {
            self.simulation().sleep(HOUR).await;
            functions::fire(self);
            self.rest().await;
        }
    }
}

/// What somebody changes by hand.
impl World {
    /// Somebody changes the trail.
    pub fn edit_trail(&self, edit: impl FnOnce(&mut Trail)) {
        edit(&mut self.state().trail);
    }

    /// The role that StackSets are run with has another trust policy, or there is none.
    pub fn set_administration_trust(&self, policy: Option<&str>) {
        self.state().administration_trust = policy.map(str::to_owned);
    }

    /// The organization is in another partition of AWS.
    pub fn set_partition(&self, partition: &'static str) {
        self.state().partition = partition;
    }

    /// Somebody changes a StackSet of ours, and none of its stacks.
    pub fn edit_stack_set(&self, name: &str, edit: impl FnOnce(&mut StackSet)) {
        let now = self.now();
        if let Some(kept) = self.state().stack_sets.get_mut(name) {
            edit(&mut kept.set);
            kept.edited_at = Some(now);
        }
    }

    /// Somebody changes the registrations of an account of which the SaaS reads the configuration.
    pub fn edit_registration(&self, account: &AccountId, edit: impl Fn(&mut Registration)) {
        let now = self.now();
        let mut state = self.state();
        let all = state.registrations.change(now).iter_mut();
        let is_its = |kept: &&mut crate::state::KeptRegistration| {
            kept.subject == *account && kept.registration.kind == RegistrationKind::Account
        };
        all.filter(is_its)
            .for_each(|kept| edit(&mut kept.registration));
    }

    /// Somebody deletes all registrations of one kind.
    pub fn delete_registrations(&self, kind: RegistrationKind) {
        let now = self.now();
        let mut state = self.state();
        let all = state.registrations.change(now);
        all.retain(|kept| kept.registration.kind != kind);
    }

    /// Somebody gives an organizational unit another name.
    pub fn rename_unit(&self, unit: usize, name: &str) {
        self.state().unit_names.insert(unit, name.to_owned());
    }

    /// From now on the SaaS can use no new role in a store, or the tenant's own store where it has no
    /// name; or it can again.
    pub fn set_usable(&self, store: &str, is_usable: bool) {
        let store = (!store.is_empty()).then(|| store.into());
        let unusable = &mut self.state().unusable;
        if is_usable {
            unusable.remove(&store);
        } else {
            unusable.insert(store);
        }
    }

    /// Somebody deletes the roles that our stacks made in an account.
    pub fn delete_roles(&self, account: &AccountId) {
        let mut state = self.state();
        for stack in state.deployed.entry(*account).or_default().values_mut() {
            stack.role = None;
        }
    }
}

/// What is so, whatever anybody has read.
impl World {
    /// The parameters of the last request that succeeded.
    pub fn wishes(&self) -> Wishes {
        self.state().wish().clone()
    }

    /// Every account of the organization but the landing zone's own, in the order of their ids. Steps
    /// choose by their places.
    pub fn members(&self) -> Vec<AccountId> {
        crate::happen::members(&self.state())
    }

    /// What the ledger says of an account.
    pub fn record(&self, account: &AccountId) -> Option<Record> {
        self.state().ledger.records.get(account).cloned()
    }

    /// What setup has recorded.
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

    /// A StackSet, where it is there.
    pub fn stack_set(&self, name: &str) -> Option<StackSet> {
        let state = self.state();
        state.stack_sets.get(name).map(|kept| kept.set.clone())
    }

    /// Every StackSet, ours and others'.
    pub fn stack_sets(&self) -> Vec<StackSet> {
        let state = self.state();
        state
            .stack_sets
            .values()
            .map(|kept| kept.set.clone())
            .collect()
    }

    /// Every answer that setup has sent, in order.
    pub fn sent_answers(&self) -> Vec<SentAnswer> {
        self.state().sent.clone()
    }

    /// The instance of a StackSet in an account, where it is there.
    pub fn instance(&self, stack_set: &str, account: &AccountId) -> Option<StackInstance> {
        let key = (stack_set.to_owned(), *account);
        self.state().instances.get().get(&key).cloned()
    }

    /// What the passes of the account function have come to, the oldest first.
    pub fn replies(&self) -> Vec<Rc<Reply>> {
        self.state().replies.clone()
    }

    /// What they have counted under this name in all.
    pub fn counted(&self, metric: &str) -> usize {
        let replies = self.replies();
        let counts = replies.iter().flat_map(|reply| reply.counts());
        let own = counts.filter(|(name, _)| *name == metric);
        own.map(|(_, count)| count).sum()
    }

    /// The SaaS accepts an account's registrations from now on and does not keep them.
    pub fn unlist(&self, account: AccountId) {
        self.state().unlisted.insert(account);
    }

    /// The SaaS lists the organization's registrations from now on as if they were a store's.
    pub fn hide_organization(&self) {
        self.state().hides_organization = true;
    }

    /// CloudFormation has written another host into the functions' environments, for an update that it is
    /// about to ask for.
    pub fn write_other_host(&self) {
        self.state().environment_host = OTHER_HOST;
    }

    /// Whether nobody can delete the ledger.
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

    /// How many invocations of the account function came to no end.
    pub fn timeouts(&self) -> usize {
        self.state().timeouts
    }

    /// How often an operation was called.
    pub fn calls(&self, operation: &str) -> usize {
        let counts = &self.state().counts;
        counts.get(operation).copied().unwrap_or_default()
    }

    /// How many writes were made to AWS, the SaaS and the ledger, leases apart.
    pub fn writes(&self) -> usize {
        self.state().writes
    }

    /// Whether somebody holds the lease.
    pub fn is_leased(&self) -> bool {
        let now = self.now();
        let lease = &self.state().ledger.lease;
        lease.as_ref().is_some_and(|(_, until)| *until > now)
    }

    /// All of ours that is there, as if the main stack were gone.
    pub fn leftovers(&self) -> Vec<String> {
        oracle::leftovers(&self.state())
    }
}
