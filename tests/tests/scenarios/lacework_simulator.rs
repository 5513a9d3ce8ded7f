//! The simulator of Lacework's API: tested with the vendor's own Python client library, over TLS,
//! and against the real emulator, which it asks about roles and queues.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::json;
use tempfile::{NamedTempFile, TempDir};
use towerhook_sandbox::aws_client::AwsClient;
use towerhook_sandbox::emulator::{Emulator, EmulatorConfig};
use towerhook_sandbox::identities::make_vendor;
use towerhook_sandbox::providers::lacework::{
    Controls, Lacework, LaceworkConfig, PRINCIPAL_ARN, RefusalStatus,
};
use towerhook_sandbox::providers::{Fault, Simulator, Verification};

use crate::client_library::ClientLibrary;

const LIBRARY: ClientLibrary = ClientLibrary {
    name: "laceworksdk",
    requirements: include_str!("../../laceworksdk.txt"),
};
const SECRET: &str = "_not-a-real-secret";

const MEMBER: &str = "111122223333";
const AUDIT: &str = "444455556666";
const QUEUE: &str = "acme-laceworkcws";
const EXTERNAL_ID: &str = "lweid:aws:v2:acme:111122223333:0123456789";
const ROLE: &str = "acme-laceworkcwsrole-sa";
const REGION: &str = "eu-west-1";

async fn simulator() -> Lacework {
    Lacework::start(config()).await.unwrap()
}

fn config() -> LaceworkConfig {
    LaceworkConfig {
        tenant: "acme".to_owned(),
        key_id: "ACME_KEY".to_owned(),
        secret: SecretString::from(SECRET),
        sub_accounts: vec!["dev".to_owned()],
        emulator: None,
        region: REGION.to_owned(),
        principal_arn: PRINCIPAL_ARN.to_owned(),
        tls: true,
        chaos: Arc::default(),
    }
}

/// Runs one check of the script; `take` handles the check's requests by name.
async fn check(simulator: &Lacework, name: &str, mut take: impl FnMut(&str, &Controls)) {
    let certificate = NamedTempFile::new().unwrap();
    std::fs::write(&certificate, simulator.certificate_pem().unwrap()).unwrap();
    // The library calls https://<account>.<base domain>; these two parts result in the address.
    let port = simulator.url().port().unwrap();
    let variables = [
        ("LW_ACCOUNT", "127"),
        ("LW_BASE_DOMAIN", &format!("0.0.1:{port}")),
        ("LW_API_KEY", "ACME_KEY"),
        ("LW_API_SECRET", SECRET),
        ("REQUESTS_CA_BUNDLE", certificate.path().to_str().unwrap()),
    ];
    let take = |step: &str| take(step, simulator.controls());
    LIBRARY.check(&variables, name, take).await;
}

fn no_step(step: &str, _: &Controls) {
    panic!("unexpected step {step}");
}

#[tokio::test]
async fn integrations_live_from_create_to_delete() {
    let simulator = simulator().await;
    check(&simulator, "lifecycle", |step, controls| {
        assert_eq!(step, "search without content");
        controls.set_empty_search_is_no_content(true);
    })
    .await;
    let left = simulator.integrations();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].name, "Trail");
    assert_eq!(left[0].kind, "AwsCtSqs");
    assert_eq!(left[0].aws_account_id.as_deref(), Some("111122223333"));
    let external_id = left[0].external_id.as_deref();
    assert_eq!(
        external_id,
        Some("lweid:aws:v2:acme:111122223333:0123456789")
    );
    let calls = simulator.calls();
    assert_eq!(calls["POST access/tokens"], 1);
    assert_eq!(calls["POST CloudAccounts"], 5);
    assert_eq!(calls["PATCH CloudAccounts/{intgGuid}"], 1);
    assert_eq!(calls["DELETE CloudAccounts/{intgGuid}"], 2);
    Box::new(simulator).shutdown().await.unwrap();
}

#[tokio::test]
async fn sub_accounts_and_the_organization_are_kept_apart() {
    let simulator = simulator().await;
    check(&simulator, "accounts", no_step).await;
    let held: Vec<_> = simulator
        .integrations()
        .into_iter()
        .map(|held| (held.account, held.organization))
        .collect();
    let expected = [("acme", false), ("dev", false), ("acme", true)];
    assert_eq!(
        held,
        expected.map(|(account, organization)| (account.to_owned(), organization))
    );
}

#[tokio::test]
async fn further_pages_are_followed() {
    let simulator = simulator().await;
    simulator.controls().set_page_size(2);
    check(&simulator, "pages", no_step).await;
    assert_eq!(simulator.calls()["GET CloudAccounts"], 3);
}

#[tokio::test]
async fn schemas_and_agent_tokens_are_served() {
    check(&simulator().await, "others", no_step).await;
}

#[tokio::test]
async fn the_rate_limit_is_raised_as_such_and_ends() {
    let simulator = simulator().await;
    check(&simulator, "rate_limit", |step, controls| match step {
        "limit" => controls.set_rate_limit(Some(2)),
        "wait" => controls.advance_clock(Duration::from_secs(1800)),
        other => panic!("unexpected step {other}"),
    })
    .await;
    assert_eq!(simulator.calls()["GET CloudAccounts"], 3);
}

#[tokio::test]
async fn wrong_keys_and_revoked_tokens_are_refused() {
    let simulator = simulator().await;
    check(&simulator, "unauthorised", |step, controls| match step {
        "revoke" => controls.revoke_tokens(),
        "answer 403" => controls.set_refusal_status(RefusalStatus::Forbidden),
        other => panic!("unexpected step {other}"),
    })
    .await;
    assert_eq!(simulator.calls()["POST access/tokens"], 4);
}

#[tokio::test]
async fn a_create_whose_answer_was_lost_is_a_duplicate_when_posted_again() {
    let simulator = simulator().await;
    check(&simulator, "retry", |_, controls| {
        controls.inject(Fault {
            operation: Some("POST CloudAccounts".to_owned()),
            times: 1,
            status: 502,
            after_effect: true,
        });
    })
    .await;
    assert_eq!(simulator.calls()["POST CloudAccounts"], 2);
    assert_eq!(simulator.registrations().len(), 1);
}

async fn emulator(directory: &Path) -> Emulator {
    let config = EmulatorConfig {
        virtual_environment: towerhook_tests::options().virtual_environment,
        directory: directory.to_owned(),
        // This test uses no gateway.
        gateway: "http://127.0.0.1:9".parse().unwrap(),
        region: REGION.to_owned(),
        management_account: "000000000000".to_owned(),
        requests_late_by: Duration::ZERO,
        deadline: Duration::from_secs(60),
    };
    Emulator::start(&config).await.unwrap()
}

async fn put_role(aws: &AwsClient, principal: &str, external_id: &str) {
    let trust = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"AWS": principal},
        "Condition": {"StringEquals": {"sts:ExternalId": external_id}}}]});
    let trust = trust.to_string();
    let role = [("RoleName", ROLE), ("AssumeRolePolicyDocument", &trust)];
    iam(aws, "CreateRole", &role).await;
}

async fn delete_role(aws: &AwsClient) {
    iam(aws, "DeleteRole", &[("RoleName", ROLE)]).await;
}

async fn iam(aws: &AwsClient, action: &str, parameters: &[(&str, &str)]) {
    aws.query("iam", action, "2010-05-08", parameters)
        .await
        .unwrap();
}

#[tokio::test]
async fn roles_and_queues_are_looked_up_in_the_emulator() {
    let home = TempDir::new().unwrap();
    let emulator = emulator(home.path()).await;
    let simulator = Lacework::start(LaceworkConfig {
        emulator: Some(emulator.url().clone()),
        ..config()
    })
    .await
    .unwrap();
    let aws = AwsClient::new(emulator.url().clone(), REGION.to_owned()).unwrap();
    make_vendor(&aws, PRINCIPAL_ARN).await.unwrap();
    let (member, audit) = (aws.account(MEMBER), aws.account(AUDIT));
    let credentials = json!({
        "roleArn": format!("arn:aws:iam::{MEMBER}:role/{ROLE}"),
        "externalId": EXTERNAL_ID,
    });
    let seed = |kind: &str, mut data: serde_json::Value| {
        data["crossAccountCredentials"] = credentials.clone();
        let body = json!({"name": kind, "type": kind, "enabled": 1, "data": data});
        simulator.controls().seed(None, &body).unwrap()
    };
    let configuration = seed("AwsCfg", json!({}));
    let queue_url = format!("https://sqs.{REGION}.amazonaws.com/{AUDIT}/{QUEUE}");
    let trail = seed("AwsCtSqs", json!({ "queueUrl": queue_url }));
    let role_refused = async |expected: &str| {
        let found = simulator.verify(&configuration).await.unwrap();
        let Verification::RoleRefused { reason } = &found else {
            panic!("{found:?}");
        };
        assert!(
            reason.contains(expected),
            "{reason} does not say {expected}"
        );
    };

    role_refused("does not exist").await;
    put_role(&member, "arn:aws:iam::999999999999:root", EXTERNAL_ID).await;
    role_refused("does not allow sts:AssumeRole").await;
    delete_role(&member).await;
    put_role(&member, PRINCIPAL_ARN, "another").await;
    role_refused("another external id").await;
    delete_role(&member).await;
    put_role(&member, PRINCIPAL_ARN, EXTERNAL_ID).await;
    let found = simulator.verify(&configuration).await.unwrap();
    assert_eq!(found, Verification::Passed);

    let found = simulator.verify(&trail).await.unwrap();
    assert!(
        matches!(found, Verification::QueueRefused { .. }),
        "{found:?}"
    );
    for account in [&member, &audit] {
        let queue = json!({ "QueueName": QUEUE });
        account
            .json("sqs", "AmazonSQS", "CreateQueue", queue)
            .await
            .unwrap();
        let found = simulator.verify(&trail).await.unwrap();
        assert_eq!(found.passed(), account.account_id() == AUDIT, "{found:?}");
    }

    delete_role(&member).await;
    role_refused("does not exist").await;
    assert!(!simulator.verify(&trail).await.unwrap().passed());
    let states: Vec<_> = simulator
        .integrations()
        .into_iter()
        .map(|held| held.ok)
        .collect();
    assert_eq!(states, [Some(false), Some(false)]);
    emulator.shutdown().await.unwrap();
}
