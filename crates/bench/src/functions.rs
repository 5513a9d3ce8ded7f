//! The functions' input: settings in the environment, as in the template, and events.

use serde_json::{Value, json};
use towerhook_world::{MANAGEMENT, STACK_ID, Vendor};

use crate::lambda::{REGION, Settings};

/// The name of the stack set role below `iam`.
const STACK_SET_ROLE: &str = "role/service-role/AWSControlTowerStackSetRole";

/// The settings of the setup function.
pub(crate) fn setup(lacework: &str) -> Settings {
    let mut settings = with_ledger(lacework);
    settings.extend([
        key(),
        ("STACK_ID", STACK_ID.to_owned()),
        (
            "STACK_SET_ADMINISTRATION_ROLE_ARN",
            format!("arn:aws:iam::{MANAGEMENT}:{STACK_SET_ROLE}"),
        ),
        (
            "STACK_SET_EXECUTION_ROLE_NAME",
            "AWSControlTowerExecution".to_owned(),
        ),
        (
            "PROVIDER_PRINCIPAL_ARN",
            Vendor::Lacework.principal().to_owned(),
        ),
        // It answers an endpoint on this machine in place of CloudFormation.
        ("TOWERHOOK_SANDBOX", "true".to_owned()),
        ("FANOUT_TOPIC_ARN", arn("sns", "towerhook-work")),
        ("MANAGEMENT_ACCOUNT_ID", MANAGEMENT.to_owned()),
        ("SERVICE_TIMEOUT_SECONDS", "3600".to_owned()),
        ("PARTITION", "aws".to_owned()),
        ("URL_SUFFIX", "amazonaws.com".to_owned()),
    ]);
    settings
}

/// The settings of the account function.
pub(crate) fn account(lacework: &str) -> Settings {
    let mut settings = with_ledger(lacework);
    let queue = format!("https://sqs.{REGION}.amazonaws.com/{MANAGEMENT}/towerhook-work");
    settings.extend([
        ("DEAD_LETTER_QUEUE_URL", queue.replace("-work", "-dead")),
        ("WORK_QUEUE_URL", queue),
        ("AUTH_FUNCTION_NAME", "towerhook-auth".to_owned()),
    ]);
    settings
}

/// The settings of the auth function.
pub(crate) fn auth(lacework: &str) -> Settings {
    let mut settings = with_token(lacework);
    settings.push(key());
    settings
}

/// Settings that all three have: the stack's name, the SaaS with its URL, and the secret with its
/// access token.
pub(crate) fn with_token(lacework: &str) -> Settings {
    vec![
        ("STACK_NAME", "towerhook".to_owned()),
        ("PROVIDER", "lacework".to_owned()),
        ("PROVIDER_URL", lacework.to_owned()),
        (
            "API_TOKEN_SECRET_ARN",
            arn("secretsmanager", "secret:towerhook-token-AbCdEf"),
        ),
    ]
}

fn with_ledger(lacework: &str) -> Settings {
    let mut settings = with_token(lacework);
    settings.push(("LEDGER_TABLE_NAME", "towerhook-ledger".to_owned()));
    settings
}

fn key() -> (&'static str, String) {
    let arn = arn("secretsmanager", "secret:towerhook-key-AbCdEf");
    ("API_CREDENTIALS_SECRET_ARN", arn)
}

fn arn(service: &str, resource: &str) -> String {
    format!("arn:aws:{service}:{REGION}:{MANAGEMENT}:{resource}")
}

/// The schedule's message in a batch of the work queue: reconcile the whole organization.
pub(crate) fn schedule() -> Value {
    let message = json!({"towerhook": {"scope": "all", "attempt": 0}});
    json!({"Records": [{
        "messageId": "00000000-0000-4000-8000-000000000000",
        "receiptHandle": "example",
        "body": message.to_string(),
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": arn("sqs", "towerhook-work"),
        "awsRegion": REGION,
    }]})
}
