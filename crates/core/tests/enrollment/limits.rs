//! How many accounts may be offboarded in a day.

use jiff::SignedDuration;
use towerhook_core::{Read, ledger::Record};
use towerhook_world::{Step, Wishes, World, member_id};

use super::{
    enrolled,
    look::{Look, deployment, ids, registration},
    members,
};

/// The watched accounts, of this many members.
fn watched(world: &World, members: usize) -> usize {
    let is_watched = |n: &usize| !world.watching(&member_id(*n)).is_empty();
    (0..members).filter(is_watched).count()
}

#[test]
fn no_more_than_the_limit_leaves_in_a_day_however_small_the_scopes() {
    enrolled(members(20), Wishes::default(), async |world| {
        for _ in 0..20 {
            world.happen(&Step::Remove { account: 0 });
            world.rest().await;
        }
        assert_eq!(
            watched(&world, 20),
            17,
            "at least three may leave, and no more"
        );
        world.hours(2).await;
        assert_eq!(
            watched(&world, 20),
            17,
            "only an administrator changes anything"
        );
        assert!(world.counted("OffboardingsHeld") >= 17);
        world.let_go().await;
        world.rest().await;
        assert_eq!(watched(&world, 20), 0);
    });
}

#[test]
fn an_approved_offboarding_that_failed_half_way_goes_on_without_another_word() {
    let mut look = Look::enrolled(deployment(Wishes::default()), 10);
    for n in 0..10 {
        look.view(n).account = Read::Ok(None);
    }
    let plan = look.plan();
    assert_eq!(plan.actions, []);
    look.keep(&plan);
    let held = plan.held.unwrap();
    assert!(held.accounts.iter().eq(&ids(0..10)));
    look.deployment.policy.approved_offboard = Some(held.digest);
    let plan = look.plan();
    assert_eq!((plan.actions.len(), plan.held.clone()), (11, None));
    // The offboarding fails, and the next pass is over one of them.
    look.keep(&plan);
    let mut one = look.clone();
    one.inventory.accounts.retain(|id, _| *id == member_id(3));
    assert!(
        one.actions()
            .contains(&format!("delete {}", registration(3)))
    );
    assert_eq!(look.plan().actions, plan.actions);
    assert_eq!(look.plan().held, None);
}

#[test]
fn the_count_of_a_day_ends_with_the_day() {
    let mut look = Look::enrolled(deployment(Wishes::default()), 10);
    look.view(0).account = Read::Ok(None);
    let mut held = |hours: i64| {
        let left_at = Some(look.now - SignedDuration::from_hours(hours));
        for n in 10..13 {
            let record = Record {
                left_at,
                ..Record::default()
            };
            *look.record(n) = record;
        }
        look.plan().held
    };
    assert_eq!(held(23).unwrap().limit, 3);
    assert_eq!(held(25), None);
}

#[test]
fn what_is_gone_for_a_day_is_forgotten() {
    enrolled(members(1), Wishes::default(), async |world| {
        world.happen(&Step::Remove { account: 0 });
        world.rest().await;
        let record = world.record(&member_id(0)).unwrap();
        assert!(record.left_at.is_some(), "it counts for a day");
        world.hours(23).await;
        assert!(world.record(&member_id(0)).is_some());
        world.hours(3).await;
        assert_eq!(world.record(&member_id(0)), None);
    });
}
