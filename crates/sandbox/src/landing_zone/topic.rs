use anyhow::Context as _;

use crate::aws_client::AwsClient;

pub(super) const CLOUD_TRAIL: &str = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101";
pub(super) const SNS_VERSION: &str = "2010-03-31";

/// Makes a topic in an account and answers its ARN.
pub(super) async fn make_topic(aws: &AwsClient, name: &str) -> anyhow::Result<String> {
    let answer = aws
        .query("sns", "CreateTopic", SNS_VERSION, &[("Name", name)])
        .await
        .context("cannot make the trail's topic")?;
    let topic = answer.text_at("CreateTopicResult/TopicArn");
    Ok(topic
        .context("CreateTopic answered without an ARN")?
        .to_owned())
}
