//! The functions' logs, which the emulator writes to CloudWatch Logs when an invocation ends.

use serde_json::{Value, json};

use crate::aws_client::{AwsClient, AwsError};

const TARGET: &str = "Logs_20140328";

/// Streams per reading. The emulator gives an invocation a stream of its own, keeps at most
/// 1,024 lines of it, and answers 10,000 lines at once.
const STREAMS_AT_ONCE: usize = 9;

/// One line of a function's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Milliseconds since 1970, when the invocation ended.
    pub timestamp: i64,
    /// Log stream: one per invocation.
    pub stream: String,
    /// The line as the function wrote it, or one of Lambda's own (`START`, `END`, `REPORT`).
    pub message: String,
}

/// The whole log of a function, oldest invocation first. A missing log group has no lines.
///
/// # Errors
/// When the emulator does not answer.
pub async fn function_log(client: &AwsClient, log_group: &str) -> Result<Vec<LogLine>, AwsError> {
    let streams = match streams(client, log_group).await {
        Err(error) if error.is("ResourceNotFoundException") => return Ok(Vec::new()),
        other => other?,
    };
    let mut lines = Vec::new();
    for some in streams.chunks(STREAMS_AT_ONCE) {
        let answer = client
            .json(
                "logs",
                TARGET,
                "FilterLogEvents",
                json!({"logGroupName": log_group, "logStreamNames": some}),
            )
            .await?;
        lines.extend(list(&answer, "events").filter_map(|event| {
            Some(LogLine {
                timestamp: event.get("timestamp")?.as_i64()?,
                stream: event.get("logStreamName")?.as_str()?.to_owned(),
                message: event.get("message")?.as_str()?.to_owned(),
            })
        }));
    }
    lines.sort_by_key(|line| line.timestamp);
    Ok(lines)
}

async fn streams(client: &AwsClient, log_group: &str) -> Result<Vec<String>, AwsError> {
    let mut names = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let mut request = json!({"logGroupName": log_group});
        if let Some(token) = &token {
            request["nextToken"] = json!(token);
        }
        let answer = client
            .json("logs", TARGET, "DescribeLogStreams", request)
            .await?;
        names.extend(
            list(&answer, "logStreams")
                .filter_map(|stream| stream.get("logStreamName")?.as_str().map(str::to_owned)),
        );
        token = answer
            .get("nextToken")
            .and_then(Value::as_str)
            .map(str::to_owned);
        if token.is_none() {
            return Ok(names);
        }
    }
}

fn list<'a>(answer: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    answer
        .get(field)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}
