//! Requests that are repeated, late, overlapping, or forged.

use std::time::Duration;

use towerhook_world::{Wishes, World};

use super::{launched, members, updated};

fn limit(percent: u8) -> Wishes {
    Wishes {
        limit: percent,
        ..Wishes::default()
    }
}

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn a_partition_without_the_saas_is_refused_before_anything_is_made_or_asked_there() {
    let partitions = [
        ("aws-us-gov", "aws-us-gov (AWS GovCloud (US))"),
        ("aws-cn", "aws-cn (the China Regions)"),
        ("aws-eusc", "aws-eusc (the AWS European Sovereign Cloud)"),
        ("aws-iso", "aws-iso,"),
    ];
    for (partition, said) in partitions {
        World::quiet(members(1), async move |world| {
            world.set_partition(partition);
            let answer = world.launch(limit(10)).await;
            assert!(!answer.success);
            let reason = answer.reason;
            assert!(
                reason.contains("Plain has no role in the partition"),
                "{reason}"
            );
            assert!(reason.contains(said), "{reason}");
            assert_eq!(world.leftovers(), [] as [&str; 0]);
            assert_eq!(world.calls("registry:CreateToken"), 0);
        });
    }
}

#[test]
fn a_role_for_stack_sets_that_is_not_there_or_no_service_may_assume_is_refused_at_launch_only() {
    let others = r#"{"Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}}
    ]}"#;
    for (trust, said) in [
        (
            None,
            "there is no role arn:aws:iam::000000000001:role/service-role/AWSControl",
        ),
        (Some(others), "does not trust CloudFormation"),
    ] {
        World::quiet(members(1), async move |world| {
            world.set_administration_trust(trust);
            let answer = world.launch(limit(10)).await;
            assert!(!answer.success);
            let reason = answer.reason;
            assert!(reason.contains("StackSetAdministrationRoleArn"), "{reason}");
            assert!(reason.contains(said), "{reason}");
            assert_eq!(world.leftovers(), [] as [&str; 0]);
            assert_eq!(world.calls("registry:CreateToken"), 0);
        });
        World::quiet(members(1), async move |world| {
            launched(&world, limit(10)).await;
            world.set_administration_trust(trust);
            updated(&world, |wishes| wishes.limit = 20).await;
        });
    }
}

#[test]
fn two_invocations_of_one_request_come_to_what_one_does() {
    World::quiet(members(2), async |world| {
        launched(&world, limit(10)).await;
        let before = world.recorded().success;
        let request = world.request_for("Update", &limit(20));
        world.invoke_setup(request.clone());
        world.invoke_setup(request.clone());
        let answer = world.answer_to(&request).await;
        assert!(answer.success, "{}", answer.reason);
        world.simulation().sleep(HOUR).await;
        world.rest().await;
        let after = world.recorded();
        let policy = after.success.unwrap().deployment.policy;
        assert_eq!(policy.offboard_limit_percent, 20);
        assert_eq!(after.previous, before);
        assert!(!world.is_leased());
    });
}

#[test]
fn a_repetition_of_an_older_request_that_comes_after_a_newer_one_changes_nothing() {
    World::quiet(members(2), async |world| {
        launched(&world, limit(10)).await;
        let older = world.request_for("Update", &limit(20));
        world.invoke_setup(older.clone());
        world.answer_to(&older).await;
        updated(&world, |wishes| wishes.limit = 30).await;
        world.rest().await;
        let before = (world.recorded(), world.writes());
        world.invoke_setup(older);
        world.simulation().sleep(HOUR).await;
        world.rest().await;
        assert_eq!((world.recorded(), world.writes()), before);
        assert!(!world.is_leased());
    });
}

#[test]
fn a_delete_during_a_create_leaves_nothing() {
    for after in [1, 5, 20, 60] {
        World::quiet(members(2), async move |world| {
            let after = Duration::from_secs(after);
            let answer = world.launch_and_delete(Wishes::default(), after).await;
            assert!(answer.success, "{}", answer.reason);
            assert_eq!(world.leftovers(), [] as [&str; 0]);
            world.simulation().sleep(2 * HOUR).await;
            assert_eq!(world.leftovers(), [] as [&str; 0]);
        });
    }
}
