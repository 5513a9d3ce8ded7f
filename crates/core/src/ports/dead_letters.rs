use std::time::Duration;

use jiff::Timestamp;

use crate::Result;

/// A message of the dead-letter queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// SQS's id of the message.
    pub id: String,
    /// With what it is deleted or shown again; good for this receipt only.
    pub receipt: String,
    /// When it was sent first.
    pub sent_at: Option<Timestamp>,
    /// Its text, which is never shown.
    pub body: String,
    /// Why EventBridge could not deliver it; nothing for a message that the work queue gave up on.
    pub undelivered: Option<Undelivered>,
}

/// What EventBridge notes on an event that it could not deliver.
///
/// Source: docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    /// `RULE_ARN`.
    pub rule: String,
    /// `TARGET_ARN`.
    pub target: String,
    /// `ERROR_CODE` and `ERROR_MESSAGE`.
    pub error: String,
}

/// Where a message of the dead-letter queue goes after somebody looked at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReturnTo {
    /// Where it was, for everybody to see.
    DeadLetters,
    /// The work queue.
    WorkQueue,
    /// It is removed.
    Nowhere,
}

/// The dead-letter queue and the work queue, for an administrator.
pub trait DeadLetters {
    /// Some of the messages, which nobody else sees for `hidden`; none where there are none left.
    async fn receive(&self, hidden: Duration) -> Result<Vec<DeadLetter>>;
    /// Puts a message where it belongs. On its way to the work queue it is in both for a moment,
    /// and never in neither.
    async fn settle(&self, letter: &DeadLetter, to: ReturnTo) -> Result<()>;
    /// Whether this ARN is the work queue's.
    fn is_work_queue(&self, arn: &str) -> bool;
}
