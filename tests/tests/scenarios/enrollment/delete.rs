//! Deletion of the stack.

use std::time::Duration;

use serde_json::Value;
use towerhook_sandbox::inventory::Inventory;
use towerhook_sandbox::launch::TEMPLATE;
use towerhook_tests::scene::{Scene, until};
use towerhook_tests::{STACK_DEADLINE, launched, options, sandbox};

use crate::golden::assert_golden;

#[tokio::test]
async fn a_suspended_accounts_stack_is_forgotten_and_all_else_removed() {
    let scene = Scene::open(4, &[], &[]).await;
    scene
        .await_enrolled(&["Log Archive", "Audit", "production-1"])
        .await;
    let member = scene.account("production-1");
    let sets = scene.sandbox.gateway.stack_sets().all();
    let stack = sets
        .iter()
        .flat_map(|set| &set.instances)
        .find(|instance| instance.account == member.id)
        .and_then(|instance| instance.stack_id.clone())
        .unwrap();

    let organizations = scene.sandbox.gateway.organizations();
    organizations.set_account_state(&member.id, "SUSPENDED");
    scene.stack.delete().await.unwrap();
    let done = scene
        .stack
        .wait_for("DELETE_COMPLETE", towerhook_tests::STACK_DEADLINE);
    done.await.unwrap();

    assert!(scene.sandbox.gateway.stack_sets().all().is_empty());
    assert!(scene.sandbox.simulator.registrations().is_empty());
    // The account cannot be entered, so its stack and its role still exist.
    let aws = scene.inside().account(&member.id);
    let form = [("StackName", stack.as_str())];
    let answer = aws
        .query("cloudformation", "DescribeStacks", "2010-05-15", &form)
        .await
        .unwrap();
    assert_eq!(
        answer.text_at("DescribeStacksResult/Stacks/member/StackStatus"),
        Some("CREATE_COMPLETE")
    );
    let role = [("RoleName", "acme-laceworkcwsrole-sa")];
    aws.query("iam", "GetRole", "2010-05-08", &role)
        .await
        .unwrap();
}

/// Setup's steps after this much of its log. Which integrations were left to it is random.
fn steps(scene: &Scene, after: usize) -> String {
    let log = scene.sandbox.function_logs().read("setup");
    let lines = log[after..].lines();
    let lines = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines
        .filter(|line| line["message"] == "step")
        .map(|line| {
            let step = line["step"].as_str().unwrap();
            match step.starts_with("delete registration ") {
                true => "delete a registration\n".to_owned(),
                false => format!("{step}\n"),
            }
        })
        .collect()
}

/// Setup works in invocations of six seconds and has thirty in all, where it usually has fourteen
/// minutes and fifty-eight.
#[tokio::test]
async fn under_the_rate_limit_a_deletion_says_how_far_it_came_and_goes_on_when_tried_again() {
    let sandbox = sandbox(options()).await;
    let before = Inventory::take(&sandbox).await.unwrap();
    // Members only: whichever are deleted first, the same number is left.
    let stack = launched(&sandbox, &[("CapabilityType", "Config")]).await;
    let scene = Scene { sandbox, stack };
    let members = ["Log Archive", "Audit", "production-1", "development-1"];
    scene.await_enrolled(&members).await;
    let mut template = TEMPLATE.to_owned();
    for (long, short) in [
        ("Timeout: 900", "Timeout: 8"),
        ("TimeoutSeconds: '3600'", "TimeoutSeconds: '40'"),
    ] {
        assert_eq!(template.matches(long).count(), 1, "{long}");
        template = template.replace(long, short);
    }
    scene.stack.update(&template, &[].into()).await.unwrap();
    let updated = scene.stack.wait_for("UPDATE_COMPLETE", STACK_DEADLINE);
    updated.await.unwrap();
    scene.settle().await;
    // A new one would be deleted by its id, whether it exists or not.
    scene.age_records().await;

    // Two listings and two of the four integrations; the next request is allowed a quarter of an
    // hour later.
    let controls = scene.lacework().controls();
    controls.set_rate_limit(Some(4));
    scene.stack.delete().await.unwrap();
    let failed = scene.stack.wait_for("DELETE_FAILED", STACK_DEADLINE);
    failed.await.unwrap();
    // The resources that setup depends on stay, too.
    let failures = scene.stack.failures().await.unwrap();
    let failure = &failures[0];
    assert_eq!(failure.resource, "Setup", "{failures:?}");
    assert_eq!(scene.sandbox.simulator.registrations().len(), 2);
    until("setup's handing over is logged", async || {
        let log = scene.sandbox.function_logs().read("setup");
        log.matches("handing over").count() >= 2
    })
    .await;
    let so_far = scene.sandbox.function_logs().read("setup").len();

    controls.set_rate_limit(None);
    controls.advance_clock(Duration::from_secs(3600));
    scene.delete().await;
    assert!(scene.sandbox.simulator.registrations().is_empty());
    until("setup's answer is logged", async || {
        let log = scene.sandbox.function_logs().read("setup");
        log[so_far..].contains("\"response sent\"")
    })
    .await;
    let told = format!(
        "failed\n{}\n\nthe next try\n{}",
        failure.reason,
        steps(&scene, so_far)
    );
    assert_golden("deletion_continued", &told);
    until("nothing is left", async || {
        let after = Inventory::take(&scene.sandbox).await.unwrap();
        before.difference(&after).is_empty()
    })
    .await;
}
