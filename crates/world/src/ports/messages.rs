use std::time::Duration;

use jiff::SignedDuration;
use serde_json::Value;
use towerhook_core::{
    Result,
    lifecycle::Message,
    model::SecretText,
    ports::{Answers, DeadLetter, DeadLetters, FanOut, Messages, ReturnTo},
};

use super::Ports;
use crate::{
    rates::{MESSAGES_A_BATCH, pages},
    state::{Answered, SentAnswer},
};

/// The longest delay of a message.
const LONGEST: Duration = Duration::from_secs(900);

impl Messages for Ports {
    async fn send(&self, messages: &[Message], delay: Duration) -> Result<()> {
        let call = "sqs:SendMessageBatch";
        let batches = pages(messages.len(), MESSAGES_A_BATCH);
        self.more(call, batches - 1).await?;
        self.call(call, |state, now| {
            for message in messages {
                let body = message.to_body();
                state.say(now, || {
                    format!("{} sends {body} in {delay:?}", self.caller.name)
                });
                state.queue.send(now, body, delay.min(LONGEST));
            }
            Ok(())
        })
        .await
    }

    async fn send_to_dead_letters(&self, messages: &[Message]) -> Result<()> {
        self.call("sqs:SendMessageBatch", |state, now| {
            for message in messages {
                state.queue.bury(now, message.to_body());
            }
            Ok(())
        })
        .await
    }
}

impl FanOut for Ports {
    async fn publish(&self, message: &Message) -> Result<()> {
        self.call("sns:Publish", |state, now| {
            state.queue.send(now, message.to_body(), Duration::ZERO);
            Ok(())
        })
        .await
    }
}

/// The work queue's ARN.
const WORK_QUEUE: &str = "arn:aws:sqs:us-east-1:000000000001:towerhook-work";

impl DeadLetters for Ports {
    async fn receive(&self, hidden: Duration) -> Result<Vec<DeadLetter>> {
        self.call("sqs:ReceiveMessage", |state, now| {
            let until = now + SignedDuration::try_from(hidden).unwrap_or_default();
            let letters = state.queue.dead_letters(now, until).into_iter();
            Ok(letters
                .map(|(number, body)| DeadLetter {
                    id: number.to_string(),
                    receipt: number.to_string(),
                    sent_at: None,
                    body,
                    undelivered: None,
                })
                .collect())
        })
        .await
    }

    async fn settle(&self, letter: &DeadLetter, to: ReturnTo) -> Result<()> {
        self.call("sqs:DeleteMessage", |state, now| {
            let number = letter.receipt.parse().unwrap_or_default();
            if to == ReturnTo::WorkQueue {
                state.queue.send(now, letter.body.clone(), Duration::ZERO);
            }
            state
                .queue
                .settle_dead(now, number, to == ReturnTo::DeadLetters);
            Ok(())
        })
        .await
    }

    fn is_work_queue(&self, arn: &str) -> bool {
        arn == WORK_QUEUE
    }
}

impl Answers for Ports {
    async fn answer(&self, address: &SecretText, body: Vec<u8>) -> Result<()> {
        let path = address.expose().split('?').next().unwrap_or_default();
        let request = path.rsplit('/').next().unwrap_or_default().to_owned();
        let read: Value = serde_json::from_slice(&body).expect("an answer is JSON");
        let text = |name: &str| read[name].as_str().unwrap_or_default().to_owned();
        let answered = Answered {
            success: read["Status"] == "SUCCESS",
            reason: text("Reason"),
            physical_id: text("PhysicalResourceId"),
        };
        self.call("s3:PutObject", |state, at| {
            state.notification_stays |= answered.reason.contains("the notification ");
            state.answers.entry(request).or_insert(answered);
            state.sent.push(SentAnswer {
                address: address.expose().to_owned(),
                body,
                at,
            });
            Ok(())
        })
        .await
    }
}
