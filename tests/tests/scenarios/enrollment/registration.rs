//! `RegistrationMode=SnsCustomResource`: stacks that register their accounts themselves, and their
//! repair after their token has expired.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::SignedDuration;
use towerhook_sandbox::inventory::Inventory;
use towerhook_sandbox::landing_zone::SANDBOX;
use towerhook_sandbox::launch::{Parameters, TEMPLATE};
use towerhook_tests::scene::{Scene, until};
use towerhook_tests::{STACK_DEADLINE, launched, options, sandbox, token};

use crate::enrollment::drift::delete_role;
use crate::golden::assert_golden;

const MEMBERS: [&str; 3] = ["Log Archive", "Audit", "production-1"];
/// A token lives for a day.
const EXPIRY: Duration = Duration::from_secs(25 * 3600);

/// The account function's planned actions for an account's stack after this many plans, in order
/// and without repetitions.
async fn planned(scene: &Scene, name: &str, after: usize) -> String {
    let account = scene.account(name).id;
    let mut told: Vec<String> = Vec::new();
    for line in scene.logged("account", "planned").await.split_off(after) {
        let plan = line["plan"].as_str().unwrap().to_owned();
        let actions = plan
            .lines()
            .filter(|action| action.contains("member stack") && action.contains(&account));
        for action in actions {
            let action = action.replace(&account, name);
            if told.last() != Some(&action) {
                told.push(action);
            }
        }
    }
    told.join("\n")
}

/// How many integrations were created through the API.
fn posted(scene: &Scene) -> u64 {
    let calls = scene.sandbox.simulator.calls();
    calls.get("POST CloudAccounts").copied().unwrap_or_default()
}

#[tokio::test]
async fn stacks_register_their_accounts_and_go_with_a_token_that_works() {
    let mut options = options();
    options.accounts = 4;
    let sandbox = sandbox(options).await;
    let before = Inventory::take(&sandbox).await.unwrap();
    let mode = [("RegistrationMode", "SnsCustomResource")];
    let stack = launched(&sandbox, &mode).await;
    let mut scene = Scene { sandbox, stack };
    scene.await_enrolled(&MEMBERS).await;
    let landing_zone = &mut scene.sandbox.landing_zone;
    landing_zone.create_account("new", SANDBOX).await.unwrap();
    scene.await_enrolled(&["new"]).await;
    scene.settle().await;
    assert_eq!(posted(&scene), 1, "the trail's alone");
    let mut told = format!("launched\n{}\n", scene.table().await);

    let plans = scene.logged("account", "planned").await.len();
    // A deleted role shows only when its stack is recreated, and the token is a day old.
    let controls = scene.lacework().controls().clone();
    controls.advance_clock(EXPIRY);
    token::set_left(&scene, -SignedDuration::from_hours(1)).await;
    delete_role(&scene, "production-1").await;
    let guid = scene.registrations("production-1")[0].id.clone();
    let found = scene.sandbox.simulator.verify(&guid).await.unwrap();
    assert!(!found.passed(), "the role is gone");
    scene.reconcile().await;
    until(
        "the account is registered anew",
        async || matches!(&scene.registrations("production-1")[..], [one] if one.id != guid),
    )
    .await;
    scene.await_enrolled(&["production-1"]).await;
    scene.settle().await;
    assert_eq!(posted(&scene), 1, "its stack has made it");
    writeln!(
        told,
        "the role is deleted after the token has expired\n{}\n\n{}",
        planned(&scene, "production-1", plans).await,
        scene.table().await
    )
    .unwrap();

    let changes: Parameters = [("RegistrationMode".into(), "Function".into())].into();
    scene.stack.update(TEMPLATE, &changes).await.unwrap();
    let rolled_back = scene
        .stack
        .wait_for("UPDATE_ROLLBACK_COMPLETE", STACK_DEADLINE);
    rolled_back.await.unwrap();
    let failures = scene.stack.failures().await.unwrap();
    writeln!(told, "RegistrationMode=Function\n{}\n", failures[0].reason).unwrap();

    controls.advance_clock(EXPIRY);
    scene.age_records().await;
    let removed_by_hand = || {
        let calls = scene.sandbox.simulator.calls();
        let deletions = calls.iter().filter(|(call, _)| call.starts_with("DELETE"));
        deletions.map(|(_, times)| times).sum::<u64>()
    };
    let removed_before = removed_by_hand();
    scene.delete().await;
    let steps = scene.sandbox.function_logs().read("setup");
    let renewed = "renew the token of 4 instances of Lacework-Control-Tower-Config-Member-acme";
    assert!(steps.contains(renewed));
    assert_eq!(removed_by_hand() - removed_before, 1, "the trail's alone");
    assert!(scene.sandbox.gateway.stack_sets().all().is_empty());
    assert!(scene.sandbox.simulator.registrations().is_empty());
    until("nothing is left", async || {
        let after = Inventory::take(&scene.sandbox).await.unwrap();
        before.difference(&after).is_empty()
    })
    .await;
    assert_golden("registration", &told);
}
