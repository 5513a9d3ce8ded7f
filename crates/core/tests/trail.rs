//! The trail is kept by passes over the whole organization, against the ports in memory.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "memory/mod.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod memory;

use std::time::Duration;

use futures::executor::block_on;
use jiff::Timestamp;
use memory::{Memory, account, deployment, id};
use towerhook_core::{
    Result,
    enrollment::{
        DeployedTrail, Deployment, Destination, Inventory, TrailFault, TrailReport, keep_trail,
        observe,
    },
    landing_zone::{InstanceState, Management, StackInstance},
    lifecycle::{MAX_ATTEMPTS, MessageScope, Scope},
    model::Names,
    ports::{Health, IntegrationKind, IntegrationSpec, Saas},
};

fn now() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

/// Log Archive is account 0 and Audit account 1; account 2 is another member.
fn with_trail(destination: Destination) -> Deployment {
    let mut deployment = deployment();
    let policy = &mut deployment.policy;
    policy.destination = destination;
    let log = id(0);
    deployment.trail = Some(DeployedTrail {
        integration: IntegrationSpec {
            name: policy.names.log_stack_set(),
            kind: IntegrationKind::CloudTrail,
            account: log,
            role_arn: Names::role_arn("aws", &log, &policy.names.log_role()),
            external_id: policy.trail_external_id(&log),
            queue_url: Some("https://sqs.us-east-1.amazonaws.com/1/acme-laceworkcws".into()),
            account_mapping: policy.empty_mapping(),
        },
        audit: id(1),
        guid: None,
        mended: [].into(),
    });
    deployment.sub_accounts = deployment.policy.destination.sub_accounts();
    deployment.organization = deployment.policy.empty_mapping().is_some();
    deployment
}

fn tenant() -> Deployment {
    with_trail(Destination::Tenant)
}

/// Both instances are there, and three accounts.
fn world() -> Memory {
    let memory = Memory::default();
    for n in 0..3 {
        let mut state = memory.0.borrow_mut();
        state.accounts.insert(id(n), account(n, 1));
        state.baselines.add(id(n), Management::Managed);
    }
    for n in 0..2 {
        instance(&memory, n, InstanceState::Current);
    }
    memory
}

fn instance(memory: &Memory, n: usize, state: InstanceState) {
    let instance = StackInstance {
        account: id(n),
        state,
        reason: None,
    };
    memory.0.borrow_mut().instances.insert(id(n), instance);
}

fn look(memory: &Memory, deployment: &Deployment, scope: Scope) -> Inventory {
    block_on(observe(memory, memory, deployment, scope)).unwrap()
}

fn kept(memory: &Memory, deployment: &Deployment, scope: Scope) -> Result<TrailReport> {
    let inventory = look(memory, deployment, scope);
    let left = || Duration::from_secs(180);
    block_on(keep_trail(
        memory,
        memory,
        deployment,
        &inventory,
        now(),
        left,
    ))
}

/// Looks again with what was recorded, until there is nothing left to do.
fn converge(memory: &Memory, deployment: &Deployment) -> Deployment {
    let mut deployment = deployment.clone();
    for _ in 0..6 {
        let report = kept(memory, &deployment, Scope::all()).unwrap();
        memory.settle();
        if let Some(recorded) = memory.0.borrow_mut().deployment.take() {
            deployment = recorded;
        }
        if report == TrailReport::default() {
            return deployment;
        }
    }
    panic!("never at rest: {:?}", memory.0.borrow().writes);
}

#[test]
fn whatever_is_missing_is_made_and_then_there_is_rest() {
    let memory = world();
    memory.0.borrow_mut().instances.clear();
    let report = kept(&memory, &tenant(), Scope::all()).unwrap();
    assert_eq!(report.changes, 2);
    let (message, delay) = report.revisit.unwrap();
    assert_eq!((message.scope, message.attempt), (MessageScope::All, 1));
    assert_eq!(delay, Duration::from_secs(15));
    memory.settle();
    let deployment = converge(&memory, &tenant());
    let trails = block_on(memory.integrations(None, IntegrationKind::CloudTrail)).unwrap();
    assert_eq!(trails.len(), 1);
    assert_eq!(deployment.trail.unwrap().guid, Some(trails[0].guid.clone()));
}

#[test]
fn only_a_look_at_everything_with_time_to_spare_keeps_the_trail() {
    let memory = world();
    for scope in [Scope::account(id(0)), Scope::default()] {
        let report = kept(&memory, &tenant(), scope).unwrap();
        assert_eq!(report, TrailReport::default());
    }
    let inventory = look(&memory, &tenant(), Scope::all());
    let late = || Duration::from_secs(30);
    let report = block_on(keep_trail(
        &memory,
        &memory,
        &tenant(),
        &inventory,
        now(),
        late,
    ));
    assert_eq!(report.unwrap(), TrailReport::default());
    assert!(memory.0.borrow().writes.is_empty());
}

#[test]
fn the_mapping_is_written_once_and_follows_a_move() {
    let units = [
        (memory::ou(1), "emea".into()),
        (memory::ou(2), "apac".into()),
    ];
    let memory = world();
    let deployment = converge(&memory, &with_trail(Destination::Mapped(units.into())));
    let mapping = |memory: &Memory| {
        let trails = block_on(memory.organization_integrations(IntegrationKind::CloudTrail));
        trails.unwrap()[0].account_mapping.clone().unwrap()
    };
    assert_eq!(mapping(&memory).accounts[&"emea".into()].len(), 3);
    let before = memory.0.borrow().writes.len();
    memory.0.borrow_mut().accounts.insert(id(2), account(2, 2));
    converge(&memory, &deployment);
    assert_eq!(mapping(&memory).accounts[&"apac".into()], [id(2)].into());
    assert_eq!(memory.0.borrow().writes.len(), before + 1);
    // Half a listing maps nobody.
    memory.0.borrow_mut().accounts.insert(id(2), account(2, 1));
    memory
        .0
        .borrow_mut()
        .broken
        .insert("controltower:ListEnabledBaselines");
    kept(&memory, &deployment, Scope::all()).unwrap();
    assert_eq!(memory.0.borrow().writes.len(), before + 1);
}

#[test]
fn what_is_made_anew_counts_before_it_is_taken_away() {
    let memory = world();
    let deployment = converge(&memory, &tenant());
    let fail = |memory: &Memory| {
        let mut state = memory.0.borrow_mut();
        let health = Health::Failing(r#"{"message":"Error assuming role"}"#.into());
        state.integrations[0].health = health;
    };
    fail(&memory);
    memory.0.borrow_mut().broken.insert("dynamodb:UpdateItem");
    assert!(kept(&memory, &deployment, Scope::all()).is_err());
    assert!(memory.0.borrow().instances.contains_key(&id(0)));
    memory.0.borrow_mut().broken.clear();
    kept(&memory, &deployment, Scope::all()).unwrap();
    assert!(!memory.0.borrow().instances.contains_key(&id(0)));
    let recorded = memory.0.borrow().deployment.clone().unwrap();
    assert_eq!(recorded.trail.unwrap().mended[&TrailFault::Role], now());
}

#[test]
fn a_saas_that_wants_us_to_wait_is_asked_later_and_not_for_ever() {
    let memory = world();
    memory
        .0
        .borrow_mut()
        .throttled
        .insert("lacework:CreateCloudAccount");
    let report = kept(&memory, &tenant(), Scope::all()).unwrap();
    assert_eq!(report.failures.len(), 1);
    assert_eq!(report.revisit.unwrap().1, Duration::from_secs(900));
    let tired = Scope {
        attempt: MAX_ATTEMPTS,
        ..Scope::all()
    };
    assert_eq!(kept(&memory, &tenant(), tired).unwrap().revisit, None);
}
