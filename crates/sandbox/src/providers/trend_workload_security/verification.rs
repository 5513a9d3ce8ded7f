//! Whether the service gets into an account.

use super::PRINCIPAL_ARN;
use super::service::Service;
use crate::providers::{Verification, role};

/// Assumes the role with the tenant's external id. Without an AWS to ask, every role will do.
///
/// # Errors
/// When AWS's answers decide neither.
pub(super) async fn verify(service: &Service, role_arn: &str) -> anyhow::Result<Verification> {
    let Some(aws) = &service.aws else {
        return Ok(Verification::Passed);
    };
    let external_id = &service.external_id;
    let trusting = role::trusting(&aws.root, PRINCIPAL_ARN, role_arn, external_id).await?;
    let assumed = match trusting {
        Ok(_) => role::assumed(&aws.service, role_arn, external_id).await?,
        Err(reason) => Err(reason),
    };
    Ok(match assumed {
        Ok(_) => Verification::Passed,
        Err(reason) => Verification::RoleRefused { reason },
    })
}
