//! Stacks that register their accounts themselves, with a token that has to work when they come and
//! when they go.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "memory/mod.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod memory;

use futures::executor::block_on;
use jiff::{SignedDuration, Timestamp};
use memory::{Memory, account, deployment, id, integration};
use towerhook_core::{
    enrollment::{Deployment, Plan, Registration, observe, plan},
    landing_zone::Management,
    lifecycle::Scope,
    ports::{Health, Token},
};

fn at(hours: i64) -> Timestamp {
    let begin: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    begin + SignedDuration::from_hours(hours)
}

fn by_stack() -> Deployment {
    let mut deployment = deployment();
    deployment.policy.registration = Registration::SnsCustomResource;
    deployment
}

fn token(made: i64) -> Option<Token> {
    Some(Token {
        token: format!("token {made}").as_str().into(),
        expires_at: at(made + 24),
        key_version: "v1".into(),
    })
}

/// One account that Control Tower manages, and a token that works.
fn one_account() -> Memory {
    let memory = Memory::default();
    {
        let mut state = memory.0.borrow_mut();
        state.accounts.insert(id(0), account(0, 1));
        state.baselines.add(id(0), Management::Managed);
        state.token = token(0);
    }
    memory
}

/// A look at the account that has used up so many attempts.
fn look(memory: &Memory, deployment: &Deployment, attempt: u32, now: Timestamp) -> Plan {
    let mut scope = Scope::default();
    scope.accounts.insert(id(0), attempt);
    let inventory = block_on(observe(memory, memory, deployment, scope)).unwrap();
    let plan = plan(deployment, &inventory, now);
    memory.carry_out(deployment, &inventory, plan.clone(), now);
    memory.settle();
    plan
}

/// What the stack's custom resource makes.
fn register(memory: &Memory, deployment: &Deployment) {
    let spec = deployment.policy.member_integration(&id(0));
    let made = integration("BY_STACK".into(), None, &spec);
    memory.0.borrow_mut().integrations.push(made);
}

fn enrolled(deployment: &Deployment) -> Memory {
    let memory = one_account();
    look(&memory, deployment, 0, at(0));
    register(&memory, deployment);
    look(&memory, deployment, 0, at(0));
    assert!(memory.0.borrow().records[&id(0)].since.is_some());
    memory.0.borrow_mut().writes.clear();
    memory
}

fn writes(memory: &Memory) -> Vec<String> {
    std::mem::take(&mut memory.0.borrow_mut().writes)
}

#[test]
fn the_stack_gets_a_token_and_makes_the_integration() {
    let (memory, deployment) = (one_account(), by_stack());
    look(&memory, &deployment, 0, at(0));
    assert_eq!(
        writes(&memory),
        [format!("create stack in {} with a token", id(0))]
    );
    let plan = look(&memory, &deployment, 0, at(0));
    assert!(plan.actions.is_empty(), "it is not listed yet: {plan}");
    assert_eq!(plan.revisits.len(), 1);
    register(&memory, &deployment);
    let plan = look(&memory, &deployment, 1, at(0));
    assert!(plan.actions.is_empty(), "{plan}");
    assert!(memory.0.borrow().records[&id(0)].since.is_some());
    assert_eq!(writes(&memory), [] as [&str; 0]);
}

#[test]
fn a_token_that_ends_soon_is_made_anew_before_a_stack_gets_it() {
    let (memory, deployment) = (one_account(), by_stack());
    memory.0.borrow_mut().next_token = token(24);
    look(&memory, &deployment, 0, at(24));
    assert_eq!(memory.0.borrow().asked.get("lambda:Invoke"), Some(&1));
    assert_eq!(
        writes(&memory),
        [format!("create stack in {} with a token", id(0))]
    );

    // Where there is none to be had, the account is looked at again, and nothing is begun.
    let memory = one_account();
    let plan = look(&memory, &deployment, 0, at(24));
    assert_eq!(plan.actions.len(), 1);
    assert_eq!(writes(&memory), [] as [&str; 0]);
}

#[test]
fn an_integration_that_was_deleted_by_hand_is_made_by_the_function() {
    let deployment = by_stack();
    let memory = enrolled(&deployment);
    memory.0.borrow_mut().integrations.clear();
    for attempt in 0..3 {
        look(&memory, &deployment, attempt, at(1));
        assert_eq!(writes(&memory), [] as [&str; 0], "the list may be behind");
    }
    look(&memory, &deployment, 3, at(1));
    assert_eq!(
        writes(&memory),
        [format!("create integration of {}", id(0))]
    );
}

#[test]
fn a_stack_gets_a_token_that_works_before_it_is_made_anew() {
    let deployment = by_stack();
    for (hours, renews) in [(0, false), (1, true), (30, true)] {
        let memory = enrolled(&deployment);
        memory.0.borrow_mut().token = token(hours);
        memory.0.borrow_mut().integrations[0].health = Health::Failing("AccessDenied".into());
        look(&memory, &deployment, 0, at(hours));
        if renews {
            assert_eq!(writes(&memory), [format!("renew the token in {}", id(0))]);
            look(&memory, &deployment, 0, at(hours));
        }
        assert_eq!(writes(&memory), [format!("delete stack in {}", id(0))]);
        memory.0.borrow_mut().integrations.clear();
        look(&memory, &deployment, 0, at(hours));
        assert_eq!(
            writes(&memory),
            [format!("create stack in {} with a token", id(0))]
        );
    }
}

#[test]
fn an_integration_goes_only_when_its_stack_is_missing_for_sure() {
    let deployment = by_stack();
    let memory = enrolled(&deployment);
    memory.0.borrow_mut().instances.clear();
    let later = at(1) + SignedDuration::from_mins(6);
    for (attempt, now) in [(0, at(1)), (7, at(1)), (1, later)] {
        look(&memory, &deployment, attempt, now);
        assert_eq!(writes(&memory), [] as [&str; 0], "the list may be behind");
    }
    let record = |memory: &Memory| memory.0.borrow().records[&id(0)].missing_at;
    assert_eq!(record(&memory), Some(at(1)));
    look(&memory, &deployment, 5, at(2));
    assert_eq!(
        writes(&memory),
        ["delete integration Lacework-Control-Tower-Config-Member-000000000100"]
    );
    look(&memory, &deployment, 6, at(2));
    assert_eq!(
        writes(&memory),
        [format!("create stack in {} with a token", id(0))]
    );
    assert_eq!(record(&memory), None);
}

#[test]
fn the_management_accounts_integration_is_the_functions() {
    let mut deployment = by_stack();
    deployment.policy.enroll_management = true;
    deployment.policy.management_account = id(0);
    let memory = one_account();
    look(&memory, &deployment, 0, at(0));
    assert_eq!(
        writes(&memory),
        [format!("create integration of {}", id(0))]
    );
}
