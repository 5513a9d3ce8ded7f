//! One pass at a time, and parked work.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use towerhook_core::{
    enrollment::{Pass, Reply},
    ledger::Holder,
    lifecycle::{Message, Scope},
    ports::Leases,
    provider::plain::Plain,
};
use towerhook_world::{Options, Ports, World, member_id};

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
        let closed = self.ports.close_pass(&long, &[], &[], self.at(seconds));
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
