//! What somebody has bent, taken away or doubled is put right, and what cannot be is said.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "memory/mod.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod memory;

use std::{collections::BTreeSet, time::Duration};

use futures::executor::block_on;
use jiff::{SignedDuration, Timestamp};
use memory::{Memory, account, deployment, id, ou};
use towerhook_core::{
    enrollment::{Deployment, Destination, Plan, Report, observe, plan},
    landing_zone::{Baselines, InstanceState, Management},
    lifecycle::Scope,
    model::ExternalId,
    ports::Health,
};

const SECOND: SignedDuration = SignedDuration::from_secs(1);

fn now() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

fn pass_at(memory: &Memory, deployment: &Deployment, now: Timestamp) -> (Plan, Report) {
    let inventory = block_on(observe(memory, memory, deployment, Scope::all())).unwrap();
    let plan = plan(deployment, &inventory, now);
    let report = memory.carry_out(deployment, &inventory, plan.clone(), now);
    memory.settle();
    (plan, report)
}

fn pass(memory: &Memory, deployment: &Deployment) -> (Plan, Report) {
    pass_at(memory, deployment, now())
}

/// Passes until nothing is left to do, and what all of them planned.
fn converge(memory: &Memory, deployment: &Deployment) -> String {
    let mut planned = String::new();
    for _ in 0..8 {
        let (plan, _) = pass(memory, deployment);
        if plan.is_empty() {
            return planned;
        }
        planned.push_str(&plan.to_string());
    }
    panic!("never at rest:\n{planned}");
}

/// `count` enrolled accounts in unit 1.
fn enrolled(count: usize, deployment: &Deployment) -> Memory {
    let memory = Memory::default();
    for n in 0..count {
        let mut state = memory.0.borrow_mut();
        state.accounts.insert(id(n), account(n, 1));
        state.baselines.add(id(n), Management::Managed);
    }
    converge(&memory, deployment);
    memory
}

fn mapped() -> Deployment {
    let mut deployment = deployment();
    let units = [(ou(1), "one".into()), (ou(2), "two".into())];
    deployment.policy.destination = Destination::Mapped(units.into());
    deployment.sub_accounts = BTreeSet::from(["one".into(), "two".into()]);
    deployment
}

fn unmanage(memory: &Memory) {
    memory.0.borrow_mut().baselines = Baselines::default();
}

#[test]
fn an_integration_that_somebody_bent_is_still_ours_and_put_right() {
    let deployment = deployment();
    let wanted = deployment.policy.member_integration(&id(0));
    let bends: [fn(&mut towerhook_core::ports::Integration); 5] = [
        |one| one.name = "renamed".into(),
        |one| one.enabled = false,
        |one| one.role_arn = "arn:aws:iam::999999999999:role/other".into(),
        |one| one.external_id = "nonsense".into(),
        |one| {
            one.role_arn = "arn:aws:iam::999999999999:role/other".into();
            one.external_id = "********".into();
            one.name = "renamed".into();
        },
    ];
    for bend in bends {
        let memory = enrolled(1, &deployment);
        bend(&mut memory.0.borrow_mut().integrations[0]);
        converge(&memory, &deployment);
        let state = memory.0.borrow();
        let [one] = &state.integrations[..] else {
            panic!("{:?}", state.integrations);
        };
        assert!(one.enabled);
        assert_eq!(
            (&one.name, &one.role_arn, one.external_id.as_str()),
            (&wanted.name, &wanted.role_arn, wanted.external_id.as_str())
        );
    }
}

#[test]
fn of_two_integrations_of_ours_one_stays_and_its_account_with_it() {
    let deployment = deployment();
    let memory = enrolled(1, &deployment);
    let mut second = memory.0.borrow().integrations[0].clone();
    second.guid = "A_SECOND".into();
    memory.0.borrow_mut().integrations.insert(0, second);
    let (_, report) = pass(&memory, &deployment);
    assert_eq!(report.left, [], "the account stays");
    assert_eq!(memory.0.borrow().integrations.len(), 1);
    // Whatever was recorded before, the next look agrees with this one.
    converge(&memory, &deployment);
    assert_eq!(memory.0.borrow().integrations[0].guid, "A_SECOND");
}

#[test]
fn an_integration_that_was_deleted_by_hand_comes_back() {
    let deployment = deployment();
    let memory = enrolled(1, &deployment);
    memory.0.borrow_mut().integrations.clear();
    // It may be there and not be listed yet, and a second one would be made.
    let (plan, _) = pass_at(&memory, &deployment, now() + SECOND * 30);
    assert!(plan.actions.is_empty(), "{plan}");
    assert_eq!(plan.revisits.len(), 1);
    let later = now() + SECOND * 60;
    let (_, report) = pass_at(&memory, &deployment, later);
    assert_eq!(report.gaps, [id(0)]);
    assert_eq!(memory.0.borrow().integrations.len(), 1);
    assert!(pass_at(&memory, &deployment, later).0.is_empty());
}

#[test]
fn one_that_only_the_ledger_tells_for_ours_is_known_until_it_has_gone() {
    let deployment = deployment();
    let memory = enrolled(1, &deployment);
    {
        let mut state = memory.0.borrow_mut();
        let mut second = state.integrations[0].clone();
        second.guid = "A_SECOND".into();
        second.external_id = "********".into();
        second.enabled = false;
        let bent = &mut state.integrations[0];
        bent.external_id = "********".into();
        bent.role_arn = "arn:aws:iam::999999999999:role/other".into();
        state.integrations.push(second);
        state.broken.insert("lacework:DeleteCloudAccount");
    }
    for _ in 0..3 {
        pass(&memory, &deployment);
        assert_eq!(memory.0.borrow().integrations.len(), 2);
    }
    memory.0.borrow_mut().broken.clear();
    converge(&memory, &deployment);
    let state = memory.0.borrow();
    let [one] = &state.integrations[..] else {
        panic!("{:?}", state.integrations);
    };
    assert!(one.enabled);
    assert_eq!(state.records[&id(0)].guid.as_deref(), Some("A_SECOND"));
}

#[test]
fn a_role_that_was_deleted_by_hand_is_made_anew_once_a_day() {
    let deployment = deployment();
    let memory = enrolled(1, &deployment);
    let fail = || {
        let failing = Health::Failing("403 Forbidden".into());
        memory.0.borrow_mut().integrations[0].health = failing;
    };
    let remakes = |planned: &str| planned.matches("make member stack anew").count();
    fail();
    assert_eq!(remakes(&converge(&memory, &deployment)), 1);
    let state = memory.0.borrow().instances[&id(0)].state;
    assert_eq!(state, InstanceState::Current);
    // The SaaS is asked to look again, and the stack is left alone for the rest of the day.
    fail();
    let planned = converge(&memory, &deployment);
    assert_eq!(remakes(&planned), 0);
    assert!(planned.contains("update integration"), "{planned}");
    fail();
    let (plan, _) = pass_at(&memory, &deployment, now() + SignedDuration::from_hours(24));
    assert_eq!(remakes(&plan.to_string()), 1);
}

#[test]
fn when_the_saas_fails_with_many_accounts_no_stack_is_touched() {
    let deployment = deployment();
    let memory = enrolled(20, &deployment);
    for one in &mut memory.0.borrow_mut().integrations {
        one.health = Health::Failing("403 Forbidden".into());
    }
    let (plan, report) = pass(&memory, &deployment);
    assert_eq!(plan.actions, []);
    assert_eq!(report.blocked.len(), 20);
}

#[test]
fn a_stack_that_a_deletion_left_unstable_is_left_behind_and_made_anew() {
    let deployment = deployment();
    let memory = enrolled(1, &deployment);
    let unstable = |memory: &Memory| {
        let mut state = memory.0.borrow_mut();
        state.instances.get_mut(&id(0)).unwrap().state = InstanceState::Inoperable;
    };
    unstable(&memory);
    let planned = converge(&memory, &deployment);
    assert!(planned.contains("make member stack anew"), "{planned}");
    assert!(planned.contains("create member stack"), "{planned}");
    assert_eq!(
        memory.0.borrow().instances[&id(0)].state,
        InstanceState::Current
    );
}

#[test]
fn an_account_that_control_tower_lets_go_stays_watched_and_is_reported() {
    let deployment = deployment();
    let memory = enrolled(1, &deployment);
    unmanage(&memory);
    let (plan, report) = pass(&memory, &deployment);
    assert_eq!(plan.actions, []);
    assert!(report.blocked[0].1.contains("it stays watched"));
    let record = memory.0.borrow().records[&id(0)].clone();
    assert_eq!(record.since, Some(now()));
    assert!(record.reason.unwrap().contains("does not manage it"));
    memory.0.borrow_mut().integrations[0].enabled = false;
    converge(&memory, &deployment);
    assert!(memory.0.borrow().integrations[0].enabled);
    // Back under Control Tower, there is nothing left to report.
    let managed = Management::Managed;
    memory.0.borrow_mut().baselines.add(id(0), managed);
    converge(&memory, &deployment);
    assert_eq!(memory.0.borrow().records[&id(0)].reason, None);
}

#[test]
fn with_offboard_unenrolled_it_leaves_and_its_stack_stays_for_its_return() {
    let mut deployment = deployment();
    deployment.policy.offboard_unenrolled = true;
    let memory = enrolled(1, &deployment);
    unmanage(&memory);
    // The listing of baselines may be behind a newcomer.
    let (plan, _) = pass(&memory, &deployment);
    assert!(
        plan.actions.is_empty() && plan.revisits.len() == 1,
        "{plan}"
    );
    pass_at(&memory, &deployment, now() + SignedDuration::from_mins(15));
    assert_eq!(memory.0.borrow().integrations, []);
    assert_eq!(memory.0.borrow().instances.len(), 1);
    let managed = Management::Managed;
    memory.0.borrow_mut().baselines.add(id(0), managed);
    let planned = converge(&memory, &deployment);
    assert!(!planned.contains("stack"), "{planned}");
    assert_eq!(memory.0.borrow().integrations.len(), 1);
}

#[test]
fn a_move_tries_the_new_place_first() {
    let deployment = mapped();
    for takes_twice in [true, false] {
        let memory = enrolled(1, &deployment);
        memory.0.borrow_mut().takes_twice = takes_twice;
        memory.0.borrow_mut().accounts.insert(id(0), account(0, 2));
        let (_, report) = pass(&memory, &deployment);
        assert_eq!(report.gaps.is_empty(), takes_twice);
        let state = memory.0.borrow();
        let [one] = &state.integrations[..] else {
            panic!("{:?}", state.integrations);
        };
        assert_eq!(one.sub_account, Some("two".into()));
        let record = &state.records[&id(0)];
        assert_eq!(record.sub_account, Some("two".into()));
        assert_eq!(record.gap_at.is_none(), takes_twice);
        drop(state);
        assert!(pass(&memory, &deployment).0.is_empty());
    }
}

#[test]
fn a_move_that_fails_puts_the_old_integration_back_and_waits_a_day() {
    let deployment = mapped();
    let memory = enrolled(1, &deployment);
    {
        let mut state = memory.0.borrow_mut();
        state.accounts.insert(id(0), account(0, 2));
        state.unusable.insert(Some("two".into()));
    }
    let (_, report) = pass(&memory, &deployment);
    assert_eq!(report.blocked.len(), 1, "{report:?}");
    assert_eq!(report.gaps, [id(0)]);
    let store = |memory: &Memory| memory.0.borrow().integrations[0].sub_account.clone();
    assert_eq!(store(&memory), Some("one".into()));
    let asked = |memory: &Memory| memory.0.borrow().asked["lacework:DeleteCloudAccount"];
    let before = asked(&memory);
    let reason = |memory: &Memory| memory.0.borrow().records[&id(0)].reason.clone();
    let why = reason(&memory);
    pass(&memory, &deployment);
    assert_eq!(asked(&memory), before, "nothing is given up again today");
    assert_eq!(reason(&memory), why);
    memory.0.borrow_mut().unusable.clear();
    pass_at(&memory, &deployment, now() + SignedDuration::from_hours(24));
    assert_eq!(store(&memory), Some("two".into()));
}

#[test]
fn a_move_that_was_cut_off_goes_on_or_back_and_its_gap_is_recorded() {
    for (refuses, store) in [(false, "two"), (true, "one")] {
        let deployment = mapped();
        let memory = enrolled(1, &deployment);
        {
            let mut state = memory.0.borrow_mut();
            state.accounts.insert(id(0), account(0, 2));
            // The function was no more before it had made the new one.
            state.integrations.clear();
            state.unusable.extend(refuses.then(|| Some("two".into())));
        }
        let (_, report) = pass(&memory, &deployment);
        assert_eq!(report.gaps, [id(0)]);
        assert_eq!(report.blocked.len(), usize::from(refuses), "{report:?}");
        let state = memory.0.borrow();
        let [one] = &state.integrations[..] else {
            panic!("{:?}", state.integrations);
        };
        assert_eq!(one.sub_account, Some(store.into()));
        assert_eq!(state.records[&id(0)].gap_at, Some(now()));
    }
}

#[test]
fn after_the_saas_has_had_enough_nobody_asks_it_again_in_that_pass() {
    const ACCOUNTS: usize = 30;
    let deployment = deployment();
    let memory = Memory::default();
    for n in 0..ACCOUNTS {
        let mut state = memory.0.borrow_mut();
        state.accounts.insert(id(n), account(n, 1));
        state.baselines.add(id(n), Management::Managed);
    }
    pass(&memory, &deployment);
    let create = "lacework:CreateCloudAccount";
    memory.0.borrow_mut().throttled.insert(create);
    let (_, report) = pass(&memory, &deployment);
    assert!(memory.0.borrow().asked[create] <= 8);
    assert_eq!(report.revisits.len(), ACCOUNTS);
    let patient = |revisit: &&towerhook_core::enrollment::Revisit| {
        revisit.attempt == 0 && revisit.delay == Duration::from_secs(900)
    };
    assert_eq!(report.revisits.iter().filter(patient).count(), ACCOUNTS);
}

#[test]
fn a_neighbour_of_the_same_name_is_not_ours_even_if_masked_elsewhere() {
    let deployment = deployment();
    let memory = enrolled(1, &deployment);
    let mut theirs = memory.0.borrow().integrations[0].clone();
    theirs.guid = "THEIRS".into();
    theirs.external_id = ExternalId::new("acme", &id(0), "THEIRSUFFX")
        .as_str()
        .into();
    memory.0.borrow_mut().integrations.push(theirs);
    assert!(pass(&memory, &deployment).0.is_empty());
    assert_eq!(memory.0.borrow().integrations.len(), 2);
}
