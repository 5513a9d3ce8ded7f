//! The API key, rotated, mistyped and revoked.

use secrecy::SecretString;
use serde_json::Value;
use towerhook_sandbox::landing_zone::SANDBOX;
use towerhook_tests::scene::{Scene, until};
use towerhook_tests::{STACK_DEADLINE, token};

const MEMBERS: [&str; 3] = ["Log Archive", "Audit", "production-1"];

/// How often an integration has been changed or deleted.
fn changes(scene: &Scene) -> u64 {
    let calls = scene.sandbox.simulator.calls();
    ["PATCH", "DELETE"]
        .iter()
        .filter_map(|method| calls.get(&format!("{method} CloudAccounts/{{intgGuid}}")))
        .sum()
}

/// The integrations by id, and whether they are enabled.
fn watching(scene: &Scene) -> Vec<(String, bool)> {
    let all = scene.sandbox.simulator.registrations().into_iter();
    let mut all: Vec<_> = all.map(|one| (one.id, one.enabled)).collect();
    all.sort();
    all
}

/// The sum of one of the auth function's metrics.
async fn auth_metric(scene: &Scene, name: &str) -> u64 {
    let log = scene.log("auth").await;
    log.iter().filter_map(|line| line[name].as_u64()).sum()
}

async fn arrives(scene: &mut Scene, name: &str) {
    let landing_zone = &mut scene.sandbox.landing_zone;
    landing_zone.create_account(name, SANDBOX).await.unwrap();
}

#[tokio::test]
async fn a_rotated_key_loses_no_call_and_a_mistyped_one_is_told() {
    let mut scene = Scene::open(4, &[], &[]).await;
    scene.await_enrolled(&MEMBERS).await;
    scene.settle().await;
    let (before, changed) = (watching(&scene), changes(&scene));
    let first = scene.sandbox.parameters()["LaceworkAccessKeyId"].clone();

    // The second key exists before the first one is revoked, and accounts arrive throughout.
    let secret = "_0123456789abcdef0123456789abcdef";
    let controls = scene.lacework().controls().clone();
    controls.add_key("ACME_SECOND", SecretString::from(secret));
    let key = [
        ("LaceworkAccessKeyId", "ACME_SECOND"),
        ("LaceworkSecretKey", secret),
    ];
    scene.ask_for_update(&key).await;
    arrives(&mut scene, "during").await;
    let updated = scene.stack.wait_for("UPDATE_COMPLETE", STACK_DEADLINE);
    updated.await.unwrap();
    controls.revoke_key(&first);
    arrives(&mut scene, "after").await;
    scene.await_enrolled(&["during", "after"]).await;
    scene.reconcile().await;

    for failed in ["CallsFailed", "PassesFailed", "PassesRequeued"] {
        assert_eq!(scene.metric(failed).await, 0, "{failed}");
    }
    assert_eq!(changes(&scene), changed);
    let after = watching(&scene);
    assert!(after.iter().all(|(_, enabled)| *enabled), "{after:?}");
    assert!(before.iter().all(|one| after.contains(one)), "{after:?}");

    mistyped(&mut scene, secret).await;
}

/// CloudFormation writes the secret and does not call setup.
async fn mistyped(scene: &mut Scene, secret: &str) {
    let asked = scene.logged("setup", "request accepted").await.len();
    let kept = token::stored(scene).await;
    let issued = auth_metric(scene, "TokensIssued").await;
    let wrong = [("LaceworkSecretKey", "_fedcba9876543210fedcba9876543210")];
    scene.update(&wrong).await;
    assert_eq!(auth_metric(scene, "TokenFailures").await, 0);
    token::fire(scene).await;
    until("auth counts that there is no token", async || {
        auth_metric(scene, "TokenFailures").await == 1
    })
    .await;
    let told: Vec<Value> = scene.logged("auth", "no token issued").await;
    assert_eq!(told[0]["level"], "ERROR");
    assert_eq!(told[0]["occasion"], "Schedule");

    // Until it expires, everything works with the stored token.
    assert_eq!(token::stored(scene).await, kept);
    arrives(scene, "meanwhile").await;
    scene.await_enrolled(&["meanwhile"]).await;

    scene.update(&[("LaceworkSecretKey", secret)]).await;
    token::fire(scene).await;
    until("auth has a token of the right key", async || {
        auth_metric(scene, "TokensIssued").await == issued + 1
    })
    .await;
    assert_eq!(auth_metric(scene, "TokenFailures").await, 1);
    assert_ne!(token::stored(scene).await, kept);
    let since = scene.logged("setup", "request accepted").await.len();
    assert_eq!(since, asked);
}

#[tokio::test]
async fn whatever_became_of_units_and_the_key_an_update_of_something_else_succeeds() {
    let units = ("LaceworkOrgSubAccountNames", "Workloads,Production");
    let mut scene = Scene::open(5, &["workloads", "production"], &[units]).await;
    let members = ["development-1", "production-1"];
    scene.await_enrolled(&members).await;
    scene.settle().await;
    let (before, changed) = (watching(&scene), changes(&scene));
    let limit = |percent| [("OffboardLimitPercent", percent)];
    let wrong = [("ExcludeOrganizationalUnits", "Nowhere")];
    let said = "ExcludeOrganizationalUnits names the organizational unit \"Nowhere\"";

    let landing_zone = &mut scene.sandbox.landing_zone;
    landing_zone.rename_unit("Production", "Prod").unwrap();
    scene.update(&limit("20")).await;
    let reason = scene.refused_update(&wrong).await;
    assert!(reason.contains(said), "{reason}");
    scene.reconcile().await;
    scene.await_enrolled(&members).await;
    assert_eq!(watching(&scene), before);

    let key = scene.sandbox.parameters()["LaceworkAccessKeyId"].clone();
    scene.lacework().controls().revoke_key(&key);
    scene.update(&limit("30")).await;
    let reason = scene.refused_update(&wrong).await;
    assert!(reason.contains(said), "{reason}");
    until("setup says what it left as it is", async || {
        let notes = scene.logged("setup", "completed with warnings").await;
        let mut notes = notes.iter().filter_map(|line| line["note"].as_str());
        notes.any(|note| note.contains("Nothing was changed in Lacework"))
    })
    .await;
    assert_eq!(watching(&scene), before);
    assert_eq!(changes(&scene), changed);
}
