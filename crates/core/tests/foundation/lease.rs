//! Setup and passes of the account function take turns.

use std::time::Duration;

use jiff::SignedDuration;
use towerhook_core::{ledger::Holder, ports::Leases};
use towerhook_world::{Ports, Step, Wishes, World};

use super::{launched, members, updated};

#[test]
fn passes_that_follow_each_other_let_setup_go_first() {
    World::quiet(members(3), async |world| {
        launched(&world, Wishes::default()).await;
        let busy = world.clone();
        world.simulation().spawn(async move {
            loop {
                busy.happen(&Step::Fire);
                busy.simulation().sleep(Duration::from_millis(500)).await;
            }
        });
        world.simulation().sleep(Duration::from_secs(60)).await;
        let began = world.now();
        updated(&world, |wishes| wishes.limit = 20).await;
        let took = world.now().duration_since(began);
        assert!(took < SignedDuration::from_mins(2), "{took}");
    });
}

#[test]
fn setup_gives_up_on_a_pass_that_does_not_end_and_the_rollback_is_not_refused() {
    World::quiet(members(1), async |world| {
        launched(&world, Wishes::default()).await;
        let stuck = Ports::new(&world, "stuck");
        let clock = world.simulation().clone();
        world.simulation().spawn(async move {
            let holder = Holder::Pass("stuck".into());
            loop {
                let (now, until) = (clock.now(), clock.now() + SignedDuration::from_mins(15));
                stuck.take_lease(&holder, None, now, until).await.unwrap();
                clock.sleep(Duration::from_secs(300)).await;
            }
        });
        let answers = world.update(|wishes| wishes.limit = 20).await;
        let [failed, rollback] = &answers[..] else {
            panic!("{answers:#?}");
        };
        let why = "waiting for a pass of the account function to end";
        assert!(
            !failed.success && failed.reason.contains(why),
            "{}",
            failed.reason
        );
        assert!(
            rollback.success && rollback.reason.contains(why),
            "{}",
            rollback.reason
        );
    });
}
