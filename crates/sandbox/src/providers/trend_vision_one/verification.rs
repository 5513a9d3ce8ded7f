//! Verifies a role against AWS, as the service does before it takes an account.
//!
//! The emulator accepts a web identity whose provider is missing from the account, or does not name
//! its audience: AWS does not, so both are looked at here.

use anyhow::Context as _;

use super::identity::audience;
use super::lock;
use super::service::Service;
use super::trust::{self, Asking};
use crate::aws_client::{AwsClient, NO_PARAMS};
use crate::identities::account_in;
use crate::providers::{Verification, role};

/// The session in which the service uses a role.
const SESSION: &str = "vision-one";

/// A verification and the role that was verified: a recreated role is a different one.
#[derive(Debug)]
pub(super) struct Verified {
    pub(super) verification: Verification,
    pub(super) role_id: Option<String>,
}

/// Asks AWS about the role.
///
/// # Errors
/// When AWS's answers do not decide.
pub(super) async fn verify(service: &Service, role_arn: &str) -> anyhow::Result<Verified> {
    let (verification, role_id) = match &service.aws {
        None => (Verification::Passed, None),
        Some(aws) => match usable(service, aws, role_arn).await? {
            Ok(role_id) => (Verification::Passed, Some(role_id)),
            Err(reason) => (Verification::RoleRefused { reason }, None),
        },
    };
    Ok(Verified {
        verification,
        role_id,
    })
}

/// The role's unique id, or why the service cannot use it.
async fn usable(
    service: &Service,
    aws: &AwsClient,
    role_arn: &str,
) -> anyhow::Result<Result<String, String>> {
    let account = account_in(role_arn);
    let tenant = &service.config.tenant;
    let asking = Asking {
        provider_arn: tenant.provider_arn(account),
        host: tenant.oidc_host(),
        audience: audience(account),
        subject: tenant.subject(),
    };
    if let Err(reason) = provider(&aws.account(account), &asking).await? {
        return Ok(Err(reason));
    }
    let role = match role::read(aws, role_arn).await? {
        Ok(role) => role,
        Err(reason) => return Ok(Err(reason)),
    };
    if let Err(reason) = trust::judge(&role.trust_policy, &asking) {
        return Ok(Err(format!("role {role_arn}: {reason}")));
    }
    let token = lock(&service.tokens).fresh(tenant, account, service.clock.now());
    let session = aws.assume_role_with_web_identity(role_arn, SESSION, &token);
    let session = match role::decided(session.await).context("cannot assume the role")? {
        Ok(session) => session,
        Err(reason) => return Ok(Err(reason)),
    };
    let caller = session.query("sts", "GetCallerIdentity", "2011-06-15", NO_PARAMS);
    let used = role::decided(caller.await).context("cannot use the role")?;
    Ok(used.map(|_| role.id))
}

/// Whether the account has the identity provider, and the provider takes tokens for the account.
async fn provider(aws: &AwsClient, asking: &Asking) -> anyhow::Result<Result<(), String>> {
    let Asking {
        provider_arn,
        audience,
        ..
    } = asking;
    let form = [("OpenIDConnectProviderArn", provider_arn.as_str())];
    let answer = aws
        .query("iam", "GetOpenIDConnectProvider", "2010-05-08", &form)
        .await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) if error.is("NoSuchEntity") => {
            return Ok(Err(format!(
                "identity provider {provider_arn} does not exist"
            )));
        }
        Err(error) => return Err(error).context("cannot read the identity provider"),
    };
    let mut clients = answer.members("GetOpenIDConnectProviderResult/ClientIDList");
    Ok(if clients.any(|client| client.text == *audience) {
        Ok(())
    } else {
        Err(format!(
            "identity provider {provider_arn} does not take tokens for {audience}"
        ))
    })
}
