//! The organization's trail.

use aws_sdk_cloudtrail::config::Region;
use towerhook_core::{
    Result,
    landing_zone::{TopicSet, Trail},
    model::Arn,
    ports::TrailTopics,
};

use crate::{
    Aws,
    classify::{failed, has_code, parse, unusable},
};

const TRAIL: &str = "cloudtrail:GetTrail";
const STATUS: &str = "cloudtrail:GetTrailStatus";
const UPDATE_TRAIL: &str = "cloudtrail:UpdateTrail";

pub(crate) async fn find<S>(aws: &Aws<S>, name: &str) -> Result<Option<Trail>> {
    let found = match aws.cloudtrail().get_trail().name(name).send().await {
        Err(error) if has_code(&error, "TrailNotFoundException") => return Ok(None),
        answer => answer.map_err(failed(TRAIL))?.trail,
    };
    let found = found.ok_or_else(|| unusable(TRAIL, "an answer without a trail"))?;
    let (Some(name), Some(bucket)) = (found.name(), found.s3_bucket_name()) else {
        return Err(unusable(TRAIL, "a trail without a name or a bucket"));
    };
    // Only a trail in this Region is usable, and it can be read only here.
    let region = aws.cloudtrail().config().region().map(Region::as_ref);
    let is_elsewhere = found.home_region().is_some_and(|home| Some(home) != region);
    let is_logging = if is_elsewhere {
        true
    } else {
        let call = aws.cloudtrail().get_trail_status();
        let status = call.name(found.trail_arn().unwrap_or(name)).send().await;
        let status = status.map_err(failed(STATUS))?;
        status.is_logging().unwrap_or_default()
    };
    Ok(Some(Trail {
        is_organization: found.is_organization_trail().unwrap_or_default(),
        is_multi_region: found.is_multi_region_trail().unwrap_or_default(),
        is_logging,
        name: name.to_owned(),
        home_region: found.home_region().map(str::to_owned),
        bucket: bucket.to_owned(),
        topic: found
            .sns_topic_arn()
            .map(|arn| parse(TRAIL, arn))
            .transpose()?,
        kms_key: found
            .kms_key_id()
            .map(|arn| parse(TRAIL, arn))
            .transpose()?,
    }))
}

impl<S> TrailTopics for Aws<S> {
    async fn set_topic(&self, trail: &str, topic: Option<&Arn>) -> Result<TopicSet> {
        // Omitted fields stay unchanged; an empty name removes the topic.
        let call = self
            .cloudtrail()
            .update_trail()
            .name(trail)
            .sns_topic_name(topic.map_or("", Arn::as_str));
        match call.send().await {
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
