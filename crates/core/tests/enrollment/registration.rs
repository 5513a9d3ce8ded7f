//! Stacks that register their accounts themselves, with a token that must be valid at their
//! creation and deletion.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use towerhook_core::{Read, model::Health, stack_sets::InstanceState};
use towerhook_world::{MANAGEMENT, Step, Wishes, id, member_id};

use super::{
    enrolled,
    look::{Look, deployment, registration, stack},
    members,
};

fn by_stack() -> Wishes {
    Wishes {
        by_stack: true,
        cloud_trail: false,
        ..Wishes::default()
    }
}

/// The current token expires in this many hours.
fn token_ends(look: &mut Look, hours: i64) -> Timestamp {
    let ends = look.now + SignedDuration::from_hours(hours);
    look.inventory.token_ends = Some(ends);
    ends
}

#[test]
fn the_stack_gets_a_token_and_makes_the_registration() {
    enrolled(members(2), by_stack(), async |world| {
        for member in world.members() {
            assert_eq!(world.watching(&member).len(), 1);
            let record = world.record(&member).unwrap();
            assert!(record.since.is_some() && record.token_ends.is_some());
        }
        assert_eq!(world.calls("registry:CreateCloudAccount"), 0);
    });
}

#[test]
fn the_management_accounts_registration_is_the_functions() {
    let wishes = Wishes {
        enroll_management: true,
        ..by_stack()
    };
    enrolled(members(0), wishes, async |world| {
        assert_eq!(world.watching(&id(MANAGEMENT)).len(), 1);
        let made_for = world.watching(&id(MANAGEMENT)).remove(0).role_arn;
        assert!(made_for.contains(MANAGEMENT));
        assert!(world.calls("registry:CreateCloudAccount") > 0);
    });
}

#[test]
fn a_token_that_ends_soon_is_made_anew_before_a_stack_gets_it() {
    enrolled(members(0), by_stack(), async |world| {
        let before = world.calls("registry:CreateToken");
        let (unit, told) = (1, true);
        world.happen(&Step::Create { unit, told });
        world.rest().await;
        assert_eq!(world.calls("registry:CreateToken"), before);
        // Half an hour before its expiry.
        world
            .simulation()
            .sleep(Duration::from_secs(23 * 3600 + 1800))
            .await;
        assert_eq!(world.calls("registry:CreateToken"), before);
        world.happen(&Step::Create { unit, told });
        world.rest().await;
        assert_eq!(world.calls("registry:CreateToken"), before + 1);
        for member in world.members() {
            assert_eq!(world.watching(&member).len(), 1);
        }
    });
}

#[test]
fn a_registration_that_was_deleted_by_hand_is_made_by_the_function() {
    let mut look = Look::enrolled(deployment(by_stack()), 1);
    look.ours(0).clear();
    for attempt in 0..3 {
        look.attempts(0, attempt);
        assert_eq!(look.actions(), [] as [&str; 0], "the list may be behind");
    }
    look.attempts(0, 3);
    assert_eq!(look.actions(), [format!("create {}", registration(0))]);
}

#[test]
fn a_stack_gets_a_token_that_works_before_it_is_made_anew() {
    let mut look = Look::enrolled(deployment(by_stack()), 1);
    look.ours(0)[0].health = Health::Failing("Error assuming role: AccessDenied".into());
    let anew = [format!("recreate member stack in {}", member_id(0))];
    let renewed = [format!("renew the token of the {}", stack(0))];
    let works = token_ends(&mut look, 24);
    look.record(0).token_ends = Some(works);
    assert_eq!(look.actions(), anew);
    // There is another token by now, or this one expires before the stack would be deleted.
    token_ends(&mut look, 25);
    assert_eq!(look.actions(), renewed);
    let ends = token_ends(&mut look, 0);
    look.record(0).token_ends = Some(ends);
    assert_eq!(look.actions(), renewed);
}

#[test]
fn a_stack_gets_a_token_that_works_before_it_goes() {
    let mut look = Look::enrolled(deployment(by_stack()), 1);
    look.deployment
        .policy
        .selection
        .exclude_accounts
        .insert(member_id(0));
    let works = token_ends(&mut look, 24);
    assert_eq!(
        look.actions(),
        [format!("renew the token of the {}", stack(0))]
    );
    look.record(0).token_ends = Some(works);
    let goes = [
        format!("delete {}", registration(0)),
        format!("delete {}", stack(0)),
    ];
    assert_eq!(look.actions(), goes);
}

#[test]
fn a_registration_goes_only_when_its_stack_is_missing_for_sure() {
    let mut look = Look::enrolled(deployment(by_stack()), 1);
    look.view(0).instance = Read::Ok(None);
    let plan = look.plan();
    assert_eq!(plan.actions, [], "the list may be behind");
    look.keep(&plan);
    assert_eq!(
        look.inventory.records[&member_id(0)].missing_at,
        Some(look.now)
    );
    look.attempts(0, 7);
    assert_eq!(
        look.actions(),
        [] as [&str; 0],
        "however often it is looked at"
    );
    look.now += SignedDuration::from_mins(6);
    assert_eq!(look.actions(), [] as [&str; 0]);
    look.now += SignedDuration::from_mins(1);
    assert_eq!(look.actions(), [format!("delete {}", registration(0))]);
    look.ours(0).clear();
    let plan = look.plan();
    assert_eq!(look.actions(), [format!("create {}", stack(0))]);
    look.keep(&plan);
    assert_eq!(look.record(0).missing_at, None);
    look.stand(0, InstanceState::InProgress);
    assert_eq!(look.actions(), [] as [&str; 0]);
}
