//! Verifies an integration against AWS, as the service does before it accepts one.
//!
//! The vendor's own role assumes the customer's, as the service does.

use anyhow::Context as _;
use serde_json::{Map, Value, json};

use crate::aws_client::{AwsClient, AwsError};
use crate::identities::account_in;
use crate::providers::{Verification, role};

/// The message of the 400 that refuses to create the integration.
///
/// The service's exact text for AWS is not published. This one begins as its texts about
/// other failed assumptions of a role do, and goes on to say what is wrong.
pub(super) fn refusal(verification: &Verification) -> Option<String> {
    match verification {
        Verification::Passed => None,
        Verification::RoleRefused { reason } => Some(format!(
            "AWS Error: Error assuming role. [Error msg: 403 Forbidden: {reason}]"
        )),
        Verification::QueueRefused { reason } => Some(format!(
            "Unable to validate AWS SQS configuration, verify your configuration and queue url. \
             [Error msg: {reason}]"
        )),
    }
}

/// `state.details`, in the shapes that were seen on real integrations.
pub(super) fn details(verification: &Verification, guid: &str, has_queue: bool) -> Value {
    match verification {
        Verification::RoleRefused { reason } => json!({
            "statusCode": "403",
            "errorTitle": "AWS Error",
            "errorSubtitle": "Here is the response returned by AWS:",
            "errorMessage": "403 403 Forbidden",
            "message": format!(
                "AWS Error: Error assuming role. INTG_GUID:{guid} [Error msg: 403 Forbidden: {reason}]"
            ),
        }),
        Verification::QueueRefused { .. } => {
            json!({ "sqsRx": "QueueDoesNotExist", "noData": true })
        }
        Verification::Passed if has_queue => {
            json!({ "sqsRx": "OK", "sqsDel": "OK", "noData": true })
        }
        Verification::Passed => json!({}),
    }
}

/// The resources that an integration gives the vendor access to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Access {
    pub(super) role_arn: String,
    pub(super) external_id: String,
    pub(super) queue_url: Option<String>,
}

impl Access {
    /// `None` for the types with an access key instead of a role.
    pub(super) fn of(data: &Map<String, Value>) -> Option<Self> {
        let credentials = data.get("crossAccountCredentials")?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Some(Self {
            role_arn: credentials.get("roleArn").and_then(text)?,
            external_id: credentials.get("externalId").and_then(text)?,
            queue_url: data.get("queueUrl").and_then(text),
        })
    }

    /// The 12-digit id in the role's ARN.
    pub(super) fn account_id(&self) -> Option<&str> {
        self.role_arn.split(':').nth(4)
    }
}

/// A verification and the role that was verified: a recreated role is a different one.
#[derive(Debug)]
pub(super) struct Verified {
    pub(super) verification: Verification,
    pub(super) role_id: Option<String>,
}

/// Asks AWS about the role and the queue.
///
/// # Errors
/// When AWS's answers decide neither.
pub(super) async fn verify(
    aws: &AwsClient,
    principal_arn: &str,
    access: &Access,
) -> anyhow::Result<Verified> {
    let (role_id, refusal) = match role(aws, principal_arn, access).await? {
        Ok(role_id) => (Some(role_id), None),
        Err(reason) => (None, Some(Verification::RoleRefused { reason })),
    };
    let verification = match (refusal, &access.queue_url) {
        (Some(refusal), _) => refusal,
        (None, Some(url)) => queue(aws, url).await?,
        (None, None) => Verification::Passed,
    };
    Ok(Verified {
        verification,
        role_id,
    })
}

/// The role's unique id, or why the vendor cannot assume it.
async fn role(
    aws: &AwsClient,
    principal_arn: &str,
    access: &Access,
) -> anyhow::Result<Result<String, String>> {
    let Access {
        role_arn,
        external_id,
        ..
    } = access;
    let role_id = match role::trusting(aws, principal_arn, role_arn, external_id).await? {
        Ok(role_id) => role_id,
        Err(reason) => return Ok(Err(reason)),
    };
    let platform = aws
        .account(account_in(principal_arn))
        .assume_role(principal_arn, "lacework", None)
        .await
        .context("the vendor cannot assume its own role")?;
    let assumed = role::assumed(&platform, role_arn, external_id).await?;
    Ok(assumed.map(|_| role_id))
}

async fn queue(aws: &AwsClient, url: &str) -> anyhow::Result<Verification> {
    let refused = |reason: String| Ok(Verification::QueueRefused { reason });
    let Some(queue) = QueueAddress::parse(url) else {
        return refused(format!("{url} is not the URL of an SQS queue"));
    };
    let aws = aws.account(&queue.account);
    let aws = queue
        .region
        .as_deref()
        .map_or(aws.clone(), |region| aws.in_region(region));
    let answer = aws
        .json(
            "sqs",
            "AmazonSQS",
            "GetQueueUrl",
            json!({ "QueueName": queue.name }),
        )
        .await;
    match answer {
        Ok(_) => Ok(Verification::Passed),
        Err(AwsError::Refused { status, .. }) if status < 500 => {
            refused(format!("queue {url} does not exist"))
        }
        Err(error) => Err(error).context("cannot read the queue"),
    }
}

#[derive(Debug, PartialEq, Eq)]
struct QueueAddress {
    region: Option<String>,
    account: String,
    name: String,
}

impl QueueAddress {
    fn parse(url: &str) -> Option<Self> {
        let url = url::Url::parse(url).ok()?;
        let mut segments = url.path_segments()?;
        let account = segments.next()?.to_owned();
        let name = segments.next().filter(|name| !name.is_empty())?.to_owned();
        let digits = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        let region = url
            .host_str()?
            .strip_prefix("sqs.")
            .and_then(|rest| rest.split('.').next())
            .map(str::to_owned);
        (digits && segments.next().is_none()).then_some(Self {
            region,
            account,
            name,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_url_names_region_account_and_queue() {
        let url = "https://sqs.eu-west-1.amazonaws.com/111122223333/acme-laceworkcws";
        let address = QueueAddress::parse(url).unwrap();
        assert_eq!(address.region.as_deref(), Some("eu-west-1"));
        assert_eq!(address.account, "111122223333");
        assert_eq!(address.name, "acme-laceworkcws");
        for other in [
            "https://sqs.eu-west-1.amazonaws.com/1/q",
            "https://sqs.eu-west-1.amazonaws.com/111122223333/",
            "https://sqs.eu-west-1.amazonaws.com/111122223333/q/more",
            "queue",
        ] {
            assert_eq!(QueueAddress::parse(other), None, "{other}");
        }
    }

    #[test]
    fn only_integrations_with_a_role_are_verified() {
        let with_role = json!({
            "crossAccountCredentials": {"roleArn": "arn:aws:iam::111122223333:role/r", "externalId": "e"},
            "queueUrl": "q",
        });
        let access = Access::of(with_role.as_object().unwrap()).unwrap();
        assert_eq!(access.account_id(), Some("111122223333"));
        assert_eq!(access.queue_url.as_deref(), Some("q"));
        let with_key = json!({"accessKeyCredentials": {"accountId": "111122223333"}});
        assert_eq!(Access::of(with_key.as_object().unwrap()), None);
    }
}
