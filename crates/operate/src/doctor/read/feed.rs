use tokio::join;
use towerhook_core::{
    Read,
    landing_zone::LandingZone,
    model::{Arn, Names},
    ports::{LandingZones, PolicyInspection},
};

use super::{Settings, within};
use crate::doctor::TrailFacts;

/// Control Tower's trail.
const TRAIL: &str = "aws-controltower-BaselineCloudTrail";

/// The trail with its policies, where the vendor reads one.
pub(super) async fn read(
    ports: &(impl LandingZones + PolicyInspection),
    settings: &Settings,
    zone: Option<&LandingZone>,
) -> Option<TrailFacts> {
    if !is_read(settings) {
        return None;
    }
    let name = settings
        .parameter("ExistingCloudTrailName")
        .unwrap_or(TRAIL)
        .to_owned();
    let found = within(ports.trail(&name)).await;
    let trail = match &found {
        Read::Ok(trail) => trail.as_ref(),
        Read::Unknown(_) => None,
    };
    let given = settings
        .parameter("KmsKeyIdentifierArn")
        .and_then(|arn| arn.parse().ok());
    let key = given.or_else(|| trail.and_then(|trail| trail.kms_key.clone()));
    let key: Option<Arn> = key.or_else(|| zone.and_then(|zone| zone.kms_key.clone()));
    let none = || Read::Ok(None);
    let (key_policy, bucket_policy, topic_policy) = join!(
        async {
            match &key {
                Some(key) => within(ports.key_policy(key)).await,
                None => none(),
            }
        },
        async {
            match trail {
                Some(trail) => within(ports.bucket_policy(&trail.bucket)).await,
                None => none(),
            }
        },
        async {
            match trail.and_then(|trail| trail.topic.as_ref()) {
                Some(topic) => within(ports.topic_policy(topic)).await,
                None => none(),
            }
        },
    );
    let own = settings.deployment.as_ref();
    let own = own.and_then(|deployment| deployment.trail_topics.first());
    Some(TrailFacts {
        creates_topic: settings.parameter("CreateTrailTopic") == Some("Yes"),
        own_topic: own.map(|own| own.topic.clone()),
        name,
        found,
        key,
        key_policy,
        bucket_policy,
        topic_policy,
    })
}

/// Whether the vendor reads a trail, whatever its names, and the stack lets it.
fn is_read(settings: &Settings) -> bool {
    let names = "any".parse().map(|prefix| Names {
        resource: "any".to_owned(),
        prefix,
    });
    let feed = names.map(|names| settings.provider.resources(&names).feed);
    feed.is_ok_and(|feed| feed.is_some()) && settings.parameter("CapabilityType") != Some("Config")
}
