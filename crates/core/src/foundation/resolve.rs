use std::collections::{BTreeMap, BTreeSet};

use url::Host;

use super::{
    Properties, StackSetSpec, Templates,
    shared_account::{AUDIT, LOG_ARCHIVE, no_shared_account, shared_account},
    spec::{INTEGRATION_PREFIX, POLICY_NAMES, REGISTRATION_TOPIC},
};
use crate::{
    enrollment::{Adoption, Capability, DeployedTrail, Deployment, Destination, Policy},
    landing_zone::{Account, LandingZone, OuTree, Trail, TrailTopic},
    model::{AccountId, Arn, Names, OuId, SubAccount},
    ports::{IntegrationKind, IntegrationSpec, LandingZoneReply, Profile},
};

/// The AWS account that Lacework's platform runs in.
const LACEWORK_AWS_ACCOUNT: &str = "434813966438";

/// Why a request cannot be carried out: one or two sentences for CloudFormation's Reason, which
/// name the parameter and what was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(String);

impl Refusal {
    /// A refusal with this text, which must hold no secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// What the function knows of itself.
#[derive(Debug, Clone)]
pub struct Context {
    /// The main stack's id.
    pub stack_id: String,
    /// `aws`, `aws-us-gov` ...
    pub partition: String,
    /// The Region that the stack is in.
    pub region: String,
    /// The DNS suffix of the partition, such as `amazonaws.com`.
    pub url_suffix: String,
    /// The account that the stack is in.
    pub management_account: AccountId,
    /// The random end of this deployment's external ids.
    pub external_id_suffix: String,
    /// What an existing deployment had, where one is taken over.
    pub adoption: Option<Adoption>,
    /// The topics that an earlier request of this deployment may have given a trail.
    pub trail_topics: BTreeSet<TrailTopic>,
}

/// What was read before anything is made.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Control Tower's answer.
    pub landing_zone: LandingZoneReply,
    /// The trail `ExistingCloudTrailName`.
    pub trail: Option<Trail>,
    /// Every account of the organization.
    pub accounts: Vec<Account>,
    /// Every organizational unit.
    pub units: OuTree,
    /// Who the key belongs to.
    pub profile: Profile,
}

/// All that setup makes, fully specified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foundation {
    /// What account reads.
    pub deployment: Deployment,
    /// The trail's part, where `CapabilityType` has CloudTrail.
    pub trail: Option<TrailFoundation>,
    /// The StackSet for the members, where `CapabilityType` has Config.
    pub member: Option<StackSetSpec>,
}

/// What the trail needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrailFoundation {
    /// The role in Log Archive.
    pub log: (StackSetSpec, AccountId),
    /// The queue in Audit.
    pub audit: (StackSetSpec, AccountId),
    /// The topic in Log Archive, where the trail has none of its own.
    pub topic: Option<TrailTopic>,
    /// The integration.
    pub integration: IntegrationSpec,
}

/// Checks the parameters against what was found, and resolves every name.
///
/// # Errors
///
/// The first parameter that does not fit what was found.
pub fn resolve(
    properties: &Properties,
    facts: &Facts,
    context: &Context,
    templates: &Templates,
) -> Result<Foundation, Refusal> {
    let landing_zone = match &facts.landing_zone {
        LandingZoneReply::Here(landing_zone) => Some(landing_zone),
        LandingZoneReply::None => None,
        LandingZoneReply::Elsewhere(home) => return Err(wrong_region(&context.region, home)),
    };
    let tenant = tenant(properties, &facts.profile);
    let destination = destination(properties, facts, &tenant)?;
    let resource = properties
        .sub_account
        .as_ref()
        .map_or(tenant.as_str(), SubAccount::as_str)
        .to_owned();
    let names = Names {
        resource,
        prefix: properties.prefix.clone(),
    };
    // Log Archive and Audit are members of the landing zone for Config, too.
    let needs_both = properties.capability.cloud_trail();
    let log = shared_account(&LOG_ARCHIVE, properties, facts, landing_zone, needs_both)?;
    let audit = shared_account(&AUDIT, properties, facts, landing_zone, needs_both)?;
    let policy = Policy {
        stack_id: context.stack_id.clone(),
        partition: context.partition.clone(),
        region: context.region.clone(),
        management_account: context.management_account,
        tenant,
        names,
        capability: properties.capability,
        destination,
        registration: properties.registration,
        external_id_suffix: context
            .adoption
            .as_ref()
            .and_then(|adopted| adopted.member_suffix.clone())
            .unwrap_or_else(|| context.external_id_suffix.clone()),
        adoption: context.adoption.clone(),
        monitor_existing: properties.monitor_existing,
        enroll_management: properties.enroll_management,
        control_tower: landing_zone.is_some(),
        log_archive: log,
        audit,
        offboard_limit_percent: properties.offboard_limit_percent,
        approved_offboard: properties.approved_offboard.clone(),
        offboard_unenrolled: properties.offboard_unenrolled,
    };
    let trail = match (properties.capability, log, audit) {
        (Capability::Config, _, _) => None,
        (_, Some(log), Some(audit)) => {
            if let Some(key) = &properties.kms_key {
                check_key(key, facts, context)?;
            }
            let (trail, key) = trail(properties, facts, landing_zone, &context.region)?;
            let ours = own_topic(&policy, &trail.name, log)?;
            let (topic, ours) = topic(properties, trail, ours, &context.trail_topics)?;
            let log = (
                log_spec(
                    properties,
                    &policy,
                    templates,
                    trail,
                    audit,
                    key,
                    ours.is_some(),
                ),
                log,
            );
            let audit = (audit_spec(&policy, templates, &topic, log.1), audit);
            let integration = trail_integration(&policy, context, log.1, audit.1);
            Some(TrailFoundation {
                log,
                audit,
                topic: ours,
                integration,
            })
        }
        _ => return Err(no_shared_account(&LOG_ARCHIVE, None, landing_zone)),
    };
    let member = if properties.capability.config() {
        Some(member_spec(properties, &policy, templates)?)
    } else {
        None
    };
    let sub_accounts = policy.destination.sub_accounts();
    let deployed_trail = trail.as_ref().map(|trail| DeployedTrail {
        integration: trail.integration.clone(),
        audit: trail.audit.1,
        guid: None,
        mended: BTreeMap::new(),
    });
    let trail_topics = trail.iter().filter_map(|trail| trail.topic.clone());
    let trail_topics = trail_topics.collect();
    Ok(Foundation {
        deployment: Deployment {
            policy,
            sub_accounts,
            retired: Vec::new(),
            organization: deployed_trail
                .as_ref()
                .is_some_and(|trail| trail.integration.is_of_organization()),
            trail: deployed_trail,
            adopting: false,
            trail_topics,
        },
        trail,
        member,
    })
}

/// A hint for who wrote a pattern where a name is due.
pub(super) fn no_pattern(name: &str) -> &'static str {
    if name.contains(['*', '?']) {
        " (patterns are not understood here)"
    } else {
        ""
    }
}

/// The key of the trail's log files is in the trail's Region. It may belong to any account, though
/// hardly to one outside the organization.
fn check_key(key: &Arn, facts: &Facts, context: &Context) -> Result<(), Refusal> {
    let place = (key.partition(), key.region());
    if place != (&context.partition, &context.region) {
        return Err(Refusal::new(format!(
            "KmsKeyIdentifierArn is {key}, a key of Region {} ({}), and the trail is in {} ({}). \
             Leave it blank or correct it.",
            key.region(),
            key.partition(),
            context.region,
            context.partition
        )));
    }
    let owner = key.account();
    if !facts
        .accounts
        .iter()
        .any(|account| Some(account.id) == owner)
    {
        return Err(Refusal::new(format!(
            "KmsKeyIdentifierArn is {key}, and its account is not one of this organization. \
             Leave it blank or correct it."
        )));
    }
    Ok(())
}

fn wrong_region(here: &str, home: &str) -> Refusal {
    Refusal::new(format!(
        "This stack is in Region {here} and Control Tower's home Region is {home}. \
         Launch it in {home}."
    ))
}

/// The account part of `<account>.lacework.net`; elsewhere the SaaS is asked who we are.
fn tenant(properties: &Properties, profile: &Profile) -> String {
    match properties.lacework_url.host() {
        Some(Host::Domain(name)) if name.ends_with(".lacework.net") => {
            name.split('.').next().unwrap_or(name).to_lowercase()
        }
        _ => profile.tenant.clone(),
    }
}

fn destination(
    properties: &Properties,
    facts: &Facts,
    tenant: &str,
) -> Result<Destination, Refusal> {
    let known =
        |name: &SubAccount| name.as_str() == tenant || facts.profile.sub_accounts.contains(name);
    let unknown = |parameter: &str, name: &SubAccount| {
        let names: Vec<_> = facts
            .profile
            .sub_accounts
            .iter()
            .map(SubAccount::as_str)
            .collect();
        let have = if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        };
        Refusal::new(format!(
            "{parameter} names the sub-account {name}, which the API key cannot use{}. \
             Its sub-accounts: {}.",
            no_pattern(name.as_str()),
            have.chars().take(500).collect::<String>()
        ))
    };
    if let Some(single) = &properties.sub_account {
        return if known(single) {
            Ok(Destination::Single(single.clone()))
        } else {
            Err(unknown("LaceworkSubAccountName", single))
        };
    }
    if properties.mapped_units.is_empty() {
        return Ok(Destination::Tenant);
    }
    let mut units: BTreeMap<OuId, SubAccount> = BTreeMap::new();
    for unit in &properties.mapped_units {
        let sub_account = unit.sub_account();
        if !known(&sub_account) {
            return Err(unknown("LaceworkOrgSubAccountNames", &sub_account));
        }
        let found: BTreeSet<OuId> = facts.units.named(&unit.name);
        let mut found = found.into_iter();
        match (found.next(), found.len()) {
            (Some(id), 0) => units.insert(id, sub_account),
            (None, _) => {
                return Err(Refusal::new(format!(
                    "LaceworkOrgSubAccountNames names {:?}, and the organization has no \
                     organizational unit of that name{}.",
                    unit.name,
                    no_pattern(&unit.name)
                )));
            }
            (Some(_), more) => {
                return Err(Refusal::new(format!(
                    "LaceworkOrgSubAccountNames names {:?}, and the organization has {} \
                     organizational units of that name. Rename all but one.",
                    unit.name,
                    more + 1
                )));
            }
        };
    }
    Ok(Destination::Mapped(units))
}

type TrailParts<'a> = (&'a Trail, Option<&'a Arn>);

/// The topic that we make, or would make, for a trail.
fn own_topic(policy: &Policy, trail: &str, log: AccountId) -> Result<TrailTopic, Refusal> {
    let Policy {
        partition, region, ..
    } = policy;
    let topic = format!(
        "arn:{partition}:sns:{region}:{log}:{}",
        policy.names.trail_topic()
    );
    Ok(TrailTopic {
        trail: trail.to_owned(),
        topic: topic
            .parse()
            .map_err(|error| Refusal::new(format!("The topic's name cannot be made: {error}")))?,
    })
}

/// The topic that the queue is subscribed to, and the one of ours where it is that.
fn topic(
    properties: &Properties,
    trail: &Trail,
    ours: TrailTopic,
    owned: &BTreeSet<TrailTopic>,
) -> Result<(Arn, Option<TrailTopic>), Refusal> {
    let name = &trail.name;
    let is_ours =
        |found: &Arn| *found == ours.topic || owned.iter().any(|owned| owned.topic == *found);
    match &trail.topic {
        Some(found) if !is_ours(found) => Ok((found.clone(), None)),
        _ if properties.create_trail_topic => Ok((ours.topic.clone(), Some(ours))),
        Some(_) => Err(Refusal::new(format!(
            "CreateTrailTopic is No, and the only topic of the trail {name:?} is the one that \
             this stack made. Set another on the trail first, or choose CapabilityType Config."
        ))),
        None => Err(Refusal::new(format!(
            "ExistingCloudTrailName: the trail {name:?} has no SNS topic, which tells of new log \
             files. Set one on the trail, set CreateTrailTopic to Yes, or choose CapabilityType \
             Config."
        ))),
    }
}

fn trail<'a>(
    properties: &'a Properties,
    facts: &'a Facts,
    landing_zone: Option<&'a LandingZone>,
    region: &str,
) -> Result<TrailParts<'a>, Refusal> {
    let name = &properties.trail_name;
    let Some(trail) = &facts.trail else {
        return Err(Refusal::new(format!(
            "ExistingCloudTrailName: there is no trail {name:?} in Region {region}."
        )));
    };
    if let Some(home) = trail.home_region.as_deref().filter(|home| *home != region) {
        return Err(wrong_region(region, home));
    }
    let used = trail
        .kms_key
        .as_ref()
        .or(landing_zone.and_then(|found| found.kms_key.as_ref()));
    if let (Some(given), Some(used)) = (&properties.kms_key, used)
        && given != used
    {
        return Err(Refusal::new(format!(
            "KmsKeyIdentifierArn is {given}, and the trail is encrypted with {used}. \
             Leave it blank or correct it."
        )));
    }
    Ok((trail, properties.kms_key.as_ref().or(used)))
}

fn spec(
    policy: &Policy,
    name: String,
    template: &'static str,
    parameters: &[(&str, &str)],
) -> StackSetSpec {
    let own = [("ResourceNamePrefix", policy.names.resource.as_str())];
    let parameters = own.iter().chain(parameters);
    let parameters = parameters.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    let parameters = parameters.collect();
    StackSetSpec {
        name,
        template,
        parameters,
        stack_id: policy.stack_id.clone(),
    }
}

fn log_spec(
    properties: &Properties,
    policy: &Policy,
    templates: &Templates,
    trail: &Trail,
    audit: AccountId,
    key: Option<&Arn>,
    makes_topic: bool,
) -> StackSetSpec {
    let queue = format!(
        "arn:{}:sqs:{}:{audit}:{}",
        policy.partition,
        policy.region,
        policy.names.queue()
    );
    let adopted = policy.adoption.as_ref();
    let suffix = adopted.and_then(|adopted| adopted.trail_suffix.as_ref());
    let trail_arn = if makes_topic {
        format!(
            "arn:{}:cloudtrail:{}:{}:trail/{}",
            policy.partition, policy.region, policy.management_account, trail.name
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
        ("LaceworkPrincipalArn", properties.principal.as_str()),
        ("TrailBucketName", &trail.bucket),
        ("QueueArn", &queue),
        ("KmsKeyArn", key.map_or("", Arn::as_str)),
    ];
    spec(
        policy,
        policy.names.log_stack_set(),
        templates.log,
        &parameters,
    )
}

fn audit_spec(policy: &Policy, templates: &Templates, topic: &Arn, log: AccountId) -> StackSetSpec {
    let parameters = [
        ("TrailTopicArn", topic.as_str()),
        ("LogAccountId", log.as_str()),
    ];
    spec(
        policy,
        policy.names.audit_stack_set(),
        templates.audit,
        &parameters,
    )
}

/// The topic on which Lacework takes custom resources, in the Region of the stack.
///
/// Source: the templates and functions of Lacework's own Control Tower integration.
fn registration_topic(properties: &Properties, policy: &Policy) -> Result<String, Refusal> {
    let Policy {
        partition, region, ..
    } = policy;
    if partition != "aws" {
        return Err(Refusal::new(format!(
            "RegistrationMode is SnsCustomResource, and Lacework has no topic in the partition \
             {partition}. Set it to Function."
        )));
    }
    let host = properties.lacework_url.host_str().unwrap_or_default();
    let european = if host.contains(".fra.") { "eu" } else { "" };
    Ok(format!(
        "arn:aws:sns:{region}:{LACEWORK_AWS_ACCOUNT}:{european}prodn-customer-cloudformation"
    ))
}

fn member_spec(
    properties: &Properties,
    policy: &Policy,
    templates: &Templates,
) -> Result<StackSetSpec, Refusal> {
    let topic;
    let mut parameters = vec![
        ("LaceworkAccount", policy.tenant.as_str()),
        ("ExternalIdSuffix", &policy.external_id_suffix),
        ("LaceworkPrincipalArn", properties.principal.as_str()),
    ];
    let adopted = policy.adoption.as_ref();
    if adopted.is_some_and(|adopted| adopted.vendor_policy_names) {
        parameters.push((POLICY_NAMES, "Vendor"));
    }
    if policy.registers_by_stack() {
        topic = registration_topic(properties, policy)?;
        parameters.push((REGISTRATION_TOPIC, &topic));
        parameters.push((INTEGRATION_PREFIX, policy.names.prefix.as_str()));
    }
    Ok(spec(
        policy,
        policy.names.member_stack_set(),
        templates.member,
        &parameters,
    ))
}

fn trail_integration(
    policy: &Policy,
    context: &Context,
    log: AccountId,
    audit: AccountId,
) -> IntegrationSpec {
    let Context {
        region, url_suffix, ..
    } = context;
    IntegrationSpec {
        name: policy.names.log_stack_set(),
        kind: IntegrationKind::CloudTrail,
        account: log,
        role_arn: Names::role_arn(&policy.partition, &log, &policy.names.log_role()),
        external_id: policy.trail_external_id(&log),
        queue_url: Some(format!(
            "https://sqs.{region}.{url_suffix}/{audit}/{}",
            policy.names.queue()
        )),
        account_mapping: policy.empty_mapping(),
    }
}
