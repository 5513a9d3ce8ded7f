//! What cannot change after launch, and what an administrator should know of a change.

use super::{Foundation, Progress, Properties, Refusal};
use crate::{model::host, policy::Deployment};

/// Refuses the partitions that the SaaS has no role in: nobody can assume a role across partitions.
///
/// Source: the one principal in the vendor's own templates is of the partition `aws`; its registration
/// types for GovCloud take access keys.
pub(super) fn refuse_partition(partition: &str) -> Result<(), Refusal> {
    let name = match partition {
        "aws" => return Ok(()),
        "aws-us-gov" => " (AWS GovCloud (US))",
        "aws-cn" => " (the China Regions)",
        "aws-eusc" => " (the AWS European Sovereign Cloud)",
        _ => "",
    };
    Err(Refusal::new(format!(
        "Lacework has no role in the partition {partition}{name}, and a role of another partition can \
         read no account there. Launch the stack in the partition aws."
    )))
}

/// Refuses what cannot change after launch, as far as the parameters alone say so.
pub(super) fn refuse_changes(
    properties: &Properties,
    previous: &Deployment,
) -> Result<(), Refusal> {
    refuse_other_host(properties, previous)?;
    refuse_other_prefix(properties, previous)?;
    refuse_other_trail(properties, previous)?;
    refuse_other_registration(properties, previous)
}

/// Another host would get the key before it could say whose it is, and one name may stand for two
/// Lacework accounts: `acme.lacework.net` is not `acme.fra.lacework.net`.
fn refuse_other_host(properties: &Properties, previous: &Deployment) -> Result<(), Refusal> {
    let (old, new) = (&previous.policy.host, host(&properties.lacework_url));
    if *old == new {
        return Ok(());
    }
    Err(Refusal::new(format!(
        "LaceworkUrl cannot change to another host after launch: it was {old} and is now {new}. \
         Set it back, or delete the stack and launch it again."
    )))
}

/// Whoever asks another host than the one that is recorded would find nothing to remove there.
pub(super) fn require_host(given: &str, recorded: &Deployment) -> Result<(), Refusal> {
    let recorded = &recorded.policy.host;
    if given == recorded {
        return Ok(());
    }
    Err(Refusal::new(format!(
        "LaceworkUrl points to {given}, but the integrations are at {recorded}. \
         Update the stack with its earlier URL, then delete it."
    )))
}

/// Role names do not carry the prefix, so a second set of everything would collide with the first.
fn refuse_other_prefix(properties: &Properties, previous: &Deployment) -> Result<(), Refusal> {
    let prefix = &previous.policy.names.prefix;
    if *prefix == properties.prefix {
        return Ok(());
    }
    Err(Refusal::new(format!(
        "IntegrationNamePrefix cannot change after launch: it was {:?} and is now {:?}. \
         Set it back, or delete the stack and launch it again.",
        prefix.as_str(),
        properties.prefix.as_str()
    )))
}

/// The setup function may change the one trail that the stack names: it could no longer take our
/// topic off another.
fn refuse_other_trail(properties: &Properties, previous: &Deployment) -> Result<(), Refusal> {
    let mut ours = previous.trail_topics.iter();
    match ours.find(|ours| ours.trail != properties.trail_name) {
        None => Ok(()),
        Some(ours) => Err(Refusal::new(format!(
            "ExistingCloudTrailName cannot change while the trail {:?} has the topic that \
             CreateTrailTopic made. Choose CapabilityType Config first, which puts that trail back.",
            ours.trail
        ))),
    }
}

/// What was registered one way would be registered once more the other way.
fn refuse_other_registration(
    properties: &Properties,
    previous: &Deployment,
) -> Result<(), Refusal> {
    if previous.policy.registration_mode == properties.registration_mode {
        return Ok(());
    }
    Err(Refusal::new(
        "RegistrationMode cannot change after launch. Set it back, or delete the stack and \
         launch it again.",
    ))
}

/// The registrations of another tenant could no longer be seen, and would stay behind.
pub(super) fn refuse_other_tenant(
    deployment: &Deployment,
    previous: &Deployment,
) -> Result<(), Refusal> {
    let (old, new) = (&previous.policy.tenant, &deployment.policy.tenant);
    if old == new {
        return Ok(());
    }
    Err(Refusal::new(format!(
        "LaceworkUrl cannot change to another Lacework account after launch: it was {old} and is \
         now {new}. Set it back, or delete the stack and launch it again."
    )))
}

/// The key is the administrator's, so its policy is, too.
pub(super) fn warn_of_key(foundation: &Foundation) {
    let Some(trail) = &foundation.trail else {
        return;
    };
    let source = foundation
        .deployment
        .trail
        .as_ref()
        .map(|trail| &trail.source);
    if let Some(key) = source.and_then(|source| source.kms_key.as_ref()) {
        let role = &trail.registration.role_arn;
        tracing::warn!(
            %key,
            role,
            "the trail's KMS key must let this role decrypt: add the statement from the README"
        );
    }
}

/// Setup removes what has the old names before the account function, which waits for it, enrolls
/// under the new ones.
pub(super) fn remark_gap(deployment: &Deployment, progress: &Progress) {
    let config = deployment.policy.capability.config();
    if let (Some(old), true) = (deployment.retired.first(), config) {
        progress.remark(format!(
            "LaceworkSubAccountName has changed: every account is offboarded as {} and enrolled again \
             as {}, and is not watched in between, which takes some minutes.",
            old.resource, deployment.policy.names.resource
        ));
    }
}
