//! A provider without a vendor: the simplest rules that use every part of the engine.

use jiff::SignedDuration;
use url::Url;

use super::{
    Credential, FeedFootprint, FeedNames, FeedPart, Footprint, KeyParameters, Limits,
    PrincipalWords, Provider, ResourceNames, StoreWords, Subject, Traces, Words, role_arn,
    stack_set,
};
use crate::{
    landing_zone::TrailTopic,
    model::{
        AccountId, ExternalId, Names, Registration, RegistrationKind, RegistrationSpec,
        account_of_role,
    },
    policy::{Deployment, Policy, PolicyNames},
    stack_sets::{
        INTEGRATION_PREFIX, POLICY_NAMES, REGISTRATION_TOPIC, StackSet, StackSetRoles, Templates,
    },
};

/// The provider.
#[derive(Debug, Clone, Copy)]
pub struct Plain;

const WORDS: Words = Words {
    title: "Plain",
    tenant: "the URL of a Plain account",
    tenant_parameter: "ProviderUrl",
    principal: Some(PrincipalWords {
        parameter: "PrincipalArn",
        principal: "a principal's ARN",
    }),
    external_id_parameter: None,
    stores: Some(StoreWords {
        store: "store",
        single_parameter: "StoreName",
        units_parameter: "StoresByUnit",
    }),
};

const KEY: KeyParameters = KeyParameters {
    id: Some("ApiKeyId"),
    secret: "ApiKeySecret",
};

const LIMITS: Limits = Limits {
    unlisted_for: SignedDuration::from_secs(45),
    list_lag: SignedDuration::from_mins(7),
    unlisted_looks: 3,
    unusable_for: SignedDuration::from_mins(30),
    numbers_registrations: true,
    pauses: true,
    token_lifetime: SignedDuration::from_hours(24),
};

const RESOURCE: &str = "ResourceNamePrefix";
const TENANT: &str = "Tenant";
const SUFFIX: &str = "ExternalIdSuffix";
const TOPIC_OF: &str = "TopicOfTrail";
const BUCKET: &str = "TrailBucketName";

/// `plain:<tenant>:<account>:<suffix>`.
fn external_id(tenant: &str, account: &AccountId, suffix: &str) -> ExternalId {
    ExternalId::from(format!("plain:{tenant}:{account}:{suffix}"))
}

fn member_registration(names: &Names, account: &AccountId) -> String {
    format!("{}{account}", names.prefix.as_str())
}

fn feed_names(Names { resource, prefix }: &Names) -> FeedNames {
    let set = |part: &str| format!("{}{part}-{resource}", prefix.as_str());
    FeedNames {
        log_stack_set: set("Feed-Role"),
        audit_stack_set: Some(set("Feed-Queue")),
        log_role: format!("{resource}-log-reader"),
        queue: format!("{resource}-queue"),
        trail_topic: format!("{resource}-topic"),
    }
}

impl Provider for Plain {
    fn id(&self) -> &'static str {
        "plain"
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

    fn tenant_in(&self, url: &Url) -> Option<String> {
        let name = url.domain()?.strip_suffix(".example.com")?;
        let tenant = name.split('.').next().unwrap_or(name);
        Some(tenant.to_lowercase())
    }

    fn registration_topic(&self, _url: &Url, region: &str) -> Option<String> {
        Some(format!("arn:aws:sns:{region}:999999999999:registrations"))
    }

    fn resources(&self, names: &Names) -> ResourceNames {
        let Names { resource, prefix } = names;
        ResourceNames {
            feed: Some(feed_names(names)),
            member_stack_set: format!("{}Members-{resource}", prefix.as_str()),
            member_role: format!("{resource}-reader"),
        }
    }

    fn wanted(&self, policy: &Policy, account: &AccountId) -> Option<RegistrationSpec> {
        let role = self.resources(&policy.names).member_role;
        Some(RegistrationSpec {
            name: member_registration(&policy.names, account),
            kind: RegistrationKind::Account,
            account: *account,
            role_arn: role_arn(&policy.partition, account, &role),
            external_id: external_id(&policy.tenant, account, &policy.external_id_suffix),
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
        } = feed_names(&policy.names);
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
        let Some(account) = account_of_role(&seen.role_arn) else {
            return Subject::Unknown;
        };
        let feed = feed_names(names);
        let (suffix, name, role) = match seen.kind {
            RegistrationKind::Account => (
                policy.external_id_suffix.as_str(),
                member_registration(names, &account),
                self.resources(names).member_role,
            ),
            RegistrationKind::Feed => (policy.trail_suffix(), feed.log_stack_set, feed.log_role),
        };
        let id = external_id(&policy.tenant, &account, suffix);
        let has_names =
            seen.name == name && seen.role_arn == role_arn(&policy.partition, &account, &role);
        if seen.external_id == id.as_str() || has_names && id.is_shown_as(&seen.external_id) {
            Subject::Ours(account)
        } else {
            Subject::Foreign(account)
        }
    }

    fn footprint(
        &self,
        deployment: Deployment,
        templates: &Templates,
        roles: &StackSetRoles,
    ) -> Footprint {
        footprint(self, deployment, templates, roles)
    }

    fn traces(&self, set: &StackSet) -> Traces {
        let given = |name: &str| {
            let value = set.parameters.get(name).filter(|value| !value.is_empty());
            value.cloned()
        };
        let policy_names = given(POLICY_NAMES);
        let policy_names = policy_names.and_then(|names| PolicyNames::from_parameter(&names));
        Traces {
            resource: given(RESOURCE),
            tenant: given(TENANT),
            suffix: given(SUFFIX),
            policy_names: policy_names.unwrap_or_default(),
            registers_by_stack: given(REGISTRATION_TOPIC).is_some(),
            topic_of: given(TOPIC_OF),
            bucket: given(BUCKET),
        }
    }

    fn blames_role(&self, details: &str) -> bool {
        details.to_lowercase().contains("assum")
    }

    fn suspects(&self, details: &str) -> Vec<FeedPart> {
        if self.blames_role(details) {
            vec![FeedPart::Role]
        } else if details.contains("queue is gone") {
            vec![FeedPart::Queue]
        } else if details.contains("queue denies access") {
            vec![FeedPart::Role, FeedPart::Queue]
        } else {
            Vec::new()
        }
    }
}

/// What a deployment of either provider places: the names and the parts follow from its rules.
fn footprint(
    provider: &dyn Provider,
    deployment: Deployment,
    templates: &Templates,
    roles: &StackSetRoles,
) -> Footprint {
    let policy = &deployment.policy;
    let names = provider.resources(&policy.names);
    let spec = |name: &str, template, suffix: &str, more: &[(&str, &str)]| {
        let own = [
            (RESOURCE, policy.names.resource.as_str()),
            (TENANT, policy.tenant.as_str()),
            (SUFFIX, suffix),
        ];
        let parameters = own.iter().chain(more).copied();
        stack_set(&deployment, roles, name.to_owned(), template, parameters)
    };
    let trail = deployment.trail.as_ref().zip(policy.log_archive);
    let trail = trail.zip(templates.feed.zip(names.feed));
    let trail = trail.map(|((trail, log_archive), (templates, names))| {
        let source = &trail.source;
        let topic = source.makes_topic.then(|| TrailTopic {
            trail: source.name.clone(),
            topic: source.topic.clone(),
        });
        let topic_of = topic.as_ref().map_or("", |topic| topic.trail.as_str());
        let bucket = source.announcement.as_ref();
        let bucket = bucket.map_or("", |announcement| announcement.bucket.as_str());
        let suffix = policy.trail_suffix();
        let log = [(TOPIC_OF, topic_of), (BUCKET, bucket)];
        let queue = [("TrailTopicArn", source.topic.as_str())];
        let audit = names.audit_stack_set.zip(templates.audit);
        let audit = audit.map(|(name, template)| spec(&name, template, suffix, &queue));
        FeedFootprint {
            log: (
                spec(&names.log_stack_set, templates.log, suffix, &log),
                log_archive,
            ),
            audit: audit.map(|audit| (audit, trail.queue_account)),
            topic,
            announcement: source.announcement.clone(),
            registration: trail.registration.clone(),
        }
    });
    let adopted = policy.adoption.as_ref();
    let policy_names = adopted.map_or(PolicyNames::default(), |adopted| adopted.policy_names);
    let topic = deployment.site.registration_topic.as_deref();
    let member = [
        (POLICY_NAMES, policy_names.as_str()),
        (REGISTRATION_TOPIC, topic.unwrap_or_default()),
        (INTEGRATION_PREFIX, policy.names.prefix.as_str()),
    ];
    let suffix = &policy.external_id_suffix;
    let member = policy
        .capability
        .config()
        .then(|| spec(&names.member_stack_set, templates.member, suffix, &member));
    Footprint {
        trail,
        member,
        deployment,
    }
}

/// [`Plain`] for a vendor that needs no more than the roles: without registrations, stores and key.
/// It hears of the trail from the trail's bucket.
#[derive(Debug, Clone, Copy)]
pub struct PlainRoles;

const ROLES_WORDS: Words = Words {
    stores: None,
    ..WORDS
};

impl Provider for PlainRoles {
    fn id(&self) -> &'static str {
        "plain-roles"
    }

    fn words(&self) -> &'static Words {
        &ROLES_WORDS
    }

    fn limits(&self) -> &'static Limits {
        Plain.limits()
    }

    fn credential(&self) -> Credential {
        Credential::None
    }

    fn tenant_in(&self, url: &Url) -> Option<String> {
        Plain.tenant_in(url)
    }

    fn resources(&self, names: &Names) -> ResourceNames {
        ResourceNames {
            feed: Some(FeedNames {
                audit_stack_set: None,
                ..feed_names(names)
            }),
            ..Plain.resources(names)
        }
    }

    fn footprint(
        &self,
        deployment: Deployment,
        templates: &Templates,
        roles: &StackSetRoles,
    ) -> Footprint {
        footprint(self, deployment, templates, roles)
    }

    fn traces(&self, set: &StackSet) -> Traces {
        Plain.traces(set)
    }
}
