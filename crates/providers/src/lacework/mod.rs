//! Lacework FortiCNAPP: its names, its rules, and ([`api`], a feature) its API.
//!
//! The names are those of Lacework's own integration with Control Tower, so that the two cannot
//! exist side by side unnoticed.

mod adoption;
#[cfg(feature = "api")]
pub mod api;
mod external_id;
mod footprint;
pub mod mapping_file;
mod names;
mod stack_set_name;
mod subject;

use jiff::SignedDuration;
use towerhook_core::{
    model::{AccountId, Names, Registration, RegistrationKind, RegistrationSpec},
    policy::{Deployment, Policy},
    provider::{
        Credential, FeedNames, FeedPart, Footprint, KeyParameters, Limits, OwnIntegration,
        PrincipalWords, Provider, ResourceNames, StoreWords, Subject, Traces, Words, role_arn,
    },
    stack_sets::{StackSet, StackSetRoles, Templates},
};
use url::Url;

pub use external_id::external_id;

/// The rules of Lacework.
#[derive(Debug, Clone, Copy)]
pub struct Lacework;

const WORDS: Words = Words {
    title: "Lacework",
    tenant: "the URL of a Lacework account",
    tenant_parameter: "LaceworkUrl",
    principal: Some(PrincipalWords {
        parameter: "LaceworkPrincipalArn",
        principal: "a principal's ARN",
    }),
    external_id_parameter: None,
    stores: Some(StoreWords {
        store: "sub-account",
        single_parameter: "LaceworkSubAccountName",
        units_parameter: "LaceworkOrgSubAccountNames",
    }),
};

const KEY: KeyParameters = KeyParameters {
    id: Some("LaceworkAccessKeyId"),
    secret: "LaceworkSecretKey",
};

/// The longest that Lacework grants.
const TOKEN_LIFETIME: SignedDuration = SignedDuration::from_hours(24);

/// Not documented: chosen with a margin over what users of the real service report.
const LIMITS: Limits = Limits {
    unlisted_for: SignedDuration::from_secs(45),
    list_lag: SignedDuration::from_mins(7),
    // A good minute and a half.
    unlisted_looks: 3,
    // IAM takes seconds, rarely minutes, to propagate a new role.
    unusable_for: SignedDuration::from_mins(30),
    numbers_registrations: true,
    pauses: true,
    token_lifetime: TOKEN_LIFETIME,
};

/// The AWS account that Lacework's platform runs in.
///
/// Source: the templates and functions of Lacework's own Control Tower integration.
const PLATFORM_ACCOUNT: &str = "434813966438";

impl Provider for Lacework {
    fn id(&self) -> &'static str {
        "lacework"
    }

    fn words(&self) -> &'static Words {
        &WORDS
    }

    fn limits(&self) -> &'static Limits {
        &LIMITS
    }

    fn credential(&self) -> Credential {
        Credential::Exchanged(KEY)
    }

    /// The account part of `<account>.lacework.net`.
    fn tenant_in(&self, url: &Url) -> Option<String> {
        let name = url.domain()?;
        let is_lacework = name.ends_with(".lacework.net");
        is_lacework.then(|| name.split('.').next().unwrap_or(name).to_lowercase())
    }

    fn registration_topic(&self, url: &Url, region: &str) -> Option<String> {
        let host = url.host_str().unwrap_or_default();
        let european = if host.contains(".fra.") { "eu" } else { "" };
        Some(format!(
            "arn:aws:sns:{region}:{PLATFORM_ACCOUNT}:{european}prodn-customer-cloudformation"
        ))
    }

    fn resources(&self, names: &Names) -> ResourceNames {
        names::resources(names)
    }

    fn wanted(&self, policy: &Policy, account: &AccountId) -> Option<RegistrationSpec> {
        let Policy {
            tenant,
            names,
            partition,
            ..
        } = policy;
        Some(RegistrationSpec {
            name: names::member_registration(names, account),
            kind: RegistrationKind::Account,
            account: *account,
            role_arn: role_arn(partition, account, &names::member_role(names)),
            external_id: external_id(tenant, account, &policy.external_id_suffix),
            queue_url: None,
            account_mapping: None,
        })
    }

    fn wanted_feed(
        &self,
        policy: &Policy,
        log_archive: &AccountId,
        queue_url: String,
    ) -> Option<RegistrationSpec> {
        let FeedNames {
            log_role,
            log_stack_set,
            ..
        } = names::feed(&policy.names);
        Some(RegistrationSpec {
            name: log_stack_set,
            kind: RegistrationKind::Feed,
            account: *log_archive,
            role_arn: role_arn(&policy.partition, log_archive, &log_role),
            external_id: external_id(&policy.tenant, log_archive, policy.trail_suffix()),
            queue_url: Some(queue_url),
            account_mapping: policy.empty_mapping(),
        })
    }

    fn subject(&self, policy: &Policy, names: &Names, seen: &Registration) -> Subject {
        subject::subject(policy, names, seen)
    }

    fn footprint(
        &self,
        deployment: Deployment,
        templates: &Templates,
        roles: &StackSetRoles,
    ) -> Footprint {
        footprint::footprint(deployment, templates, roles)
    }

    fn traces(&self, set: &StackSet) -> Traces {
        footprint::traces(set)
    }

    /// Source: `state.details` of real registrations, in the vendor's `go-sdk`: "Error assuming
    /// role"; and STS's messages, which name `sts:AssumeRole`.
    fn blames_role(&self, details: &str) -> bool {
        details.to_lowercase().contains("assum")
    }

    /// Judges by `state.details`.
    ///
    /// Source: details of real registrations, in the vendor's `go-sdk`. To a role of another
    /// account, a missing queue and one that refuses may look alike; the role is recreated first,
    /// since that loses nothing, while a deleted queue loses its messages.
    fn suspects(&self, details: &str) -> Vec<FeedPart> {
        let lower = details.to_lowercase();
        let found = |key: &str| {
            let (_, rest) = lower.split_once(&format!("\"{key}\":\""))?;
            rest.split('"').next()
        };
        let refused = |key: &str| found(key).filter(|value| *value != "ok");
        if self.blames_role(details) {
            vec![FeedPart::Role]
        } else if let Some(queue) = refused("sqsrx").or(refused("sqsdel")) {
            if queue.contains("exist") {
                vec![FeedPart::Queue]
            } else {
                vec![FeedPart::Role, FeedPart::Queue]
            }
        } else if refused("s3get").is_some() {
            vec![FeedPart::Role]
        } else {
            Vec::new()
        }
    }

    fn own_integration(&self) -> Option<&dyn OwnIntegration> {
        Some(&adoption::ControlTowerIntegration)
    }
}

#[cfg(test)]
mod tests;
