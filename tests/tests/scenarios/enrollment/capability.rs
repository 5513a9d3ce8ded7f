//! `CapabilityType`, at launch and when it changes.

use towerhook_sandbox::inventory::Inventory;
use towerhook_tests::scene::{Scene, until};
use towerhook_tests::{launched, options, sandbox};

use crate::enrollment::PREFIX;
use crate::golden::assert_golden;

const MEMBERS: [&str; 3] = ["Log Archive", "Audit", "production-1"];

/// Names of our StackSets without the prefix, and the kinds of the integrations.
fn made(scene: &Scene) -> (Vec<String>, Vec<String>) {
    let sets = scene.sandbox.gateway.stack_sets().all().into_iter();
    let mut sets: Vec<String> = sets
        .map(|set| set.name.trim_start_matches(PREFIX).to_owned())
        .collect();
    sets.sort();
    let integrations = scene.lacework().integrations().into_iter();
    let mut kinds: Vec<String> = integrations.map(|one| one.kind).collect();
    kinds.sort();
    kinds.dedup();
    (sets, kinds)
}

#[tokio::test]
async fn each_change_makes_what_is_missing_and_removes_what_is_not_wanted() {
    let mut options = options();
    options.accounts = 4;
    let sandbox = sandbox(options).await;
    let before = Inventory::take(&sandbox).await.unwrap();
    let stack = launched(&sandbox, &[("CapabilityType", "CloudTrail")]).await;
    let scene = Scene { sandbox, stack };
    let trail = [
        "CloudTrail-Audit-Account-acme",
        "CloudTrail-Log-Account-acme",
    ];
    let member = "Config-Member-acme";

    scene.reconcile().await;
    let (sets, kinds) = made(&scene);
    assert_eq!(sets, trail);
    assert_eq!(kinds, ["AwsCtSqs"]);

    scene
        .update(&[("CapabilityType", "CloudTrail+Config")])
        .await;
    scene.await_enrolled(&MEMBERS).await;
    let (sets, kinds) = made(&scene);
    assert_eq!(sets, [trail[0], trail[1], member]);
    assert_eq!(kinds, ["AwsCfg", "AwsCtSqs"]);

    scene.update(&[("CapabilityType", "Config")]).await;
    let (sets, kinds) = made(&scene);
    assert_eq!(sets, [member]);
    assert_eq!(kinds, ["AwsCfg"]);
    scene.await_enrolled(&MEMBERS).await;

    until("setup's log is filed", async || {
        scene.logged("setup", "response sent").await.len() == 3
    })
    .await;
    let steps = scene.steps().await;
    scene.delete().await;
    assert_golden("capability_steps", &steps);
    until("nothing is left", async || {
        let after = Inventory::take(&scene.sandbox).await.unwrap();
        before.difference(&after).is_empty()
    })
    .await;
}
