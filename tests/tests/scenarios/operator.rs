//! What an operator sees of a landing zone, by the commands themselves.

use std::collections::BTreeSet;
use std::process::Output;

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::process::Command;
use towerhook_package::workspace_root;
use towerhook_sandbox::inventory::Inventory;
use towerhook_tests::scene::Scene;

const ENROLLED: [&str; 4] = ["Audit", "Log Archive", "production-1", "development-1"];

/// Runs `cargo towerhook` with the sandbox's administrator in the environment, as on a real
/// organization.
async fn towerhook(scene: &Scene, line: &str) -> Output {
    let running = scene.sandbox.running();
    let command = [
        "run",
        "--quiet",
        "--locked",
        "--package",
        "towerhook-cli",
        "--",
    ];
    Command::new(env!("CARGO"))
        .current_dir(workspace_root())
        .args(command.into_iter().chain(line.split(' ')))
        .env("AWS_ENDPOINT_URL", running.endpoint.as_str())
        .env("AWS_REGION", &running.region)
        .env("AWS_ACCESS_KEY_ID", &running.access_key_id)
        .env(
            "AWS_SECRET_ACCESS_KEY",
            running.secret_access_key.expose_secret(),
        )
        .output()
        .await
        .unwrap()
}

/// The output of a command that ends with this code.
async fn said(scene: &Scene, line: &str, code: i32) -> String {
    let output = towerhook(scene, line).await;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{line}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

async fn json(scene: &Scene, line: &str, code: i32) -> Value {
    serde_json::from_str(&said(scene, line, code).await).unwrap()
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
    scene.sandbox.shutdown().await.unwrap();
}
