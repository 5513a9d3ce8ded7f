//! A trail without a topic, and one with a topic of its own.

use std::fmt::Write as _;

use serde_json::json;
use towerhook_sandbox::inventory::Inventory;
use towerhook_sandbox::landing_zone::{Role, Version};
use towerhook_sandbox::launch::{Parameters, Stack};
use towerhook_sandbox::providers::Verification;
use towerhook_tests::scene::{Scene, until};
use towerhook_tests::{STACK_DEADLINE, launched, options, refusal, sandbox};

use crate::golden::assert_golden;

const SNS: &str = "2010-03-31";

fn id_of(scene: &Scene, role: Role) -> String {
    let landing_zone = &scene.sandbox.landing_zone;
    landing_zone.account_of(role).unwrap().id.clone()
}

/// A notification that CloudTrail would publish to the topic arrives in the queue that Lacework
/// reads, which is in the account of this role.
async fn assert_told(scene: &Scene, topic: &str, role: Role) {
    let aws = scene.inside();
    let form = [("TopicArn", topic), ("Message", "a log file")];
    let owner = aws.account(topic.split(':').nth(4).unwrap());
    owner.query("sns", "Publish", SNS, &form).await.unwrap();
    let holder = aws.account(&id_of(scene, role));
    let url = json!({"QueueName": "acme-laceworkcws"});
    let answer = holder.json("sqs", "AmazonSQS", "GetQueueUrl", url).await;
    let url = answer.unwrap()["QueueUrl"].clone();
    until("the queue hears of the log file", async || {
        let request = json!({"QueueUrl": url});
        let answer = holder.json("sqs", "AmazonSQS", "ReceiveMessage", request);
        answer.await.unwrap().to_string().contains("a log file")
    })
    .await;
    let simulator = &scene.sandbox.simulator;
    let verification = simulator.verify(&simulator.registrations()[0].id).await;
    assert_eq!(verification.unwrap(), Verification::Passed);
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
    assert_told(&scene, &topic, Role::Audit).await;

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
    // Members that are enrolled by then are offboarded by the next update, however slow the machine
    // is.
    let members = ["Log Archive", "Audit", "production-1"];
    scene.await_enrolled(&members).await;
    scene.update(&[("CapabilityType", "CloudTrail")]).await;
    assert_eq!(landing_zone.trail_topic().await.unwrap(), topic);
    until("setup's log is filed", async || {
        scene.logged("setup", "response sent").await.len() >= 7
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

#[tokio::test]
async fn the_queue_is_where_the_trails_own_topic_is_and_follows_it() {
    let mut options = options();
    options.accounts = 4;
    options.version = Version::V4;
    let sandbox = sandbox(options).await;
    let before = Inventory::take(&sandbox).await.unwrap();
    let stack = launched(&sandbox, &[("CapabilityType", "CloudTrail")]).await;
    let scene = Scene { sandbox, stack };
    let (log_archive, audit) = (id_of(&scene, Role::LogArchive), id_of(&scene, Role::Audit));
    let own = scene.sandbox.landing_zone.trail_topic().await.unwrap();
    assert_eq!(own.split(':').nth(4), Some(log_archive.as_str()), "{own}");
    assert_told(&scene, &own, Role::LogArchive).await;
    let made = scene.sandbox.simulator.registrations();

    // From now on the trail notifies another topic, in Audit.
    let other = format!("arn:aws:sns:us-east-1:{audit}:aws-controltower-AllConfigNotifications");
    let landing_zone = &scene.sandbox.landing_zone;
    landing_zone.set_trail_topic(&other).await.unwrap();
    scene.reconcile().await;
    let words = format!("it no longer notifies the topic {own} but {other}; update the stack");
    until("the other topic is reported", async || {
        let blocked = scene.logged("account", "account blocked").await;
        blocked.iter().any(|line| line.to_string().contains(&words))
    })
    .await;
    scene.update(&[("ApproveOffboard", "0")]).await;
    assert_told(&scene, &other, Role::Audit).await;
    let moved = scene.sandbox.simulator.registrations();
    assert_eq!((moved.len(), &moved[0].id), (1, &made[0].id));
    let holder = scene.inside().account(&log_archive);
    let url = json!({"QueueName": "acme-laceworkcws"});
    let gone = holder.json("sqs", "AmazonSQS", "GetQueueUrl", url).await;
    assert!(gone.is_err(), "{gone:?}");

    scene.delete().await;
    let landing_zone = &scene.sandbox.landing_zone;
    landing_zone.set_trail_topic(&own).await.unwrap();
    until("nothing is left", async || {
        let after = Inventory::take(&scene.sandbox).await.unwrap();
        before.difference(&after).is_empty()
    })
    .await;
}

const SUBSCRIBER: &str = "
Parameters:
  TopicArn: {Type: String}
Resources:
  Queue: {Type: 'AWS::SQS::Queue'}
  Subscription:
    Type: AWS::SNS::Subscription
    Properties: {TopicArn: !Ref TopicArn, Protocol: sqs, Endpoint: !GetAtt Queue.Arn}
";

/// The sandbox must enforce this, so that a queue in the wrong account shows here.
#[tokio::test]
async fn the_sandbox_lets_no_other_account_subscribe_to_the_trails_topic() {
    let mut options = options();
    options.accounts = 4;
    options.version = Version::V4;
    let sandbox = sandbox(options).await;
    let topic = sandbox.landing_zone.trail_topic().await.unwrap();
    let inside = sandbox.inside().unwrap();
    let parameters: Parameters = [("TopicArn".to_owned(), topic.clone())].into();
    for (role, ends) in [
        (Role::LogArchive, "CREATE_COMPLETE"),
        (Role::Audit, "ROLLBACK_COMPLETE"),
    ] {
        let account = &sandbox.landing_zone.account_of(role).unwrap().id;
        let aws = inside.account(account);
        let stack = Stack::create(&aws, &aws, "subscriber", SUBSCRIBER, &parameters)
            .await
            .unwrap();
        stack.wait_for(ends, STACK_DEADLINE).await.unwrap();
        let failures = stack.failures().await.unwrap();
        let refused = failures.iter().any(|failure| {
            failure.resource == "Subscription" && failure.reason.contains("SNS:Subscribe")
        });
        assert_eq!(refused, role == Role::Audit, "{failures:?}");
    }
}
