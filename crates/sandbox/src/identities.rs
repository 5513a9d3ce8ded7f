//! The callers of AWS in a sandbox besides the functions: the administrator, and the SaaS.

use anyhow::Context;
use serde_json::json;

use crate::aws_client::{AccessKey, AwsClient, AwsError};

const VERSION: &str = "2010-05-08";

/// The user name of a sandbox's owner.
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
    make_key(aws, user).await
}

/// Makes a vendor's own user, which may assume any role that trusts it, and gives it a key.
///
/// # Errors
/// When the emulator refuses a step.
pub(crate) async fn make_vendor_user(aws: &AwsClient, user_arn: &str) -> anyhow::Result<AccessKey> {
    let user = ("UserName", user_arn.rsplit('/').next().unwrap_or_default());
    aws.query("iam", "CreateUser", VERSION, &[user]).await?;
    let policy = assume_customers();
    let put = [
        user,
        ("PolicyName", "customers"),
        ("PolicyDocument", policy.as_str()),
    ];
    aws.query("iam", "PutUserPolicy", VERSION, &put).await?;
    make_key(aws, user).await
}

async fn make_key(aws: &AwsClient, user: (&str, &str)) -> anyhow::Result<AccessKey> {
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

/// The policy of a vendor that may assume its customers' roles.
fn assume_customers() -> String {
    policy(json!({
        "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "arn:aws:iam::*:role/*",
    }))
}

fn policy(statement: serde_json::Value) -> String {
    json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
}

/// Makes the SaaS's own role, which may assume any role that trusts it.
///
/// # Errors
/// When the emulator refuses a step.
pub async fn make_vendor(aws: &AwsClient, role_arn: &str) -> Result<(), AwsError> {
    let vendor = account_in(role_arn);
    let name = role_arn.rsplit('/').next().unwrap_or_default();
    let trust = policy(json!({
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"AWS": format!("arn:aws:iam::{vendor}:root")},
    }));
    let policy = assume_customers();
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

/// The 12 digits in a role's ARN.
pub(crate) fn account_in(role_arn: &str) -> &str {
    role_arn.split(':').nth(4).unwrap_or_default()
}
