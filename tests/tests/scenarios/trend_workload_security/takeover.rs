//! What the vendor's own lifecycle hook, or somebody else, has made before the launch.

use serde_json::json;
use towerhook_sandbox::Sandbox;
use towerhook_sandbox::aws_client::AwsClient;
use towerhook_sandbox::gateway::stack_sets::InstanceStatus;
use towerhook_sandbox::providers::trend_workload_security::{Access, EXTERNAL_ID, PRINCIPAL_ARN};
use towerhook_tests::scene::{Scene, until};
use towerhook_tests::{launched, sandbox};

use super::{ROLE, workload_security};

const IAM: &str = "2010-05-08";

/// The accounts, each with what it has before the launch.
const HOOKED: &str = "production-1";
const STRANGERS: &str = "development-1";

pub(super) async fn make_role(aws: &AwsClient, principal: &str, external_id: &str) {
    let trust = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"AWS": principal},
            "Condition": {"StringEquals": {"sts:ExternalId": external_id}},
        }],
    });
    let trust = trust.to_string();
    let form = [("RoleName", ROLE), ("AssumeRolePolicyDocument", &trust)];
    aws.query("iam", "CreateRole", IAM, &form).await.unwrap();
}

pub(super) fn account(sandbox: &Sandbox, name: &str) -> (String, AwsClient) {
    let id = sandbox.landing_zone.account(name).unwrap().id.clone();
    let aws = sandbox.inside().unwrap().account(&id);
    (id, aws)
}

/// As the hook leaves an account: a role, and a connector with the hook's name.
async fn hook(sandbox: &Sandbox, name: &str) -> u32 {
    let (id, aws) = account(sandbox, name);
    make_role(&aws, PRINCIPAL_ARN, EXTERNAL_ID).await;
    let role = format!("arn:aws:iam::{id}:role/{ROLE}");
    let controls = sandbox.trend_workload_security().unwrap().controls();
    let connector = format!("ControlTower - {name} - {id}");
    controls.add_connector(&connector, &id, Access::Role(role))
}

#[tokio::test]
async fn what_the_hook_made_is_taken_over_and_its_role_replaced_once_it_is_deleted() {
    let sandbox = sandbox(workload_security()).await;
    let connector = hook(&sandbox, HOOKED).await.to_string();
    let stack = launched(&sandbox, &[("EnrollManagementAccount", "No")]).await;
    let scene = Scene { sandbox, stack };
    scene.await_enrolled(&["Audit"]).await;
    until("the connector is renamed", async || {
        let one = scene.registrations(HOOKED);
        matches!(&one[..], [one] if one.name.starts_with("Trend-Control-Tower-"))
    })
    .await;
    scene.settle().await;
    let taken = scene.registrations(HOOKED);
    assert_eq!(taken[0].id, connector, "the same connector");
    let reason = scene.reason(HOOKED).await.unwrap();
    let expected = format!("it is watched through {ROLE}, which was not made by this stack");
    assert!(reason.starts_with(&expected), "{reason}");
    let record = &scene.records().await[&scene.account(HOOKED).id];
    assert!(record["since"].is_string(), "{record}");

    // The written procedure: delete the role, and the next comparison makes it anew.
    let (_, aws) = account(&scene.sandbox, HOOKED);
    let form = [("RoleName", ROLE)];
    aws.query("iam", "DeleteRole", IAM, &form).await.unwrap();
    scene.reconcile().await;
    scene.await_enrolled(&[HOOKED]).await;
    assert_eq!(scene.registrations(HOOKED), taken);
    assert_eq!(scene.reason(HOOKED).await, None);
    let working = scene.sandbox.simulator.verify(&connector).await.unwrap();
    assert!(working.passed(), "{working:?}");
    scene.sandbox.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_role_that_cannot_be_used_blocks_its_account_and_no_other() {
    let sandbox = sandbox(workload_security()).await;
    let (_, aws) = account(&sandbox, STRANGERS);
    make_role(&aws, "arn:aws:iam::147995105371:root", "another-tenant").await;
    let stack = launched(&sandbox, &[("EnrollManagementAccount", "No")]).await;
    let scene = Scene { sandbox, stack };
    scene
        .await_enrolled(&[HOOKED, "Log Archive", "Audit"])
        .await;
    until("why it is blocked stands in its record", async || {
        let reason = scene.reason(STRANGERS).await.unwrap_or_default();
        reason.contains(ROLE) && reason.contains("cannot use it")
    })
    .await;
    assert_eq!(scene.registrations(STRANGERS), []);
    assert_ne!(scene.instance(STRANGERS), Some(InstanceStatus::Current));
    scene.sandbox.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_connector_with_another_role_is_left_alone_and_named() {
    let sandbox = sandbox(workload_security()).await;
    let (id, _) = account(&sandbox, STRANGERS);
    let controls = sandbox.trend_workload_security().unwrap().controls();
    let by_key = controls.add_connector("by hand", &id, Access::AccessKey("AKIA".into()));
    let before = sandbox.simulator.registrations();
    let removing = [
        ("EnrollManagementAccount", "No"),
        ("RetainProtection", "No"),
    ];
    let stack = launched(&sandbox, &removing).await;
    let scene = Scene { sandbox, stack };
    scene.await_enrolled(&[HOOKED]).await;
    until("the connector is named in the record", async || {
        let reason = scene.reason(STRANGERS).await.unwrap_or_default();
        reason == r#"registration "by hand" watches it already"#
    })
    .await;
    scene.delete().await;
    let left = scene.sandbox.simulator.registrations();
    assert_eq!(left, before, "{by_key} alone is left");
    scene.sandbox.shutdown().await.unwrap();
}
