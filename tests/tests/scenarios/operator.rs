//! What an operator sees of a landing zone, by the commands themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::{ffi::OsStr, process::Output};

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::process::Command;
use towerhook_package::workspace_root;
use towerhook_sandbox::Sandbox;
use towerhook_sandbox::inventory::Inventory;
use towerhook_sandbox::landing_zone::{STACK_SET_ROLE, TRAIL};
use towerhook_tests::scene::Scene;

const ENROLLED: [&str; 4] = ["Audit", "Log Archive", "production-1", "development-1"];

/// Runs `cargo towerhook` with the sandbox's administrator in the environment, as on a real
/// organization.
pub(crate) async fn towerhook(sandbox: &Sandbox, line: &str) -> Output {
    towerhook_with(sandbox, line.split(' ')).await
}

/// The same, with arguments that may hold spaces.
pub(crate) async fn towerhook_with(
    sandbox: &Sandbox,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
) -> Output {
    let cargo = [
        "run",
        "--quiet",
        "--locked",
        "--package",
        "towerhook-cli",
        "--",
    ];
    command(sandbox, env!("CARGO"), &cargo)
        .args(arguments)
        .output()
        .await
        .unwrap()
}

/// A program with the sandbox's administrator in its environment.
pub(crate) fn command(sandbox: &Sandbox, program: &str, arguments: &[&str]) -> Command {
    let running = sandbox.running();
    let mut command = Command::new(program);
    command
        .current_dir(workspace_root())
        .args(arguments)
        .env("AWS_ENDPOINT_URL", running.endpoint.as_str())
        .env("AWS_REGION", &running.region)
        .env("AWS_ACCESS_KEY_ID", &running.access_key_id)
        .env(
            "AWS_SECRET_ACCESS_KEY",
            running.secret_access_key.expose_secret(),
        );
    command
}

/// The output of a command that ends with this code.
async fn said(scene: &Scene, line: &str, code: i32) -> String {
    let output = towerhook(&scene.sandbox, line).await;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{line}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

async fn json(scene: &Scene, line: &str, code: i32) -> Value {
    serde_json::from_str(&said(scene, line, code).await).unwrap()
}

/// The verdict of each of doctor's checks, and the commands that mend it.
fn verdicts(diagnosis: &Value) -> BTreeMap<&str, (&str, String)> {
    let findings = diagnosis["findings"].as_array().unwrap();
    let findings = findings.iter().map(|finding| {
        let mends = finding["mend"].as_array().unwrap();
        let commands = mends.iter().map(|mend| mend["text"].as_str().unwrap());
        let verdict = finding["verdict"].as_str().unwrap();
        let commands = commands.collect::<Vec<_>>().join("\n");
        (finding["check"].as_str().unwrap(), (verdict, commands))
    });
    findings.collect()
}

/// Stops the trail, disables the schedule, and takes the StackSets' role its trust.
async fn break_three_things(scene: &Scene) {
    let aws = scene.inside();
    let target = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101";
    aws.json("cloudtrail", target, "StopLogging", json!({"Name": TRAIL}))
        .await
        .unwrap();
    let id = scene.stack.id.rsplit('/').next().unwrap();
    let rule = json!({"Name": format!("towerhook-{id}-reconcile")});
    aws.json("events", "AWSEvents", "DisableRule", rule)
        .await
        .unwrap();
    let nobody = json!({"Version": "2012-10-17", "Statement": []}).to_string();
    let trust = [
        ("RoleName", STACK_SET_ROLE),
        ("PolicyDocument", nobody.as_str()),
    ];
    aws.query("iam", "UpdateAssumeRolePolicy", "2010-05-08", &trust)
        .await
        .unwrap();
}

#[tokio::test]
async fn an_operator_sees_who_is_watched_and_what_comes_next_and_changes_nothing() {
    let scene = Scene::open(5, &[], &[]).await;
    scene.await_enrolled(&ENROLLED).await;
    scene.settle().await;

    let status = json(&scene, "status --json --fail-under 100", 0).await;
    assert_eq!(status["coverage"], json!({"watched": 4, "unwatched": {}}));
    let rows = status["accounts"].as_array().unwrap();
    let watched = rows.iter().filter(|row| row["standing"] == "watched");
    let watched: BTreeSet<_> = watched.map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(watched, ENROLLED.into());
    said(&scene, "plan --detailed-exitcode", 0).await;

    let healthy = json(&scene, "doctor --json", 0).await;
    let healthy = verdicts(&healthy);
    for check in [
        "management-account",
        "home-region",
        "landing-zone",
        "stack-set-role",
        "trail",
        "trail-topic",
        "names",
        "vendor-reachable",
        "vendor-access",
        "artifacts",
        "stack",
        "functions",
        "rules",
        "work-queue",
        "member-stacks",
        "dead-letters",
        "token",
    ] {
        assert_eq!(healthy[check].0, "pass", "{check}: {healthy:#?}");
    }

    // No event tells of a registration that is switched off.
    let guid = &scene.integrations("production-1")[0].guid;
    assert!(
        scene
            .lacework()
            .controls()
            .change(guid, &json!({"enabled": 0}))
    );
    let before = Inventory::take(&scene.sandbox).await.unwrap();
    let records = scene.records().await;

    let plan = json(&scene, "plan --json --detailed-exitcode", 2).await;
    let [change] = &plan["changes"].as_array().unwrap()[..] else {
        panic!("{plan}");
    };
    let id = scene.account("production-1").id;
    assert_eq!(
        (&change["account"], &change["verb"]),
        (&json!(id), &json!("update"))
    );
    let words = said(&scene, "plan", 0).await;
    assert!(
        words.contains("0 to enroll, 1 to update, 0 to remove"),
        "{words}"
    );
    let words = said(&scene, &format!("status --account {id}"), 0).await;
    assert!(
        words.contains("disabled") && words.contains(guid),
        "{words}"
    );

    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (html, csv) = (file("report.html"), file("report.csv"));
    said(&scene, &format!("report --html {html} --csv {csv}"), 0).await;
    let page = std::fs::read_to_string(&html).unwrap();
    assert!(page.contains("4 of 4 accounts are watched"), "{page}");
    assert_eq!(page.matches("<tr class=\"account").count(), rows.len());
    let csv = std::fs::read_to_string(&csv).unwrap();
    assert_eq!(csv.lines().count(), rows.len() + 1);
    let nowhere = file("missing/report.json");
    said(&scene, &format!("report --json {nowhere}"), 1).await;
    said(&scene, "status --account 123412341234", 1).await;
    said(&scene, "status --stack another", 1).await;

    let after = Inventory::take(&scene.sandbox).await.unwrap();
    assert!(before.difference(&after).is_empty());
    assert_eq!(scene.records().await, records);
    assert!(!scene.integrations("production-1")[0].enabled);

    break_three_things(&scene).await;
    let broken = json(&scene, "doctor --json", 2).await;
    let broken = verdicts(&broken);
    for (check, command) in [
        (
            "trail",
            format!("aws cloudtrail start-logging --name {TRAIL}"),
        ),
        (
            "rules",
            "aws events enable-rule --name towerhook-".to_owned(),
        ),
        (
            "stack-set-role",
            format!("aws iam update-assume-role-policy --role-name {STACK_SET_ROLE}"),
        ),
    ] {
        let (verdict, commands) = &broken[check];
        assert_eq!(*verdict, "fail", "{check}: {broken:#?}");
        assert!(commands.contains(&command), "{check}: {commands}");
    }
    let failing = broken.values().filter(|(verdict, _)| *verdict == "fail");
    assert_eq!(failing.count(), 3, "{broken:#?}");
    let words = said(&scene, "doctor", 2).await;
    assert!(words.contains("3 fail"), "{words}");
    let before = json(&scene, "doctor --json --stack another", 2).await;
    assert_eq!(verdicts(&before)["stack"].0, "skip");
    scene.sandbox.shutdown().await.unwrap();
}
