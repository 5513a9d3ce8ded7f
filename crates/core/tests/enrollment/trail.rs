//! Passes over the whole organization maintain the trail.

use std::time::Duration;

use towerhook_core::{
    Result,
    enrollment::{observe, plan},
    feed::{FeedReport, execute_feed},
    ledger::{Holder, Lease},
    lifecycle::{MessageScope, Scope},
    model::{AccountMapping, RegistrationKind},
    policy::TrailFault,
    ports::{Leases, RegistryWrites},
    provider::{Provider, plain::Plain},
    retry::REQUEUE,
};
use towerhook_world::{
    Destination, LOG_ARCHIVE, Ports, Step, Window, Wishes, World, id, member_id,
};

use super::{enrolled, members};

/// One comparison of the trail, by a pass with this much time left.
async fn kept(world: &World, scope: Scope, left: Duration) -> Result<FeedReport> {
    let (ports, holder) = (Ports::new(world, "a look"), Holder::Pass("a look".into()));
    let deployment = world.recorded().success.unwrap().deployment;
    let inventory = observe(&Plain, &ports, &ports, &deployment, scope)
        .await
        .unwrap();
    let (now, until) = (
        world.now(),
        world.now() + jiff::SignedDuration::from_mins(5),
    );
    let lease = ports.take_lease(&holder, None, now, until).await.unwrap();
    assert!(matches!(lease, Lease::Taken(_)), "{lease:?}");
    let plan = plan(&Plain, &deployment, &inventory, now);
    let known = (&Plain as &dyn Provider, &deployment);
    let attempt = (inventory.scope.attempt, now);
    let report = execute_feed(&ports, &ports, known, &holder, plan.feed, attempt, || left).await;
    ports.release_lease(&holder).await.unwrap();
    report
}

const LONG: Duration = Duration::from_secs(180);

/// Deletes the trail's registration by hand.
async fn delete_registration(world: &World) {
    let ports = Ports::new(world, "somebody");
    let found = world.registrations(RegistrationKind::Feed).remove(0);
    ports.delete(&found).await.unwrap();
}

#[test]
fn a_registration_that_was_deleted_by_hand_is_made_and_known_by_its_id() {
    enrolled(members(1), Wishes::default(), async |world| {
        let before = world.registrations(RegistrationKind::Feed);
        delete_registration(&world).await;
        world.hours(2).await;
        let after = world.registrations(RegistrationKind::Feed);
        assert_eq!(after.len(), 1);
        assert_ne!(after[0].guid, before[0].guid);
        let trail = world.recorded().success.unwrap().deployment.trail.unwrap();
        assert_eq!(trail.registration_id.as_ref(), Some(&after[0].guid));
        let writes = world.writes();
        world.hours(1).await;
        assert_eq!(world.writes(), writes);
    });
}

#[test]
fn only_a_look_at_everything_with_time_to_spare_keeps_the_trail() {
    enrolled(members(1), Wishes::default(), async |world| {
        delete_registration(&world).await;
        let before = world.writes();
        let nothing = FeedReport::default();
        let look = async |scope, left| kept(&world, scope, left).await.unwrap();
        assert_eq!(look(Scope::account(member_id(0)), LONG).await, nothing);
        let later = look(Scope::all(), Duration::from_secs(30)).await;
        assert!(later.changes == 0 && later.revisit.is_some(), "{later:?}");
        assert_eq!(world.writes(), before);
        assert_eq!(look(Scope::all(), LONG).await.changes, 1);
    });
}

#[test]
fn the_mapping_is_written_once_and_follows_a_move() {
    let wishes = Wishes {
        destination: Destination::Units(vec![1, 3]),
        ..Wishes::default()
    };
    enrolled(members(4), wishes, async |world| {
        let mapping = || -> AccountMapping {
            let trails = world.registrations(RegistrationKind::Feed);
            trails[0].account_mapping.clone().unwrap()
        };
        world.hours(1).await;
        assert_eq!(mapping().accounts[&"staging".into()], [member_id(2)].into());
        let updates = || world.counts()["registry:UpdateCloudAccount"];
        let before = updates();
        world.hours(2).await;
        assert_eq!(updates(), before);
        // Member 3, from Sandbox, which is not mapped.
        let (account, unit, told) = (3, Some(3), false);
        world.happen(&Step::Move {
            account,
            unit,
            told,
        });
        world.hours(1).await;
        let both = [member_id(2), member_id(3)].into();
        assert_eq!(mapping().accounts[&"staging".into()], both);
        assert_eq!(updates(), before + 1);
        // A partial listing changes no mapping.
        let (account, unit) = (2, Some(4));
        world.happen(&Step::Move {
            account,
            unit,
            told,
        });
        world.happen(&Step::Fault(Window::Down("controltower")));
        world.hours(1).await;
        assert_eq!(mapping().accounts[&"staging".into()], both);
        world.happen(&Step::Calm);
        world.hours(1).await;
        assert_eq!(mapping().accounts[&"staging".into()], [member_id(3)].into());
    });
}

#[test]
fn what_is_made_anew_counts_before_it_is_taken_away() {
    enrolled(members(1), Wishes::default(), async |world| {
        let set = world.wishes().feed().log_stack_set;
        world.delete_roles(&id(LOG_ARCHIVE));
        // By then the SaaS has found that it cannot use the role.
        world.simulation().sleep(Duration::from_secs(3700)).await;
        world.happen(&Step::Fault(Window::Conflicts(1000)));
        let report = kept(&world, Scope::all(), LONG).await.unwrap();
        assert_eq!(report.changes, 0, "{report:?}");
        let trail = world.recorded().success.unwrap().deployment.trail.unwrap();
        assert!(trail.mended.contains_key(&TrailFault::Role));
        assert!(world.instance(&set, &id(LOG_ARCHIVE)).is_some());
        world.happen(&Step::Calm);
    });
}

#[test]
fn a_role_that_the_vendor_cannot_use_is_tried_again_and_not_for_ever() {
    enrolled(members(0), Wishes::default(), async |world| {
        delete_registration(&world).await;
        world.set_usable("", false);
        let report = kept(&world, Scope::all(), LONG).await.unwrap();
        let (message, delay) = report.revisit.unwrap();
        assert_eq!((message.scope, message.attempt), (MessageScope::All, 1));
        assert_eq!((delay, report.blocked.len()), (Duration::from_secs(15), 0));
        let tired = Scope {
            attempt: REQUEUE.tries,
            ..Scope::all()
        };
        let report = kept(&world, tired, LONG).await.unwrap();
        assert_eq!(report.revisit, None);
        assert_eq!(report.blocked.len(), 1, "{report:?}");
    });
}
