//! A stack moves to the next release while the work of the one before is under way: both read each
//! other's messages and records.

use std::time::Duration;

use serde_json::{Value, json};
use towerhook_package::local::{FunctionZips, Profile, architecture, build};
use towerhook_sandbox::Sandbox;
use towerhook_sandbox::aws_client::Method;
use towerhook_tests::options;
use towerhook_tests::scene::{Scene, until};

use crate::enrollment::MEMBERS;

const NEXT: &str = "towerhook/next/";

/// The next release's functions: the same ones in another folder.
async fn upload_next(sandbox: &Sandbox, zips: &FunctionZips) {
    let (user, bucket) = (sandbox.inside().unwrap(), sandbox.artifact_bucket());
    for (name, path) in zips.named() {
        let object = format!("/{bucket}/{NEXT}{}/{name}", architecture());
        let bytes = std::fs::read(path).unwrap();
        let put = user.rest("s3", Method::PUT, &object, "application/zip", bytes);
        put.await.unwrap();
    }
}

async fn send(scene: &Scene, bodies: &[Value]) {
    let url = scene.stack.output("WorkQueueUrl").await.unwrap();
    let inside = scene.inside();
    for body in bodies {
        let request = json!({"QueueUrl": url, "MessageBody": body.to_string()});
        let sent = inside.json("sqs", "AmazonSQS", "SendMessage", request);
        sent.await.unwrap();
    }
}

/// Where a function's code came from, according to its stack.
async fn code_key(scene: &Scene) -> String {
    let form = [("StackName", scene.stack.name.as_str())];
    let described = scene
        .inside()
        .query("cloudformation", "DescribeStacks", "2010-05-15", &form)
        .await
        .unwrap();
    let mut parameters = described.members("DescribeStacksResult/Stacks/member/Parameters");
    let prefix = parameters.find(|one| one.text_at("ParameterKey") == Some("ArtifactPrefix"));
    prefix
        .unwrap()
        .text_at("ParameterValue")
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn an_upgrade_finishes_what_the_release_before_began() {
    let zips = tokio::task::spawn_blocking(|| build(Profile::Quick));
    let zips = zips.await.unwrap().unwrap();
    let mut options = options();
    options.accounts = 8;
    options.operation_delay = Duration::from_secs(5);
    let scene = Scene::open_with(options, &[]).await;
    upload_next(&scene.sandbox, &zips).await;
    // The stacks of the launch are under way, and so are these.
    let ids = MEMBERS.map(|name| scene.account(name).id);
    let messages = [
        // As a release without times sends it.
        json!({"towerhook": {"scope": {"accounts": [ids[0]]}, "attempt": 2, "arrived": [ids[0]]}}),
        // As a later release may, which is rolled back.
        json!({"towerhook": {"scope": {"accounts": [ids[1]]}, "later": {"unknown": true}}}),
        json!({"towerhook": {"scope": {"accounts": [ids[2]]}, "since": "2026-01-01T00:00:00Z"}}),
    ];
    send(&scene, &messages).await;
    scene.update(&[("ArtifactPrefix", NEXT)]).await;
    send(&scene, &messages).await;
    assert_eq!(code_key(&scene).await, NEXT);
    scene.await_enrolled(&MEMBERS).await;
    until("every message is read", async || {
        let read = scene.logged("account", "event accepted").await;
        let ours = read.iter().filter(|line| line["kind"] == "message");
        ours.count() >= 2 * messages.len()
    })
    .await;
    let malformed = scene.logged("account", "malformed record").await;
    assert!(malformed.is_empty(), "{malformed:?}");
    let letters = scene.stack.output("DeadLetterQueueUrl").await.unwrap();
    let letters = scene.queue(&letters).await;
    assert_eq!(letters.visible + letters.in_flight, 0, "{letters:?}");
    let waited = async || {
        let lines = scene.log("account").await;
        lines
            .iter()
            .any(|line| !line["EnrollmentSeconds"].is_null())
    };
    until("how long the enrollments took is written", waited).await;
    scene.delete().await;
}
