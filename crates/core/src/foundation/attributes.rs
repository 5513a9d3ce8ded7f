//! What a successful request returns, for the outputs of the main stack.

use std::collections::BTreeMap;

use serde_json::json;

use crate::{
    model::Arn,
    policy::Deployment,
    provider::{Provider, role_arn},
};

/// The attributes of the custom resource. All are there, so that an output may name any: one of
/// which a deployment has nothing to say is `none`.
pub(super) fn attributes(
    provider: &dyn Provider,
    deployment: &Deployment,
) -> BTreeMap<&'static str, String> {
    let queue_url = queue_url(provider, deployment);
    let role = reader(provider, deployment);
    let key = deployment.trail.as_ref();
    let key = key.and_then(|trail| trail.source.kms_key.as_ref());
    let statement = key.zip(role.as_deref());
    let statement = statement.map(|(key, role)| key_statement(key, role));
    let all = [
        ("TrailRoleArn", role),
        ("TrailQueueUrl", queue_url),
        ("TrailKeyStatement", statement),
    ];
    let all = all.map(|(name, value)| (name, value.unwrap_or_else(|| "none".into())));
    all.into()
}

/// The role with which the vendor reads the trail.
pub fn reader(provider: &dyn Provider, deployment: &Deployment) -> Option<String> {
    let trail = deployment.trail.as_ref()?;
    let policy = &deployment.policy;
    match &trail.registration {
        Some(registration) => Some(registration.role_arn.clone()),
        None => {
            let role = provider.resources(&policy.names).member_role;
            let log_archive = policy.log_archive?;
            Some(role_arn(&policy.partition, &log_archive, &role))
        }
    }
}

fn queue_url(provider: &dyn Provider, deployment: &Deployment) -> Option<String> {
    let trail = deployment.trail.as_ref()?;
    let policy = &deployment.policy;
    let queue = provider.resources(&policy.names).feed?.queue;
    Some(policy.queue_url(&deployment.site.url_suffix, trail.queue_account, &queue))
}

/// The statement with which the policy of the trail's key lets the reader decrypt. It is needed
/// wherever the key is in another account than the role, as Control Tower's own is.
///
/// It names the account, and the role in a condition: a role that is named as the principal must
/// exist first, and is another one once it is recreated.
///
/// Source: docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
pub fn key_statement(key: &Arn, role: &str) -> String {
    let account = role
        .rsplit_once(":role/")
        .map_or(role, |(account, _)| account);
    let statement = json!({
        "Sid": "ReadTrail",
        "Effect": "Allow",
        "Principal": {"AWS": format!("{account}:root")},
        "Action": "kms:Decrypt",
        "Resource": key.as_str(),
        "Condition": {"ArnEquals": {"aws:PrincipalArn": role}},
    });
    statement.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        policy::testing::{deployment, policy},
        provider::plain::Plain,
    };

    #[test]
    fn every_attribute_is_there_even_where_there_is_no_trail() {
        let attributes = attributes(&Plain, &deployment(policy()));
        let names: Vec<&str> = attributes.keys().copied().collect();
        assert_eq!(
            names,
            ["TrailKeyStatement", "TrailQueueUrl", "TrailRoleArn"]
        );
        assert!(attributes.values().all(|value| value == "none"));
    }

    #[test]
    fn the_statement_names_the_key_and_who_reads() {
        let key = "arn:aws:kms:us-east-1:000000000099:key/one"
            .parse()
            .unwrap();
        let statement = key_statement(&key, "arn:aws:iam::111111111111:role/reader");
        let statement: serde_json::Value = serde_json::from_str(&statement).unwrap();
        assert_eq!(statement["Resource"], key.as_str());
        assert_eq!(statement["Action"], "kms:Decrypt");
        assert_eq!(
            statement["Principal"]["AWS"],
            "arn:aws:iam::111111111111:root"
        );
        assert_eq!(
            statement["Condition"]["ArnEquals"]["aws:PrincipalArn"],
            "arn:aws:iam::111111111111:role/reader"
        );
    }
}
