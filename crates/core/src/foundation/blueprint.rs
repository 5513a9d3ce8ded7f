//! Specifies what setup creates, from the recorded deployment and this release's templates. It
//! reads nothing, so a rollback can always be specified.

use crate::{
    landing_zone::TrailTopic,
    model::{AccountId, Arn, RegistrationSpec},
    policy::{DeployedTrail, Deployment, PolicyNames},
    stack_sets::{
        INTEGRATION_PREFIX, PERMISSIONS_BOUNDARY, POLICY_NAMES, REGISTRATION_TOPIC, StackSetRoles,
        StackSetSpec, Templates, with_parameters,
    },
};

/// Everything that setup creates, fully specified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foundation {
    /// The deployment, as the account function reads it.
    pub deployment: Deployment,
    /// The trail's part, if `CapabilityType` has CloudTrail.
    pub trail: Option<TrailFoundation>,
    /// The members' StackSet, if `CapabilityType` has Config.
    pub member: Option<StackSetSpec>,
}

impl Foundation {
    /// The names of its StackSets.
    pub fn stack_sets(&self) -> impl Iterator<Item = &String> {
        let trail = self.trail.iter();
        let trail = trail.flat_map(|trail| [&trail.log.0.name, &trail.audit.0.name]);
        trail.chain(self.member.iter().map(|member| &member.name))
    }
}

/// The trail's resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrailFoundation {
    /// The role in Log Archive.
    pub log: (StackSetSpec, AccountId),
    /// The queue in Audit, or in Log Archive if the trail's topic is there.
    pub audit: (StackSetSpec, AccountId),
    /// The topic in Log Archive, if the trail has none of its own.
    pub topic: Option<TrailTopic>,
    /// The registration.
    pub registration: RegistrationSpec,
}

/// Specifies a deployment's resources, and the roles that run its StackSets.
pub fn blueprint(
    deployment: Deployment,
    templates: &Templates,
    roles: &StackSetRoles,
) -> Foundation {
    let run = |spec| StackSetSpec {
        roles: Some(roles.clone()),
        ..spec
    };
    let trail = deployment.trail.as_ref().map(|trail| TrailFoundation {
        log: (
            run(log(&deployment, trail, templates)),
            trail.registration.account,
        ),
        audit: (
            run(audit(&deployment, trail, templates)),
            trail.queue_account,
        ),
        topic: trail.source.makes_topic.then(|| TrailTopic {
            trail: trail.source.name.clone(),
            topic: trail.source.topic.clone(),
        }),
        registration: trail.registration.clone(),
    });
    let config = deployment.policy.capability.config();
    let member = config.then(|| run(member(&deployment, templates)));
    Foundation {
        trail,
        member,
        deployment,
    }
}

fn spec(
    deployment: &Deployment,
    name: String,
    template: &'static str,
    parameters: &[(&str, &str)],
) -> StackSetSpec {
    let policy = &deployment.policy;
    let own = [("ResourceNamePrefix", policy.names.resource.as_str())];
    StackSetSpec {
        name,
        template,
        parameters: with_parameters(own.iter().chain(parameters)),
        stack_id: policy.stack_id.clone(),
        tags: deployment.site.tags.clone(),
        roles: None,
    }
}

fn log(deployment: &Deployment, trail: &DeployedTrail, templates: &Templates) -> StackSetSpec {
    let Deployment { policy, site, .. } = deployment;
    let source = &trail.source;
    let (partition, region) = (&policy.partition, &policy.region);
    let queue = format!(
        "arn:{partition}:sqs:{region}:{}:{}",
        trail.queue_account,
        policy.names.queue()
    );
    let adopted = policy.adoption.as_ref();
    let suffix = adopted.and_then(|adopted| adopted.trail_suffix.as_ref());
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
        ("TopicOfTrailArn", trail_arn.as_str()),
        ("LaceworkAccount", policy.tenant.as_str()),
        (
            "ExternalIdSuffix",
            suffix.unwrap_or(&policy.external_id_suffix),
        ),
        ("LaceworkPrincipalArn", site.principal.as_str()),
        ("TrailBucketName", source.bucket.as_str()),
        ("QueueArn", &queue),
        ("KmsKeyArn", source.kms_key.as_ref().map_or("", Arn::as_str)),
        (PERMISSIONS_BOUNDARY, boundary(deployment)),
    ];
    let name = policy.names.log_stack_set();
    spec(deployment, name, templates.log, &parameters)
}

fn audit(deployment: &Deployment, trail: &DeployedTrail, templates: &Templates) -> StackSetSpec {
    let parameters = [
        ("TrailTopicArn", trail.source.topic.as_str()),
        ("LogAccountId", trail.registration.account.as_str()),
    ];
    let name = deployment.policy.names.audit_stack_set();
    spec(deployment, name, templates.audit, &parameters)
}

fn member(deployment: &Deployment, templates: &Templates) -> StackSetSpec {
    let Deployment { policy, site, .. } = deployment;
    let adopted = policy.adoption.as_ref();
    let policy_names = adopted.map_or(PolicyNames::default(), |adopted| adopted.policy_names);
    let topic = site.registration_topic.as_deref().unwrap_or_default();
    let parameters = [
        ("LaceworkAccount", policy.tenant.as_str()),
        ("ExternalIdSuffix", policy.external_id_suffix.as_str()),
        ("LaceworkPrincipalArn", site.principal.as_str()),
        (POLICY_NAMES, policy_names.as_str()),
        (REGISTRATION_TOPIC, topic),
        (INTEGRATION_PREFIX, policy.names.prefix.as_str()),
        (PERMISSIONS_BOUNDARY, boundary(deployment)),
    ];
    let name = policy.names.member_stack_set();
    spec(deployment, name, templates.member, &parameters)
}

fn boundary(deployment: &Deployment) -> &str {
    let boundary = deployment.site.permissions_boundary.as_deref();
    boundary.unwrap_or_default()
}
