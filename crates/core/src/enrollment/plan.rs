use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{
    AccountView, Action, Decision, Deployment, Inventory, Known, Plan, Policy, Reason, Record,
    Revisit, decide, offboarding,
};
use crate::{
    error::FIRST_DELAY,
    landing_zone::{AccountState, InstanceState},
    lifecycle::{MAX_ATTEMPTS, delay_of},
    model::{AccountId, SubAccount},
    ports::{Integration, IntegrationSpec},
};

/// What to do so that every account in scope is as it should be.
///
/// Deterministic and total. What could not be read is looked at again and changes nothing.
pub fn plan(deployment: &Deployment, inventory: &Inventory, now: Timestamp) -> Plan {
    let policy = &deployment.policy;
    let mut draft = Draft::default();
    for (id, view) in &inventory.accounts {
        let record = inventory.records.get(id);
        let arrived = inventory.scope.arrived.contains(id);
        let known = record.cloned().unwrap_or_default();
        let case = Case {
            policy,
            id,
            view,
            record,
            known: Record {
                existing_at_launch: known.existing_at_launch && !arrived,
                ..known
            },
            attempt: inventory.scope.attempts(id),
            now,
        };
        if record.is_some_and(|record| record.existing_at_launch) && arrived {
            case.record(&mut draft, case.known.clone());
        }
        match decide(policy, id, view, record, arrived) {
            Decision::Watch(sub_account) => watch(&mut draft, &case, sub_account),
            Decision::Leave(reason) => leave(&mut draft, &case, reason),
            Decision::Pause(reason) => pause(&mut draft, &case, reason),
            Decision::Release(reason) => release(&mut draft, &case, reason),
            Decision::Wait(_) => draft.look_again(&case),
        }
    }
    draft.into_plan(policy, inventory, now)
}

/// One account's circumstances.
struct Case<'a> {
    policy: &'a Policy,
    id: &'a AccountId,
    view: &'a AccountView,
    record: Option<&'a Record>,
    /// The record as it should go on: no longer that of an account that was there at launch, once a
    /// lifecycle event has named it.
    known: Record,
    attempt: u32,
    now: Timestamp,
}

impl Case<'_> {
    /// Asks the ledger to say `wanted`, if it says anything else.
    fn record(&self, draft: &mut Draft, wanted: Record) {
        if self.record.is_none_or(|record| *record != wanted) {
            draft.plan.records.insert(*self.id, Some(wanted));
        }
    }

    /// Asks the ledger to forget an account of which nothing is left.
    fn forget(&self, draft: &mut Draft) {
        if self.record.is_some() {
            draft.plan.records.insert(*self.id, None);
        }
    }

    fn is_ours(&self, integration: &Integration) -> bool {
        self.policy.owns_member_integration(self.id, integration)
    }
}

#[derive(Default)]
struct Draft {
    plan: Plan,
    create: Vec<AccountId>,
    releases: Vec<Release>,
}

/// An account on its way out.
struct Release {
    account: AccountId,
    integrations: Vec<Integration>,
    /// Whether there is a member stack, and whether it can only be forgotten.
    instance: Option<bool>,
}

impl Draft {
    /// Another look that uses up an attempt.
    fn look_again(&mut self, case: &Case<'_>) {
        let attempt = case.attempt + 1;
        if attempt <= MAX_ATTEMPTS {
            let delay = delay_of(case.attempt);
            self.plan.revisits.push(Revisit {
                account: *case.id,
                delay,
                attempt,
            });
        }
    }

    /// Another look that uses up nothing: something is under way.
    fn look_on(&mut self, case: &Case<'_>) {
        let revisit = Revisit {
            account: *case.id,
            delay: FIRST_DELAY,
            attempt: case.attempt,
        };
        self.plan.revisits.push(revisit);
    }

    fn block(&mut self, case: &Case<'_>, reason: String) {
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
            releases,
        } = self;
        // Who has a stack and no integration was never enrolled; who was let through before a
        // call failed is not asked about again.
        let let_through = |id: &AccountId| {
            inventory
                .records
                .get(id)
                .is_some_and(|record| record.left_within_the_day(now))
        };
        let (leaving, free): (Vec<_>, Vec<_>) = releases.into_iter().partition(|release| {
            !release.integrations.is_empty() && !let_through(&release.account)
        });
        plan.actions.extend(release_actions(free));
        let ids: BTreeSet<AccountId> = leaving.iter().map(|release| release.account).collect();
        plan.held = offboarding::check(policy, &inventory.records, &ids, now);
        for id in &ids {
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
                // Counted before it is carried out, so that a crash cannot hide it from the limit.
                Record {
                    since: None,
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
            // Nothing changes before an administrator says so; the schedule looks again.
            plan.revisits
                .retain(|revisit| !ids.contains(&revisit.account));
        } else {
            plan.actions.extend(release_actions(leaving));
        }
        if !create.is_empty() {
            // First, since a stack takes longest.
            plan.actions.insert(0, Action::CreateInstances(create));
        }
        plan
    }
}

fn release_actions(releases: Vec<Release>) -> Vec<Action> {
    let mut actions = Vec::new();
    let (mut delete, mut forget) = (Vec::new(), Vec::new());
    for Release {
        account,
        integrations,
        instance,
    } in releases
    {
        actions.extend(
            integrations
                .into_iter()
                .map(|existing| Action::DeleteIntegration { account, existing }),
        );
        match instance {
            Some(false) => delete.push(account),
            Some(true) => forget.push(account),
            None => {}
        }
    }
    for (accounts, retain) in [(delete, false), (forget, true)] {
        if !accounts.is_empty() {
            actions.push(Action::DeleteInstances { accounts, retain });
        }
    }
    actions
}

fn watch(draft: &mut Draft, case: &Case<'_>, sub_account: Option<SubAccount>) {
    let Known::Known(instance) = &case.view.instance else {
        return draft.look_again(case);
    };
    match instance {
        None => {
            draft.create.push(*case.id);
            draft.look_on(case);
        }
        Some(instance) => match instance.state {
            InstanceState::InProgress => draft.look_on(case),
            InstanceState::Current => integrate(draft, case, sub_account),
            InstanceState::Outdated if case.attempt < MAX_ATTEMPTS => {
                draft.create.push(*case.id);
                draft.look_again(case);
            }
            InstanceState::Outdated | InstanceState::Inoperable => {
                let reason = instance
                    .reason
                    .as_deref()
                    .unwrap_or("CloudFormation gives no reason");
                draft.block(case, format!("its member stack cannot be made: {reason}"));
            }
        },
    }
}

fn integrate(draft: &mut Draft, case: &Case<'_>, sub_account: Option<SubAccount>) {
    let Known::Known(integrations) = &case.view.integrations else {
        return draft.look_again(case);
    };
    let spec = case.policy.member_integration(case.id);
    let (ours, others): (Vec<_>, Vec<_>) = integrations.iter().partition(|i| case.is_ours(i));
    let (here, elsewhere): (Vec<_>, Vec<_>) =
        ours.into_iter().partition(|i| i.sub_account == sub_account);
    // The SaaS takes an account once, so what is elsewhere goes first.
    let doubled = here.iter().skip(1).copied();
    for existing in elsewhere.into_iter().chain(doubled).cloned() {
        draft.plan.actions.push(Action::DeleteIntegration {
            account: *case.id,
            existing,
        });
    }
    match here.first() {
        Some(existing) if is_as_wanted(existing, &spec) => {
            let since = case.known.since.unwrap_or(case.now);
            case.record(
                draft,
                Record {
                    since: Some(since),
                    sub_account,
                    ..Record::default()
                },
            );
        }
        Some(existing) => {
            let existing = (*existing).clone();
            draft.plan.actions.push(Action::UpdateIntegration {
                existing,
                spec,
                enabled: true,
            });
            draft.look_again(case);
        }
        None => match others.iter().find(|other| other.sub_account == sub_account) {
            Some(other) => {
                draft.block(
                    case,
                    format!("integration {:?} watches it already", other.name),
                );
            }
            None => draft
                .plan
                .actions
                .push(Action::CreateIntegration { sub_account, spec }),
        },
    }
}

fn is_as_wanted(existing: &Integration, spec: &IntegrationSpec) -> bool {
    existing.enabled
        && existing.name == spec.name
        && existing.role_arn == spec.role_arn
        && spec.external_id.is_shown_as(&existing.external_id)
}

fn leave(draft: &mut Draft, case: &Case<'_>, reason: Reason) {
    // Who is enrolled stays so, and keeps the record of it.
    let known = case.known.clone();
    if known.since.is_none() {
        case.record(
            draft,
            Record {
                reason: Some(reason.to_string()),
                ..known
            },
        );
    }
}

fn pause(draft: &mut Draft, case: &Case<'_>, reason: Reason) {
    let Known::Known(integrations) = &case.view.integrations else {
        return draft.look_again(case);
    };
    let spec = case.policy.member_integration(case.id);
    for existing in integrations
        .iter()
        .filter(|i| case.is_ours(i) && i.enabled)
        .cloned()
    {
        let spec = spec.clone();
        draft.plan.actions.push(Action::UpdateIntegration {
            existing,
            spec,
            enabled: false,
        });
    }
    let known = case.known.clone();
    case.record(
        draft,
        Record {
            since: None,
            reason: Some(reason.to_string()),
            ..known
        },
    );
}

fn release(draft: &mut Draft, case: &Case<'_>, reason: Reason) {
    let (Known::Known(integrations), Known::Known(instance)) =
        (&case.view.integrations, &case.view.instance)
    else {
        return draft.look_again(case);
    };
    let integrations: Vec<_> = integrations
        .iter()
        .filter(|i| case.is_ours(i))
        .cloned()
        .collect();
    let in_progress = instance
        .as_ref()
        .is_some_and(|instance| instance.state == InstanceState::InProgress);
    if in_progress {
        draft.look_on(case);
    } else if integrations.is_empty() && instance.is_none() {
        let known = case.known.clone();
        if reason == Reason::Gone && known.since.is_none() && !known.left_within_the_day(case.now) {
            return case.forget(draft);
        }
        let left_at = known.left_at.or(known.since.map(|_| case.now));
        let reason = Some(reason.to_string());
        let existing_at_launch = known.existing_at_launch;
        case.record(
            draft,
            Record {
                reason,
                left_at,
                existing_at_launch,
                ..Record::default()
            },
        );
    } else {
        let reachable = matches!(
            &case.view.account,
            Known::Known(Some(account)) if account.state == AccountState::Active
        );
        let instance = instance
            .as_ref()
            .map(|instance| !reachable || instance.state == InstanceState::Inoperable);
        draft.releases.push(Release {
            account: *case.id,
            integrations,
            instance,
        });
        draft.look_again(case);
    }
}
