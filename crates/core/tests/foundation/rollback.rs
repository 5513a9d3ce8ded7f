//! Refused updates are rolled back, and unrelated updates succeed.

use std::time::Duration;

use jiff::SignedDuration;
use towerhook_core::model::RegistrationKind;
use towerhook_world::{Destination, Step, Window, Wishes, World};

use super::{launched, members, refused, updated};

/// `StoresByUnit=Production,Staging`.
fn mapped() -> Wishes {
    Wishes {
        destination: Destination::Units(vec![1, 3]),
        ..Wishes::default()
    }
}

#[test]
fn an_update_of_something_else_succeeds_whatever_became_of_the_units_that_the_parameters_name() {
    World::quiet(members(4), async |world| {
        launched(&world, mapped()).await;
        world.rename_unit(3, "Development");
        let answer = updated(&world, |wishes| wishes.limit = 20).await;
        let noted = answer.reason.contains("still means Development");
        assert!(noted, "{}", answer.reason);
        let policy = world.recorded().success.unwrap().deployment.policy;
        assert_eq!(policy.offboard_limit_percent, 20);
        world.hours(3).await;
        assert_eq!(world.counted("AccountsOffboarded"), 0);
    });
}

#[test]
fn an_update_that_is_refused_goes_back_whatever_became_of_the_units_that_the_parameters_name() {
    World::quiet(members(4), async |world| {
        launched(&world, mapped()).await;
        world.rename_unit(3, "Development");
        let before = world.recorded().success;
        let (why, rollback) = refused(&world, |wishes| wishes.wrong = true).await;
        assert!(why.contains("ExcludeOrganizationalUnits"), "{why}");
        assert_eq!(rollback.reason, "");
        assert_eq!(world.recorded().success, before);
        assert_eq!(world.recorded().attempt, None);
    });
}

#[test]
fn an_update_of_something_else_goes_through_where_the_api_key_is_revoked() {
    World::quiet(members(4), async |world| {
        launched(&world, mapped()).await;
        world.happen(&Step::RevokeKey);
        let answer = updated(&world, |wishes| wishes.limit = 20).await;
        let note = &answer.reason;
        assert!(note.contains("Nothing was changed in Plain"), "{note}");
        let policy = world.recorded().success.unwrap().deployment.policy;
        assert_eq!(policy.offboard_limit_percent, 20);
    });
}

#[test]
fn an_update_that_is_refused_goes_back_where_the_api_key_is_revoked() {
    World::quiet(members(4), async |world| {
        launched(&world, mapped()).await;
        world.happen(&Step::RevokeKey);
        let before = world.recorded().success;
        let (why, rollback) = refused(&world, |wishes| wishes.wrong = true).await;
        assert!(why.contains("ExcludeOrganizationalUnits"), "{why}");
        let note = &rollback.reason;
        assert!(note.contains("refuses the API key ACME_KEY"), "{note}");
        assert_eq!(world.recorded().success, before);
        let (why, _) = refused(&world, |wishes| {
            wishes.destination = Destination::Single("one");
        })
        .await;
        assert!(why.contains("StoreName"), "{why}");
    });
}

#[test]
fn a_request_for_the_properties_of_the_last_success_checks_nothing_and_converges_what_it_can() {
    World::quiet(members(2), async |world| {
        let include = Wishes {
            include: vec![0, 1, 2],
            ..Wishes::default()
        };
        launched(&world, include).await;
        let set = world.wishes().resources().member_stack_set;
        let made = world.stack_set(&set);
        world.edit_stack_set(&set, |set| set.template = "edited by hand".into());
        // Each of these would block a new request.
        world.happen(&Step::StopLogging);
        world.rename_unit(1, "Workloads");
        world.happen(&Step::RevokeKey);
        let checks = || {
            let units = "organizations:ListOrganizationalUnitsForParent";
            (
                world.calls("controltower:GetLandingZone"),
                world.calls(units),
            )
        };
        let before = checks();
        let request = world.request_for("Update", &world.wishes());
        world.invoke_setup(request.clone());
        let answer = world.answer_to(&request).await;
        assert_eq!(checks(), before);
        assert!(answer.success, "{}", answer.reason);
        let note = answer.reason;
        assert!(
            note.contains("Not restored until the next update"),
            "{note}"
        );
        assert!(note.contains("refuses the API key ACME_KEY"), "{note}");
        assert_eq!(world.stack_set(&set), made);
        assert_eq!(world.registrations(RegistrationKind::Account).len(), 4);
    });
}

#[test]
fn an_update_that_is_refused_goes_back_though_the_ledger_does_not_answer_for_half_an_hour() {
    World::quiet(members(1), async |world| {
        launched(&world, Wishes::default()).await;
        let going_back = world.request_for("Update", &world.wishes());
        world.happen(&Step::Fault(Window::Down("dynamodb")));
        world.invoke_setup(going_back.clone());
        world.simulation().sleep(Duration::from_secs(1800)).await;
        world.happen(&Step::Calm);
        let answer = world.answer_to(&going_back).await;
        assert!(answer.success, "{}", answer.reason);
    });
}

#[test]
fn a_request_is_answered_in_time_though_the_ledger_never_answers() {
    World::quiet(members(1), async |world| {
        launched(&world, Wishes::default()).await;
        let going_back = world.request_for("Update", &world.wishes());
        let began = world.now();
        world.happen(&Step::Fault(Window::Down("dynamodb")));
        world.invoke_setup(going_back.clone());
        world.answer_to(&going_back).await;
        assert!(world.now().duration_since(began) < SignedDuration::from_hours(1));
    });
}

#[test]
fn parameters_that_go_back_long_after_are_a_change() {
    World::quiet(members(1), async |world| {
        launched(&world, Wishes::default()).await;
        let first = world.wishes().limit;
        updated(&world, |wishes| wishes.limit = 20).await;
        // A change reads the trail, and a rollback does not.
        world.happen(&Step::StopLogging);
        let back = updated(&world, |wishes| wishes.limit = first).await;
        assert_eq!(back.reason, "");
        world.happen(&Step::StartLogging);
        updated(&world, |wishes| wishes.limit = 20).await;
        world.happen(&Step::StopLogging);
        world.hours(3).await;
        let changed = updated(&world, |wishes| wishes.limit = first).await;
        assert!(
            changed.reason.contains("switched off"),
            "{}",
            changed.reason
        );
    });
}

#[test]
fn a_rollback_that_is_continued_hours_later_checks_nothing() {
    World::quiet(members(1), async |world| {
        launched(&world, Wishes::default()).await;
        let before = world.wishes();
        updated(&world, |wishes| wishes.limit = 20).await;
        world.happen(&Step::StopLogging);
        world.hours(3).await;
        world.roll_back();
        let request = world.request_for("Update", &before);
        world.invoke_setup(request.clone());
        let answer = world.answer_to(&request).await;
        assert_eq!((answer.success, answer.reason.as_str()), (true, ""));
        let policy = world.recorded().success.unwrap().deployment.policy;
        assert_eq!(policy.offboard_limit_percent, before.limit);
    });
}

#[test]
fn what_cannot_change_after_launch_is_refused_and_goes_back() {
    World::quiet(members(1), async |world| {
        launched(&world, Wishes::default()).await;
        let before = world.recorded().success;
        for (parameter, value, expected) in [
            (
                "IntegrationNamePrefix",
                "Other-",
                "IntegrationNamePrefix cannot change after launch: it was \"Plain-\"",
            ),
            (
                "RegistrationMode",
                "SnsCustomResource",
                "RegistrationMode cannot change after launch",
            ),
        ] {
            let change = |wishes: &mut Wishes| {
                wishes.others.insert(parameter, value.to_owned());
            };
            let (why, _) = refused(&world, change).await;
            assert!(why.contains(expected), "{why}");
        }
        assert_eq!(world.recorded().success, before);
    });
}
