//! Refuses changes that are impossible after launch, and warns of consequences of others.

use super::{
    Progress, Properties, Refusal,
    attributes::{key_statement, reader},
};
use crate::{
    model::host,
    policy::Deployment,
    provider::{Provider, Words},
};

/// Refuses the partitions in which the vendor has no role: a role cannot be assumed across
/// partitions.
///
/// # Errors
///
/// It is one of those.
pub fn refuse_partition(provider: &dyn Provider, partition: &str) -> Result<(), Refusal> {
    let (own, title) = (provider.partition(), provider.words().title);
    if partition == own {
        return Ok(());
    }
    let name = match partition {
        "aws-us-gov" => " (AWS GovCloud (US))",
        "aws-cn" => " (the China Regions)",
        "aws-eusc" => " (the AWS European Sovereign Cloud)",
        _ => "",
    };
    Err(Refusal::new(format!(
        "{title} has no role in the partition {partition}{name}, and a role of another partition can \
         read no account there. Launch the stack in the partition {own}."
    )))
}

/// Refuses changes that are impossible after launch, judging by the parameters alone.
pub(super) fn refuse_changes(
    provider: &dyn Provider,
    properties: &Properties,
    previous: &Deployment,
) -> Result<(), Refusal> {
    refuse_other_host(provider, properties, previous)?;
    refuse_other_prefix(properties, previous)?;
    refuse_other_trail(properties, previous)?;
    refuse_other_registration(properties, previous)
}

/// Another host would get the key before it could say which account it belongs to. One name may
/// stand for two tenants: `acme.example.com` is not `acme.eu.example.com`.
fn refuse_other_host(
    provider: &dyn Provider,
    properties: &Properties,
    previous: &Deployment,
) -> Result<(), Refusal> {
    let parameter = provider.words().tenant_parameter;
    let (old, new) = (&previous.policy.host, host(&properties.url));
    if *old == new {
        return Ok(());
    }
    Err(Refusal::new(format!(
        "{parameter} cannot change to another host after launch: it was {old} and is now {new}. \
         Set it back, or delete the stack and launch it again."
    )))
}

/// At another host than the recorded one, there would be nothing to delete.
pub(super) fn require_host(
    provider: &dyn Provider,
    given: &str,
    recorded: &Deployment,
) -> Result<(), Refusal> {
    let parameter = provider.words().tenant_parameter;
    let recorded = &recorded.policy.host;
    if given == recorded {
        return Ok(());
    }
    Err(Refusal::new(format!(
        "{parameter} points to {given}, but the registrations are at {recorded}. \
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

/// The setup function may change only the trail that the stack names, so it could not remove our
/// topic from a former one.
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

/// Accounts registered one way would be registered again the other way.
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

/// The registrations of another tenant could no longer be read, and would stay behind.
pub(super) fn refuse_other_tenant(
    provider: &dyn Provider,
    deployment: &Deployment,
    previous: &Deployment,
) -> Result<(), Refusal> {
    let Words {
        title,
        tenant_parameter,
        ..
    } = provider.words();
    let (old, new) = (&previous.policy.tenant, &deployment.policy.tenant);
    if old == new {
        return Ok(());
    }
    Err(Refusal::new(format!(
        "{tenant_parameter} cannot change to another {title} account after launch: it was {old} and \
         is now {new}. Set it back, or delete the stack and launch it again."
    )))
}

/// Only the administrator can change the key's policy.
pub(super) fn warn_of_key(provider: &dyn Provider, deployment: &Deployment) {
    let Some(trail) = &deployment.trail else {
        return;
    };
    if let (Some(key), Some(role)) = (&trail.source.kms_key, reader(provider, deployment)) {
        let statement = key_statement(key, &role);
        tracing::warn!(%key, role, statement, "the key's policy must have this statement");
    }
}

/// Setup deletes the resources with the old names before the account function, which waits for
/// that, enrolls under the new ones.
pub(super) fn remark_gap(provider: &dyn Provider, deployment: &Deployment, progress: &Progress) {
    let config = deployment.policy.capability.config();
    let stores = provider.words().stores.as_ref();
    if let (Some(old), Some(stores), true) = (deployment.retired.first(), stores, config) {
        progress.remark(format!(
            "{} has changed: every account is offboarded from {} and enrolled in {}, and is unwatched \
             for some minutes in between.",
            stores.single_parameter,
            old.resource, deployment.policy.names.resource
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        foundation::properties::valid,
        landing_zone::TrailTopic,
        model::Names,
        policy::testing::{deployment, policy},
        provider::plain::Plain,
    };

    #[test]
    fn a_trail_that_has_our_topic_stays_the_named_one() {
        let properties = Properties::parse(&Plain, &valid()).unwrap();
        let mut previous = deployment(policy());
        let topic_of = |trail: &str| TrailTopic {
            trail: trail.into(),
            topic: "arn:aws:sns:us-east-1:111111111111:topic".parse().unwrap(),
        };
        assert!(refuse_other_trail(&properties, &previous).is_ok());
        previous.trail_topics = [topic_of("trail")].into();
        assert!(refuse_other_trail(&properties, &previous).is_ok());
        previous.trail_topics = [topic_of("trail"), topic_of("former")].into();
        let refused = refuse_other_trail(&properties, &previous).unwrap_err();
        assert!(refused.to_string().contains("\"former\""), "{refused}");
    }

    #[test]
    fn another_tenant_is_refused_by_the_name_of_the_parameter() {
        let previous = deployment(policy());
        let mut wanted = previous.clone();
        assert!(refuse_other_tenant(&Plain, &wanted, &previous).is_ok());
        wanted.policy.tenant = "other".into();
        let refused = refuse_other_tenant(&Plain, &wanted, &previous).unwrap_err();
        let refused = refused.to_string();
        assert!(
            refused.starts_with("ProviderUrl cannot change"),
            "{refused}"
        );
        assert!(refused.contains("was acme and is now other"), "{refused}");
    }

    #[test]
    fn a_change_of_names_announces_the_gap_that_it_makes() {
        let mut changed = deployment(policy());
        let noted = |deployment: &Deployment| {
            let progress = Progress::default();
            remark_gap(&Plain, deployment, &progress);
            progress.note()
        };
        assert_eq!(noted(&changed), None);
        changed.retired.push(Names {
            resource: "former".into(),
            ..changed.policy.names.clone()
        });
        let note = noted(&changed).unwrap();
        assert!(
            note.contains("offboarded from former and enrolled in acme"),
            "{note}"
        );
    }
}
