//! Roles and registrations outlive the stack where `RetainProtection` says so.

use std::time::Duration;

use towerhook_core::model::RegistrationKind;
use towerhook_world::{Options, Vendor, Wishes, World};

use super::{launched, updated};

fn members(accounts: usize) -> Options {
    Options {
        vendor: Vendor::TrendWorkloadSecurity,
        refuses_duplicates: true,
        masks_external_ids: true,
        ..super::members(accounts)
    }
}

fn wishes(retain: bool) -> Wishes {
    Wishes {
        vendor: Vendor::TrendWorkloadSecurity,
        cloud_trail: false,
        enroll_management: true,
        retain,
        ..Wishes::default()
    }
}

/// The ids of all registrations, and how many stacks are in accounts.
fn standing(world: &World) -> (Vec<String>, usize) {
    let registrations = world.registrations(RegistrationKind::Account);
    let guids = registrations.into_iter().map(|one| one.guid);
    let sets = world.stack_sets();
    let sets = sets.iter().filter(|set| set.name.contains("Member-"));
    let members = world.members();
    let instances = sets.flat_map(|set| {
        let members = members.iter();
        members.filter_map(|id| world.instance(&set.name, id))
    });
    (guids.collect(), instances.count())
}

#[test]
fn what_is_retained_stays_as_it_is_and_what_is_not_goes() {
    for retain in [true, false] {
        World::quiet(members(3), async move |world| {
            launched(&world, wishes(retain)).await;
            let before = standing(&world);
            assert_eq!((before.0.len(), before.1), (6, 3));
            let answers = world.delete().await;
            assert!(answers.iter().all(|answer| answer.success), "{answers:#?}");
            let after = standing(&world);
            if retain {
                assert_eq!(after, before);
            } else {
                assert_eq!(after, (Vec::new(), 0));
            }
            assert!(!world.is_ledger_protected());
            assert_eq!(world.leftovers(), [] as [&str; 0]);
        });
    }
}

#[test]
fn an_update_decides_and_a_change_of_it_alone_touches_no_account() {
    World::quiet(members(2), async |world| {
        launched(&world, wishes(true)).await;
        let (calls, before) = (
            world.calls("cloudformation:UpdateStackSet"),
            standing(&world),
        );
        assert!(
            updated(&world, |wishes| wishes.retain = false)
                .await
                .success
        );
        assert_eq!(world.calls("cloudformation:UpdateStackSet"), calls);
        assert_eq!(standing(&world), before);
        world.delete().await;
        assert_eq!(standing(&world), (Vec::new(), 0));
    });
}

#[test]
fn a_launch_that_did_not_succeed_leaves_nothing_although_it_would_retain() {
    World::quiet(members(3), async |world| {
        let after = Duration::from_secs(5);
        let answer = world.launch_and_delete(wishes(true), after).await;
        assert!(answer.success, "{}", answer.reason);
        assert!(world.calls("cloudformation:CreateStackSet") > 0);
        assert_eq!(standing(&world), (Vec::new(), 0));
        assert_eq!(world.leftovers(), [] as [&str; 0]);
    });
}
