//! A trail without a topic.

use std::fmt::Write as _;

use serde_json::json;
use towerhook_sandbox::inventory::Inventory;
use towerhook_sandbox::lacework::Verification;
use towerhook_sandbox::landing_zone::Role;
use towerhook_tests::scene::{Scene, until};
use towerhook_tests::{launched, options, sandbox};

use crate::optional::{assert_golden, refusal};

const SNS: &str = "2010-03-31";

/// What CloudTrail would tell the topic arrives in the queue that Lacework reads.
async fn assert_told(scene: &Scene, topic: &str) {
    let account = |role| {
        scene
            .sandbox
            .landing_zone
            .account_of(role)
            .unwrap()
            .id
            .clone()
    };
    let aws = scene.inside();
    let form = [("TopicArn", topic), ("Message", "a log file")];
    let owner = aws.account(&account(Role::LogArchive));
    owner.query("sns", "Publish", SNS, &form).await.unwrap();
    let audit = aws.account(&account(Role::Audit));
    let url = json!({"QueueName": "acme-laceworkcws"});
    let answer = audit.json("sqs", "AmazonSQS", "GetQueueUrl", url).await;
    let url = answer.unwrap()["QueueUrl"].clone();
    until("the queue hears of the log file", async || {
        let request = json!({"QueueUrl": url});
        let answer = audit.json("sqs", "AmazonSQS", "ReceiveMessage", request);
        answer.await.unwrap().to_string().contains("a log file")
    })
    .await;
}

#[tokio::test]
async fn a_trail_without_a_topic_gets_one_and_is_put_back() {
    let mut options = options();
    options.accounts = 4;
    let sandbox = sandbox(options).await;
    sandbox.landing_zone.set_trail_topic("").await.unwrap();
    let before = Inventory::take(&sandbox).await.unwrap();
    let mut told = format!("CreateTrailTopic=No\n  {}\n", refusal(&sandbox, &[]).await);

    let log_archive = sandbox.landing_zone.account_of(Role::LogArchive).unwrap();
    let topic = format!(
        "arn:aws:sns:us-east-1:{}:acme-laceworkcwstopic",
        log_archive.id
    );
    let wanted = [
        ("CreateTrailTopic", "Yes"),
        ("CapabilityType", "CloudTrail"),
    ];
    let stack = launched(&sandbox, &wanted).await;
    let scene = Scene { sandbox, stack };
    let landing_zone = &scene.sandbox.landing_zone;
    assert_eq!(landing_zone.trail_topic().await.unwrap(), topic);
    assert_told(&scene, &topic).await;
    let integrations = scene.sandbox.simulator.integrations();
    let verification = scene.sandbox.simulator.verify(&integrations[0].guid).await;
    assert_eq!(verification.unwrap(), Verification::Passed);

    for (row, changes) in [
        ("turned No", ("CreateTrailTopic", "No")),
        ("another trail", ("ExistingCloudTrailName", "my-trail")),
    ] {
        let reason = scene.refused_update(&[changes]).await;
        writeln!(told, "{row}\n  {reason}").unwrap();
        assert_eq!(landing_zone.trail_topic().await.unwrap(), topic);
    }
    scene.update(&[("CapabilityType", "Config")]).await;
    assert_eq!(landing_zone.trail_topic().await.unwrap(), "");
    // Members that are enrolled by then leave with the next update, whatever the machine's pace.
    let members = ["Log Archive", "Audit", "production-1"];
    scene.await_enrolled(&members).await;
    scene.update(&[("CapabilityType", "CloudTrail")]).await;
    assert_eq!(landing_zone.trail_topic().await.unwrap(), topic);
    until("setup's log is filed", async || {
        scene.logged("setup", "answered").await.len() >= 7
    })
    .await;
    writeln!(told, "\n{}", scene.steps().await).unwrap();
    scene.delete().await;
    assert_eq!(landing_zone.trail_topic().await.unwrap(), "");
    assert_golden(
        "trail_topic",
        &told.replace(&scene.account("Log Archive").id, "<Log Archive>"),
    );
    until("nothing is left", async || {
        let after = Inventory::take(&scene.sandbox).await.unwrap();
        before.difference(&after).is_empty()
    })
    .await;
}
