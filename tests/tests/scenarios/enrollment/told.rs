//! Others are told of an account that cannot be enrolled: by an alarm, an event, evidence, and its status.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};
use towerhook_sandbox::{
    Sandbox,
    alarms::Schedule,
    aws_client::{AwsClient, Method},
};
use towerhook_tests::{
    launched, options, sandbox,
    scene::{Scene, until},
};

use crate::{enrollment::alarm::off, operator::towerhook};

const OTHERS: [&str; 3] = ["Audit", "Log Archive", "development-1"];
const LEFT_OUT: &str = "production-1";
const QUEUE: &str = "tickets";

/// Somebody else's integration of the account, as Lacework has it.
fn watch_by_somebody_else(sandbox: &Sandbox, name: &str) {
    let id = &sandbox.landing_zone.account(name).unwrap().id;
    let role = format!("arn:aws:iam::{id}:role/somebody-elses");
    let body = json!({
        "name": "somebody else's", "type": "AwsCfg", "enabled": 1,
        "data": {
            "awsAccountId": id,
            "crossAccountCredentials": {"roleArn": role, "externalId": "theirs"},
        },
    });
    let lacework = sandbox.lacework().unwrap();
    lacework.controls().seed(None, &body).unwrap();
}

/// A rule of an administrator's that sends every event of ours to a queue; returns its URL.
async fn listen(aws: &AwsClient) -> String {
    let queue = json!({"QueueName": QUEUE});
    let made = aws
        .json("sqs", "AmazonSQS", "CreateQueue", queue)
        .await
        .unwrap();
    let url = made["QueueUrl"].as_str().unwrap().to_owned();
    let pattern = json!({"source": ["towerhook"]}).to_string();
    let rule = json!({"Name": QUEUE, "EventPattern": pattern, "State": "ENABLED"});
    aws.json("events", "AWSEvents", "PutRule", rule)
        .await
        .unwrap();
    let (region, account) = (aws.region(), aws.account_id());
    let arn = format!("arn:aws:sqs:{region}:{account}:{QUEUE}");
    let targets = json!({"Rule": QUEUE, "Targets": [{"Id": QUEUE, "Arn": arn}]});
    aws.json("events", "AWSEvents", "PutTargets", targets)
        .await
        .unwrap();
    url
}

/// Adds the events that have come to the queue.
async fn receive(aws: &AwsClient, url: &str, events: &mut Vec<Value>) {
    let request = json!({"QueueUrl": url, "MaxNumberOfMessages": 10});
    let answer = aws
        .json("sqs", "AmazonSQS", "ReceiveMessage", request)
        .await
        .unwrap();
    for message in answer["Messages"].as_array().into_iter().flatten() {
        let body = message["Body"].as_str().unwrap();
        events.push(serde_json::from_str(body).unwrap());
        let seen = json!({"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"]});
        aws.json("sqs", "AmazonSQS", "DeleteMessage", seen)
            .await
            .unwrap();
    }
}

async fn object(aws: &AwsClient, path: &str) -> Option<Vec<u8>> {
    let answer = aws.rest("s3", Method::GET, path, "", Vec::new()).await;
    answer.ok()
}

/// The bucket that the stack made for evidence.
async fn evidence_bucket(aws: &AwsClient) -> String {
    let all = object(aws, "/").await.unwrap();
    let all = String::from_utf8(all).unwrap();
    let mut names = all.split("<Name>").skip(1);
    let names = names
        .by_ref()
        .filter_map(|rest| rest.split("</Name>").next());
    let mut made = names.filter(|name| name.to_lowercase().contains("evidence"));
    made.next()
        .unwrap_or_else(|| panic!("no bucket: {all}"))
        .to_owned()
}

/// The gauge's alarm goes off after a day of comparisons that all find an account unwatched, and that of
/// silence where there are none.
async fn unwatched_for_a_day_is_told_once_it_is_a_day(scene: &Scene) {
    for (hours, schedule, gauge, silence) in [
        (22, Schedule::Hourly, false, false),
        (25, Schedule::Hourly, true, false),
        (25, Schedule::Stopped, false, true),
    ] {
        let alarms = off(scene, hours, schedule).await;
        let is_off = |id: &str| alarms.iter().any(|one| one == id);
        assert_eq!(
            (is_off("UnwatchedAccountsAlarm"), is_off("SilenceAlarm")),
            (gauge, silence),
            "{hours} {schedule:?}: {alarms:?}"
        );
    }
}

#[tokio::test]
async fn an_account_that_cannot_be_enrolled_is_told_by_alarm_event_evidence_and_status() {
    let sandbox = sandbox(options()).await;
    watch_by_somebody_else(&sandbox, LEFT_OUT);
    let aws = sandbox.inside().unwrap();
    let url = listen(&aws).await;
    let stack = launched(&sandbox, &[("KeepEvidence", "Yes")]).await;
    let scene = Scene { sandbox, stack };
    let id = scene.account(LEFT_OUT).id;
    scene.await_enrolled(&OTHERS).await;
    scene.settle().await;
    scene.reconcile().await;

    let lines = scene.logged("account", "account unwatched").await;
    let unwatched: BTreeSet<_> = lines
        .iter()
        .filter_map(|line| line["account"].as_str())
        .collect();
    assert!(unwatched.contains(id.as_str()), "{lines:?}");
    let ended = scene.logged("account", "pass ended").await;
    let compared = ended
        .iter()
        .rev()
        .find(|line| line["outcome"] == "compared")
        .unwrap();
    assert_eq!(
        (&compared["in_scope"], &compared["watched"]),
        (&json!(4), &json!(3))
    );
    assert!(compared["span"]["request_id"].is_string(), "{compared}");
    let alarms = off(&scene, 0, Schedule::Stopped).await;
    assert!(
        alarms.contains(&"BlockedAccountsAlarm".to_owned()),
        "{alarms:?}"
    );
    unwatched_for_a_day_is_told_once_it_is_a_day(&scene).await;

    let mut events = Vec::new();
    let is = |event: &Value, kind: &str| event["detail-type"] == kind;
    until("the account's event has come", async || {
        receive(&aws, &url, &mut events).await;
        let blocked = events.iter().filter(|event| is(event, "Account Blocked"));
        let compared = events.iter().filter(|event| is(event, "Coverage Compared"));
        blocked.count() > 0 && compared.count() > 0
    })
    .await;
    let blocked: Vec<_> = events
        .iter()
        .filter(|event| is(event, "Account Blocked"))
        .collect();
    assert_eq!(
        blocked.len(),
        1,
        "told once, however often it is compared: {events:#?}"
    );
    let detail = &blocked[0]["detail"];
    assert_eq!(detail["account"], json!({"id": id, "name": LEFT_OUT}));
    assert!(
        detail["reason"]["text"]
            .as_str()
            .unwrap()
            .contains("somebody else's"),
        "{detail}"
    );
    let enrolled = events.iter().filter(|event| is(event, "Account Enrolled"));
    let enrolled: BTreeSet<_> = enrolled
        .map(|event| event["detail"]["account"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(enrolled, OTHERS.into());

    let bucket = evidence_bucket(&aws).await;
    let day = Timestamp::now().strftime("%Y-%m-%d");
    for path in ["coverage.json".to_owned(), format!("{day}/coverage.json")] {
        let file = object(&aws, &format!("/{bucket}/towerhook/{path}"))
            .await
            .unwrap();
        let file: Value = serde_json::from_slice(&file).unwrap();
        assert_eq!(file["coverage"]["watched"], 3, "{path}");
        assert!(file["release"].is_string(), "{path}");
        let rows = file["accounts"].as_array().unwrap();
        let row = rows
            .iter()
            .find(|row| row["account"] == id.as_str())
            .unwrap();
        assert_eq!(row["standing"], "unwatched", "{path}");
    }
    let page = object(&aws, &format!("/{bucket}/towerhook/coverage.html"))
        .await
        .unwrap();
    assert!(
        String::from_utf8(page)
            .unwrap()
            .contains("3 of 4 accounts are watched")
    );

    let status = towerhook(&scene.sandbox, &format!("status --account {id}")).await;
    let status = String::from_utf8(status.stdout).unwrap();
    assert!(status.contains("watches it already"), "{status}");

    scene.delete().await;
    let kept = object(&aws, &format!("/{bucket}/towerhook/coverage.csv")).await;
    assert!(kept.is_some(), "evidence outlives the stack");
}
