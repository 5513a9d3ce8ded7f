//! StackSets: failures and their tolerance, operations in turn, events on the bus.

use std::time::Duration;

use serde_json::{Value, json};
use towerhook_sandbox::gateway::stack_sets::{
    DetailedStatus, InstanceStatus, OperationStatus, ResultStatus,
};

use crate::gateway::world::{ADMINISTRATOR_ACCESS, MANAGEMENT, REGION, World, until};

#[tokio::test]
async fn instances_fail_as_aws_says_and_tolerance_decides_about_the_operation() {
    let world = World::new(4, Duration::ZERO).await;
    world.stack_set("Tolerance", true).await;
    world
        .gateway
        .stack_sets()
        .fail_instances([world.members[0].clone()], "Broken on purpose");
    let execution = ("RoleName", "AWSControlTowerExecution");
    let detach = [execution, ("PolicyArn", ADMINISTRATOR_ACCESS)];
    let member = world.client.account(&world.members[1]);
    for (action, params) in [
        ("DetachRolePolicy", &detach[..]),
        ("DeleteRole", &[execution]),
    ] {
        member
            .query("iam", action, "2010-05-08", params)
            .await
            .unwrap();
    }

    let tolerant = [
        ("OperationPreferences.FailureToleranceCount", "999"),
        ("OperationPreferences.MaxConcurrentCount", "10"),
    ];
    world
        .instances(
            "CreateStackInstances",
            "Tolerance",
            "one",
            &world.members,
            &tolerant,
        )
        .await
        .unwrap();
    let one = world.ended("Tolerance", "one").await;
    assert_eq!(one.status, OperationStatus::Succeeded);
    let described = world
        .cloudformation(
            "DescribeStackSetOperation",
            &[("StackSetName", "Tolerance"), ("OperationId", "one")],
        )
        .await
        .unwrap();
    let failures = described.find("FailedStackInstancesCount").unwrap();
    assert_eq!(failures.text, "2");
    let set = world.gateway.stack_sets().get("Tolerance").unwrap();
    let instance = |account: &str| {
        set.instances
            .iter()
            .find(|one| one.account == account)
            .unwrap()
            .clone()
    };
    assert_eq!(instance(&world.members[3]).status, InstanceStatus::Current);
    let failed = instance(&world.members[0]);
    assert_eq!(failed.status, InstanceStatus::Outdated);
    assert_eq!(failed.detailed_status, DetailedStatus::Failed);
    assert_eq!(failed.reason.as_deref(), Some("Broken on purpose"));
    let expected = format!(
        "Account {} should have 'AWSControlTowerExecution' role with trust relationship to Role 'AWSControlTowerStackSetRole'.",
        world.members[1]
    );
    assert_eq!(instance(&world.members[1]).reason, Some(expected));

    // Without tolerance the first failure ends the operation, and the remaining instances are
    // skipped.
    world
        .instances(
            "CreateStackInstances",
            "Tolerance",
            "two",
            &world.members,
            &[],
        )
        .await
        .unwrap();
    let two = world.ended("Tolerance", "two").await;
    assert_eq!(two.status, OperationStatus::Failed);
    let count = |status| {
        two.results
            .iter()
            .filter(|(_, _, result)| *result == status)
            .count()
    };
    assert_eq!(count(ResultStatus::Failed), 1);
    assert_eq!(
        count(ResultStatus::Failed)
            + count(ResultStatus::Cancelled)
            + count(ResultStatus::Succeeded),
        4
    );
    assert!(count(ResultStatus::Cancelled) > 0);

    // A failed instance works once its cause is gone.
    world
        .gateway
        .stack_sets()
        .fail_instances(Vec::<String>::new(), "");
    world
        .instances(
            "CreateStackInstances",
            "Tolerance",
            "three",
            &world.members[..1],
            &[],
        )
        .await
        .unwrap();
    let three = world.ended("Tolerance", "three").await;
    assert_eq!(three.status, OperationStatus::Succeeded);
    assert!(three.took.is_some());

    // A failed deletion leaves the instance inoperable until its stack is left behind.
    let role_gone = &world.members[1..2];
    let delete = [("RetainStacks", "false")];
    world
        .instances(
            "DeleteStackInstances",
            "Tolerance",
            "four",
            role_gone,
            &delete,
        )
        .await
        .unwrap();
    world.ended("Tolerance", "four").await;
    let set = world.gateway.stack_sets().get("Tolerance").unwrap();
    let left = set
        .instances
        .iter()
        .find(|one| one.account == role_gone[0])
        .unwrap();
    assert_eq!(left.status, InstanceStatus::Inoperable);
}

#[tokio::test]
async fn one_operation_at_a_time_without_managed_execution() {
    let world = World::new(2, Duration::from_secs(2)).await;
    world.stack_set("Plain", false).await;
    world
        .instances(
            "CreateStackInstances",
            "Plain",
            "one",
            &world.members[..1],
            &[],
        )
        .await
        .unwrap();
    let refused = world
        .instances(
            "CreateStackInstances",
            "Plain",
            "two",
            &world.members[1..],
            &[],
        )
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Some("OperationInProgressException"));
    let one = world.ended("Plain", "one").await;
    assert!(one.took.unwrap() >= Duration::from_secs(2));
}

#[tokio::test]
async fn stack_set_events_reach_a_queue_through_the_bus() {
    let world = World::new(1, Duration::ZERO).await;
    let sqs = async |operation: &str, request: Value| {
        world
            .client
            .json("sqs", "AmazonSQS", operation, request)
            .await
            .unwrap()
    };
    let queue = sqs("CreateQueue", json!({"QueueName": "events"})).await;
    let pattern = json!({"source": ["aws.cloudformation"], "detail": {"stack-set-arn": [{"prefix":
        format!("arn:aws:cloudformation:{REGION}:{MANAGEMENT}:stackset/Watched:")}]}});
    for (operation, request) in [
        (
            "PutRule",
            json!({"Name": "watch", "EventPattern": pattern.to_string()}),
        ),
        (
            "PutTargets",
            json!({"Rule": "watch", "Targets": [{"Id": "queue",
                "Arn": format!("arn:aws:sqs:{REGION}:{MANAGEMENT}:events")}]}),
        ),
    ] {
        world
            .client
            .json("events", "AWSEvents", operation, request)
            .await
            .unwrap();
    }
    world.stack_set("Watched", true).await;
    world.stack_set("Unwatched", true).await;
    world
        .instances(
            "CreateStackInstances",
            "Watched",
            "create",
            &world.members,
            &[],
        )
        .await
        .unwrap();

    let mut seen: Vec<(String, String)> = Vec::new();
    let done = |seen: &[(String, String)]| {
        seen.contains(&(
            "CloudFormation StackSet Operation Status Change".to_owned(),
            "SUCCEEDED".to_owned(),
        ))
    };
    until("the operation's end is on the queue", async || {
        let request = json!({"QueueUrl": queue["QueueUrl"], "MaxNumberOfMessages": 10});
        let answer = sqs("ReceiveMessage", request).await;
        for message in answer["Messages"].as_array().into_iter().flatten() {
            let event: Value = serde_json::from_str(message["Body"].as_str().unwrap()).unwrap();
            assert_eq!(event["source"], "aws.cloudformation");
            assert_eq!(event["account"], MANAGEMENT);
            assert_eq!(event["resources"][0], event["detail"]["stack-set-arn"]);
            let details = &event["detail"]["status-details"];
            let status = details["detailed-status"]
                .as_str()
                .or(details["status"].as_str());
            seen.push((
                event["detail-type"].as_str().unwrap().to_owned(),
                status.unwrap().to_owned(),
            ));
        }
        done(&seen).then_some(())
    })
    .await;
    for (kind, status) in [
        ("StackSet Status Change", "ACTIVE"),
        ("StackSet Operation Status Change", "RUNNING"),
        ("StackSet StackInstance Status Change", "RUNNING"),
        ("StackSet StackInstance Status Change", "SUCCEEDED"),
    ] {
        let event = (format!("CloudFormation {kind}"), status.to_owned());
        assert!(seen.contains(&event), "{event:?} is not in {seen:?}");
    }
}
