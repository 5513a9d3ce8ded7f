//! An operator launches, steers and deletes a stack, by the commands themselves.

use std::path::Path;

use serde_json::{Value, json};
use towerhook_package::target_directory;
use towerhook_sandbox::Sandbox;
use towerhook_tests::scene::until;
use towerhook_tests::{options, sandbox};

use crate::operator::{command, towerhook};

/// The parameter that no file holds.
const SECRET: &str = "LaceworkSecretKey";
/// Two more than may always leave.
const CLOSED: [&str; 5] = [
    "production-1",
    "production-2",
    "development-1",
    "development-2",
    "sandbox-1",
];

/// What a command printed as its result, and beside it.
struct Said {
    result: String,
    beside: String,
}

impl Said {
    fn json(&self) -> Value {
        serde_json::from_str(&self.result).unwrap()
    }
}

/// A command that ends with this code.
async fn said(sandbox: &Sandbox, line: &str, code: i32) -> Said {
    let output = towerhook(sandbox, line).await;
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let said = Said {
        result: text(output.stdout),
        beside: text(output.stderr),
    };
    println!("$ towerhook {line}\n{}{}", said.beside, said.result);
    let found = output.status.code();
    assert_eq!(found, Some(code), "{line}: {}{}", said.result, said.beside);
    said
}

/// A command that is refused with these words.
async fn refused(sandbox: &Sandbox, line: &str, words: &str) {
    let beside = said(sandbox, line, 1).await.beside;
    assert!(beside.contains(words), "{line}: {beside}");
}

/// Writes the sandbox's parameters, and its secret apart.
fn write(sandbox: &Sandbox, parameters: &Path, secret: &Path) -> String {
    let mut all = sandbox.parameters();
    let kept = all.remove(SECRET).unwrap();
    let entry = |(name, value)| json!({"ParameterKey": name, "ParameterValue": value});
    let entries: Vec<Value> = all.into_iter().map(entry).collect();
    std::fs::write(parameters, json!(entries).to_string()).unwrap();
    std::fs::write(secret, format!("{kept}\n")).unwrap();
    kept
}

async fn output(sandbox: &Sandbox, name: &str) -> String {
    let form = [("StackName", "towerhook")];
    let answer = sandbox
        .inside()
        .unwrap()
        .query("cloudformation", "DescribeStacks", "2010-05-15", &form)
        .await
        .unwrap();
    let stack = answer.at("DescribeStacksResult/Stacks/member").unwrap();
    let mut outputs = stack.members("Outputs");
    let found = outputs.find(|one| one.text_at("OutputKey") == Some(name));
    let value = found.and_then(|one| one.text_at("OutputValue"));
    value.unwrap().to_owned()
}

#[tokio::test]
async fn an_operator_launches_steers_and_deletes_a_stack() {
    let mut options = options();
    options.accounts = 8;
    let mut sandbox = sandbox(options).await;
    let folder = tempfile::tempdir().unwrap();
    let (file, secret) = (folder.path().join("p.json"), folder.path().join("secret"));
    let kept = write(&sandbox, &file, &secret);
    let from = format!("launch --parameters {}", file.display());
    let launch = format!("{from} --secret-file {} --json", secret.display());

    refused(&sandbox, &from, "LaceworkSecretKey is secret").await;
    let elsewhere = folder.path().join("none.json");
    let line = format!("launch --parameters {}", elsewhere.display());
    refused(&sandbox, &line, "LaceworkUrl has no value").await;
    let nowhere = format!("{launch} --bucket nowhere");
    let missing = said(&sandbox, &nowhere, 1).await.beside;
    for words in ["There is no bucket nowhere", "aws s3 mb s3://nowhere"] {
        assert!(missing.contains(words), "{missing}");
    }
    refused(&sandbox, &nowhere, "nothing was created").await;
    let unchecked = format!("{nowhere} --skip-checks");
    refused(&sandbox, &unchecked, "s3://nowhere/towerhook/").await;
    ask_on_a_terminal(&sandbox).await;
    let launched = said(&sandbox, &launch, 0).await;
    assert_eq!(launched.json()["status"], "CREATE_COMPLETE");
    for words in ["CREATE_COMPLETE Setup", "StackSet instances"] {
        assert!(launched.beside.contains(words), "{}", launched.beside);
    }
    assert!(!launched.beside.contains(&kept));
    refused(&sandbox, &launch, "there is a stack towerhook already").await;

    until("all accounts are registered", async || {
        sandbox.simulator.registrations().len() >= 7
    })
    .await;
    let compared = said(&sandbox, "compare --wait", 0).await.result;
    assert!(
        compared.contains("accounts are watched, compared 20"),
        "{compared}"
    );
    let status = said(&sandbox, "compare --wait --json", 0).await.json();
    let (watched, unwatched) = (
        &status["coverage"]["watched"],
        &status["coverage"]["unwatched"],
    );
    assert_eq!((watched, unwatched), (&json!(7), &json!({})));

    let updated = said(&sandbox, "update OffboardLimitPercent=20", 0)
        .await
        .result;
    assert_eq!(updated, "the stack towerhook is updated\n");
    refused(
        &sandbox,
        "update OffboardLimitPercent=101",
        "must be a whole number",
    )
    .await;
    refused(&sandbox, "update Nothing=1", "no parameter Nothing").await;
    let beside = said(&sandbox, "update LaceworkSecretKey=canary", 1)
        .await
        .beside;
    assert!(
        beside.contains("secret") && !beside.contains("canary"),
        "{beside}"
    );

    approve(&mut sandbox).await;
    redrive(&sandbox).await;

    refused(&sandbox, "delete", "confirmed").await;
    let deleted = said(&sandbox, "delete --yes", 0).await;
    assert_eq!(deleted.result, "the stack towerhook is deleted\n");
    assert!(deleted.beside.contains("What stays:"), "{}", deleted.beside);
    assert!(sandbox.simulator.registrations().is_empty());
    refused(&sandbox, "delete --yes", "there is no stack towerhook").await;
    sandbox.shutdown().await.unwrap();
}

/// The questions of a launch are asked on a terminal, and answered or left in order.
async fn ask_on_a_terminal(sandbox: &Sandbox) {
    let folder = tempfile::tempdir().unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/python/terminal_check.py");
    // Built by the calls before. Under cargo it would be built again: the folder has no configuration.
    let binary = target_directory().unwrap().join("debug/towerhook");
    let output = command(sandbox, "python3", &[script])
        .arg(folder.path())
        .arg(binary)
        .args(["launch", "--bucket", "nowhere"])
        .output()
        .await
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (told, wrong) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{told}{wrong}");
    assert!(told.contains("in order"), "{told}");
}

/// Accounts leave, more than the limit allows, until that is approved.
async fn approve(sandbox: &mut Sandbox) {
    refused(sandbox, "approve 0123456789ab", "no offboarding awaits").await;
    let watched = sandbox.simulator.registrations().len();
    // No event arrives, so the next comparison finds them all at once.
    sandbox.landing_zone.emission().lose("*", 10);
    for name in CLOSED {
        sandbox.landing_zone.close_account(name).await.unwrap();
    }
    said(sandbox, "compare --wait", 0).await;
    said(sandbox, "plan", 0).await;
    let plan = said(sandbox, "plan --json", 0).await.json();
    let digest = plan["held"]["digest"].as_str().unwrap();
    refused(sandbox, "approve 0123456789ab", "not the digest").await;
    let kept = sandbox.simulator.registrations().len();
    assert_eq!(kept, watched, "nobody has left");
    let approved = said(sandbox, &format!("approve {digest}"), 0).await.result;
    assert!(
        approved.starts_with("the offboarding of 5 accounts"),
        "{approved}"
    );
    until("they have left", async || {
        sandbox.simulator.registrations().len() == watched - CLOSED.len()
    })
    .await;
}

/// A message that nothing can handle is shown, and dropped on demand only.
async fn redrive(sandbox: &Sandbox) {
    let queue = output(sandbox, "DeadLetterQueueUrl").await;
    let poison = json!({"QueueUrl": queue, "MessageBody": "{\"password\": hunter2"});
    let inside = sandbox.inside().unwrap();
    inside
        .json("sqs", "AmazonSQS", "SendMessage", poison)
        .await
        .unwrap();
    let shown = said(sandbox, "redrive", 0).await.result;
    assert!(
        shown.contains("1 message in the dead-letter queue"),
        "{shown}"
    );
    assert!(!shown.contains("hunter2"), "{shown}");
    refused(sandbox, "redrive --drop", "has to be confirmed").await;
    let dropped = said(sandbox, "redrive --drop --yes", 0).await.result;
    assert!(dropped.ends_with("dropped 1 message\n"), "{dropped}");
    let empty = said(sandbox, "redrive", 0).await.result;
    assert_eq!(empty, "the dead-letter queue is empty\n");
}
