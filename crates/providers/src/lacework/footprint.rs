//! Specifies what setup creates, from the recorded deployment and this release's templates. It
//! reads nothing, so a rollback can always be specified.

use super::names;
use crate::traces::given;
use towerhook_core::{
    landing_zone::TrailTopic,
    model::{AccountId, Arn},
    policy::{DeployedTrail, Deployment, PolicyNames},
    provider::{FeedFootprint, Footprint, Traces, stack_set},
    stack_sets::{
        INTEGRATION_PREFIX, PERMISSIONS_BOUNDARY, POLICY_NAMES, REGISTRATION_TOPIC, StackSet,
        StackSetRoles, StackSetSpec, Templates,
    },
};

/// The templates' parameters that say what a deployment was made with.
pub(super) const RESOURCE: &str = "ResourceNamePrefix";
pub(super) const TENANT: &str = "LaceworkAccount";
pub(super) const EXTERNAL_ID_SUFFIX: &str = "ExternalIdSuffix";
const TOPIC_OF_TRAIL: &str = "TopicOfTrailArn";

/// Specifies a deployment's resources, and the roles that run its StackSets.
pub(super) fn footprint(
    deployment: Deployment,
    templates: &Templates,
    roles: &StackSetRoles,
) -> Footprint {
    let trail = deployment.trail.as_ref().zip(templates.feed);
    let trail = trail.zip(deployment.policy.log_archive);
    let trail = trail.map(|((trail, templates), log_archive)| FeedFootprint {
        log: (log(&deployment, roles, trail, templates.log), log_archive),
        audit: templates.audit.map(|template| {
            let audit = audit(&deployment, roles, trail, log_archive, template);
            (audit, trail.queue_account)
        }),
        announcement: None,
        topic: trail.source.makes_topic.then(|| TrailTopic {
            trail: trail.source.name.clone(),
            topic: trail.source.topic.clone(),
        }),
        registration: trail.registration.clone(),
    });
    let config = deployment.policy.capability.config();
    let member = config.then(|| member(&deployment, roles, templates));
    Footprint {
        trail,
        member,
        deployment,
    }
}

fn log(
    deployment: &Deployment,
    roles: &StackSetRoles,
    trail: &DeployedTrail,
    template: &'static str,
) -> StackSetSpec {
    let Deployment { policy, site, .. } = deployment;
    let source = &trail.source;
    let (partition, region) = (&policy.partition, &policy.region);
    let queue = format!(
        "arn:{partition}:sqs:{region}:{}:{}",
        trail.queue_account,
        names::feed(&policy.names).queue
    );
    let trail_arn = if source.makes_topic {
        let account = policy.management_account;
        format!(
            "arn:{partition}:cloudtrail:{region}:{account}:trail/{}",
            source.name
        )
    } else {
        String::new()
    };
    let parameters = [
        (RESOURCE, policy.names.resource.as_str()),
        (TOPIC_OF_TRAIL, trail_arn.as_str()),
        (TENANT, policy.tenant.as_str()),
        (EXTERNAL_ID_SUFFIX, policy.trail_suffix()),
        ("LaceworkPrincipalArn", site.principal()),
        ("TrailBucketName", source.bucket.as_str()),
        ("QueueArn", &queue),
        ("KmsKeyArn", source.kms_key.as_ref().map_or("", Arn::as_str)),
        (PERMISSIONS_BOUNDARY, site.boundary()),
    ];
    let name = names::log_stack_set(&policy.names);
    stack_set(deployment, roles, name, template, parameters)
}

fn audit(
    deployment: &Deployment,
    roles: &StackSetRoles,
    trail: &DeployedTrail,
    log_archive: AccountId,
    template: &'static str,
) -> StackSetSpec {
    let names = &deployment.policy.names;
    let parameters = [
        (RESOURCE, names.resource.as_str()),
        ("TrailTopicArn", trail.source.topic.as_str()),
        ("LogAccountId", log_archive.as_str()),
    ];
    let name = names::audit_stack_set(names);
    stack_set(deployment, roles, name, template, parameters)
}

fn member(deployment: &Deployment, roles: &StackSetRoles, templates: &Templates) -> StackSetSpec {
    let Deployment { policy, site, .. } = deployment;
    let adopted = policy.adoption.as_ref();
    let policy_names = adopted.map_or(PolicyNames::default(), |adopted| adopted.policy_names);
    let topic = site.registration_topic.as_deref().unwrap_or_default();
    let parameters = [
        (RESOURCE, policy.names.resource.as_str()),
        (TENANT, policy.tenant.as_str()),
        (EXTERNAL_ID_SUFFIX, policy.external_id_suffix.as_str()),
        ("LaceworkPrincipalArn", site.principal()),
        (POLICY_NAMES, policy_names.as_str()),
        (REGISTRATION_TOPIC, topic),
        (INTEGRATION_PREFIX, policy.names.prefix.as_str()),
        (PERMISSIONS_BOUNDARY, site.boundary()),
    ];
    let name = names::resources(&policy.names).member_stack_set;
    stack_set(deployment, roles, name, templates.member, parameters)
}

/// Reads back what the parameters of a StackSet say.
pub(super) fn traces(set: &StackSet) -> Traces {
    let given = |name: &str| given(set, name);
    let topic_of = given(TOPIC_OF_TRAIL).and_then(|arn| arn.parse::<Arn>().ok());
    let topic_of =
        topic_of.and_then(|arn| arn.resource().strip_prefix("trail/").map(str::to_owned));
    let policy_names = given(POLICY_NAMES);
    let policy_names = policy_names.and_then(|names| PolicyNames::from_parameter(&names));
    Traces {
        resource: set.parameters.get(RESOURCE).cloned(),
        tenant: given(TENANT),
        suffix: given(EXTERNAL_ID_SUFFIX),
        policy_names: policy_names.unwrap_or_default(),
        registers_by_stack: given(REGISTRATION_TOPIC).is_some(),
        topic_of,
        bucket: None,
    }
}
