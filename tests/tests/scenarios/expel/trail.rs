//! The organization's trail, of which a bucket that is not Towerhook's tells Expel.

use serde_json::{Value, json};
use towerhook_sandbox::Sandbox;
use towerhook_sandbox::aws_client::{AwsClient, Element, Method};
use towerhook_sandbox::inventory::Inventory;
use towerhook_sandbox::landing_zone::{Role, TRAIL};
use towerhook_sandbox::providers::expel::ORGANIZATION;
use towerhook_tests::scene::{Scene, until};
use towerhook_tests::{STACK_DEADLINE, sandbox};

use super::{expel, has_role, id_of, refused_launch};
use crate::permission::role;

const CLOUD_TRAIL: &str = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101";

/// The trail's bucket, seen by its owner.
struct Bucket {
    aws: AwsClient,
    path: String,
}

impl Bucket {
    async fn of(sandbox: &Sandbox) -> Self {
        let inside = sandbox.inside().unwrap();
        let asked = json!({"Name": TRAIL});
        let trail = inside.json("cloudtrail", CLOUD_TRAIL, "GetTrail", asked);
        let trail = trail.await.unwrap();
        let name = trail["Trail"]["S3BucketName"].as_str().unwrap();
        Self {
            aws: inside.account(&id_of(sandbox, Role::LogArchive)),
            path: format!("/{name}?notification"),
        }
    }

    async fn send(&self, method: Method, body: &str) -> Vec<u8> {
        let body = body.as_bytes().to_vec();
        let sent = self
            .aws
            .rest("s3", method, &self.path, "application/xml", body);
        sent.await.unwrap()
    }

    /// The ids of its notifications.
    async fn notifications(&self) -> Vec<String> {
        let text = self.send(Method::GET, "").await;
        let text = String::from_utf8(text).unwrap();
        let all = Element::parse(&text).unwrap().children;
        let id = |one: &Element| one.text_at("Id").unwrap().to_owned();
        all.iter().map(id).collect()
    }

    /// Replaces all notifications by a foreign one of these events.
    async fn notify_theirs(&self, events: &str) {
        let account = self.aws.account_id();
        let queue = format!("arn:aws:sqs:us-east-1:{account}:theirs");
        let body = format!(
            "<NotificationConfiguration><QueueConfiguration><Id>theirs</Id><Queue>{queue}</Queue>\
             <Event>{events}</Event></QueueConfiguration></NotificationConfiguration>"
        );
        let policy = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": {"Service": "s3.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": queue,
            }],
        });
        let make = json!({"QueueName": "theirs", "Attributes": {"Policy": policy.to_string()}});
        let made = self.aws.json("sqs", "AmazonSQS", "CreateQueue", make);
        made.await.unwrap();
        self.send(Method::PUT, &body).await;
    }
}

fn ours() -> String {
    format!("expel-{ORGANIZATION}")
}

async fn compare(scene: &Scene) {
    let url = scene.stack.output("WorkQueueUrl").await.unwrap();
    let message = json!({"towerhook": {"scope": "all"}}).to_string();
    let request = json!({"QueueUrl": url, "MessageBody": message});
    let inside = scene.inside();
    let sent = inside.json("sqs", "AmazonSQS", "SendMessage", request);
    sent.await.unwrap();
}

#[tokio::test]
async fn the_buckets_other_notifications_stay_and_ours_is_put_back_when_it_is_lost() {
    let sandbox = sandbox(expel()).await;
    let bucket = Bucket::of(&sandbox).await;
    bucket.notify_theirs("s3:ObjectRemoved:*").await;
    let before = Inventory::take(&sandbox).await.unwrap();
    let stack = towerhook_tests::launched(&sandbox, &[]).await;
    let scene = Scene { sandbox, stack };
    let both = ["theirs".to_owned(), ours()];
    let mut found = bucket.notifications().await;
    found.sort();
    let mut expected = both.clone();
    expected.sort();
    assert_eq!(found, expected);
    until("Log Archive has its role", async || {
        has_role(&bucket.aws).await
    })
    .await;
    let simulator = &scene.sandbox.simulator;
    simulator.read_trail(&scene.stack).await.unwrap();

    bucket.notify_theirs("s3:ObjectRemoved:*").await;
    compare(&scene).await;
    until("the notification is put back", async || {
        bucket.notifications().await.contains(&ours())
    })
    .await;
    simulator.read_trail(&scene.stack).await.unwrap();

    scene.delete().await;
    assert_eq!(bucket.notifications().await, ["theirs"]);
    until("nothing else is left", async || {
        let after = Inventory::take(&scene.sandbox).await.unwrap();
        before.difference(&after).is_empty()
    })
    .await;
    scene.sandbox.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_notification_of_the_same_files_refuses_the_launch_by_its_id_and_stays() {
    let sandbox = sandbox(expel()).await;
    let bucket = Bucket::of(&sandbox).await;
    bucket.notify_theirs("s3:ObjectCreated:Put").await;
    let reason = refused_launch(&sandbox).await;
    let named = "by the notification \"theirs\"";
    assert!(reason.contains(named), "{reason}");
    sandbox.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_function_that_may_not_assume_the_notifiers_role_says_so() {
    let mut options = expel();
    options.requests_late_by = std::time::Duration::from_secs(600);
    let scene = Scene::open_with(options, &[]).await;
    let denied = "KeepBucketNotification";
    let inside = scene.inside();
    let name = scene.function_name("account").await;
    let account = role::Role::of(&inside, &name).await;
    account.without(denied).await;
    compare(&scene).await;
    until("account logs that it cannot read the bucket", async || {
        let log = scene.log("account").await;
        let is_denial = |line: &Value| {
            let line = line.to_string();
            line.contains("sts:AssumeRole failed: AccessDenied")
        };
        log.iter().any(is_denial)
    })
    .await;
    account.restore().await;

    let setup = role::Role::of(&inside, &scene.function_name("setup").await).await;
    setup.without(denied).await;
    let changes = [("OffboardLimitPercent".to_owned(), "20".to_owned())].into();
    let template = scene.sandbox.template();
    scene.stack.update(template, &changes).await.unwrap();
    let refused = scene
        .stack
        .wait_for("UPDATE_ROLLBACK_COMPLETE", STACK_DEADLINE);
    refused.await.unwrap();
    let failures = scene.stack.failures().await.unwrap();
    let is_told = |reason: &str| {
        reason.contains("The notifications of the trail's bucket ")
            && reason.contains("or ExistingCloudTrailName must name another trail")
            && reason.contains("sts:AssumeRole")
    };
    assert!(
        failures.iter().any(|failure| is_told(&failure.reason)),
        "{failures:?}"
    );
    setup.restore().await;
    scene.delete().await;
    scene.sandbox.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_trail_that_moves_to_another_bucket_takes_the_notification_with_it() {
    let scene = Scene::open_with(expel(), &[]).await;
    let former = Bucket::of(&scene.sandbox).await;
    former.aws.create_bucket("moved-logs").await.unwrap();
    let moved = json!({"Name": TRAIL, "S3BucketName": "moved-logs"});
    let inside = scene.inside();
    let moved = inside.json("cloudtrail", CLOUD_TRAIL, "UpdateTrail", moved);
    moved.await.unwrap();
    let bucket = Bucket::of(&scene.sandbox).await;
    assert_eq!(former.notifications().await, [ours()]);

    let changes = [("OffboardLimitPercent".to_owned(), "20".to_owned())].into();
    let template = scene.sandbox.template();
    scene.stack.update(template, &changes).await.unwrap();
    let updated = scene.stack.wait_for("UPDATE_COMPLETE", STACK_DEADLINE);
    updated.await.unwrap();
    assert_eq!(former.notifications().await, Vec::<String>::new());
    assert_eq!(bucket.notifications().await, [ours()]);
    let simulator = &scene.sandbox.simulator;
    until("Expel reads what the trail delivers now", async || {
        simulator.read_trail(&scene.stack).await.is_ok()
    })
    .await;

    scene.delete().await;
    assert_eq!(bucket.notifications().await, Vec::<String>::new());
    scene.sandbox.shutdown().await.unwrap();
}
