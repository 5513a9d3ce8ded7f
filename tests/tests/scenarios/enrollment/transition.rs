//! What an update moves, and what remains of the former deployment.

use std::fmt::Write as _;

use secrecy::SecretString;
use towerhook_sandbox::gateway::Fault;
use towerhook_sandbox::launch::{Parameters, TEMPLATE};
use towerhook_sandbox::providers::Subject;
use towerhook_tests::STACK_DEADLINE;
use towerhook_tests::scene::{Scene, until};
use towerhook_tests::transcript::Transcript;

use crate::enrollment::PREFIX;
use crate::golden::assert_golden;

const MEMBERS: [&str; 3] = ["Log Archive", "Audit", "production-1"];

/// Everything of ours in AWS's and Lacework's inventories, without ids.
fn made(scene: &Scene) -> String {
    let mut lines: Vec<String> = Vec::new();
    for set in scene.sandbox.gateway.stack_sets().all() {
        let name = set.name.trim_start_matches(PREFIX);
        lines.push(format!("StackSet {name}: {} stacks", set.instances.len()));
    }
    for one in scene.lacework().integrations() {
        let name = one.name.trim_start_matches(PREFIX);
        lines.push(format!("{} in {}: {name}", one.kind, one.account));
    }
    let named = |line: String| {
        let accounts = scene.sandbox.landing_zone.accounts().iter();
        accounts.fold(line, |line, account| {
            line.replace(&account.id, &account.name)
        })
    };
    let mut lines: Vec<String> = lines.into_iter().map(named).collect();
    lines.sort();
    lines.join("\n")
}

async fn await_only_in(scene: &Scene, store: &str, resource: &str) {
    until("everything is in one place", async || {
        let registrations = scene.sandbox.simulator.registrations();
        let sets = scene.sandbox.gateway.stack_sets().all();
        registrations.len() == MEMBERS.len() + 1
            && registrations.iter().all(|one| one.store == store)
            && sets.len() == 3
            && sets.iter().all(|set| set.name.ends_with(resource))
    })
    .await;
    scene.await_enrolled(&MEMBERS).await;
    scene.settle().await;
}

#[tokio::test]
async fn each_update_leaves_nothing_where_it_was_and_a_failed_one_nothing_where_it_went() {
    let scene = Scene::open(4, &["emea", "apac", "production"], &[]).await;
    let mut told = String::new();
    scene.await_enrolled(&MEMBERS).await;
    writeln!(told, "launched\n{}\n", made(&scene)).unwrap();

    scene.update(&[("LaceworkSubAccountName", "emea")]).await;
    await_only_in(&scene, "emea", "emea").await;
    writeln!(told, "LaceworkSubAccountName=emea\n{}\n", made(&scene)).unwrap();
    let gap = scene.logged("setup", "completed with warnings").await;
    let gap = gap[0]["note"].as_str().unwrap();
    assert!(
        gap.contains("is unwatched for some minutes in between"),
        "{gap}"
    );

    // Everything has moved when the last step is refused: CloudFormation rolls back.
    let fault = Fault::Error {
        status: 400,
        code: "InvalidParameter".to_owned(),
        message: "Invalid parameter: Message".to_owned(),
    };
    scene
        .sandbox
        .gateway
        .faults()
        .inject("sns", "Publish", fault, 1);
    let changes: Parameters = [("LaceworkSubAccountName".into(), "apac".into())].into();
    scene.stack.update(TEMPLATE, &changes).await.unwrap();
    let back = scene
        .stack
        .wait_for("UPDATE_ROLLBACK_COMPLETE", STACK_DEADLINE);
    back.await.unwrap();
    assert_eq!(scene.sandbox.gateway.faults().pending(), 0);
    await_only_in(&scene, "emea", "emea").await;
    writeln!(told, "rolled back\n{}\n", made(&scene)).unwrap();

    // Another key: the old one and its tokens no longer work.
    let controls = scene.lacework().controls();
    let secret = "_0123456789abcdef0123456789abcdef";
    controls.replace_key("ACME_ANOTHER", SecretString::from(secret));
    controls.revoke_tokens();
    let key = [
        ("LaceworkAccessKeyId", "ACME_ANOTHER"),
        ("LaceworkSecretKey", secret),
    ];
    scene.update(&key).await;
    await_only_in(&scene, "emea", "emea").await;
    writeln!(told, "another key\n{}\n", made(&scene)).unwrap();

    // By OU: Log Archive and Audit are outside, and the trail's integration is the organization's.
    let mapped = [
        ("LaceworkSubAccountName", ""),
        ("LaceworkOrgSubAccountNames", "Production"),
    ];
    scene.update(&mapped).await;
    until("one account is left", async || {
        let registrations = scene.sandbox.simulator.registrations();
        let config = registrations
            .iter()
            .filter(|one| matches!(one.subject, Subject::Account(_)));
        let stores: Vec<&str> = config.map(|one| one.store.as_str()).collect();
        let mut sets = scene.sandbox.gateway.stack_sets().all().into_iter();
        let members = sets.find(|set| set.name.contains("Config-Member"));
        stores == ["production"] && members.is_some_and(|set| set.instances.len() == 1)
    })
    .await;
    scene.settle().await;
    writeln!(told, "by unit\n{}\n", made(&scene)).unwrap();

    // The key is revoked before the stack is deleted: AWS is cleaned up completely, Lacework is not.
    let secret = SecretString::from("_fedcba9876543210fedcba9876543210");
    controls.replace_key("ACME_THIRD", secret);
    controls.revoke_tokens();
    scene.delete().await;
    writeln!(told, "deleted with a revoked key\n{}", made(&scene)).unwrap();
    // The log group is deleted with the stack; the emulator keeps its own copy of the log.
    let said = "These stay: the registrations in acme, since Lacework refuses the API key";
    until("setup says what stays", async || {
        scene.sandbox.function_logs().read("setup").contains(said)
    })
    .await;
    assert_golden("transitions", &told);
}

#[tokio::test]
async fn another_mapping_of_units_moves_takes_in_and_lets_go() {
    let stores = ["workloads", "production", "development", "security"];
    let units = |units| [("LaceworkOrgSubAccountNames", units)];
    let scene = Scene::open(5, &stores, &units("Workloads,Production")).await;
    scene
        .await_enrolled(&["development-1", "production-1"])
        .await;
    scene.settle().await;
    let mut told = Transcript::begin(&scene).await;

    scene.update(&units("Development,Security")).await;
    until("every account is where its unit is now", async || {
        let stores = |name| -> Vec<String> {
            let all = scene.registrations(name).into_iter();
            all.map(|one| one.store).collect()
        };
        stores("development-1") == ["development"]
            && stores("production-1").is_empty()
            && scene.instance("production-1").is_none()
    })
    .await;
    scene
        .await_enrolled(&["Audit", "Log Archive", "development-1"])
        .await;
    told.tell(&scene, "LaceworkOrgSubAccountNames=Development,Security")
        .await;

    // Names in capitals and in another order refer to the same OUs.
    let before = scene.sandbox.simulator.calls()["POST CloudAccounts"];
    scene.update(&units("security,DEVELOPMENT")).await;
    scene.settle().await;
    told.tell(&scene, "LaceworkOrgSubAccountNames=security,DEVELOPMENT")
        .await;
    let after = scene.sandbox.simulator.calls()["POST CloudAccounts"];
    assert_eq!(after, before, "nothing is made");
    assert_golden("another_mapping", told.text());
}
