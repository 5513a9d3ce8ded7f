//! Optional accounts, and the conditions for a managed account.

use std::fmt::Write as _;

use serde_json::json;
use towerhook_sandbox::landing_zone::{Integrations, SANDBOX};
use towerhook_tests::scene::{Scene, until};
use towerhook_tests::{launched, options, refusal, sandbox};

use crate::golden::assert_golden;

#[tokio::test]
async fn accounts_are_watched_without_shared_accounts_and_without_baselines() {
    let mut options = options();
    options.accounts = 7;
    let sandbox = sandbox(options).await;
    let landing_zone = &sandbox.landing_zone;
    let mut told = String::new();
    for (logging, security_roles) in [(false, true), (true, false), (false, false)] {
        let integrations = Integrations {
            logging,
            security_roles,
        };
        landing_zone.upgrade(integrations).unwrap();
        writeln!(
            told,
            "{integrations:?}\n  {}\n",
            refusal(&sandbox, &[]).await
        )
        .unwrap();
    }
    landing_zone
        .replace_baseline("Development", "ConfigBaseline")
        .unwrap();
    landing_zone.govern_by_control(SANDBOX).unwrap();
    landing_zone.govern_by_control("Production").unwrap();
    landing_zone
        .remove_execution_role("production-2")
        .await
        .unwrap();

    // Config needs no shared account.
    let stack = launched(&sandbox, &[("CapabilityType", "Config")]).await;
    let scene = Scene { sandbox, stack };
    let members = ["production-1", "development-1", "sandbox-1"];
    scene.await_enrolled(&members).await;
    // The tenth attempt shows the failure; usually that takes some hours.
    let queue = scene.stack.output("WorkQueueUrl").await.unwrap();
    until(
        "the account without Control Tower's role is reported",
        async || {
            let reason = scene.reason("production-2").await.unwrap_or_default();
            let waiting = scene.queue(&queue).await;
            if waiting.visible + waiting.in_flight == 0 {
                let body = r#"{"towerhook":{"scope":"all","attempt":10}}"#;
                let request = json!({"QueueUrl": queue, "MessageBody": body});
                let aws = scene.inside();
                let sent = aws.json("sqs", "AmazonSQS", "SendMessage", request);
                sent.await.unwrap();
            }
            reason.contains("should have 'AWSControlTowerExecution' role")
        },
    )
    .await;
    let mut table = scene.table().await;
    for account in scene.sandbox.landing_zone.accounts() {
        table = table.replace(&account.id, &account.name);
    }
    writeln!(told, "{table}").unwrap();
    assert_golden("version_4", &told);
    scene.delete().await;
    assert!(scene.sandbox.gateway.stack_sets().all().is_empty());
    assert!(scene.sandbox.simulator.registrations().is_empty());
}
