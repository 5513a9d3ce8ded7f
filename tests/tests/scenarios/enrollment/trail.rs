//! The trail after its launch: its mapping of accounts, and its repair by comparisons.

use serde_json::{Value, json};
use towerhook_sandbox::gateway::stack_sets::InstanceStatus;
use towerhook_sandbox::providers::lacework::Integration;
use towerhook_tests::scene::{Scene, until};

const IAM: &str = "2010-05-08";
const ROLE: (&str, &str) = ("RoleName", "acme-laceworkcwssarole");

/// The one integration of the trail.
fn trail(scene: &Scene) -> Option<Integration> {
    let all = scene.lacework().integrations();
    let mut trails: Vec<_> = all
        .into_iter()
        .filter(|one| one.kind == "AwsCtSqs")
        .collect();
    assert!(trails.len() <= 1, "{trails:?}");
    trails.pop()
}

/// The mapping, with account names.
fn mapping(scene: &Scene) -> Value {
    let mapping = trail(scene).and_then(|one| one.account_mapping);
    let mut text = mapping.unwrap_or_default().to_string();
    for account in scene.sandbox.landing_zone.accounts() {
        text = text.replace(&account.id, &account.name);
    }
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn the_mapping_follows_the_accounts_through_units_and_parameters() {
    let units = ("LaceworkOrgSubAccountNames", "Workloads,production");
    let mut scene = Scene::open(8, &["workloads", "production"], &[units]).await;
    let expected = |workloads: &[&str], production: &[&str]| {
        let entry = |names: &[&str]| {
            let mut ids: Vec<_> = names
                .iter()
                .map(|name| (scene.account(name).id, *name))
                .collect();
            ids.sort();
            let names: Vec<_> = ids.into_iter().map(|(_, name)| name).collect();
            json!({ "aws_accounts": names })
        };
        json!({
            "defaultLaceworkAccountAws": "acme",
            "integration_mappings": {
                "workloads": entry(workloads), "production": entry(production),
            },
        })
    };
    let at_launch = expected(
        &["development-1", "development-2"],
        &["production-1", "production-2"],
    );
    let after_the_move = expected(
        &["development-2"],
        &["development-1", "production-1", "production-2"],
    );
    until("the mapping is written", async || {
        mapping(&scene) == at_launch
    })
    .await;
    let first = trail(&scene).unwrap();
    assert!(
        first.organization,
        "what has a mapping is the organization's"
    );
    scene.settle().await;
    scene.reconcile().await;
    let updates = |scene: &Scene| scene.sandbox.simulator.calls()["PATCH CloudAccounts/{intgGuid}"];
    assert_eq!(updates(&scene), 1, "it was written once");

    scene
        .sandbox
        .landing_zone
        .move_account("development-1", "Production")
        .await
        .unwrap();
    scene.reconcile().await;
    until("the mapping has followed", async || {
        mapping(&scene) == after_the_move
    })
    .await;
    assert_eq!(trail(&scene).unwrap().guid, first.guid);
    scene.settle().await;

    // Without mapped OUs the trail's integration is the tenant's own, and there is still only one.
    scene.update(&[("LaceworkOrgSubAccountNames", "")]).await;
    let single = trail(&scene).unwrap();
    assert!(!single.organization && single.account_mapping.is_none());
    assert_eq!(single.external_id, first.external_id);
    scene
        .update(&[("LaceworkOrgSubAccountNames", "Workloads,production")])
        .await;
    until("the mapping is back", async || {
        mapping(&scene) == after_the_move
    })
    .await;
    scene.settle().await;

    scene.delete().await;
    assert_eq!(scene.sandbox.simulator.registrations(), []);
}

#[tokio::test]
async fn a_trail_that_was_damaged_by_hand_is_mended() {
    let scene = Scene::open(4, &[], &[]).await;
    scene.await_enrolled(&["Log Archive", "Audit"]).await;
    scene.settle().await;
    let (simulator, lacework) = (&scene.sandbox.simulator, scene.lacework());
    let first = trail(&scene).unwrap();

    assert!(lacework.controls().remove(&first.guid));
    scene.reconcile().await;
    until("the integration is made again", async || {
        trail(&scene).is_some()
    })
    .await;
    let second = trail(&scene).unwrap();
    assert_eq!(second.external_id, first.external_id);
    scene.settle().await;

    // The role is deleted, and Lacework notices before the comparison does.
    let log = scene.inside().account(&scene.account("Log Archive").id);
    let policy = ("PolicyName", "ReadTrail");
    log.query("iam", "DeleteRolePolicy", IAM, &[ROLE, policy])
        .await
        .unwrap();
    log.query("iam", "DeleteRole", IAM, &[ROLE]).await.unwrap();
    lacework
        .controls()
        .set_state_delay(std::time::Duration::ZERO);
    assert!(!simulator.verify(&second.guid).await.unwrap().passed());
    scene.reconcile().await;
    until("the role is made anew", async || {
        simulator.verify(&second.guid).await.unwrap().passed()
    })
    .await;
    scene.settle().await;
    assert_eq!(trail(&scene).unwrap().guid, second.guid);
    let sets = scene.sandbox.gateway.stack_sets().all();
    let set = sets.iter().find(|set| set.name.contains("Log")).unwrap();
    assert_eq!(set.instances[0].status, InstanceStatus::Current);

    // Within a day, the same resource is not recreated twice.
    log.query("iam", "DeleteRolePolicy", IAM, &[ROLE, policy])
        .await
        .unwrap();
    log.query("iam", "DeleteRole", IAM, &[ROLE]).await.unwrap();
    assert!(!simulator.verify(&second.guid).await.unwrap().passed());
    scene.reconcile().await;
    let calls = scene.sandbox.gateway.calls();
    assert_eq!(calls["cloudformation:DeleteStackInstances"], 1);
}
