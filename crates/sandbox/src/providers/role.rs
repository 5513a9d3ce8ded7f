//! Whether a vendor can use a customer's role.

use anyhow::Context as _;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::trust;
use crate::aws_client::{AwsClient, AwsError};
use crate::identities::account_in;

/// The unique id of a role that trusts the vendor's `principal`, and only with the external id; or why
/// it does not. IAM alone would accept a role that does not require the external id.
///
/// # Errors
/// When AWS's answers decide neither.
pub(super) async fn trusting(
    aws: &AwsClient,
    principal: &str,
    role_arn: &str,
    external_id: &str,
) -> anyhow::Result<Result<String, String>> {
    let role = match read(aws, role_arn).await? {
        Ok(role) => role,
        Err(reason) => return Ok(Err(reason)),
    };
    if let Err(reason) = trust::judge(&role.trust_policy, principal, external_id) {
        return Ok(Err(format!("role {role_arn}: {reason}")));
    }
    Ok(Ok(role.id))
}

/// A role as IAM describes it.
pub(super) struct Role {
    /// Its unique id: a recreated role has another.
    pub(super) id: String,
    pub(super) trust_policy: Value,
}

/// Reads a role; or says that it does not exist.
///
/// # Errors
/// When AWS's answer decides neither.
pub(super) async fn read(aws: &AwsClient, role_arn: &str) -> anyhow::Result<Result<Role, String>> {
    let name = role_arn.rsplit('/').next().unwrap_or_default();
    let answer = aws
        .account(account_in(role_arn))
        .query("iam", "GetRole", "2010-05-08", &[("RoleName", name)])
        .await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) if error.is("NoSuchEntity") => {
            return Ok(Err(format!("role {role_arn} does not exist")));
        }
        Err(error) => return Err(error).context("cannot read the role"),
    };
    let found = |field: &str| {
        answer
            .text_at(&format!("GetRoleResult/Role/{field}"))
            .with_context(|| format!("GetRole answered without {field}"))
    };
    if found("Arn")? != role_arn {
        return Ok(Err(format!("role {role_arn} does not exist")));
    }
    let document = percent_decode_str(found("AssumeRolePolicyDocument")?).decode_utf8()?;
    Ok(Ok(Role {
        id: found("RoleId")?.to_owned(),
        trust_policy: serde_json::from_str(&document).context("the trust policy is not JSON")?,
    }))
}

/// The vendor's own client, `service`, with the credentials of the role; or why it cannot assume it.
///
/// # Errors
/// When AWS's answer decides neither.
pub(super) async fn assumed(
    service: &AwsClient,
    role_arn: &str,
    external_id: &str,
) -> anyhow::Result<Result<AwsClient, String>> {
    let session = "towerhook";
    let reader = service.assume_role(role_arn, session, Some(external_id));
    decided(reader.await).context("cannot assume the role")
}

/// The answer, or why AWS refuses it.
///
/// # Errors
/// When AWS does not decide.
pub(super) fn decided<T>(answer: Result<T, AwsError>) -> Result<Result<T, String>, AwsError> {
    match answer {
        Ok(answer) => Ok(Ok(answer)),
        Err(AwsError::Refused {
            code,
            message,
            status,
            ..
        }) if status < 500 => Ok(Err(format!("{code}: {message}"))),
        Err(error) => Err(error),
    }
}
