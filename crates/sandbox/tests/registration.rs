//! Custom resources whose service token is a topic, from the stack to the subscriber, and back.

mod world;

use std::time::Duration;

use serde_json::{Value, json};
use towerhook_sandbox::gateway::Fault;
use towerhook_sandbox::gateway::stack_sets::{InstanceStatus, OperationStatus};
use towerhook_sandbox::providers::Verification;
use towerhook_sandbox::providers::lacework::REGISTRATION_TOPIC;
use world::{VENDOR, World, member_template, stack_template};

const EXPIRY: Duration = Duration::from_secs(25 * 3600);

#[tokio::test]
async fn accounts_register_themselves_and_hold_what_they_were_last_given() {
    let world = World::new().await;
    let [one, two] = world.members();
    let simulator = &world.sandbox.simulator;
    let controls = world.sandbox.lacework().unwrap().controls();
    let old = world.token().await;
    let values = [("Suffix", Some("first")), ("Token", Some("_of-no-use"))];
    world
        .create_stack_set(&member_template(), &values)
        .await
        .unwrap();

    // An answer that is lost on its way comes again.
    let faults = world.sandbox.gateway.faults();
    faults.inject("custom-resource", "PutResponse", Fault::Reset, 1);
    let created = world
        .instance_operation("CreateStackInstances", &one, Some(&old))
        .await;
    assert_eq!(created, OperationStatus::Succeeded);
    let [made] = &simulator.registrations()[..] else {
        panic!("{:?}", simulator.registrations());
    };
    assert_eq!(made.name, format!("Config-first-{one}"));
    assert!(made.watches(&one));
    assert_eq!(
        simulator.verify(&made.id).await.unwrap(),
        Verification::Passed
    );

    // With the StackSet's own token this would fail.
    let values = [("Suffix", Some("second")), ("Token", None)];
    let updated = world.update_stack_set(&values).await;
    assert_eq!(updated, OperationStatus::Succeeded);
    let renamed = &simulator.registrations()[0];
    assert_eq!(renamed.name, format!("Config-second-{one}"));
    assert_eq!(renamed.id, made.id);

    controls.advance_clock(EXPIRY);
    let created = world
        .instance_operation("CreateStackInstances", &two, Some(&old))
        .await;
    assert_eq!(created, OperationStatus::Failed);
    let failed = world.instance(&two).unwrap();
    let reason = failed.reason.unwrap();
    assert!(reason.contains("ApiToken: "), "{reason}");
    assert_eq!(failed.status, InstanceStatus::Outdated);
    assert!(!world.has_role(&two).await, "the rollback removes the role");

    let new = world.token().await;
    let updated = world
        .instance_operation("UpdateStackInstances", &one, Some(&new))
        .await;
    assert_eq!(updated, OperationStatus::Succeeded);
    let created = world
        .instance_operation("CreateStackInstances", &two, Some(&new))
        .await;
    assert_eq!(created, OperationStatus::Succeeded);
    assert_eq!(simulator.registrations()[0].id, made.id);
    assert_eq!(simulator.registrations().len(), 2);

    // The first account goes with the token that it was last given, the second with a stale one.
    let deleted = world
        .instance_operation("DeleteStackInstances", &one, None)
        .await;
    assert_eq!(deleted, OperationStatus::Succeeded);
    assert_eq!(world.instance(&one), None);
    assert!(!world.has_role(&one).await);
    controls.advance_clock(EXPIRY);
    let deleted = world
        .instance_operation("DeleteStackInstances", &two, None)
        .await;
    assert_eq!(deleted, OperationStatus::Failed);
    let left = world.instance(&two).unwrap();
    assert_eq!(left.status, InstanceStatus::Inoperable);
    assert!(left.reason.unwrap().contains("ApiToken: "));
    assert!(simulator.registrations()[0].watches(&two));
    assert!(world.has_role(&two).await);

    assert_eq!(
        simulator.calls().into_iter().collect::<Vec<_>>(),
        [("POST access/tokens".to_owned(), 2)]
    );
    let log = std::fs::read_to_string(world.sandbox.emulator.log()).unwrap();
    for secret in [&old, &new] {
        assert!(
            !log.contains(secret.as_str()),
            "the emulator's log tells a token"
        );
    }
}

#[tokio::test]
async fn a_topic_hears_what_a_function_would_and_its_listener_answers() {
    let world = World::new().await;
    let topic = world.topic("listened", "*").await;
    let queue = world.listen(&topic).await;
    let stack = async |word: &str| {
        let mut properties = json!({
            "ServiceToken": topic, "ServiceTimeout": 60, "Word": word, "Number": 1, "Flag": true,
        });
        properties["List"] = json!([{"Flag": false}]);
        stack_template(&properties)
    };
    let answer = async |expected: &str| {
        let notification = world.receive(&queue).await;
        assert_eq!(notification["Type"], "Notification");
        assert_eq!(notification["TopicArn"], topic);
        let request: Value =
            serde_json::from_str(notification["Message"].as_str().unwrap()).unwrap();
        assert_eq!(request["RequestType"], expected);
        assert_eq!(request["ResourceType"], "Custom::Listened");
        assert_eq!(request["LogicalResourceId"], "Resource");
        let url = request["ResponseURL"].as_str().unwrap();
        assert!(
            url.starts_with(world.sandbox.gateway.url().as_str()),
            "{url}"
        );
        let response = json!({
            "Status": "SUCCESS", "PhysicalResourceId": "made", "StackId": request["StackId"],
            "RequestId": request["RequestId"], "LogicalResourceId": "Resource",
            "Data": {"Heard": request["ResourceProperties"]["Word"]},
        });
        world.put(url, &response).await;
        request
    };

    let id = world.create_stack("listened", &stack("one").await).await;
    let created = answer("Create").await;
    assert_eq!(world.settled(&id).await.status, "CREATE_COMPLETE");
    assert_eq!(world.output(&id).await, "one");
    assert_eq!(created["StackId"], id);
    assert_eq!(created.get("PhysicalResourceId"), None);
    assert_eq!(created.get("OldResourceProperties"), None);
    let old = json!({
        "ServiceToken": topic, "ServiceTimeout": "60", "Word": "one", "Number": "1",
        "Flag": "true", "List": [{"Flag": "false"}],
    });
    assert_eq!(created["ResourceProperties"], old);

    world.update_stack(&id, &stack("two").await).await;
    let updated = answer("Update").await;
    assert_eq!(world.settled(&id).await.status, "UPDATE_COMPLETE");
    assert_eq!(world.output(&id).await, "two");
    assert_eq!(updated["PhysicalResourceId"], "made");
    assert_eq!(updated["OldResourceProperties"], old);
    assert_ne!(updated["RequestId"], created["RequestId"]);

    world.delete_stack(&id).await;
    let deleted = answer("Delete").await;
    assert_eq!(world.settled(&id).await.status, "DELETE_COMPLETE");
    assert_eq!(deleted["PhysicalResourceId"], "made");
    assert_eq!(deleted["ResourceProperties"], updated["ResourceProperties"]);
}

#[tokio::test]
async fn a_topic_that_cannot_be_published_to_or_is_not_heard_fails_the_stack() {
    let world = World::new().await;
    let silent = world.topic("silent", "*").await;
    let closed = world.topic("closed", VENDOR).await;
    let region = &world.sandbox.running().region;
    assert_ne!(region, "eu-west-1");
    let arn = |region: &str, name: &str| format!("arn:aws:sns:{region}:{VENDOR}:{name}");
    for (name, topic, expected) in [
        (
            "elsewhere",
            arn("eu-west-1", REGISTRATION_TOPIC),
            "is not in the stack's Region",
        ),
        (
            "missing",
            arn(region, "missing"),
            "the topic does not exist",
        ),
        ("closed", closed, "may not publish to it"),
        ("silent", silent, "no answer within 1 s"),
    ] {
        let properties = json!({"ServiceToken": topic, "ServiceTimeout": 1});
        let id = world.create_stack(name, &stack_template(&properties)).await;
        let settled = world.settled(&id).await;
        assert_eq!(settled.status, "ROLLBACK_COMPLETE");
        assert!(settled.reason.contains(expected), "{}", settled.reason);
    }
}
