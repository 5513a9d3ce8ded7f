//! The organization's trail.

use serde::Deserialize;
use serde_json::json;
use towerhook_core::{
    Result,
    landing_zone::{TopicSet, Trail},
    model::Arn,
    ports::TrailTopics,
};

use crate::{
    Aws,
    call::services::cloudtrail,
    classify::{failed, has_code, parse, unusable},
};

const TRAIL: &str = "cloudtrail:GetTrail";
const STATUS: &str = "cloudtrail:GetTrailStatus";
const UPDATE_TRAIL: &str = "cloudtrail:UpdateTrail";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetTrail {
    trail: Option<Found>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Found {
    name: Option<String>,
    #[serde(rename = "TrailARN")]
    trail_arn: Option<String>,
    home_region: Option<String>,
    #[serde(rename = "S3BucketName")]
    bucket: Option<String>,
    #[serde(rename = "S3KeyPrefix")]
    key_prefix: Option<String>,
    #[serde(rename = "SnsTopicARN")]
    topic: Option<String>,
    kms_key_id: Option<String>,
    #[serde(default)]
    is_organization_trail: bool,
    #[serde(default)]
    is_multi_region_trail: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetTrailStatus {
    #[serde(default)]
    is_logging: bool,
}

pub(crate) async fn find<S>(aws: &Aws<S>, name: &str) -> Result<Option<Trail>> {
    let found: GetTrail = match cloudtrail::get_trail(&aws.config, &json!({"Name": name})).await {
        Err(error) if has_code(&error, "TrailNotFoundException") => return Ok(None),
        answer => answer.map_err(failed(TRAIL))?.json(TRAIL)?,
    };
    let found = found.trail;
    let found = found.ok_or_else(|| unusable(TRAIL, "an answer without a trail"))?;
    let (Some(name), Some(bucket)) = (found.name, found.bucket) else {
        return Err(unusable(TRAIL, "a trail without a name or a bucket"));
    };
    // Only a trail in this Region is usable, and it can be read only here.
    let region = aws.config.region().map(AsRef::as_ref);
    let home_region = found.home_region;
    let is_elsewhere = home_region.is_some() && home_region.as_deref() != region;
    let is_logging = if is_elsewhere {
        true
    } else {
        let asked = json!({"Name": found.trail_arn.as_ref().unwrap_or(&name)});
        let status = cloudtrail::get_trail_status(&aws.config, &asked).await;
        let status: GetTrailStatus = status.map_err(failed(STATUS))?.json(STATUS)?;
        status.is_logging
    };
    let arn = |text: Option<String>| text.map(|arn| parse(TRAIL, &arn)).transpose();
    Ok(Some(Trail {
        is_organization: found.is_organization_trail,
        is_multi_region: found.is_multi_region_trail,
        is_logging,
        name,
        home_region,
        bucket,
        key_prefix: found.key_prefix.filter(|prefix| !prefix.is_empty()),
        topic: arn(found.topic)?,
        kms_key: arn(found.kms_key_id)?,
    }))
}

impl<S> TrailTopics for Aws<S> {
    async fn set_topic(&self, trail: &str, topic: Option<&Arn>) -> Result<TopicSet> {
        // Omitted fields stay unchanged; an empty name removes the topic.
        let change = json!({"Name": trail, "SnsTopicName": topic.map_or("", Arn::as_str)});
        match cloudtrail::update_trail(&self.config, &change).await {
            Err(error) if has_code(&error, "InsufficientSnsTopicPolicyException") => Ok(
                TopicSet::NotPublishable(failed(UPDATE_TRAIL)(error).chain()),
            ),
            answer => answer.map(|_| TopicSet::Done).map_err(failed(UPDATE_TRAIL)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use towerhook_core::{ErrorKind, ports::LandingZones};

    use super::*;
    use crate::testing::{answer, error, setup};

    #[tokio::test]
    async fn a_trail_is_what_cloudtrail_says() {
        let found = json!({"Trail": {
            "Name": "aws-controltower-BaselineCloudTrail",
            "HomeRegion": "us-east-1",
            "S3BucketName": "logs",
            "SnsTopicARN": "arn:aws:sns:us-east-1:222222222222:topic",
        }});
        let (aws, sent) = setup([
            answer(found),
            error(400, "TrailNotFoundException"),
            answer(json!({"Trail": {"Name": "no-bucket"}})),
        ]);
        let trail = aws.trail("mine").await.unwrap().unwrap();
        assert_eq!(trail.name, "aws-controltower-BaselineCloudTrail");
        assert_eq!(trail.home_region.as_deref(), Some("us-east-1"));
        assert_eq!(trail.bucket, "logs");
        assert_eq!(
            trail.topic.unwrap().account().unwrap().as_str(),
            "222222222222"
        );
        assert_eq!(trail.kms_key, None);
        assert_eq!(sent.calls()[0].1["Name"], "mine");
        assert_eq!(aws.trail("mine").await.unwrap(), None);
        assert_eq!(
            aws.trail("mine").await.unwrap_err().kind,
            ErrorKind::Invalid
        );
    }

    #[tokio::test]
    async fn whether_a_trail_of_this_region_is_on_is_part_of_it() {
        const ARN: &str = "arn:aws:cloudtrail:eu-west-1:999999999999:trail/mine";
        let found = json!({"Trail": {
            "Name": "mine",
            "TrailARN": ARN,
            "HomeRegion": "eu-west-1",
            "S3BucketName": "logs",
            "IsOrganizationTrail": true,
            "IsMultiRegionTrail": true,
        }});
        let found = || answer(found.clone());
        let (aws, sent) = setup([
            found(),
            answer(json!({"IsLogging": true})),
            found(),
            answer(json!({"IsLogging": false})),
            found(),
            error(400, "AccessDeniedException"),
        ]);
        let trail = aws.trail("mine").await.unwrap().unwrap();
        assert!(trail.is_organization && trail.is_multi_region);
        assert_eq!(trail.shortfall(), None);
        let trail = aws.trail("mine").await.unwrap().unwrap();
        assert!(trail.shortfall().is_some(), "it is off");
        let failure = aws.trail("mine").await.unwrap_err();
        assert_eq!(failure.operation, "cloudtrail:GetTrailStatus");
        assert_eq!(failure.kind, ErrorKind::Denied);
        let (operation, body) = sent.calls().remove(1);
        assert_eq!(operation, "GetTrailStatus");
        assert_eq!(body, json!({"Name": ARN}));
    }

    #[tokio::test]
    async fn a_trail_of_another_region_is_not_asked_whether_it_is_on() {
        let (aws, sent) = setup([answer(json!({"Trail": {
            "Name": "mine",
            "TrailARN": "arn:aws:cloudtrail:us-east-1:999999999999:trail/mine",
            "HomeRegion": "us-east-1",
            "S3BucketName": "logs",
        }}))]);
        let trail = aws.trail("mine").await.unwrap().unwrap();
        assert_eq!(trail.home_region.as_deref(), Some("us-east-1"));
        assert!(!trail.is_organization && !trail.is_multi_region);
        assert_eq!(sent.operations(), ["GetTrail"]);
    }

    #[tokio::test]
    async fn a_trail_gets_a_topic_and_loses_it_and_nothing_else_is_said() {
        let topic: Arn = "arn:aws:sns:eu-west-1:111111111111:topic".parse().unwrap();
        let (aws, sent) = setup([
            answer(json!({})),
            answer(json!({})),
            error(400, "InsufficientSnsTopicPolicyException"),
            error(400, "ConflictException"),
            error(
                400,
                "InsufficientDependencyServiceAccessPermissionException",
            ),
        ]);
        let set = |topic| aws.set_topic("mine", topic);
        assert_eq!(set(Some(&topic)).await.unwrap(), TopicSet::Done);
        assert_eq!(set(None).await.unwrap(), TopicSet::Done);
        let sent = sent.calls();
        assert_eq!(
            sent[0].1,
            json!({"Name": "mine", "SnsTopicName": topic.as_str()})
        );
        assert_eq!(sent[1].1, json!({"Name": "mine", "SnsTopicName": ""}));
        assert!(matches!(
            set(Some(&topic)).await.unwrap(),
            TopicSet::NotPublishable(_)
        ));
        let error = set(None).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Conflict);
        let error = set(None).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Denied);
    }
}
