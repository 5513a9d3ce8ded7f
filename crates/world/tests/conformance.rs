//! The ports in memory keep what every port promises.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{future::Future, time::Duration};

use towerhook_core::{landing_zone::Announcement, provider::role_arn, stack_sets::StackSetSpec};
use towerhook_world::{
    LOG_ARCHIVE, MANAGEMENT, Options, Ports, STACK_ID, SUFFIX, TENANT, Vendor, Wishes, World,
    conformance, id, member_id,
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

/// The bucket of the trail, and the StackSet with the role and the topic for it.
fn announced() -> (Announcement, StackSetSpec) {
    let wishes = Wishes {
        vendor: Vendor::PlainRoles,
        ..Wishes::default()
    };
    let (account, feed) = (id(LOG_ARCHIVE), wishes.feed());
    let topic = format!("arn:aws:sns:us-east-1:{account}:{}", feed.trail_topic);
    let announcement = Announcement {
        bucket: "aws-controltower-logs".into(),
        account,
        id: feed.trail_topic,
        topic: topic.parse().unwrap(),
        prefix: "AWSLogs/".into(),
        role: role_arn("aws", &account, &feed.log_role),
    };
    let set = StackSetSpec {
        name: feed.log_stack_set,
        ..spec()
    };
    (announcement, set)
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
fn notifications() {
    for seed in 0..SEEDS {
        let options = Options {
            vendor: Vendor::PlainRoles,
            ..Options::default()
        };
        let world = World::new(options, seed, false);
        let ports = Ports::new(&world, "conformance");
        world.simulation().run({
            let world = world.clone();
            async move {
                let pause = async || world.simulation().sleep(Duration::from_secs(1)).await;
                let (announcement, set) = announced();
                conformance::stand(&ports, &set, &announcement.account, &pause).await;
                conformance::notifications(&ports, &announcement, &pause).await;
                conformance::notifications(&ports, &announcement, &pause).await;
            }
        });
    }
}

#[test]
fn registrations() {
    for (vendor, store) in [
        (Vendor::Plain, Some("one".into())),
        (Vendor::TrendWorkloadSecurity, None),
    ] {
        let options = Options {
            vendor,
            accounts: 3,
            refuses_duplicates: true,
            masks_external_ids: vendor == Vendor::TrendWorkloadSecurity,
            ..Options::default()
        };
        let world = World::new(options, 1, false);
        let ports = Ports::new(&world, "conformance");
        let wishes = Wishes {
            vendor,
            ..Wishes::default()
        };
        world.simulation().run({
            let world = world.clone();
            async move {
                let pause = async || world.simulation().sleep(Duration::from_secs(1)).await;
                let account = member_id(1);
                let mut set = StackSetSpec {
                    name: wishes.resources().member_stack_set,
                    ..spec()
                };
                let tenant = wishes.names().resource;
                set.parameters.insert("TenantName".into(), tenant);
                conformance::stand(&ports, &set, &account, &pause).await;
                let registration = wishes.registration(&account, SUFFIX);
                let limits = vendor.provider().limits();
                let store = store.as_ref();
                conformance::registry(&ports, &registration, store, limits, &pause).await;
            }
        });
    }
}
