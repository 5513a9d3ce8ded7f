use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use towerhook_core::{Error, ErrorKind, Result, lifecycle::Message, ports::Messages};

use crate::{
    Aws, DeadLetterQueue, WorkQueue,
    call::services::sqs,
    classify::{failed, passing},
};

const SEND: &str = "sqs:SendMessageBatch";

#[derive(Deserialize)]
struct Sent {
    #[serde(rename = "Failed", default)]
    failed: Vec<NotSent>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NotSent {
    code: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    sender_fault: bool,
}

/// The most messages in a batch.
const BATCH: usize = 10;
/// The most bytes in a batch, and so in a message.
const BATCH_BYTES: usize = 256 * 1024;
/// The longest delay, in seconds.
const LONGEST: u64 = 900;

impl<S: AsRef<WorkQueue> + AsRef<DeadLetterQueue>> Messages for Aws<S> {
    async fn send(&self, messages: &[Message], delay: Duration) -> Result<()> {
        let WorkQueue(url) = self.settings.as_ref();
        self.send_to(url, messages, delay).await
    }

    async fn send_to_dead_letters(&self, messages: &[Message]) -> Result<()> {
        let DeadLetterQueue(url) = self.settings.as_ref();
        self.send_to(url, messages, Duration::ZERO).await
    }
}

impl<S> Aws<S> {
    async fn send_to(&self, url: &str, messages: &[Message], delay: Duration) -> Result<()> {
        let delay = delay.as_secs().min(LONGEST);
        for bodies in batches(messages.iter().map(Message::to_body)) {
            let entries = bodies.into_iter().enumerate().map(|(index, body)| {
                json!({"Id": index.to_string(), "MessageBody": body, "DelaySeconds": delay})
            });
            let batch = json!({"QueueUrl": url, "Entries": entries.collect::<Value>()});
            let reply = sqs::send_message_batch(&self.config, &batch).await;
            let sent: Sent = reply.map_err(failed(SEND))?.json(SEND)?;
            if let Some(first) = sent.failed.into_iter().next() {
                let NotSent {
                    code,
                    message,
                    sender_fault,
                } = first;
                let kind = match passing(&code, &message, None) {
                    Some(passing) => passing,
                    None if sender_fault => ErrorKind::Invalid,
                    None => ErrorKind::Unavailable,
                };
                return Err(Error::new(SEND, kind, format!("{code}: {message}")));
            }
        }
        Ok(())
    }
}

fn batches(bodies: impl Iterator<Item = String>) -> Vec<Vec<String>> {
    let mut batches: Vec<Vec<String>> = Vec::new();
    let mut bytes = 0;
    for body in bodies {
        match batches.last_mut() {
            Some(batch) if batch.len() < BATCH && bytes + body.len() <= BATCH_BYTES => {
                bytes += body.len();
                batch.push(body);
            }
            _ => {
                bytes = body.len();
                batches.push(vec![body]);
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use towerhook_core::lifecycle::MessageScope;

    use super::*;
    use crate::testing::{account, answer};

    fn message(attempt: u32) -> Message {
        Message::new(MessageScope::All, attempt)
    }

    #[tokio::test]
    async fn ten_messages_go_together_and_each_is_delayed() {
        let (aws, sent) = account([
            answer(json!({"Successful": []})),
            answer(json!({"Successful": []})),
        ]);
        let messages: Vec<_> = (0..11).map(message).collect();
        aws.send(&messages, Duration::from_secs(1000))
            .await
            .unwrap();
        let entries: Vec<Value> = sent
            .calls()
            .into_iter()
            .map(|(_, body)| body["Entries"].clone())
            .collect();
        assert_eq!(entries[0].as_array().unwrap().len(), 10);
        assert_eq!(entries[1].as_array().unwrap().len(), 1);
        assert_eq!(entries[0][0]["DelaySeconds"], 900);
        assert_eq!(entries[1][0]["MessageBody"], message(10).to_body());
    }

    #[tokio::test]
    async fn what_is_set_aside_goes_to_the_dead_letter_queue() {
        let (aws, sent) = account([answer(json!({"Successful": []}))]);
        aws.send_to_dead_letters(&[message(3)]).await.unwrap();
        let (_, body) = &sent.calls()[0];
        assert!(body["QueueUrl"].as_str().unwrap().ends_with("/dead"));
        assert_eq!(body["Entries"][0]["MessageBody"], message(3).to_body());
    }

    #[tokio::test]
    async fn nothing_is_sent_for_no_messages() {
        let (aws, sent) = account([]);
        aws.send(&[], Duration::ZERO).await.unwrap();
        assert!(sent.calls().is_empty());
    }

    #[tokio::test]
    async fn one_message_that_is_not_taken_is_an_error() {
        let failed = |code: &str, sender_fault: bool| {
            let entry =
                json!({"Id": "0", "Code": code, "Message": "m", "SenderFault": sender_fault});
            answer(json!({"Successful": [], "Failed": [entry]}))
        };
        let (aws, _) = account([
            failed("Why", false),
            failed("Why", true),
            failed("RequestThrottled", true),
        ]);
        let theirs = aws.send(&[message(0)], Duration::ZERO).await.unwrap_err();
        assert_eq!(theirs.kind, ErrorKind::Unavailable);
        assert_eq!(theirs.chain(), "sqs:SendMessageBatch failed: Why: m");
        let ours = aws.send(&[message(0)], Duration::ZERO).await.unwrap_err();
        assert_eq!(ours.kind, ErrorKind::Invalid);
        let passing = aws.send(&[message(0)], Duration::ZERO).await.unwrap_err();
        assert_eq!(passing.kind, ErrorKind::Throttled { retry_after: None });
    }

    #[test]
    fn a_batch_stays_below_the_largest_size() {
        let bodies = [BATCH_BYTES - 1, 1, 1, BATCH_BYTES].map(|length| "x".repeat(length));
        let batches = batches(bodies.into_iter());
        let lengths: Vec<Vec<usize>> = batches
            .iter()
            .map(|batch| batch.iter().map(String::len).collect())
            .collect();
        assert_eq!(
            lengths,
            [vec![BATCH_BYTES - 1, 1], vec![1], vec![BATCH_BYTES]]
        );
    }
}
