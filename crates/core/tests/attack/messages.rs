//! Messages on the work queue that name nonexistent accounts.

use std::{collections::BTreeSet, time::Duration};

use jiff::{SignedDuration, Timestamp};
use towerhook_core::{
    enrollment::{Pass, Reply, observe},
    ledger::{Holder, Lease},
    lifecycle::{Malformed, Parked, Scope, Trigger},
    model::AccountId,
    ports::{Clock, Leases},
    provider::plain::Plain,
};
use towerhook_world::{Ports, Step, Wishes, World, member_id};

use super::enrolled;

const DESCRIBED: &str = "organizations:DescribeAccount";

fn unknown(accounts: usize) -> impl Iterator<Item = AccountId> {
    (0..accounts).map(|n| format!("7{n:011}").parse().unwrap())
}

fn message(accounts: usize) -> String {
    let ids: Vec<_> = unknown(accounts)
        .map(|id| format!("{:?}", id.as_str()))
        .collect();
    format!(
        r#"{{"towerhook":{{"scope":{{"accounts":[{}]}},"attempt":0}}}}"#,
        ids.join(",")
    )
}

#[test]
fn a_message_of_seventeen_thousand_unknown_accounts_is_not_understood() {
    let body = message(17_000);
    assert!(body.len() > 255_000);
    assert_eq!(Trigger::parse(&body), Err(Malformed::TooMany(17_000)));
    assert!(Trigger::parse(&message(500)).is_ok());
    assert_eq!(Trigger::parse(&message(501)), Err(Malformed::TooMany(501)));
    // Nested messages have the same limit.
    let also = format!(
        r#"{{"towerhook":{{"scope":"all","also":[{{"scope":{{"accounts":[{}]}}}}]}}}}"#,
        unknown(501)
            .map(|id| format!("{:?}", id.as_str()))
            .collect::<Vec<_>>()
            .join(",")
    );
    assert_eq!(Trigger::parse(&also), Err(Malformed::TooMany(501)));
}

/// The union of many messages' scopes, or of the parked ones.
#[test]
fn unknown_accounts_are_asked_for_in_part_and_the_rest_is_put_off() {
    enrolled(3, Wishes::default(), async |world| {
        let deployment = world.recorded().success.unwrap().deployment;
        let ports = Ports::new(&world, "a test");
        let all = unknown(17_000).map(Scope::arrival);
        let scope = all.fold(Scope::default(), Scope::merge);
        let before = world.calls(DESCRIBED);
        let inventory = observe(&Plain, &ports, &ports, &deployment, scope)
            .await
            .unwrap();
        assert_eq!(world.calls(DESCRIBED) - before, 400);
        let (looked, later) = (&inventory.accounts, &inventory.requeued.accounts);
        assert_eq!((looked.len(), later.len()), (400, 16_600));
        let named: BTreeSet<_> = looked.keys().chain(later.keys()).copied().collect();
        assert!(named.into_iter().eq(unknown(17_000)), "nobody is lost");
        assert_eq!(inventory.requeued.arrived.len(), 16_600);
    });
}

#[test]
fn an_account_that_we_know_comes_before_those_that_anybody_named() {
    enrolled(3, Wishes::default(), async |world| {
        let left = member_id(2);
        world.happen(&Step::Remove { account: 2 });
        let deployment = world.recorded().success.unwrap().deployment;
        let ports = Ports::new(&world, "a test");
        let all = unknown(1000).map(Scope::account);
        let scope = all.fold(Scope::all(), Scope::merge);
        let inventory = observe(&Plain, &ports, &ports, &deployment, scope)
            .await
            .unwrap();
        assert!(inventory.accounts.contains_key(&left));
    });
}

#[test]
fn a_pass_over_what_there_is_not_comes_to_its_end_and_does_the_rest() {
    enrolled(3, Wishes::default(), async |world| {
        for _ in 0..34 {
            world.send(&message(500));
        }
        world.happen(&Step::Create {
            unit: 1,
            told: true,
        });
        world.rest().await;
        assert_eq!(world.timeouts(), 0);
        let members = world.members();
        assert!(members.iter().all(|id| !world.watching(id).is_empty()));
        let unknown = unknown(500).filter(|id| world.record(id).is_some());
        assert_eq!(unknown.count(), 0, "the ledger holds nothing of them");
    });
}

/// A clock whose timers take no time.
struct Late(Timestamp);

impl Clock for Late {
    fn now(&self) -> Timestamp {
        self.0
    }

    async fn sleep(&self, _: Duration) {}
}

#[test]
fn an_observation_that_takes_too_long_is_cut_off_and_put_off() {
    enrolled(3, Wishes::default(), async |world| {
        let ports = Ports::new(&world, "a test");
        let pass = Pass {
            provider: &Plain,
            keeps_evidence: false,
            owner: "late",
            time_left: || Duration::from_secs(180),
            clock: &Late(world.now()),
        };
        let sent = world.calls("sqs:SendMessageBatch");
        let reply = pass.run(&ports, &ports, Scope::all(), world.now());
        assert!(matches!(reply.await.unwrap(), Reply::Requeued { .. }));
        assert_eq!(world.calls("sqs:SendMessageBatch"), sent + 1);
        assert!(!world.is_leased());
    });
}

/// An item of the ledger holds 400 KB.
#[test]
fn what_is_too_much_for_the_ledger_waits_in_the_queue() {
    enrolled(3, Wishes::default(), async |world| {
        let ports = Ports::new(&world, "a test");
        let holder = Holder::Pass("holder".into());
        let until = world.now() + SignedDuration::from_secs(60);
        let lease = ports.take_lease(&holder, None, world.now(), until);
        assert!(matches!(lease.await.unwrap(), Lease::Taken(_)));
        let units = (0..2000).map(|n| format!("ou-{n:032}-{n:032}").parse().unwrap());
        let scope = units.map(Scope::ou).fold(Scope::default(), Scope::merge);
        let calls = |name: &str| world.calls(name);
        let (parked, sent) = (calls("dynamodb:UpdateItem"), calls("sqs:SendMessageBatch"));
        let pass = Pass {
            provider: &Plain,
            keeps_evidence: false,
            owner: "late",
            time_left: || Duration::from_secs(180),
            clock: &ports,
        };
        pass.run(&ports, &ports, scope, world.now()).await.unwrap();
        // Only the lease was requested, and nothing was written.
        assert_eq!(calls("dynamodb:UpdateItem"), parked + 1);
        assert!(calls("sqs:SendMessageBatch") > sent);
    });
}

#[test]
fn what_three_passes_came_to_no_end_with_is_set_aside_where_an_administrator_sees_it() {
    enrolled(3, Wishes::default(), async |world| {
        let ports = Ports::new(&world, "a test");
        let scope = Scope::account(member_id(0));
        let parked = Parked::of("invocation", &scope);
        ports.park(&parked, &[], world.now()).await.unwrap();
        let pass = async |owner: &str| {
            let time_left = || Duration::from_secs(180);
            let pass = Pass {
                provider: &Plain,
                keeps_evidence: false,
                owner,
                time_left,
                clock: &ports,
            };
            let reply = pass.run(&ports, &ports, Scope::all(), world.now());
            assert!(matches!(reply.await.unwrap(), Reply::Done { .. }));
        };
        let die = async |owner: &str| {
            let later = world.now() + SignedDuration::from_secs(1);
            let holder = Holder::Pass(owner.into());
            let lease = ports.take_lease(&holder, None, world.now(), later);
            assert!(matches!(lease.await.unwrap(), Lease::Taken(_)));
            world.simulation().sleep(Duration::from_secs(2)).await;
        };
        die("one").await;
        die("two").await;
        pass("three").await;
        assert_eq!(world.dead_letters(), 0, "it came to its end");
        world.rest().await;
        ports.park(&parked, &[], world.now()).await.unwrap();
        for owner in ["four", "five", "six"] {
            die(owner).await;
        }
        pass("seven").await;
        assert_eq!(world.dead_letters(), 1);
        pass_over_nothing(&world).await;
    });
}

/// Messages moved to the dead-letter queue are no longer parked.
async fn pass_over_nothing(world: &World) {
    let before = world.dead_letters();
    world.happen(&Step::Fire);
    world.rest().await;
    assert_eq!(world.dead_letters(), before);
}
