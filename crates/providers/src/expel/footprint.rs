//! Specifies what setup creates: the members' StackSet, and the one in Log Archive.

use towerhook_core::{
    model::{AccountId, Arn},
    policy::{DeployedTrail, Deployment},
    provider::{FeedFootprint, FeedNames, Footprint, Provider, ResourceNames, Traces, stack_set},
    stack_sets::{PERMISSIONS_BOUNDARY, StackSet, StackSetRoles, Templates},
};

use super::{Expel, WORDS};
use crate::traces::given;

/// The template's parameter with the trail's bucket.
const BUCKET: &str = "TrailBucketName";

pub(super) fn footprint(
    deployment: Deployment,
    templates: &Templates,
    roles: &StackSetRoles,
) -> Footprint {
    let policy = &deployment.policy;
    let ResourceNames {
        feed,
        member_stack_set,
        member_role,
    } = Expel.resources(&policy.names);
    let own = [
        (WORDS.tenant_parameter, policy.tenant.as_str()),
        (PERMISSIONS_BOUNDARY, deployment.site.boundary()),
    ];
    let spec = |name: String, template, parameters: &[(&str, &str)]| {
        let parameters = own.iter().chain(parameters).copied();
        stack_set(&deployment, roles, name, template, parameters)
    };
    let trail = deployment.trail.as_ref().zip(policy.log_archive).zip(feed);
    let mut member = vec![
        ("RoleName", member_role.as_str()),
        ("ExpelPrincipalArn", deployment.site.principal()),
    ];
    member.extend(read_trail(trail.as_ref()));
    let member = spec(member_stack_set, templates.member, &member);
    let feed = trail.as_ref().zip(templates.feed);
    let feed = feed.map(|(((trail, log_archive), names), templates)| {
        let functions = deployment.site.function_roles.as_deref();
        let parameters = [
            ("ResourceName", names.queue.as_str()),
            (BUCKET, &trail.source.bucket),
            ("ManagementAccountId", policy.management_account.as_str()),
            ("FunctionRoleArns", functions.unwrap_or_default()),
        ];
        let log = spec(names.log_stack_set.clone(), templates.log, &parameters);
        FeedFootprint {
            log: (log, *log_archive),
            audit: None,
            topic: None,
            announcement: trail.source.announcement.clone(),
            registration: None,
        }
    });
    Footprint {
        trail: feed,
        member: policy.capability.config().then_some(member),
        deployment,
    }
}

/// A trail, the account of its bucket, and the names of what hears of it.
type Read<'a> = ((&'a DeployedTrail, AccountId), FeedNames);

/// What lets the role read the trail in the one account that has it; blank if it reads none.
fn read_trail<'a>(read: Option<&'a Read<'_>>) -> [(&'static str, &'a str); 4] {
    let (account, bucket, key, queue) = match read {
        Some(((trail, log_archive), names)) => {
            let key = trail.source.kms_key.as_ref();
            let key = key.map_or("", Arn::as_str);
            let (account, bucket) = (log_archive.as_str(), trail.source.bucket.as_str());
            (account, bucket, key, names.queue.as_str())
        }
        None => ("", "", "", ""),
    };
    [
        ("TrailAccountId", account),
        (BUCKET, bucket),
        ("TrailKeyArn", key),
        ("TrailQueueName", queue),
    ]
}

/// Reads back what the parameters of a StackSet say. Names carry the organization's GUID.
pub(super) fn traces(set: &StackSet) -> Traces {
    let tenant = given(set, WORDS.tenant_parameter);
    Traces {
        resource: tenant.clone(),
        tenant,
        bucket: given(set, BUCKET),
        ..Traces::default()
    }
}
