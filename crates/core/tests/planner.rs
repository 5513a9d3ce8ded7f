//! The planner against the ports in memory: tables of situations, and the laws that hold in all.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod memory;

use std::collections::BTreeSet;

use futures::executor::block_on;
use jiff::{SignedDuration, Timestamp};
use memory::{Memory, account, deployment, id, ou};
use proptest::prelude::*;
use towerhook_core::{
    enrollment::{
        Action, Deletion, Deployment, Destination, Inventory, Plan, Record, observe, plan,
    },
    landing_zone::{AccountState, InstanceState, Management, StackInstance},
    lifecycle::Scope,
    model::{ExternalId, SubAccount},
    ports::{IntegrationKind, Saas},
};

fn now() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

fn look(memory: &Memory, deployment: &Deployment, scope: Scope) -> (Inventory, Plan) {
    let inventory = block_on(observe(memory, memory, deployment, scope)).unwrap();
    let plan = plan(deployment, &inventory, now());
    (inventory, plan)
}

/// One pass and the end of the operations that it began.
fn pass(memory: &Memory, deployment: &Deployment, scope: Scope) -> Plan {
    let (inventory, plan) = look(memory, deployment, scope);
    memory.carry_out(deployment, &inventory, plan.clone(), now());
    memory.settle();
    plan
}

/// Passes over everything until nothing is left to do.
fn converge(memory: &Memory, deployment: &Deployment) {
    for _ in 0..6 {
        if pass(memory, deployment, Scope::all()).is_empty() {
            return;
        }
    }
    let (_, plan) = look(memory, deployment, Scope::all());
    panic!("never at rest:\n{plan}");
}

/// `count` managed accounts in unit 1.
fn world(count: usize) -> Memory {
    let memory = Memory::default();
    for n in 0..count {
        let mut state = memory.0.borrow_mut();
        state.accounts.insert(id(n), account(n, 1));
        state.baselines.add(id(n), Management::Managed);
    }
    memory
}

fn enrolled(memory: &Memory) -> BTreeSet<String> {
    let state = memory.0.borrow();
    let enabled = state
        .integrations
        .iter()
        .filter(|integration| integration.enabled);
    enabled
        .map(|integration| integration.name.clone())
        .collect()
}

fn writes(memory: &Memory) -> usize {
    memory.0.borrow().writes.len()
}

#[test]
fn a_new_account_gets_its_stack_and_then_its_integration() {
    let memory = world(1);
    let first = pass(&memory, &deployment(), Scope::arrival(id(0)));
    assert_eq!(first.actions.len(), 1);
    assert_eq!(
        first.revisits[0].attempt, 0,
        "an operation under way uses up no attempts"
    );
    let second = pass(&memory, &deployment(), Scope::account(id(0)));
    assert_eq!(second.actions.len(), 1);
    assert_eq!(memory.0.borrow().records[&id(0)].since, Some(now()));
    assert!(look(&memory, &deployment(), Scope::all()).1.is_empty());
}

#[test]
fn a_second_delivery_of_the_same_event_changes_nothing() {
    let memory = world(1);
    converge(&memory, &deployment());
    let before = writes(&memory);
    assert!(pass(&memory, &deployment(), Scope::arrival(id(0))).is_empty());
    assert_eq!(writes(&memory), before);
}

#[test]
fn what_cannot_be_read_removes_nobody() {
    let memory = world(3);
    converge(&memory, &deployment());
    memory.0.borrow_mut().accounts.remove(&id(1));
    memory
        .0
        .borrow_mut()
        .accounts
        .get_mut(&id(2))
        .unwrap()
        .state = AccountState::Closed;
    let before = (enrolled(&memory), writes(&memory));
    for operation in [
        "organizations:DescribeAccount",
        "cloudformation:ListStackInstances",
        "lacework:ListCloudAccounts",
        "controltower:ListEnabledBaselines",
    ] {
        memory.0.borrow_mut().broken.insert(operation);
    }
    let some = Scope {
        accounts: (0..3).map(|n| (id(n), 0)).collect(),
        ..Scope::default()
    };
    pass(&memory, &deployment(), some);
    assert_eq!((enrolled(&memory), writes(&memory)), before);
}

#[test]
fn a_listing_that_fails_is_an_error_and_no_plan() {
    let memory = world(3);
    memory
        .0
        .borrow_mut()
        .broken
        .insert("organizations:ListAccounts");
    assert!(block_on(observe(&memory, &memory, &deployment(), Scope::all())).is_err());
}

#[test]
fn a_closed_account_leaves_and_its_stack_is_only_forgotten() {
    let memory = world(2);
    converge(&memory, &deployment());
    memory
        .0
        .borrow_mut()
        .accounts
        .get_mut(&id(0))
        .unwrap()
        .state = AccountState::Closed;
    converge(&memory, &deployment());
    let state = memory.0.borrow();
    assert_eq!(state.integrations.len(), 1);
    assert!(
        state.writes.contains(&format!("forget stack in {}", id(0))),
        "{:?}",
        state.writes
    );
    assert_eq!(state.records[&id(0)].left_at, Some(now()));
}

#[test]
fn a_suspended_account_is_switched_off_and_on_again() {
    let memory = world(1);
    converge(&memory, &deployment());
    memory
        .0
        .borrow_mut()
        .accounts
        .get_mut(&id(0))
        .unwrap()
        .state = AccountState::Suspended;
    converge(&memory, &deployment());
    assert!(enrolled(&memory).is_empty());
    assert_eq!(memory.0.borrow().instances.len(), 1);
    memory
        .0
        .borrow_mut()
        .accounts
        .get_mut(&id(0))
        .unwrap()
        .state = AccountState::Active;
    converge(&memory, &deployment());
    assert_eq!(enrolled(&memory).len(), 1);
}

#[test]
fn accounts_outside_the_mapped_units_are_left_out() {
    let memory = world(2);
    memory.0.borrow_mut().accounts.insert(id(1), account(1, 2));
    let mut deployment = deployment();
    let sub_account = SubAccount::from("production");
    deployment.policy.destination = Destination::Mapped([(ou(1), sub_account.clone())].into());
    deployment.sub_accounts = [sub_account.clone()].into();
    converge(&memory, &deployment);
    let state = memory.0.borrow();
    assert_eq!(state.integrations.len(), 1);
    assert_eq!(state.integrations[0].sub_account, Some(sub_account));
    let reason = state.records[&id(1)].reason.as_deref().unwrap();
    assert!(reason.contains("LaceworkOrgSubAccountNames"), "{reason}");
}

#[test]
fn an_account_that_moves_between_mapped_units_is_watched_once_and_in_the_right_place() {
    let memory = world(1);
    let mut deployment = deployment();
    deployment.policy.destination =
        Destination::Mapped([(ou(1), "one".into()), (ou(2), "two".into())].into());
    deployment.sub_accounts = deployment.policy.destination.sub_accounts();
    converge(&memory, &deployment);
    memory.0.borrow_mut().accounts.insert(id(0), account(0, 2));
    converge(&memory, &deployment);
    let state = memory.0.borrow();
    assert_eq!(state.integrations.len(), 1);
    assert_eq!(state.integrations[0].sub_account, Some("two".into()));
}

#[test]
fn who_was_there_at_launch_stays_out_until_something_happens_to_it() {
    let memory = world(2);
    let mut deployment = deployment();
    deployment.policy.monitor_existing = false;
    for n in 0..2 {
        let record = Record {
            existing_at_launch: true,
            ..Record::default()
        };
        memory.0.borrow_mut().records.insert(id(n), record);
    }
    converge(&memory, &deployment);
    assert!(enrolled(&memory).is_empty());
    pass(&memory, &deployment, Scope::arrival(id(0)));
    converge(&memory, &deployment);
    assert_eq!(
        enrolled(&memory).len(),
        1,
        "only the one that a lifecycle event named"
    );
    deployment.policy.monitor_existing = true;
    converge(&memory, &deployment);
    assert_eq!(enrolled(&memory).len(), 2);
}

#[test]
fn who_was_there_at_launch_is_new_from_its_first_event_on_whatever_comes_of_that() {
    let memory = world(1);
    let mut deployment = deployment();
    deployment.policy.monitor_existing = false;
    let record = Record {
        existing_at_launch: true,
        ..Record::default()
    };
    memory.0.borrow_mut().records.insert(id(0), record);
    // The event may come before Control Tower's own listing knows of it.
    memory.0.borrow_mut().baselines.0.remove(&id(0));
    pass(&memory, &deployment, Scope::arrival(id(0)));
    assert!(enrolled(&memory).is_empty());
    let mut state = memory.0.borrow_mut();
    state.baselines.add(id(0), Management::Managed);
    drop(state);
    converge(&memory, &deployment);
    assert_eq!(enrolled(&memory).len(), 1);
}

#[test]
fn a_baseline_under_change_begins_nothing_and_one_that_is_gone_ends_nothing() {
    let memory = world(2);
    memory
        .0
        .borrow_mut()
        .baselines
        .0
        .insert(id(0), Management::UnderChange);
    let plan = pass(&memory, &deployment(), Scope::account(id(0)));
    assert!(plan.actions.is_empty());
    assert_eq!(plan.revisits.len(), 1);
    memory
        .0
        .borrow_mut()
        .baselines
        .0
        .insert(id(0), Management::Managed);
    converge(&memory, &deployment());
    memory.0.borrow_mut().baselines.0.remove(&id(0));
    converge(&memory, &deployment());
    assert_eq!(enrolled(&memory).len(), 2);
}

#[test]
fn an_event_ahead_of_the_baselines_listing_is_looked_at_again() {
    let memory = world(1);
    memory.0.borrow_mut().baselines.0.clear();
    let plan = look(&memory, &deployment(), Scope::arrival(id(0))).1;
    assert!(plan.actions.is_empty());
    assert_eq!(plan.revisits[0].attempt, 1);
    let plan = look(&memory, &deployment(), Scope::account(id(0))).1;
    assert!(plan.revisits.is_empty(), "nobody said that it is new");
}

#[test]
fn an_account_that_arrived_lately_is_not_taken_out_for_a_listing_that_is_behind() {
    let memory = world(1);
    let mut deployment = deployment();
    deployment.policy.offboard_unenrolled = true;
    pass(&memory, &deployment, Scope::arrival(id(0)));
    // Its stack is ready, and that event does not say that it is new.
    memory.0.borrow_mut().baselines.0.clear();
    let plan = pass(&memory, &deployment, Scope::account(id(0)));
    assert!(plan.actions.is_empty(), "{plan}");
    assert_eq!(plan.revisits.len(), 1);
    memory
        .0
        .borrow_mut()
        .records
        .get_mut(&id(0))
        .unwrap()
        .arrived_at = Some(now() - jiff::SignedDuration::from_mins(15));
    let plan = pass(&memory, &deployment, Scope::account(id(0)));
    assert!(plan.revisits.is_empty(), "it was never managed after all");
}

#[test]
fn a_failed_stack_is_tried_again_and_then_an_administrator_is_told() {
    let memory = world(1);
    let broken = StackInstance {
        account: id(0),
        state: InstanceState::Outdated,
        reason: Some("no role".into()),
    };
    memory.0.borrow_mut().instances.insert(id(0), broken);
    let retried = look(&memory, &deployment(), Scope::account(id(0))).1;
    assert_eq!(retried.actions.len(), 1);
    let tired = Scope {
        accounts: [(id(0), 10)].into(),
        ..Scope::default()
    };
    let given_up = look(&memory, &deployment(), tired).1;
    assert!(given_up.actions.is_empty());
    assert!(given_up.blocked[0].1.contains("no role"));
}

#[test]
fn an_account_that_somebody_elses_integration_watches_is_reported() {
    let memory = world(1);
    let mut theirs = deployment().policy.member_integration(&id(0));
    theirs.name = "by hand".into();
    theirs.external_id = ExternalId::new("acme", &id(0), "THEIRSUFFX");
    block_on(memory.create(None, &theirs)).unwrap();
    pass(&memory, &deployment(), Scope::all());
    let plan = look(&memory, &deployment(), Scope::all()).1;
    assert!(plan.actions.is_empty());
    assert!(plan.blocked[0].1.contains("by hand"));
}

#[test]
fn no_more_than_the_limit_leaves_in_a_day_however_small_the_scopes() {
    let memory = world(20);
    converge(&memory, &deployment());
    for n in 0..20 {
        memory.0.borrow_mut().accounts.remove(&id(n));
        for _ in 0..3 {
            pass(&memory, &deployment(), Scope::account(id(n)));
        }
    }
    assert_eq!(
        enrolled(&memory).len(),
        17,
        "at least three may leave, and no more"
    );
    let waiting = look(&memory, &deployment(), Scope::all()).1;
    assert!(
        waiting.revisits.is_empty(),
        "only an administrator changes anything"
    );
    let held = waiting.held.unwrap();
    assert_eq!(held.accounts.len(), 17);
    let mut approving = deployment();
    approving.policy.approved_offboard = Some(held.digest);
    converge(&memory, &approving);
    assert!(enrolled(&memory).is_empty());
}

#[test]
fn an_approved_offboarding_that_failed_half_way_goes_on_without_another_word() {
    let memory = world(10);
    converge(&memory, &deployment());
    memory.0.borrow_mut().accounts.clear();
    let held = look(&memory, &deployment(), Scope::all()).1.held.unwrap();
    let mut approving = deployment();
    approving.policy.approved_offboard = Some(held.digest);
    memory
        .0
        .borrow_mut()
        .broken
        .insert("lacework:DeleteCloudAccount");
    pass(&memory, &approving, Scope::all());
    assert_eq!(enrolled(&memory).len(), 10);
    assert_eq!(
        memory.0.borrow().instances.len(),
        10,
        "a role goes after its integration"
    );
    memory.0.borrow_mut().broken.clear();
    pass(&memory, &approving, Scope::account(id(3)));
    assert_eq!(enrolled(&memory).len(), 9);
    converge(&memory, &approving);
    assert!(enrolled(&memory).is_empty());
}

#[test]
fn a_stack_is_forgotten_when_two_deletions_failed_however_often_it_was_looked_at() {
    let memory = world(1);
    let mut deployment = mapped();
    converge(&memory, &deployment);
    deployment.policy.destination = Destination::Mapped([(ou(2), "two".into())].into());
    memory
        .0
        .borrow_mut()
        .instances
        .get_mut(&id(0))
        .unwrap()
        .state = InstanceState::Inoperable;
    let after = |times: u32, minutes: i64, attempt: u32| {
        let deletion = (times > 0).then(|| Deletion {
            times,
            asked_at: now() - SignedDuration::from_mins(minutes),
        });
        memory
            .0
            .borrow_mut()
            .records
            .get_mut(&id(0))
            .unwrap()
            .deletion = deletion;
        let scope = Scope {
            accounts: [(id(0), attempt)].into(),
            ..Scope::default()
        };
        let actions = look(&memory, &deployment, scope).1.actions;
        actions.into_iter().find_map(|action| match action {
            Action::DeleteInstances { retain, .. } => Some(retain),
            _ => None,
        })
    };
    let (deleted, forgotten) = (Some(false), Some(true));
    assert_eq!(after(0, 0, 9), deleted, "nine looks are no deletion");
    assert_eq!(
        after(1, 1, 1),
        None,
        "the list may be older than the deletion"
    );
    assert_eq!(after(1, 8, 2), deleted);
    assert_eq!(after(2, 1, 2), None);
    assert_eq!(after(2, 8, 3), forgotten);
}

#[test]
fn another_deployments_integration_of_the_same_name_is_left_alone() {
    let memory = world(1);
    let mut theirs = deployment().policy.member_integration(&id(0));
    theirs.external_id = ExternalId::new("acme", &id(0), "THEIRSUFFX");
    block_on(memory.create(None, &theirs)).unwrap();
    let deployment = mapped();
    for _ in 0..4 {
        pass(&memory, &deployment, Scope::all());
    }
    memory.0.borrow_mut().accounts.clear();
    for _ in 0..4 {
        pass(&memory, &deployment, Scope::all());
    }
    assert_eq!(memory.0.borrow().integrations.len(), 1);
}

#[test]
fn what_is_gone_for_a_day_is_forgotten() {
    let memory = world(1);
    converge(&memory, &deployment());
    memory.0.borrow_mut().accounts.clear();
    converge(&memory, &deployment());
    assert!(
        memory.0.borrow().records.contains_key(&id(0)),
        "it counts for a day"
    );
    let yesterday = now() - SignedDuration::from_hours(25);
    memory
        .0
        .borrow_mut()
        .records
        .get_mut(&id(0))
        .unwrap()
        .left_at = Some(yesterday);
    converge(&memory, &deployment());
    assert!(memory.0.borrow().records.is_empty());
}

#[test]
fn the_count_of_a_day_ends_with_the_day() {
    let memory = world(10);
    converge(&memory, &deployment());
    let yesterday = now() - SignedDuration::from_hours(25);
    for n in 10..13 {
        let record = Record {
            left_at: Some(yesterday),
            ..Record::default()
        };
        memory.0.borrow_mut().records.insert(id(n), record);
    }
    memory.0.borrow_mut().accounts.remove(&id(0));
    assert!(
        look(&memory, &deployment(), Scope::account(id(0)))
            .1
            .held
            .is_none()
    );
}

/// What an account of a generated world is like.
#[derive(Debug, Clone)]
struct Case {
    exists: bool,
    state: AccountState,
    unit: usize,
    management: Option<Management>,
    instance: Option<InstanceState>,
    stores: Vec<usize>,
    enabled: bool,
}

fn case() -> impl Strategy<Value = Case> {
    use AccountState::*;
    use InstanceState::*;
    (
        prop::bool::weighted(0.9),
        prop::sample::select(vec![
            Active,
            Active,
            Active,
            Suspended,
            PendingClosure,
            Closed,
        ]),
        1..4usize,
        prop::option::of(prop::sample::select(vec![
            Management::Managed,
            Management::Managed,
            Management::UnderChange,
            Management::Failed,
        ])),
        prop::option::of(prop::sample::select(vec![
            InProgress, Current, Current, Outdated,
        ])),
        prop::collection::vec(0..3usize, 0..2),
        prop::bool::weighted(0.8),
    )
        .prop_map(
            |(exists, state, unit, management, instance, stores, enabled)| Case {
                exists,
                state,
                unit,
                management,
                instance,
                stores,
                enabled,
            },
        )
}

fn mapped() -> Deployment {
    let mut deployment = deployment();
    deployment.policy.destination =
        Destination::Mapped([(ou(1), "one".into()), (ou(2), "two".into())].into());
    deployment.sub_accounts = deployment.policy.destination.sub_accounts();
    deployment.policy.offboard_limit_percent = 100;
    deployment
}

fn generated(cases: &[Case]) -> Memory {
    let memory = Memory::default();
    let stores = [
        None,
        Some(SubAccount::from("one")),
        Some(SubAccount::from("two")),
    ];
    for (n, case) in cases.iter().enumerate() {
        for store in &case.stores {
            let spec = mapped().policy.member_integration(&id(n));
            block_on(memory.create(stores[*store].as_ref(), &spec)).unwrap();
        }
        let mut state = memory.0.borrow_mut();
        if !case.stores.is_empty() {
            let record = Record {
                since: Some(now()),
                ..Record::default()
            };
            state.records.insert(id(n), record);
        }
        if case.exists {
            let mut account = account(n, case.unit);
            account.state = case.state;
            state.accounts.insert(id(n), account);
        }
        if let Some(management) = case.management {
            state.baselines.add(id(n), management);
        }
        if let Some(instance) = case.instance {
            let instance = StackInstance {
                account: id(n),
                state: instance,
                reason: None,
            };
            state.instances.insert(id(n), instance);
        }
        for integration in state.integrations.iter_mut() {
            integration.enabled &= case.enabled;
        }
    }
    memory.0.borrow_mut().writes.clear();
    memory
}

proptest! {
    #[test]
    fn the_same_inventory_gives_the_same_plan(cases in prop::collection::vec(case(), 0..8)) {
        let memory = generated(&cases);
        let (inventory, first) = look(&memory, &mapped(), Scope::all());
        prop_assert_eq!(first, plan(&mapped(), &inventory, now()));
    }

    #[test]
    fn every_world_comes_to_rest_and_stays_there(cases in prop::collection::vec(case(), 0..8)) {
        let memory = generated(&cases);
        let deployment = mapped();
        for _ in 0..6 {
            pass(&memory, &deployment, Scope::all());
        }
        let (_, rest) = look(&memory, &deployment, Scope::all());
        prop_assert!(rest.actions.is_empty(), "{}", rest);
        prop_assert!(rest.records.is_empty(), "{:?}", rest.records);
    }

    #[test]
    fn everybody_who_should_be_watched_is_watched_once_in_the_right_place(
        cases in prop::collection::vec(case(), 0..8)
    ) {
        let memory = generated(&cases);
        for _ in 0..6 {
            pass(&memory, &mapped(), Scope::all());
        }
        for (n, case) in cases.iter().enumerate() {
            let should = case.exists
                && case.state == AccountState::Active
                && case.unit < 3
                && case.management == Some(Management::Managed);
            let spec = mapped().policy.member_integration(&id(n));
            let state = memory.0.borrow();
            let own: Vec<_> = state
                .integrations
                .iter()
                .filter(|i| i.kind == IntegrationKind::Config && i.name == spec.name)
                .collect();
            prop_assert!(own.len() <= 1);
            if should {
                let store = SubAccount::from(["", "one", "two"][case.unit]);
                prop_assert_eq!(own.len(), 1);
                prop_assert_eq!(own[0].sub_account.as_ref(), Some(&store));
                prop_assert!(own[0].enabled);
            }
            if !case.exists || case.state == AccountState::Closed {
                prop_assert!(own.is_empty());
            }
        }
    }

    #[test]
    fn nothing_is_done_on_what_is_unknown(
        cases in prop::collection::vec(case(), 1..8),
        broken in prop::sample::subsequence(
            vec!["cloudformation:ListStackInstances", "lacework:ListCloudAccounts"], 1..=2)
    ) {
        let memory = generated(&cases);
        memory.0.borrow_mut().broken.extend(broken.iter().copied());
        let guids = || -> Vec<String> {
            memory.0.borrow().integrations.iter().map(|i| i.guid.clone()).collect()
        };
        let before = guids();
        pass(&memory, &mapped(), Scope::all());
        prop_assert_eq!(guids(), before);
    }
}
