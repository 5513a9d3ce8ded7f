//! StackSets that are changed by hand, and instances that fail.

use std::time::Duration;

use towerhook_core::{
    enrollment::Reply,
    ledger::{Reason, Record},
    stack_sets::InstanceState,
};
use towerhook_world::{Step, Wishes, World};

use super::{launched, members, updated};

/// The member StackSet, among the stack's StackSets in the order of their names.
const MEMBER: usize = 2;

#[test]
fn a_member_stack_set_that_was_deleted_by_hand_is_made_anew_by_an_update_of_the_stack() {
    World::quiet(members(2), async |world| {
        launched(&world, Wishes::default()).await;
        let set = world.wishes().resources().member_stack_set;
        let made = world.stack_set(&set);
        world.happen(&Step::DeleteStackSet { which: MEMBER });
        assert_eq!(world.stack_set(&set), None);
        world.hours(1).await;
        for member in world.members() {
            let reason = world.record(&member).unwrap().reason;
            assert_eq!(reason, Some(Reason::StackSetGone));
        }
        updated(&world, |wishes| wishes.release += 1).await;
        assert_eq!(world.stack_set(&set), made);
        // Until then the SaaS has checked the new roles.
        world.hours(2).await;
        for member in world.members() {
            let instance = world.instance(&set, &member).unwrap();
            assert_eq!(instance.state, InstanceState::Current);
            assert_eq!(world.record(&member).unwrap().reason, None);
            assert_eq!(world.watching(&member).len(), 1);
        }
    });
}

#[test]
fn a_stack_set_that_was_edited_by_hand_is_restored_by_the_next_update() {
    World::quiet(members(1), async |world| {
        launched(&world, Wishes::default()).await;
        let names = world.wishes().resources();
        let feed = names.feed.unwrap();
        let sets = [
            feed.log_stack_set,
            feed.audit_stack_set.unwrap(),
            names.member_stack_set,
        ];
        let made = sets.clone().map(|set| world.stack_set(&set));
        for set in &sets {
            world.edit_stack_set(set, |set| set.template = "edited by hand".into());
        }
        updated(&world, |wishes| wishes.release += 1).await;
        assert_eq!(sets.clone().map(|set| world.stack_set(&set)), made);
        for set in &sets {
            world.edit_stack_set(set, |set| {
                set.parameters
                    .insert("ResourceNamePrefix".into(), "other".into());
            });
        }
        updated(&world, |wishes| wishes.release += 1).await;
        assert_eq!(sets.clone().map(|set| world.stack_set(&set)), made);
    });
}

#[test]
fn an_instances_own_failure_reason_is_in_the_ledger_from_the_first_failed_look_on() {
    World::quiet(members(0), async |world| {
        launched(&world, Wishes::default()).await;
        let (unit, told) = (1, true);
        world.happen(&Step::Create { unit, told });
        world.happen(&Step::Forbid { account: 0 });
        let (new, set) = (
            world.members()[0],
            world.wishes().resources().member_stack_set,
        );
        let is_failed = || {
            let instance = world.instance(&set, &new);
            instance.is_some_and(|one| one.state == InstanceState::Outdated)
        };
        while !is_failed() {
            world.simulation().sleep(Duration::from_secs(1)).await;
        }
        let looked = |reply: &Reply| matches!(reply, Reply::Done { .. });
        let looks = || world.replies().iter().filter(|reply| looked(reply)).count();
        let before = looks();
        while looks() == before {
            world.simulation().sleep(Duration::from_secs(1)).await;
        }
        let Record { reason, since, .. } = world.record(&new).unwrap();
        let own = "cannot assume AWSControlTowerExecution";
        assert!(
            matches!(&reason, Some(Reason::StackFails(why)) if why.contains(own)),
            "{reason:?}"
        );
        assert_eq!((since, world.counted("AccountsBlocked")), (None, 0));
    });
}
