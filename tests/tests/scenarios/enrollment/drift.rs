//! Manual changes, deletions and duplicates, and their repair by the scheduled comparison.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use towerhook_sandbox::gateway::stack_sets::InstanceStatus;
use towerhook_sandbox::providers::lacework::Integration;
use towerhook_tests::scene::{Scene, until};

use crate::enrollment::MEMBERS;
use crate::golden::assert_golden;

const ROLE: &str = "acme-laceworkcwsrole-sa";

#[tokio::test]
async fn everything_that_was_bent_by_hand_is_put_right() {
    let scene = Scene::open(8, &[], &[]).await;
    scene.await_enrolled(&MEMBERS).await;
    scene.settle().await;
    let before = MEMBERS.map(|name| only(&scene, name));
    let controls = scene.lacework().controls();
    let guid = |name| only(&scene, name).guid;
    let change = |name, body| assert!(controls.change(&guid(name), &body));

    assert!(controls.remove(&guid("production-1")));
    change("production-2", json!({"enabled": 0}));
    change("development-1", json!({"name": "renamed"}));
    change(
        "development-2",
        json!({"data": {
            "awsAccountId": scene.account("development-2").id,
            "crossAccountCredentials": {
                "roleArn": "arn:aws:iam::999999999999:role/other",
                "externalId": "nonsense",
            },
        }}),
    );
    double(&scene, "Audit");
    delete_instance(&scene, "Log Archive").await;
    delete_role(&scene, "sandbox-1").await;
    let found = scene.sandbox.simulator.verify(&guid("sandbox-1")).await;
    assert!(!found.unwrap().passed(), "the role is gone");
    controls.advance_clock(Duration::from_secs(60));

    scene.reconcile().await;
    until("all is as before", async || {
        // Lacework checks its integrations on its own schedule.
        let _ = scene
            .sandbox
            .simulator
            .verify(&guid_of(&scene, "sandbox-1"))
            .await;
        let mut all = true;
        for (name, was) in MEMBERS.iter().zip(&before) {
            let integrations = scene.integrations(name);
            all &= scene.instance(name) == Some(InstanceStatus::Current)
                && matches!(&integrations[..], [one] if is_as_before(one, was));
        }
        all
    })
    .await;
    assert_golden("drift_repaired", &scene.table().await);
    // Only what was deleted by hand was recreated.
    // Either of Audit's two may be the one that stays.
    let single = MEMBERS
        .iter()
        .zip(&before)
        .filter(|(name, _)| **name != "Audit");
    for (name, was) in single {
        assert_eq!(guid(name) != was.guid, *name == "production-1", "{name}");
    }
    // No work is left.
    scene.settle().await;
    let writes = scene.sandbox.simulator.calls();
    scene.reconcile().await;
    let after = scene.sandbox.simulator.calls();
    for method in ["POST", "PATCH", "DELETE"] {
        let count = |calls: &BTreeMap<String, u64>| -> u64 {
            let writes = calls.iter().filter(|(call, _)| call.starts_with(method));
            writes.map(|(_, times)| times).sum()
        };
        assert_eq!(count(&after), count(&writes), "{method}");
    }
}

fn is_as_before(one: &Integration, was: &Integration) -> bool {
    let essence = |one: &Integration| {
        (
            one.name.clone(),
            one.enabled,
            one.role_arn.clone(),
            one.external_id.clone(),
            one.account.clone(),
            one.ok,
        )
    };
    essence(one) == essence(was)
}

fn only(scene: &Scene, name: &str) -> Integration {
    let integrations = scene.integrations(name);
    assert_eq!(integrations.len(), 1, "{name}: {integrations:?}");
    integrations.into_iter().next().unwrap()
}

fn guid_of(scene: &Scene, name: &str) -> String {
    let integrations = scene.integrations(name);
    integrations
        .first()
        .map(|one| one.guid.clone())
        .unwrap_or_default()
}

/// A second integration of the same account, as Lacework may have created it when a response was
/// lost.
fn double(scene: &Scene, name: &str) {
    let one = only(scene, name);
    let body = json!({
        "name": one.name, "type": one.kind, "enabled": 1,
        "data": {
            "awsAccountId": one.aws_account_id,
            "crossAccountCredentials": {"roleArn": one.role_arn, "externalId": one.external_id},
        },
    });
    let controls = scene.lacework().controls();
    controls.seed(None, &body).unwrap();
}

async fn delete_instance(scene: &Scene, name: &str) {
    let account = scene.account(name).id;
    let sets = scene.sandbox.gateway.stack_sets().all();
    let set = sets.iter().find(|set| set.name.contains("Config-Member"));
    let form = [
        ("StackSetName", set.unwrap().name.as_str()),
        ("Accounts.member.1", &account),
        ("Regions.member.1", scene.sandbox.landing_zone.region()),
        ("RetainStacks", "false"),
    ];
    let user = scene.sandbox.user().unwrap();
    user.query(
        "cloudformation",
        "DeleteStackInstances",
        "2010-05-15",
        &form,
    )
    .await
    .unwrap();
    until("the stack is gone", async || scene.instance(name).is_none()).await;
}

/// Deletes the account's role by hand, in the order that IAM requires.
pub(crate) async fn delete_role(scene: &Scene, name: &str) {
    let aws = scene.inside().account(&scene.account(name).id);
    let role = [("RoleName", ROLE)];
    let iam = async |action: &str, more: &[(&str, &str)]| {
        let form = [&role[..], more].concat();
        aws.query("iam", action, "2010-05-08", &form).await.unwrap()
    };
    let attached = iam("ListAttachedRolePolicies", &[]).await;
    for policy in attached.members("ListAttachedRolePoliciesResult/AttachedPolicies") {
        let arn = policy.text_at("PolicyArn").unwrap();
        iam("DetachRolePolicy", &[("PolicyArn", arn)]).await;
    }
    let inline = iam("ListRolePolicies", &[]).await;
    for policy in inline.members("ListRolePoliciesResult/PolicyNames") {
        iam("DeleteRolePolicy", &[("PolicyName", &policy.text)]).await;
    }
    iam("DeleteRole", &[]).await;
}
