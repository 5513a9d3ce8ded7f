//! The organization's trail: its coverage, its topic and its key.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Context, Facts, Last, Properties, Refusal, Zone,
    shared_account::{LOG_ARCHIVE, no_shared_account},
};
use crate::{
    landing_zone::{Account, Announcement, LandingZone, Trail, TrailTopic},
    model::{AccountId, Arn},
    policy::{DeployedTrail, Policy, TrailSource},
    provider::{FeedNames, Provider, role_arn},
};

/// The parameters that select and describe the trail, besides the store's.
const PARAMETERS: [&str; 4] = [
    "ExistingCloudTrailName",
    "CreateTrailTopic",
    "KmsKeyIdentifierArn",
    "CapabilityType",
];

/// The trail's deployment, if `CapabilityType` has CloudTrail.
pub(super) fn deployed(
    provider: &dyn Provider,
    properties: &Properties,
    facts: &Facts,
    zone: &Zone<'_>,
    context: &Context,
    policy: &Policy,
    last: &mut Last<'_>,
) -> Result<Option<DeployedTrail>, Refusal> {
    if !properties.capability.cloud_trail() {
        return Ok(None);
    }
    let landing_zone = match zone {
        Zone::Here(landing_zone) => Some(*landing_zone),
        Zone::Recorded | Zone::None => None,
    };
    let (Some(log), Some(_)) = (policy.log_archive, policy.audit) else {
        return Err(no_shared_account(&LOG_ARCHIVE, None, landing_zone));
    };
    let Some(names) = provider.resources(&policy.names).feed else {
        return Err(no_trail(provider));
    };
    let last_trail = last
        .success
        .and_then(|success| success.deployment.trail.as_ref());
    let found = source(
        properties,
        facts,
        landing_zone,
        context,
        policy,
        (&names, log),
    );
    let found = found.and_then(|source| {
        let account = queue_account(&source, policy, facts, last_trail)?;
        Ok((source, account))
    });
    let stores = provider.words().stores.as_ref();
    let is_same_store =
        stores.is_none_or(|stores| last.unchanged(&[stores.single_parameter]).is_some());
    let recorded = last.unchanged(&PARAMETERS).filter(|_| is_same_store);
    let recorded = recorded.and_then(|deployment| deployment.trail.as_ref());
    let recorded = recorded.map(|trail| (trail.source.clone(), trail.queue_account));
    let (source, queue_account) = last.settle(found, recorded)?;
    let queue_url = policy.queue_url(&context.url_suffix, queue_account, &names.queue);
    let registration = provider.wanted_feed(policy, &log, queue_url);
    Ok(Some(DeployedTrail {
        source,
        registration,
        queue_account,
        registration_id: None,
        asked_at: None,
        made_at: None,
        mended: BTreeMap::new(),
    }))
}

fn no_trail(provider: &dyn Provider) -> Refusal {
    let title = provider.words().title;
    Refusal::new(format!(
        "CapabilityType must be Config: {title} reads no trail."
    ))
}

fn source(
    properties: &Properties,
    facts: &Facts,
    landing_zone: Option<&LandingZone>,
    context: &Context,
    policy: &Policy,
    (names, log): (&FeedNames, AccountId),
) -> Result<TrailSource, Refusal> {
    if let Some(key) = &properties.kms_key {
        check_key(key, facts, context)?;
    }
    let trail = whole_trail(
        &properties.trail_name,
        facts.trail.as_ref(),
        &context.region,
    )?;
    let kms_key = kms_key(properties, trail, landing_zone)?;
    let ours = own_topic(names, policy, &trail.name, log)?;
    let is_announced = names.audit_stack_set.is_none();
    let announcement = is_announced.then(|| announcement(names, policy, trail, log, &ours.topic));
    let (topic, makes_topic) = match &announcement {
        Some(announcement) => (announcement.topic.clone(), false),
        None => topic(properties, trail, ours, &context.trail_topics)?,
    };
    Ok(TrailSource {
        name: trail.name.clone(),
        bucket: trail.bucket.clone(),
        topic,
        makes_topic,
        announcement,
        kms_key,
    })
}

/// The notification of the trail's bucket. The topic's name is this deployment's alone, and so is the
/// id.
fn announcement(
    names: &FeedNames,
    policy: &Policy,
    trail: &Trail,
    log: AccountId,
    topic: &Arn,
) -> Announcement {
    Announcement {
        bucket: trail.bucket.clone(),
        account: log,
        id: names.trail_topic.clone(),
        topic: topic.clone(),
        prefix: Announcement::prefix_of(trail),
        role: role_arn(&policy.partition, &log, &names.log_role),
    }
}

/// The trail with this name, as it was found, if its registration can rest on it in this Region.
///
/// # Errors
///
/// There is no such trail here, or it does not record everything.
pub fn whole_trail<'a>(
    name: &str,
    found: Option<&'a Trail>,
    region: &str,
) -> Result<&'a Trail, Refusal> {
    let Some(trail) = found else {
        return Err(Refusal::new(format!(
            "ExistingCloudTrailName: there is no trail {name:?} in Region {region}."
        )));
    };
    if let Some(home) = trail.home_region.as_deref().filter(|home| *home != region) {
        return Err(Refusal::new(format!(
            "ExistingCloudTrailName: the home Region of the trail {name:?} is {home}, and this stack is \
             in {region}. Name a trail of {region}, or choose CapabilityType Config."
        )));
    }
    if let Some(shortfall) = trail.shortfall() {
        return Err(Refusal::new(format!(
            "ExistingCloudTrailName: the trail {name:?} does not record everything: {shortfall}. Change \
             the trail, name another one, or choose CapabilityType Config."
        )));
    }
    Ok(trail)
}

/// The key of the trail's log files must be in the trail's Region. It may belong to any account of
/// the organization.
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

/// The key that encrypts the log files. CloudTrail names it if the trail has one, and Control Tower
/// names its own bucket's.
fn kms_key(
    properties: &Properties,
    trail: &Trail,
    landing_zone: Option<&LandingZone>,
) -> Result<Option<Arn>, Refusal> {
    let used = trail.kms_key.as_ref();
    let used = used.or(landing_zone.and_then(|found| found.kms_key.as_ref()));
    match (&properties.kms_key, used) {
        (Some(given), Some(used)) if given != used => Err(Refusal::new(format!(
            "KmsKeyIdentifierArn is {given}, and the trail is encrypted with {used}. \
             Leave it blank or correct it."
        ))),
        (Some(given), None) => Err(Refusal::new(format!(
            "KmsKeyIdentifierArn is {given}, and the trail {:?} is encrypted with no key. \
             Leave it blank.",
            trail.name
        ))),
        _ => Ok(used.cloned()),
    }
}

/// The topic that we create, or would create, for a trail.
fn own_topic(
    names: &FeedNames,
    policy: &Policy,
    trail: &str,
    log: AccountId,
) -> Result<TrailTopic, Refusal> {
    let Policy {
        partition, region, ..
    } = policy;
    let topic = format!("arn:{partition}:sns:{region}:{log}:{}", names.trail_topic);
    Ok(TrailTopic {
        trail: trail.to_owned(),
        topic: topic
            .parse()
            .map_err(|error| Refusal::new(format!("The topic's name cannot be made: {error}")))?,
    })
}

/// The topic that the queue is subscribed to, and whether it is one of ours.
fn topic(
    properties: &Properties,
    trail: &Trail,
    ours: TrailTopic,
    owned: &BTreeSet<TrailTopic>,
) -> Result<(Arn, bool), Refusal> {
    let is_ours =
        |found: &Arn| *found == ours.topic || owned.iter().any(|owned| owned.topic == *found);
    let found = foreign_topic(trail, properties.create_trail_topic, is_ours)?;
    Ok(found.map_or((ours.topic.clone(), true), |found| (found.clone(), false)))
}

/// The topic that the trail notifies already, unless it is ours; `None` if setup creates one.
///
/// # Errors
///
/// The trail has no topic but ours, and setup may not create one.
pub fn foreign_topic(
    trail: &Trail,
    creates: bool,
    is_ours: impl Fn(&Arn) -> bool,
) -> Result<Option<&Arn>, Refusal> {
    let name = &trail.name;
    match &trail.topic {
        Some(found) if !is_ours(found) => Ok(Some(found)),
        _ if creates => Ok(None),
        Some(_) => Err(Refusal::new(format!(
            "CreateTrailTopic is No, and the only topic of the trail {name:?} is the one that \
             this stack made. Set another on the trail first, or choose CapabilityType Config."
        ))),
        None => Err(Refusal::new(format!(
            "ExistingCloudTrailName: the trail {name:?} has no SNS topic, which announces new log \
             files. Set one on the trail, set CreateTrailTopic to Yes, or choose CapabilityType \
             Config."
        ))),
    }
}

/// The queue's account. A queue that is already subscribed to the topic stays where it is.
fn queue_account(
    source: &TrailSource,
    policy: &Policy,
    facts: &Facts,
    last: Option<&DeployedTrail>,
) -> Result<AccountId, Refusal> {
    let TrailSource { name, topic, .. } = source;
    let stays = last.filter(|last| {
        last.source.topic == *topic && policy.is_shared_account(&last.queue_account)
    });
    let fits = stays.map(|last| last.queue_account);
    let fits = fits.or_else(|| match &source.announcement {
        Some(announcement) => Some(announcement.account),
        None => policy.queue_account(topic, source.makes_topic),
    });
    fits.ok_or_else(|| no_queue_account(name, topic, &facts.accounts))
}

/// Why no queue can be subscribed to this topic of the trail.
pub fn no_queue_account(trail: &str, topic: &Arn, accounts: &[Account]) -> Refusal {
    let mut accounts = accounts.iter();
    let owner = accounts.find(|account| Some(account.id) == topic.account());
    let owner = match (owner, topic.account()) {
        (Some(account), _) => format!("account {:?} ({})", account.name, account.id),
        (None, Some(id)) => format!("account {id}"),
        (None, None) => "no account".to_owned(),
    };
    Refusal::new(format!(
        "ExistingCloudTrailName: the trail {trail:?} notifies the topic {topic}, which is in {owner}. \
         A queue can be subscribed to it in the Log Archive or the Audit account only: give the \
         trail a topic of one of them, or choose CapabilityType Config."
    ))
}
