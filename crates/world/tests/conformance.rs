//! The ports in memory keep what every port promises.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{future::Future, time::Duration};

use towerhook_core::{
    model::{AccountId, RegistrationSpec},
    stack_sets::StackSetSpec,
};
use towerhook_world::{
    MANAGEMENT, Options, Ports, STACK_ID, SUFFIX, TENANT, Wishes, World, conformance, id, member_id,
};

/// Every order of things keeps the promise, so more than one is tried.
const SEEDS: u64 = 20;

fn run<F>(test: impl Fn(World, Ports) -> F)
where
    F: Future<Output = ()> + 'static,
{
    for seed in 0..SEEDS {
        let options = Options {
            accounts: 3,
            masks_external_ids: seed % 2 == 1,
            ..Options::default()
        };
        let world = World::new(options, seed, false);
        let ports = Ports::new(&world, "conformance");
        world.simulation().run(test(world.clone(), ports));
    }
}

fn spec() -> StackSetSpec {
    let parameters = [("ResourceNamePrefix", TENANT), ("ExternalIdSuffix", SUFFIX)];
    StackSetSpec {
        name: Wishes::default().resources().member_stack_set,
        template: "a template",
        parameters: parameters
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        stack_id: STACK_ID.into(),
        tags: [("team".to_owned(), "blue".to_owned())].into(),
        roles: None,
    }
}

fn registration(account: AccountId) -> RegistrationSpec {
    Wishes::default().registration(&account, SUFFIX)
}

#[test]
fn accounts() {
    run(async |_, ports| {
        conformance::accounts(&ports, &member_id(0), &member_id(99)).await;
        conformance::accounts(&ports, &id(MANAGEMENT), &member_id(99)).await;
    });
}

#[test]
fn ledger() {
    run(async |_, ports| {
        conformance::lease(&ports).await;
        conformance::requests(&ports).await;
        conformance::parking(&ports).await;
        conformance::records(&ports).await;
        conformance::deployment(&ports).await;
    });
}

#[test]
fn messages() {
    run(async |_, ports| conformance::messages(&ports).await);
}

#[test]
fn stack_sets() {
    run(async |world, ports| {
        let pause = async || world.simulation().sleep(Duration::from_secs(1)).await;
        conformance::stack_sets(&ports, &spec(), &member_id(0), &pause).await;
        conformance::stack_sets(&ports, &spec(), &member_id(0), &pause).await;
    });
}

#[test]
fn registrations() {
    run(async |world, ports| {
        let pause = async || world.simulation().sleep(Duration::from_secs(1)).await;
        let account = member_id(1);
        conformance::stand(&ports, &spec(), &account, &pause).await;
        conformance::registry(&ports, &registration(account), &"one".into(), &pause).await;
    });
}
