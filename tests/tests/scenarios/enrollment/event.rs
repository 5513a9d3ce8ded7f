//! The effect of single events.

use serde_json::json;
use towerhook_tests::scene::{Scene, until};

const CREATE: &str = "POST CloudAccounts";

#[tokio::test]
async fn one_account_is_enrolled_once_whatever_comes_how_often() {
    let parameters = [
        ("CapabilityType", "Config"),
        ("MonitorExistingAccounts", "No"),
    ];
    let scene = Scene::open(5, &[], &parameters).await;
    // Config alone needs neither the trail nor anything in Log Archive and Audit.
    let sets = scene.sandbox.gateway.stack_sets().all();
    let sets: Vec<&str> = sets.iter().map(|set| set.name.as_str()).collect();
    assert_eq!(sets, ["Lacework-Control-Tower-Config-Member-acme"]);
    assert!(scene.sandbox.simulator.registrations().is_empty());
    let calls = scene.sandbox.gateway.calls();
    assert_eq!(calls.get("cloudtrail:GetTrail"), None);

    // Control Tower failed: that is counted, and nothing else happens.
    let failures = [
        "create-managed-account-failed",
        "update-managed-account-failed",
        "enable-baseline-account-failed",
    ];
    for file in failures {
        scene.publish_file(file, "production-1").await;
    }
    until("the failures are counted", async || {
        scene.metric("ControlTowerFailures").await == 3
    })
    .await;
    assert_eq!(scene.instance("production-1"), None);
    assert_eq!(scene.sandbox.simulator.calls().get(CREATE), None);

    // The same account in two events of the same kind and in one about its baseline.
    let events = [
        scene.event("create-managed-account", "production-1"),
        scene.event("create-managed-account", "production-1"),
        scene.event("enable-baseline-account", "production-1"),
    ];
    scene.publish_all(&events).await;
    scene.await_enrolled(&["production-1"]).await;
    scene
        .publish_file("create-managed-account", "production-1")
        .await;
    scene.publish_file("enable-control", "production-1").await;
    scene.settle().await;
    assert_eq!(scene.registrations("production-1").len(), 1);
    assert_eq!(scene.sandbox.simulator.calls()[CREATE], 1);

    // After a failed creation Control Tower reports an update of the account, never its creation.
    scene
        .publish_file("update-managed-account", "development-1")
        .await;
    scene.await_enrolled(&["development-1"]).await;
    assert_eq!(scene.sandbox.simulator.calls()[CREATE], 2);
    let dead = scene.stack.output("DeadLetterQueueUrl").await.unwrap();
    assert_eq!(scene.queue(&dead).await.visible, 0);

    strange_messages(&scene, &dead).await;
}

/// A malformed message ends in the dead-letter queue, and an irrelevant event is ignored.
async fn strange_messages(scene: &Scene, dead: &str) {
    let url = scene.stack.output("WorkQueueUrl").await.unwrap();
    let sqs = async |operation: &str, request| {
        let client = scene.inside();
        client.json("sqs", "AmazonSQS", operation, request).await
    };
    // A message returns after this time, 1,080 seconds in the template.
    let attributes = json!({"QueueUrl": url, "Attributes": {"VisibilityTimeout": "1"}});
    sqs("SetQueueAttributes", attributes).await.unwrap();
    let ignored = scene.metric("EventsIgnored").await;
    let malformed = [
        "poison",
        "[]",
        r#"{"towerhook":{"scope":"everything"}}"#,
        r#"{"source":"aws.controltower","detail":{"eventName":"CreateManagedAccount"}}"#,
    ];
    let unknown = [
        r#"{"source":"aws.somethingnew"}"#,
        "{}",
        r#"{"source":"aws.controltower","detail":{"eventName":"SomethingNew"}}"#,
    ];
    for body in malformed.iter().chain(&unknown) {
        let message = json!({"QueueUrl": url, "MessageBody": body});
        sqs("SendMessage", message).await.unwrap();
    }
    until("the malformed are in the dead-letter queue", async || {
        let dead = scene.queue(dead).await;
        dead.visible == malformed.len() as u64
    })
    .await;
    assert_eq!(scene.metric("EventsIgnored").await, ignored + 3);
    let received = scene.metric("RecordsMalformed").await;
    assert_eq!(received, 5 * malformed.len() as u64, "five times each");
    // The function continues as before.
    scene.publish_file("create-managed-account", "Audit").await;
    scene.await_enrolled(&["Audit"]).await;
    for line in scene.log("account").await {
        let text = line.to_string();
        assert!(!text.contains("panicked"), "{text}");
        assert!(!text.contains("poison"), "a record is in the log: {text}");
    }
}
