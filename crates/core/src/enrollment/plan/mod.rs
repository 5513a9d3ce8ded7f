//! The planner: first the actions for each account alone, then those that all of them together
//! allow.

mod enroll;
mod needs;
mod offboard;

use std::{collections::BTreeSet, time::Duration};

use jiff::{SignedDuration, Timestamp};

pub(super) use self::needs::{Needs, needs};
use super::{
    AccountView, Action, Decision, Inventory, Plan, Revisit, Watchers, decide,
    mapping::wanted_mapping,
    offboarding::{self, Verdict},
};
use crate::{
    Read,
    feed::plan_feed,
    ledger::{Reason, Record},
    model::{AccountId, Health, Registration, RegistrationSpec},
    planted::{Fault, planted},
    policy::{Deployment, Policy},
    provider::{Limits, Provider},
    retry::REQUEUE,
    token,
};

/// For this long after its arrival or enrollment, an account that Control Tower does not list as
/// managed may be missing because the listing is behind.
const NEW_FOR: SignedDuration = SignedDuration::from_mins(15);

/// Plans the actions that bring every account in scope to its desired state.
///
/// Deterministic and total. An account with a failed read is requeued and left unchanged.
pub fn plan(
    provider: &dyn Provider,
    deployment: &Deployment,
    inventory: &Inventory,
    now: Timestamp,
) -> Plan {
    let policy = &deployment.policy;
    let mut draft = Draft::default();
    let may_recreate = may_recreate(provider, policy, inventory, now);
    for (id, view) in &inventory.accounts {
        let record = inventory.records.get(id);
        let arrived = inventory.scope.arrived.contains(id);
        let known = record.cloned().unwrap_or_default();
        let is_new = |at: Option<Timestamp>| {
            let is_lately = |at| now.duration_since(at) < NEW_FOR;
            policy.offboard_unenrolled && at.is_some_and(is_lately)
        };
        let arrives = arrived && policy.offboard_unenrolled && !is_new(known.arrived_at);
        let case = Case {
            provider,
            policy,
            id,
            view,
            record,
            known: Record {
                existing_at_launch: known.existing_at_launch && !arrived,
                arrived_at: if arrives { Some(now) } else { known.arrived_at },
                missing_at: known
                    .missing_at
                    .filter(|_| !matches!(view.instance, Read::Ok(Some(_)))),
                unlisted_at: known.unlisted_at.filter(|_| {
                    !matches!(&view.registrations, Read::Ok(Watchers { ours, .. }) if known.is_among(ours))
                }),
                deletion: known
                    .deletion
                    .filter(|_| !matches!(view.instance, Read::Ok(None))),
                ..known
            },
            attempt: inventory.scope.attempts(id),
            may_recreate,
            token_ends: inventory.token_ends,
            registry_wait: inventory.registry_wait,
            now,
        };
        if record.is_some() || arrives {
            case.record(&mut draft, case.known.clone());
        }
        // The listing of baselines may be older than that of accounts.
        let is_new = is_new(case.known.since.max(case.known.arrived_at));
        match decide(policy, id, view, record, arrived || is_new) {
            Decision::Enroll { store } => enroll::watch(&mut draft, &case, store),
            Decision::Keep { store, reason } => {
                enroll::keep(&mut draft, &case, store, reason);
            }
            Decision::Ignore { reason } => offboard::ignore(&mut draft, &case, reason),
            Decision::Pause { reason } => offboard::pause(&mut draft, &case, reason),
            Decision::Offboard { reason } => offboard::offboard(&mut draft, &case, reason),
            Decision::Undecided { reason } => {
                // A comparison of the whole organization leaves a record of every account.
                if inventory.scope.all && record.is_none() {
                    case.record(&mut draft, Record::default().not_enrolled(reason.clone()));
                }
                draft.look_again(&case, reason);
            }
        }
    }
    let mut plan = draft.into_plan(policy, inventory, now);
    for (id, record) in &mut plan.records {
        let before = inventory.records.get(id);
        *record = (record.take()).map(|record| record.following(before, inventory.compared, now));
    }
    let feed = inventory.feed.as_ref().map(|view| {
        let mapping = wanted_mapping(deployment, inventory);
        plan_feed(provider, deployment, mapping, view, now)
    });
    Plan {
        feed: feed.unwrap_or_default(),
        ..plan
    }
}

/// Whether stacks with unusable roles may be recreated. If many fail at once, the cause is unlikely
/// to be in the accounts.
fn may_recreate(
    provider: &dyn Provider,
    policy: &Policy,
    inventory: &Inventory,
    now: Timestamp,
) -> bool {
    let is_failing = |view: &&AccountView| {
        matches!(&view.registrations, Read::Ok(Watchers { ours, .. })
            if ours.iter().any(|one| one.enabled && matches!(&one.health, Health::Failing(why) if provider.blames_role(why))))
    };
    let failing = inventory.accounts.values().filter(is_failing).count();
    let unusable = inventory.records.values();
    let unusable = unusable.filter(|record| record.unusable_at.is_some());
    let failing = failing.max(unusable.count());
    let recreated = inventory.records.values();
    let recreated = recreated.filter(|record| record.recreated_within_the_day(now));
    failing.max(recreated.count()) <= offboarding::limit(policy, &inventory.records, now)
}

/// One account's planning input.
struct Case<'a> {
    provider: &'a dyn Provider,
    policy: &'a Policy,
    id: &'a AccountId,
    view: &'a AccountView,
    record: Option<&'a Record>,
    /// The record, updated: no longer marked as existing at launch once a lifecycle event has named
    /// it, and no longer marked as missing its stack once there is one.
    known: Record,
    attempt: u32,
    /// Whether accounts' stacks may be recreated in this pass.
    may_recreate: bool,
    /// The expiry of the current access token.
    token_ends: Option<Timestamp>,
    /// How long the SaaS's rate limit forbids calls.
    registry_wait: Option<Duration>,
    now: Timestamp,
}

impl Case<'_> {
    /// Plans to record `wanted`, if the ledger differs.
    fn record(&self, draft: &mut Draft, wanted: Record) {
        if self.record.is_none_or(|record| *record != wanted) {
            draft.plan.records.insert(*self.id, Some(wanted));
        }
    }

    /// The registration that the account should have, if the vendor needs any.
    fn wanted(&self) -> Option<RegistrationSpec> {
        self.provider.wanted(self.policy, self.id)
    }

    /// What is in the account that no stack of ours made, if it is used.
    fn foreign_name(&self) -> Option<String> {
        self.view.foreign_name(self.provider, self.policy)
    }

    fn limits(&self) -> &'static Limits {
        self.provider.limits()
    }

    fn is_management(&self) -> bool {
        *self.id == self.policy.management_account
    }

    /// Whether the account's stack deletes its own registration and holds an outdated token.
    fn needs_token(&self) -> bool {
        let works = self.token_ends.is_some_and(|ends| {
            self.known.token_ends == Some(ends)
                && token::outlasts_an_operation(ends, self.limits().token_lifetime, self.now)
        });
        self.policy.is_registered_by_stack(self.id) && !works && !planted(Fault::TokenIsNotRenewed)
    }

    /// Plans to delete the record of an account that has nothing left.
    fn forget(&self, draft: &mut Draft) {
        if self.record.is_some() {
            draft.plan.records.insert(*self.id, None);
        }
    }
}

#[derive(Default)]
struct Draft {
    plan: Plan,
    create: Vec<AccountId>,
    /// Accounts whose stack gets a new token before its deletion.
    renew: Vec<AccountId>,
    /// Accounts whose stack is deleted and recreated.
    recreate: Vec<AccountId>,
    /// Accounts whose stack is left behind and recreated.
    abandon: Vec<AccountId>,
    releases: Vec<Release>,
}

/// An account that is being offboarded.
struct Release {
    account: AccountId,
    registrations: Vec<Registration>,
    /// The end of its member stack.
    stack: StackEnd,
}

/// The end of an offboarded account's member stack.
#[derive(Clone, Copy, PartialEq, Eq)]
enum StackEnd {
    /// There is none, or it stays: it cannot be reached, and a stack left behind would block a new
    /// one when the account returns.
    Stay,
    /// It is deleted.
    Delete,
    /// Removed from the StackSet but left in its account, which is permanently out of reach.
    Forget,
}

impl Draft {
    /// The account's record, including planned changes.
    fn known(&self, case: &Case<'_>) -> Record {
        let planned = self.plan.records.get(case.id).cloned().flatten();
        planned.unwrap_or_else(|| case.known.clone())
    }

    /// Requeues the account and uses up an attempt; after the last one it is reported as blocked.
    fn look_again(&mut self, case: &Case<'_>, reason: Reason) {
        if case.registry_wait.is_none() && case.attempt >= REQUEUE.tries {
            return self.block(case, reason);
        }
        self.requeue(case);
    }

    /// Requeues the account and uses up an attempt, of which some are left.
    fn requeue(&mut self, case: &Case<'_>) {
        if let Some(delay) = case.registry_wait {
            // Rate limiting is not a failure.
            let revisit = Revisit {
                account: *case.id,
                delay,
                attempt: case.attempt,
                awaits: None,
            };
            return self.plan.revisits.push(revisit);
        }
        self.plan.revisits.push(Revisit {
            account: *case.id,
            delay: REQUEUE.delay(case.attempt),
            attempt: case.attempt + 1,
            awaits: None,
        });
    }

    /// Requeues an account with a failed read. A source that stays unreadable is reported once, and
    /// not for every account that is still watched.
    fn unread(&mut self, case: &Case<'_>, why: Option<String>) {
        let is_last = case.registry_wait.is_none() && case.attempt >= REQUEUE.tries;
        if !(is_last && case.known.since.is_some()) {
            self.look_again(case, Reason::Unread(why.unwrap_or_default()));
        }
    }

    /// Requeues the account without using up an attempt: an operation is running.
    fn look_on(&mut self, case: &Case<'_>) {
        let revisit = Revisit {
            account: *case.id,
            delay: REQUEUE.first,
            attempt: case.attempt,
            awaits: None,
        };
        self.plan.revisits.push(revisit);
    }

    /// Deletes the stack, to be recreated.
    fn recreate(&mut self, case: &Case<'_>) {
        let accounts = if case.needs_token() {
            &mut self.renew
        } else {
            &mut self.recreate
        };
        accounts.push(*case.id);
        self.look_on(case);
    }

    fn block(&mut self, case: &Case<'_>, reason: Reason) {
        let wanted = Record {
            reason: Some(reason.clone()),
            ..case.known.clone()
        };
        case.record(self, wanted);
        self.plan.blocked.push((*case.id, reason));
    }

    fn into_plan(self, policy: &Policy, inventory: &Inventory, now: Timestamp) -> Plan {
        let Self {
            mut plan,
            create,
            renew,
            recreate,
            abandon,
            releases,
        } = self;
        // Counts accounts that the list shows or the ledger calls enrolled. An account that was
        // already allowed to leave before a call failed is not checked again.
        let (leaving, free): (Vec<_>, Vec<_>) = releases.into_iter().partition(|release| {
            let record = inventory.records.get(&release.account);
            let is_enrolled = record.is_some_and(|record| record.since.is_some());
            let let_through =
                !is_enrolled && record.is_some_and(|record| record.left_within_the_day(now));
            let is_counted = is_enrolled || !release.registrations.is_empty();
            is_counted && !let_through
        });
        plan.actions.extend(release_actions(free));
        let ids: BTreeSet<AccountId> = leaving.iter().map(|release| release.account).collect();
        let mut judged = ids.clone();
        match offboarding::check(policy, &inventory.records, &ids, now) {
            Verdict::Fits => {}
            // Once some of them have left, the ledger could no longer show that the rest was
            // approved.
            Verdict::Approved(all) => {
                let waits = |id: &AccountId| {
                    let planned = plan.records.get(id);
                    let known = inventory.records.get(id);
                    let record = planned.map_or(known, Option::as_ref);
                    record.is_some_and(|record| record.held)
                };
                if !planted(Fault::ApprovalEndsHalfway) {
                    judged.extend(all.into_iter().filter(waits));
                }
            }
            Verdict::Held(held) => plan.held = Some(held),
        }
        for id in &judged {
            let planned = plan.records.get(id).cloned().flatten();
            let known = planned
                .or_else(|| inventory.records.get(id).cloned())
                .unwrap_or_default();
            let record = if plan.held.is_some() {
                Record {
                    held: true,
                    ..known
                }
            } else {
                // Counted before the offboarding is executed, so that a crash cannot hide it from
                // the limit.
                Record {
                    since: None,
                    paused: false,
                    left_at: Some(now),
                    held: false,
                    ..known
                }
            };
            if inventory.records.get(id) != Some(&record) {
                plan.records.insert(*id, Some(record));
            }
        }
        if plan.held.is_some() {
            // Nothing changes before an administrator approves; the schedule checks again.
            plan.revisits
                .retain(|revisit| !ids.contains(&revisit.account));
        } else {
            plan.actions.extend(release_actions(leaving));
        }
        for (accounts, retain) in [(recreate, false), (abandon, true)] {
            if !accounts.is_empty() {
                plan.actions
                    .push(Action::RecreateInstances { accounts, retain });
            }
        }
        if !renew.is_empty() {
            plan.actions.push(Action::RenewTokens { accounts: renew });
        }
        if !create.is_empty() {
            // First, because stacks take longest.
            plan.actions
                .insert(0, Action::CreateInstances { accounts: create });
        }
        plan
    }
}

fn release_actions(releases: Vec<Release>) -> Vec<Action> {
    let mut actions = Vec::new();
    let (mut delete, mut forget) = (Vec::new(), Vec::new());
    for Release {
        account,
        registrations,
        stack,
    } in releases
    {
        actions.extend(
            registrations
                .into_iter()
                .map(|existing| Action::DeleteRegistration { account, existing }),
        );
        match stack {
            StackEnd::Delete => delete.push(account),
            StackEnd::Forget => forget.push(account),
            StackEnd::Stay => {}
        }
    }
    for (accounts, retain) in [(delete, false), (forget, true)] {
        if !accounts.is_empty() {
            actions.push(Action::DeleteInstances { accounts, retain });
        }
    }
    actions
}
