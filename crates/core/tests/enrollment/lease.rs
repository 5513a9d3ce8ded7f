//! One pass at a time, and parked work.

use std::{collections::BTreeMap, future::poll_fn, pin::pin, task::Poll, time::Duration};

use jiff::{SignedDuration, Timestamp};
use towerhook_core::{
    enrollment::{Pass, Reply},
    ledger::{Holder, Lease},
    lifecycle::{Message, Scope},
    ports::{Leases, StackSetWrites},
    provider::plain::Plain,
    stack_sets::{Operation, StackSetSpec},
};
use towerhook_world::{Options, Ports, Wishes, World, member_id};

use super::{enrolled, members};

/// Passes at chosen times over a ledger without a deployment.
struct Passes {
    world: World,
    ports: Ports,
    start: Timestamp,
}

impl Passes {
    fn new(world: World) -> Self {
        Self {
            ports: Ports::new(&world, "a test"),
            start: world.now(),
            world,
        }
    }

    fn at(&self, seconds: i64) -> Timestamp {
        self.start + SignedDuration::from_secs(seconds)
    }

    fn call(&self, seconds: i64) -> Scope {
        Scope::from(Message::wake_up(self.at(seconds)))
    }

    /// A pass, and the number of messages that it has sent.
    async fn run(&self, owner: &str, scope: Scope, seconds: i64) -> (Reply, usize) {
        let sent = || self.world.calls("sqs:SendMessageBatch");
        let pass = Pass {
            provider: &Plain,
            keeps_evidence: false,
            owner,
            time_left: || Duration::from_secs(180),
            clock: &self.ports,
        };
        let before = sent();
        let reply = pass.run(&self.ports, &self.ports, scope, self.at(seconds));
        let reply = reply.await.unwrap();
        (reply, sent() - before)
    }

    async fn hold(&self, seconds: i64) {
        let long = Holder::Pass("long".into());
        let lease = self
            .ports
            .take_lease(&long, None, self.at(0), self.at(seconds));
        lease.await.unwrap();
    }

    /// Ends the running pass at this time; returns whether it has to send a wake-up.
    async fn end(&self, seconds: i64) -> bool {
        let long = Holder::Pass("long".into());
        let closed = self
            .ports
            .close_pass(&long, &[], &[], self.at(seconds), None);
        closed.await.unwrap()
    }
}

#[test]
fn what_comes_while_a_pass_is_under_way_is_looked_at_in_one_pass() {
    World::quiet(Options::default(), async |world| {
        let passes = Passes::new(world);
        passes.hold(100).await;
        for (owner, n) in [("a", 1), ("b", 2)] {
            let (reply, sent) = passes.run(owner, Scope::account(member_id(n)), 1).await;
            assert!(matches!(reply, Reply::Busy));
            assert_eq!(sent, 0, "its holder will call");
        }
        assert!(passes.end(3).await, "its holder learns of it");
        let (reply, sent) = passes.run("c", passes.call(3), 3).await;
        assert!(matches!(reply, Reply::NoDeployment), "{reply:?}");
        assert_eq!(sent, 0);
        let (reply, sent) = passes.run("d", passes.call(201), 201).await;
        assert!(
            matches!(reply, Reply::Nothing),
            "nothing is left: {reply:?}"
        );
        assert_eq!(sent, 0);
    });
}

/// A wake-up ends once it has been answered, and is re-sent if it arrives too early.
#[test]
fn a_call_does_not_poll() {
    World::quiet(Options::default(), async |world| {
        let passes = Passes::new(world);
        let call = async |call: i64, seconds: i64| {
            let (reply, sent) = passes.run("pass", passes.call(call), seconds).await;
            assert!(matches!(reply, Reply::Busy));
            sent
        };
        passes.hold(100).await;
        assert_eq!(call(1, 1).await, 0, "its holder has taken all");
        passes.end(10).await;
        assert_eq!(call(10, 8).await, 1);
        assert_eq!(call(4, 8).await, 0, "that was another rest");
    });
}

#[test]
fn who_reserves_the_lease_is_let_first() {
    World::quiet(Options::default(), async |world| {
        let passes = Passes::new(world);
        let setup = Holder::Setup {
            admitted: passes.at(0),
            invocation: "setup".into(),
        };
        passes.hold(100).await;
        let reserved = passes.ports.reserve_lease(&setup, passes.at(20));
        reserved.await.unwrap();
        passes.end(5).await;
        let (reply, _) = passes.run("pass", Scope::all(), 15).await;
        assert!(
            matches!(reply, Reply::Busy),
            "the reservation holds: {reply:?}"
        );
        let (reply, _) = passes.run("pass", Scope::all(), 20).await;
        assert!(matches!(reply, Reply::NoDeployment), "{reply:?}");
    });
}

/// A running operation on a StackSet of one instance.
async fn operation(ports: &Ports) -> Operation {
    let spec = StackSetSpec {
        name: "set".into(),
        template: "Resources: {}",
        parameters: BTreeMap::new(),
        stack_id: "mine".into(),
        tags: BTreeMap::new(),
        roles: None,
    };
    ports.create_stack_set(&spec).await.unwrap();
    let accounts = [member_id(1)];
    let created = ports.create_instances("set", &accounts, None, "one");
    created.await.unwrap();
    Operation {
        stack_set: "set".into(),
        id: "one".into(),
    }
}

#[test]
fn an_account_waits_for_its_operation_without_the_lease() {
    enrolled(members(1), Wishes::default(), async |world| {
        let passes = Passes::new(world);
        let running = operation(&passes.ports).await;
        let account = Scope::account(member_id(1));
        let waiting = Scope::awaiting(running.clone(), account.clone());
        let leases = || passes.world.calls("dynamodb:UpdateItem");
        let before = leases();
        let launched = passes
            .world
            .calls("cloudformation:DescribeStackSetOperation");
        let looks = || {
            passes
                .world
                .calls("cloudformation:DescribeStackSetOperation")
                - launched
        };
        let (reply, sent) = passes.run("a", waiting.clone(), 1).await;
        assert!(matches!(reply, Reply::Nothing), "{reply:?}");
        assert_eq!((sent, leases() - before), (1, 0), "it is looked at again");
        assert_eq!(looks(), 1);

        // Looks end, as SQS may double each of them, and an operation may be queued for hours.
        let mut late = waiting.clone();
        let awaiting = late.awaiting.get_mut(&running).unwrap();
        awaiting.looks = u32::MAX;
        let (reply, _) = passes.run("b", late, 1).await;
        assert!(matches!(reply, Reply::Done { .. }), "{reply:?}");
        // What an event names does not wait.
        let (reply, _) = passes.run("c", waiting.clone().merge(account), 5).await;
        assert!(matches!(reply, Reply::Done { .. }), "{reply:?}");
        assert_eq!(looks(), 1);

        passes
            .world
            .simulation()
            .sleep(Duration::from_secs(600))
            .await;
        let (reply, _) = passes.run("d", waiting, 600).await;
        assert!(
            matches!(reply, Reply::Done { .. }),
            "it has ended: {reply:?}"
        );
        let unknown = Operation {
            id: "two".into(),
            ..running
        };
        let unknown = Scope::awaiting(unknown, Scope::account(member_id(1)));
        let (reply, _) = passes.run("e", unknown, 700).await;
        assert!(matches!(reply, Reply::Done { .. }), "{reply:?}");
    });
}

#[test]
fn the_lease_lasts_until_the_deadline_however_slow_the_look_at_an_operation_was() {
    enrolled(members(1), Wishes::default(), async |world| {
        let passes = Passes::new(world);
        let ended = operation(&passes.ports).await;
        let simulation = passes.world.simulation();
        simulation.sleep(Duration::from_secs(600)).await;
        let calls = |operation: &str| passes.world.calls(operation);
        let looks = || calls("cloudformation:DescribeStackSetOperation");
        let (looked, read) = (looks(), calls("organizations:DescribeAccount"));
        let pass = Pass {
            provider: &Plain,
            keeps_evidence: false,
            owner: "slow",
            // The look takes 40 s.
            time_left: || Duration::from_secs(if looks() > looked { 140 } else { 180 }),
            clock: &passes.ports,
        };
        let scope = Scope::awaiting(ended, Scope::account(member_id(1)));
        let mut run = pin!(pass.run(&passes.ports, &passes.ports, scope, passes.at(600)));
        poll_fn(|context| {
            assert!(run.as_mut().poll(context).is_pending(), "it reads first");
            if calls("organizations:DescribeAccount") > read {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
        let other = Holder::Pass("other".into());
        let (before, after) = (passes.at(600 + 184), passes.at(600 + 186));
        let refused = passes.ports.take_lease(&other, None, before, after).await;
        assert!(matches!(refused.unwrap(), Lease::Refused(_)));
        let taken = passes.ports.take_lease(&other, None, after, after).await;
        assert!(matches!(taken.unwrap(), Lease::Taken(_)));
    });
}
