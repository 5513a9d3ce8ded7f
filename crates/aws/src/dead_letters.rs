use std::{collections::HashMap, time::Duration};

use aws_sdk_sqs::types::{
    Message, MessageAttributeValue, MessageSystemAttributeName as System, QueueAttributeName,
};
use jiff::Timestamp;
use towerhook_core::{
    Error, ErrorKind, Result,
    ports::{DeadLetter, DeadLetters, ReturnTo, Undelivered},
};

use crate::{
    Aws, DeadLetterQueue, SdkConfig, WorkQueue,
    classify::{failed, unusable},
    outputs::Outputs,
};

const ATTRIBUTES: &str = "sqs:GetQueueAttributes";
const RECEIVE: &str = "sqs:ReceiveMessage";
const SEND: &str = "sqs:SendMessage";
const DELETE: &str = "sqs:DeleteMessage";
const VISIBILITY: &str = "sqs:ChangeMessageVisibility";

/// The most messages that SQS returns per receive.
const BATCH: i32 = 10;
/// Long polling: with a wait, SQS asks all of its servers instead of a subset.
const WAIT_SECONDS: i32 = 1;

/// The queues of a deployment, found by its stack's outputs. With it, [`Aws`] implements
/// `DeadLetters` and `Messages`.
///
/// Messages are received, sent and deleted one by one. SQS's own `StartMessageMoveTask` moves only
/// messages that another queue gave up on, and this queue also holds events that EventBridge could
/// not deliver.
#[derive(Debug, Clone)]
pub struct Queues {
    work: WorkQueue,
    work_arn: String,
    dead: DeadLetterQueue,
}

impl AsRef<WorkQueue> for Queues {
    fn as_ref(&self) -> &WorkQueue {
        &self.work
    }
}

impl AsRef<DeadLetterQueue> for Queues {
    fn as_ref(&self) -> &DeadLetterQueue {
        &self.dead
    }
}

impl Aws<Queues> {
    /// Finds the queues of the stack with this name or id.
    ///
    /// # Errors
    ///
    /// CloudFormation or SQS does not answer, the stack is not one of Towerhook's, or its work queue
    /// gives up messages to another queue than the output names.
    pub async fn queues_of(config: &SdkConfig, stack: &str) -> Result<Self> {
        let outputs = Outputs::of(config, stack).await?;
        let (work, dead) = (
            outputs.get("WorkQueueUrl")?,
            outputs.get("DeadLetterQueueUrl")?,
        );
        let queues = Queues {
            work: WorkQueue(work),
            work_arn: String::new(),
            dead: DeadLetterQueue(dead),
        };
        let mut aws = Self::new(config, queues);
        let (arn, redrive) = (
            QueueAttributeName::QueueArn,
            QueueAttributeName::RedrivePolicy,
        );
        let answer = aws
            .sqs()
            .get_queue_attributes()
            .queue_url(&aws.settings.work.0)
            .attribute_names(arn.clone())
            .attribute_names(redrive.clone())
            .send()
            .await
            .map_err(failed(ATTRIBUTES))?;
        let attribute = |name| answer.attributes().and_then(|found| found.get(name));
        let policy = attribute(&redrive).map_or("", String::as_str);
        if !gives_up_to(policy, &aws.settings.dead) {
            let why = "the work queue gives up messages to another queue than DeadLetterQueueUrl";
            return Err(unusable(ATTRIBUTES, why));
        }
        aws.settings.work_arn = attribute(&arn)
            .cloned()
            .ok_or_else(|| unusable(ATTRIBUTES, "the work queue has no ARN"))?;
        Ok(aws)
    }
}

/// Whether a queue with this redrive policy gives up messages to this one, so that nothing is taken
/// from any other queue.
fn gives_up_to(policy: &str, DeadLetterQueue(dead): &DeadLetterQueue) -> bool {
    let Ok(policy) = serde_json::from_str::<serde_json::Value>(policy) else {
        return false;
    };
    let target = policy["deadLetterTargetArn"].as_str().unwrap_or_default();
    let name = dead.rsplit('/').next();
    !target.is_empty() && target.rsplit(':').next() == name
}

impl DeadLetters for Aws<Queues> {
    async fn receive(&self, hidden: Duration) -> Result<Vec<DeadLetter>> {
        let hidden = i32::try_from(hidden.as_secs()).unwrap_or(i32::MAX);
        let answer = self
            .sqs()
            .receive_message()
            .queue_url(&self.settings.dead.0)
            .max_number_of_messages(BATCH)
            .wait_time_seconds(WAIT_SECONDS)
            .visibility_timeout(hidden)
            .message_system_attribute_names(System::All)
            .message_attribute_names("All")
            .send()
            .await
            .map_err(failed(RECEIVE))?;
        answer.messages().iter().map(letter).collect()
    }

    async fn settle(&self, letter: &DeadLetter, to: ReturnTo) -> Result<()> {
        let (WorkQueue(work), DeadLetterQueue(dead)) = (&self.settings.work, &self.settings.dead);
        if to == ReturnTo::DeadLetters {
            let answer = self
                .sqs()
                .change_message_visibility()
                .queue_url(dead)
                .receipt_handle(&letter.receipt)
                .visibility_timeout(0)
                .send()
                .await;
            return answer.map(|_| ()).map_err(failed(VISIBILITY));
        }
        if to == ReturnTo::WorkQueue {
            self.sqs()
                .send_message()
                .queue_url(work)
                .message_body(&letter.body)
                .send()
                .await
                .map_err(failed(SEND))?;
        }
        self.sqs()
            .delete_message()
            .queue_url(dead)
            .receipt_handle(&letter.receipt)
            .send()
            .await
            .map_err(failed(DELETE))?;
        Ok(())
    }

    fn is_work_queue(&self, arn: &str) -> bool {
        arn == self.settings.work_arn
    }
}

fn letter(message: &Message) -> Result<DeadLetter> {
    let missing = |what: &str| Error::new(RECEIVE, ErrorKind::Invalid, format!("no {what}"));
    let sent_at = message
        .attributes()
        .and_then(|attributes| attributes.get(&System::SentTimestamp))
        .and_then(|time| Timestamp::from_millisecond(time.parse().ok()?).ok());
    Ok(DeadLetter {
        id: message.message_id().ok_or_else(|| missing("id"))?.into(),
        receipt: message
            .receipt_handle()
            .ok_or_else(|| missing("receipt"))?
            .into(),
        sent_at,
        body: message.body().unwrap_or_default().to_owned(),
        undelivered: message.message_attributes().and_then(undelivered),
    })
}

fn undelivered(attributes: &HashMap<String, MessageAttributeValue>) -> Option<Undelivered> {
    let text = |name: &str| attributes.get(name).and_then(|value| value.string_value());
    let error = [text("ERROR_CODE"), text("ERROR_MESSAGE")];
    let error: Vec<_> = error.into_iter().flatten().collect();
    Some(Undelivered {
        rule: text("RULE_ARN")?.to_owned(),
        target: text("TARGET_ARN")?.to_owned(),
        error: error.join(": "),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use towerhook_core::{lifecycle::MessageScope, ports::Messages};

    use super::*;
    use crate::testing::{Answer, Sent, answer, error, replay, xml};

    const WORK: &str = "https://sqs.eu-west-1.amazonaws.com/999999999999/work";
    const DEAD: &str = "https://sqs.eu-west-1.amazonaws.com/999999999999/dead";
    const WORK_ARN: &str = "arn:aws:sqs:eu-west-1:999999999999:work";

    fn stack() -> Answer {
        let output = |name, value| {
            format!(
                "<member><OutputKey>{name}</OutputKey><OutputValue>{value}</OutputValue></member>"
            )
        };
        let outputs = output("WorkQueueUrl", WORK) + &output("DeadLetterQueueUrl", DEAD);
        let stack = format!(
            "<Stacks><member><StackName>t</StackName><CreationTime>2026-01-01T00:00:00Z\
             </CreationTime><StackStatus>CREATE_COMPLETE</StackStatus><Outputs>{outputs}</Outputs>\
             </member></Stacks>"
        );
        xml("DescribeStacks", &stack)
    }

    /// The work queue, which gives up messages to a queue with this name.
    fn attributes(dead: &str) -> Answer {
        let target = format!("arn:aws:sqs:eu-west-1:999999999999:{dead}");
        let policy = json!({"deadLetterTargetArn": target, "maxReceiveCount": 5}).to_string();
        answer(json!({"Attributes": {"QueueArn": WORK_ARN, "RedrivePolicy": policy}}))
    }

    async fn queues(more: impl IntoIterator<Item = Answer>) -> (Aws<Queues>, Sent) {
        let (config, sent) = replay([stack(), attributes("dead")].into_iter().chain(more));
        (Aws::queues_of(&config, "t").await.unwrap(), sent)
    }

    #[tokio::test]
    async fn a_stack_of_somebody_elses_is_told_from_ours() {
        let (config, _) = replay([xml("DescribeStacks", "<Stacks></Stacks>")]);
        let error = Aws::queues_of(&config, "other").await.unwrap_err();
        assert!(error.chain().contains("other has no output WorkQueueUrl"));
    }

    #[tokio::test]
    async fn a_queue_that_is_no_dead_letter_queue_is_left_alone() {
        let (config, _) = replay([stack(), attributes("another")]);
        let error = Aws::queues_of(&config, "t").await.unwrap_err();
        assert!(error.chain().contains("gives up messages to another"));
    }

    #[tokio::test]
    async fn a_comparison_is_asked_for_in_the_work_queue() {
        let (aws, sent) = queues([answer(json!({"Successful": []}))]).await;
        let everything = towerhook_core::lifecycle::Message::new(MessageScope::All, 0);
        aws.send(&[everything], Duration::ZERO).await.unwrap();
        let (operation, body) = sent.calls().remove(2);
        assert_eq!(operation, "SendMessageBatch");
        assert_eq!(body["QueueUrl"], WORK);
    }

    #[tokio::test]
    async fn a_message_comes_with_its_time_and_with_what_eventbridge_noted() {
        let text = |value: &str| json!({"DataType": "String", "StringValue": value});
        let messages = json!({"Messages": [
            {"MessageId": "1", "ReceiptHandle": "r1", "Body": "{}",
             "Attributes": {"SentTimestamp": "1700000000000"},
             "MessageAttributes": {
                "RULE_ARN": text("rule"), "TARGET_ARN": text(WORK_ARN),
                "ERROR_CODE": text("NO_PERMISSIONS"),
             }},
            {"MessageId": "2", "ReceiptHandle": "r2", "Body": "x"},
        ]});
        let (aws, sent) = queues([answer(messages)]).await;
        let letters = aws.receive(Duration::from_secs(60)).await.unwrap();
        assert_eq!(
            letters[0].sent_at,
            Timestamp::from_second(1_700_000_000).ok()
        );
        let event = letters[0].undelivered.as_ref().unwrap();
        assert!(aws.is_work_queue(&event.target));
        assert_eq!(event.error, "NO_PERMISSIONS");
        assert_eq!(
            (&letters[1].sent_at, &letters[1].undelivered),
            (&None, &None)
        );
        let (_, asked) = sent.calls().remove(2);
        assert_eq!(asked["QueueUrl"], DEAD);
        assert_eq!(asked["VisibilityTimeout"], 60);
        assert_eq!(asked["MessageAttributeNames"], json!(["All"]));
    }

    #[tokio::test]
    async fn a_message_is_sent_before_it_is_deleted_and_stays_where_sending_failed() {
        let done = || answer(json!({"MessageId": "new"}));
        let (aws, sent) =
            queues([done(), done(), error(400, "InvalidMessageContents"), done()]).await;
        let letter = DeadLetter {
            id: "1".into(),
            receipt: "r1".into(),
            sent_at: None,
            body: "body".into(),
            undelivered: None,
        };
        aws.settle(&letter, ReturnTo::WorkQueue).await.unwrap();
        aws.settle(&letter, ReturnTo::WorkQueue).await.unwrap_err();
        aws.settle(&letter, ReturnTo::DeadLetters).await.unwrap();
        let calls = sent.calls().split_off(2);
        let operations: Vec<_> = calls.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            operations,
            [
                "SendMessage",
                "DeleteMessage",
                "SendMessage",
                "ChangeMessageVisibility"
            ]
        );
        let to = |index: usize| -> &Value { &calls[index].1["QueueUrl"] };
        assert_eq!([to(0), to(1), to(3)], [WORK, DEAD, DEAD]);
        assert_eq!(calls[0].1["MessageBody"], "body");
        assert_eq!(calls[3].1["VisibilityTimeout"], 0);
    }
}
