//! A vendor whose own tools make roles and registrations of the same names: what they made is used.

use towerhook_core::{ledger::Reason, model::AccountId};
use towerhook_world::{Options, Vendor, Wishes, World};

const ROLE: &str = "CloudOneWorkloadConnectorRole";

fn members(accounts: usize) -> Options {
    Options {
        vendor: Vendor::TrendWorkloadSecurity,
        refuses_duplicates: true,
        masks_external_ids: true,
        ..super::members(accounts)
    }
}

fn wishes() -> Wishes {
    Wishes {
        vendor: Vendor::TrendWorkloadSecurity,
        cloud_trail: false,
        ..Wishes::default()
    }
}

fn reason(world: &World, account: &AccountId) -> Option<Reason> {
    world.record(account).unwrap().reason
}

/// A landing zone whose first member already has the role, which no stack of ours made.
fn with_foreign_role(story: impl AsyncFnOnce(World, AccountId) + 'static) {
    World::quiet(members(3), async |world| {
        let account = world.members()[0];
        world.make_role(account);
        let answer = world.launch(wishes()).await;
        assert!(answer.success, "{}", answer.reason);
        world.rest().await;
        story(world, account).await;
    });
}

#[test]
fn a_role_that_is_there_is_used_and_its_account_says_so() {
    with_foreign_role(async |world, account| {
        assert_eq!(world.watching(&account).len(), 1);
        let expected = Some(Reason::Foreign(ROLE.into()));
        assert_eq!(reason(&world, &account), expected);
        let other = world.members()[1];
        assert_eq!(reason(&world, &other), None);
        // Each comparison asks once whether the role is still there.
        let began = world.calls("cloudformation:CreateStackInstances");
        world.hours(3).await;
        assert_eq!(
            world.calls("cloudformation:CreateStackInstances") - began,
            3
        );
        assert_eq!(reason(&world, &account), expected);
        assert_eq!(world.dead_letters(), 0);
    });
}

#[test]
fn a_role_that_its_owner_deletes_is_made_anew_with_the_stack() {
    with_foreign_role(async |world, account| {
        let before = world.watching(&account);
        world.remove_role(&account);
        world.hours(1).await;
        assert_eq!(reason(&world, &account), None);
        assert_eq!(world.watching(&account), before);
    });
}

#[test]
fn a_suspended_account_keeps_its_registration_where_it_cannot_be_disabled() {
    super::enrolled(members(2), wishes(), async |world| {
        let account = world.members()[0];
        let before = world.watching(&account);
        world.suspend(&account);
        world.hours(2).await;
        assert_eq!(world.watching(&account), before);
        assert_eq!(reason(&world, &account), Some(Reason::Suspended));
        assert_eq!(world.calls("registry:UpdateCloudAccount"), 0);
    });
}

#[test]
fn a_registration_of_the_vendors_own_tool_is_taken_over_and_another_blocks_its_account() {
    World::quiet(members(2), async |world| {
        let [first, second] = world.members()[..2] else {
            panic!("two members");
        };
        let answer = world.launch(wishes()).await;
        assert!(answer.success, "{}", answer.reason);
        // Before the first pass: with our role, and with another one.
        world.register_by_hand(first, ROLE);
        world.register_by_hand(second, "by-hand");
        world.rest().await;
        let [taken] = &world.watching(&first)[..] else {
            panic!("one registration is taken over");
        };
        assert!(taken.name.starts_with("Trend-Control-Tower-"), "{taken:?}");
        assert_eq!(
            world.record(&first).unwrap().registration_id.as_ref(),
            Some(&taken.guid)
        );
        let expected = Reason::WatchedBy("ControlTower - by hand".into());
        assert_eq!(reason(&world, &second), Some(expected));
    });
}
