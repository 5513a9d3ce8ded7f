//! The custom resource is answered whatever happens.

use std::time::Duration;

use towerhook_sandbox::STACK_NAME;
use towerhook_sandbox::gateway::Fault;
use towerhook_sandbox::inventory::{Difference, Inventory};
use towerhook_sandbox::landing_zone::SANDBOX;
use towerhook_sandbox::launch::{Stack, TEMPLATE};
use towerhook_tests::scene::Scene;
use towerhook_tests::{STACK_DEADLINE, launched, options, sandbox, until};

use crate::bad_input::neighbour::{Neighbour, await_difference};

#[tokio::test]
async fn an_answer_that_is_lost_is_sent_again() {
    let neighbour = Neighbour::new(&[]).await;
    let faults = neighbour.sandbox.gateway.faults();
    // The Create's response never arrives, and the Delete is answered without setup.
    faults.inject("custom-resource", "PutResponse", Fault::Reset, 1);
    faults.inject_after("custom-resource", "PutResponse", 2, Fault::LostReply, 1);
    let before = neighbour.sandbox.gateway.calls();
    assert_eq!(before.get("custom-resource:PutResponse"), None);
    let trail = [("ExistingCloudTrailName", "my-trail")];
    neighbour.refusal(&trail).await;
    assert_eq!(faults.pending(), 0);
    let calls = neighbour.sandbox.gateway.calls();
    assert_eq!(calls.get("custom-resource:PutResponse"), Some(&4));
}

#[tokio::test]
async fn a_refusal_of_permissions_that_are_moments_old_passes() {
    let sandbox = sandbox(options()).await;
    let faults = sandbox.gateway.faults();
    for (service, operation) in [("organizations", "ListAccounts"), ("sns", "Publish")] {
        let denied = Fault::Error {
            status: 400,
            code: "AccessDeniedException".to_owned(),
            message: "User is not authorized to perform this".to_owned(),
        };
        faults.inject(service, operation, denied, 1);
    }
    launched(&sandbox, &[]).await;
    assert_eq!(faults.pending(), 0);
}

#[tokio::test]
async fn a_changed_prefix_is_refused_and_the_deployment_works_on() {
    let mut scene = Scene::open(4, &[], &[]).await;
    let prefix = [("IntegrationNamePrefix".to_owned(), "Acme-".to_owned())];
    scene.stack.update(TEMPLATE, &prefix.into()).await.unwrap();
    scene
        .stack
        .wait_for("UPDATE_ROLLBACK_COMPLETE", STACK_DEADLINE)
        .await
        .unwrap();
    let failures = scene.stack.failures().await.unwrap();
    let [failure] = &failures[..] else {
        panic!("{failures:?}")
    };
    assert_eq!(failure.resource, "Setup");
    insta::assert_snapshot!(failure.reason, @r#"IntegrationNamePrefix cannot change after launch: it was "Lacework-Control-Tower-" and is now "Acme-". Set it back, or delete the stack and launch it again."#);

    let account = scene.sandbox.landing_zone.create_account("late", SANDBOX);
    account.await.unwrap();
    let names = ["Log Archive", "Audit", "late"];
    scene.await_enrolled(&names).await;
    let registrations = scene.sandbox.simulator.registrations();
    let ours = |name: &str| name.starts_with("Lacework-Control-Tower-");
    assert!(registrations.iter().all(|one| ours(&one.name)));
}

#[tokio::test]
async fn setup_hands_over_to_fresh_invocations_of_itself() {
    let mut options = options();
    options.accounts = 4;
    // Longer than one invocation may work: it hands over when a quarter of its time is left.
    options.operation_delay = Duration::from_secs(7);
    let sandbox = sandbox(options).await;
    let before = Inventory::take(&sandbox).await.unwrap();
    assert_eq!(TEMPLATE.matches("Timeout: 900").count(), 1);
    let template = TEMPLATE.replace("Timeout: 900", "Timeout: 8");
    let (user, inside) = (sandbox.user().unwrap(), sandbox.inside().unwrap());
    let parameters = sandbox.parameters();
    let stack = Stack::create(&user, &inside, STACK_NAME, &template, &parameters)
        .await
        .unwrap();
    let scene = Scene { sandbox, stack };
    scene
        .stack
        .wait_for("CREATE_COMPLETE", STACK_DEADLINE)
        .await
        .unwrap();
    // A log line appears only when its invocation has ended.
    until("setup's last words", STACK_DEADLINE, async || {
        !scene.logged("setup", "response sent").await.is_empty()
    })
    .await;
    assert!(!scene.logged("setup", "handing over").await.is_empty());
    assert_eq!(scene.logged("setup", "response sent").await.len(), 1);
    // No step is repeated, except one that the hand-over cut off; the number of polls depends on
    // timing.
    let steps = scene.steps().await;
    let mut done: Vec<&str> = steps
        .lines()
        .filter(|step| !step.starts_with("wait for "))
        .collect();
    done.dedup();
    insta::assert_snapshot!(done.join("\n"), @"
    create StackSet Lacework-Control-Tower-CloudTrail-Log-Account-acme
    create the instance of Lacework-Control-Tower-CloudTrail-Log-Account-acme in Log Archive
    create StackSet Lacework-Control-Tower-CloudTrail-Audit-Account-acme
    create the instance of Lacework-Control-Tower-CloudTrail-Audit-Account-acme in Audit
    create StackSet Lacework-Control-Tower-Config-Member-acme
    create registration Lacework-Control-Tower-CloudTrail-Log-Account-acme
    ");
    scene.delete().await;
    await_difference(&scene.sandbox, &before, &Difference::default()).await;
}
