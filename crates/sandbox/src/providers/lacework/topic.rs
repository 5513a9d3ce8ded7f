//! The vendor's topic in AWS, which stacks register their accounts with.

use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::json;
use url::Url;

use super::REGISTRATION_TOPIC;
use crate::aws_client::AwsClient;
use crate::identities::account_in;

const VERSION: &str = "2010-03-31";

/// How long the simulator may take to confirm that it listens to the topic.
const CONFIRMATION: Duration = Duration::from_secs(10);

/// Makes the topic that stacks of every account register with, in the client's Region and in the
/// account of the vendor's role, and lets it deliver to the simulator's `endpoint`.
///
/// # Errors
/// When the emulator refuses a step, or the simulator does not confirm that it listens.
pub(super) async fn make(aws: &AwsClient, role_arn: &str, endpoint: &Url) -> anyhow::Result<()> {
    let vendor = account_in(role_arn);
    let arn = format!("arn:aws:sns:{}:{vendor}:{REGISTRATION_TOPIC}", aws.region());
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sns:Publish", "Principal": "*", "Resource": arn,
    }]})
    .to_string();
    let aws = aws.account(vendor);
    let create = [
        ("Name", REGISTRATION_TOPIC),
        ("Attributes.entry.1.key", "Policy"),
        ("Attributes.entry.1.value", policy.as_str()),
    ];
    aws.query("sns", "CreateTopic", VERSION, &create).await?;
    let topic = ("TopicArn", arn.as_str());
    let subscribe = [
        topic,
        ("Protocol", endpoint.scheme()),
        ("Endpoint", endpoint.as_str()),
    ];
    aws.query("sns", "Subscribe", VERSION, &subscribe).await?;
    let end = Instant::now() + CONFIRMATION;
    loop {
        let answer = aws
            .query("sns", "GetTopicAttributes", VERSION, &[topic])
            .await?;
        let is_confirmed = answer
            .entries("GetTopicAttributesResult/Attributes")
            .filter(|entry| entry.text_at("key") == Some("SubscriptionsConfirmed"))
            .any(|entry| entry.text_at("value") == Some("1"));
        if is_confirmed {
            return Ok(());
        }
        ensure!(
            Instant::now() < end,
            "{endpoint} did not confirm its subscription to {arn}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
