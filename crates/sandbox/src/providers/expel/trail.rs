//! The trail, as Expel's service reads it: by what the main stack's outputs tell the administrator to
//! type into Workbench.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use uuid::Uuid;

use super::ORGANIZATION;
use crate::aws_client::{AwsClient, Method};
use crate::identities::account_in;
use crate::landing_zone::TRAIL;
use crate::launch::Stack;

/// How long the way from the bucket to the queue may take.
const DEADLINE: Duration = Duration::from_secs(60);

const CLOUD_TRAIL: &str = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101";

/// Delivers a log file as CloudTrail does, and reads it as Expel's `service` does. The log file's key.
///
/// # Errors
/// When Expel is not told of the log file, or may not read it.
pub(super) async fn read(
    aws: &AwsClient,
    service: &AwsClient,
    stack: &Stack,
) -> anyhow::Result<String> {
    let role = stack.output("RoleARN").await?;
    let session = stack.output("RoleSessionName").await?;
    let queue = stack.output("SqsURL").await?;
    let management = stack.output("ManagementAccountId").await?;
    let log_archive = aws.account(account_in(&role));
    let bucket = Bucket::of_trail(&aws.account(&management)).await?;
    let file = bucket.deliver(&log_archive).await?;
    let reader = service
        .assume_role(&role, &session, Some(ORGANIZATION))
        .await
        .context("Expel cannot assume the role in Log Archive")?;
    let end = Instant::now() + DEADLINE;
    while !bucket.is_announced(&reader, &queue, &file).await? {
        if Instant::now() >= end {
            bail!("Expel was not told of {} in {}", file.key, bucket.name);
        }
    }
    let path = format!("/{}/{}", bucket.name, file.key);
    let found = reader
        .rest("s3", Method::GET, &path, "application/json", Vec::new())
        .await
        .context("Expel cannot read the log file")?;
    anyhow::ensure!(found == file.content, "{} holds something else", file.key);
    // Nothing of it stays.
    log_archive
        .rest("s3", Method::DELETE, &path, "application/json", Vec::new())
        .await?;
    Ok(file.key)
}

/// A log file of the trail.
struct LogFile {
    key: String,
    content: Vec<u8>,
}

/// The trail's bucket.
struct Bucket {
    name: String,
    key_prefix: String,
}

impl Bucket {
    async fn of_trail(aws: &AwsClient) -> anyhow::Result<Self> {
        let asked = json!({"Name": TRAIL});
        let answer = aws
            .json("cloudtrail", CLOUD_TRAIL, "GetTrail", asked)
            .await?;
        let field = |name: &str| answer["Trail"][name].as_str().map(str::to_owned);
        Ok(Self {
            name: field("S3BucketName").context("the trail has no bucket")?,
            key_prefix: field("S3KeyPrefix").unwrap_or_default(),
        })
    }

    async fn deliver(&self, log_archive: &AwsClient) -> anyhow::Result<LogFile> {
        let account = log_archive.account_id();
        let name = Uuid::new_v4().simple();
        let file = LogFile {
            key: format!(
                "{}/AWSLogs/{account}/CloudTrail/{}/{name}.json",
                self.key_prefix,
                log_archive.region()
            ),
            content: json!({"Records": [{"eventID": name.to_string()}]})
                .to_string()
                .into_bytes(),
        };
        let path = format!("/{}/{}", self.name, file.key);
        let content = file.content.clone();
        log_archive
            .rest("s3", Method::PUT, &path, "application/json", content)
            .await?;
        Ok(file)
    }

    /// Receives what is in the queue. Messages without a log file, such as S3's own test, are
    /// deleted like all others.
    async fn is_announced(
        &self,
        reader: &AwsClient,
        queue: &str,
        file: &LogFile,
    ) -> anyhow::Result<bool> {
        let request = json!({"QueueUrl": queue, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 1});
        let answer = reader
            .json("sqs", "AmazonSQS", "ReceiveMessage", request)
            .await
            .context("Expel may not receive from the queue")?;
        let mut is_announced = false;
        for message in answer["Messages"].as_array().into_iter().flatten() {
            let body: Value = serde_json::from_str(message["Body"].as_str().unwrap_or_default())
                .context("a message is no notification of S3's: the delivery is not raw")?;
            let records = body["Records"].as_array().into_iter().flatten();
            is_announced |= records.map(|record| &record["s3"]).any(|record| {
                let key = record["object"]["key"].as_str().unwrap_or_default();
                let key = percent_decode_str(key).decode_utf8_lossy();
                record["bucket"]["name"] == self.name.as_str() && key == file.key
            });
            let receipt = json!({"QueueUrl": queue, "ReceiptHandle": message["ReceiptHandle"]});
            reader
                .json("sqs", "AmazonSQS", "DeleteMessage", receipt)
                .await
                .context("Expel may not delete from the queue")?;
        }
        Ok(is_announced)
    }
}
