//! Who calls AWS in a sandbox besides the functions: the person who launches the stack, and the
//! SaaS.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::json;
use url::Url;

use crate::aws_client::{AccessKey, AwsClient, AwsError};
use crate::lacework::REGISTRATION_TOPIC;

const SNS_VERSION: &str = "2010-03-31";

/// How long the SaaS may take to confirm that it listens to its topic.
const CONFIRMATION: Duration = Duration::from_secs(10);

const VERSION: &str = "2010-05-08";

/// The user that a sandbox's owner is.
pub const ADMINISTRATOR: &str = "administrator";

/// Makes a user that may do everything in the client's account, and gives it a key.
///
/// # Errors
/// When the emulator refuses a step.
pub(crate) async fn make_administrator(aws: &AwsClient) -> anyhow::Result<AccessKey> {
    let user = ("UserName", ADMINISTRATOR);
    let policy = ("PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess");
    aws.query("iam", "CreateUser", VERSION, &[user]).await?;
    aws.query("iam", "AttachUserPolicy", VERSION, &[user, policy])
        .await?;
    let answer = aws
        .query("iam", "CreateAccessKey", VERSION, &[user])
        .await?;
    let field = |field: &str| {
        answer
            .text_at(&format!("CreateAccessKeyResult/AccessKey/{field}"))
            .with_context(|| format!("CreateAccessKey answered without {field}"))
    };
    Ok(AccessKey {
        id: field("AccessKeyId")?.to_owned(),
        secret: field("SecretAccessKey")?.into(),
        session_token: None,
    })
}

/// Makes the SaaS's own role, which may assume any role that lets it in.
///
/// # Errors
/// When the emulator refuses a step.
pub async fn make_vendor(aws: &AwsClient, role_arn: &str) -> Result<(), AwsError> {
    let vendor = account_in(role_arn);
    let name = role_arn.rsplit('/').next().unwrap_or_default();
    let statement = |statement: serde_json::Value| {
        json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
    };
    let trust = statement(json!({
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"AWS": format!("arn:aws:iam::{vendor}:root")},
    }));
    let policy = statement(json!({
        "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "arn:aws:iam::*:role/*",
    }));
    let aws = aws.account(vendor);
    let role = ("RoleName", name);
    let create = [role, ("AssumeRolePolicyDocument", trust.as_str())];
    aws.query("iam", "CreateRole", VERSION, &create).await?;
    let put = [
        role,
        ("PolicyName", "customers"),
        ("PolicyDocument", policy.as_str()),
    ];
    aws.query("iam", "PutRolePolicy", VERSION, &put).await?;
    Ok(())
}

/// Makes the topic that stacks of every account register with, in the client's Region and in the
/// account of the SaaS's role, and lets it deliver to the SaaS's `endpoint`.
///
/// # Errors
/// When the emulator refuses a step, or the SaaS does not confirm that it listens.
pub(crate) async fn make_registration_topic(
    aws: &AwsClient,
    role_arn: &str,
    endpoint: &Url,
) -> anyhow::Result<()> {
    let vendor = account_in(role_arn);
    let arn = format!("arn:aws:sns:{}:{vendor}:{REGISTRATION_TOPIC}", aws.region());
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sns:Publish", "Principal": "*", "Resource": arn,
    }]})
    .to_string();
    let aws = aws.account(vendor);
    let create = [
        ("Name", REGISTRATION_TOPIC),
        ("Attributes.entry.1.key", "Policy"),
        ("Attributes.entry.1.value", policy.as_str()),
    ];
    aws.query("sns", "CreateTopic", SNS_VERSION, &create)
        .await?;
    let topic = ("TopicArn", arn.as_str());
    let subscribe = [
        topic,
        ("Protocol", endpoint.scheme()),
        ("Endpoint", endpoint.as_str()),
    ];
    aws.query("sns", "Subscribe", SNS_VERSION, &subscribe)
        .await?;
    let end = Instant::now() + CONFIRMATION;
    loop {
        let answer = aws
            .query("sns", "GetTopicAttributes", SNS_VERSION, &[topic])
            .await?;
        let is_confirmed = answer
            .entries("GetTopicAttributesResult/Attributes")
            .filter(|entry| entry.text_at("key") == Some("SubscriptionsConfirmed"))
            .any(|entry| entry.text_at("value") == Some("1"));
        if is_confirmed {
            return Ok(());
        }
        ensure!(
            Instant::now() < end,
            "{endpoint} did not confirm its subscription to {arn}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The 12 digits in a role's ARN.
fn account_in(role_arn: &str) -> &str {
    role_arn.split(':').nth(4).unwrap_or_default()
}
