use serde::Deserialize;
use serde_json::json;
use towerhook_core::{Result, model::Arn, ports::PolicyInspection};

use super::InspectionSettings;
use crate::call::xml::elements;
use crate::{
    Aws,
    call::services::{kms, s3, sns},
    classify::{failed, has_code},
};

const KEY: &str = "kms:GetKeyPolicy";
const BUCKET: &str = "s3:GetBucketPolicy";
const TOPIC: &str = "sns:GetTopicAttributes";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetKeyPolicy {
    policy: Option<String>,
}

impl PolicyInspection for Aws<InspectionSettings> {
    async fn key_policy(&self, key: &Arn) -> Result<Option<String>> {
        let input = json!({"KeyId": key.as_str(), "PolicyName": "default"});
        let reply = kms::get_key_policy(&self.config, &input).await;
        let found: GetKeyPolicy = reply.map_err(failed(KEY))?.json(KEY)?;
        Ok(found.policy)
    }

    async fn bucket_policy(&self, bucket: &str) -> Result<Option<String>> {
        match s3::get_bucket_policy(&self.config, bucket).await {
            Err(error) if has_code(&error, "NoSuchBucketPolicy") => Ok(None),
            reply => Ok(Some(
                reply.map_err(failed(BUCKET))?.text(BUCKET)?.to_owned(),
            )),
        }
    }

    async fn topic_policy(&self, topic: &Arn) -> Result<Option<String>> {
        let reply = sns::get_topic_attributes(&self.config, topic.as_str()).await;
        let reply = reply.map_err(failed(TOPIC))?;
        let path = ["GetTopicAttributesResult", "Attributes", "entry"];
        let attributes = elements(&reply, TOPIC, &path)?;
        let mut attributes = attributes.into_iter();
        let policy = attributes.find(|entry| entry.get("key").is_some_and(|key| key == "Policy"));
        Ok(policy.and_then(|mut entry| entry.remove("value")))
    }
}

#[cfg(test)]
mod tests {
    use towerhook_core::ErrorKind;

    use super::*;
    use crate::{
        inspection::testing::inspection,
        testing::{Answer, answer, error, xml},
    };

    #[tokio::test]
    async fn each_policy_is_read_as_text_and_a_bucket_may_have_none() {
        let topic = "<Attributes><entry><key>Owner</key><value>2</value></entry><entry>\
                     <key>Policy</key><value>{&quot;a&quot;:1}</value></entry></Attributes>";
        let none = "<Error><Code>NoSuchBucketPolicy</Code></Error>";
        let (aws, sent) = inspection([
            answer(json!({"Policy": "{}"})),
            Answer::broken("{\"Statement\": []}"),
            Answer::xml(404, none),
            xml("GetTopicAttributes", topic),
            error(400, "AccessDeniedException"),
        ]);
        let key = "arn:aws:kms:eu-west-1:999999999999:key/k".parse().unwrap();
        assert_eq!(aws.key_policy(&key).await.unwrap().unwrap(), "{}");
        let bucket = aws.bucket_policy("logs").await.unwrap();
        assert_eq!(bucket.unwrap(), "{\"Statement\": []}");
        assert_eq!(aws.bucket_policy("logs").await.unwrap(), None);
        let topic = "arn:aws:sns:eu-west-1:222222222222:t".parse().unwrap();
        let policy = aws.topic_policy(&topic).await.unwrap();
        assert_eq!(policy.as_deref(), Some("{\"a\":1}"));
        let denied = aws.key_policy(&key).await.unwrap_err();
        assert_eq!(denied.kind, ErrorKind::Denied);
        assert_eq!(sent.calls()[0].1["PolicyName"], "default");
    }
}
