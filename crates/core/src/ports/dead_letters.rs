use std::time::Duration;

use jiff::Timestamp;

use crate::Result;

/// A message of the dead-letter queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// SQS's id of the message.
    pub id: String,
    /// The receipt handle, with which it is deleted or made visible again.
    pub receipt: String,
    /// When it was first sent.
    pub sent_at: Option<Timestamp>,
    /// Its body, which is never shown.
    pub body: String,
    /// Why EventBridge could not deliver it; `None` for a message that the work queue gave up on.
    pub undelivered: Option<Undelivered>,
}

/// EventBridge's attributes of an event that it could not deliver.
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

/// Where a message of the dead-letter queue goes after it was inspected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReturnTo {
    /// It stays, and becomes visible again.
    DeadLetters,
    /// The work queue.
    WorkQueue,
    /// It is deleted.
    Nowhere,
}

/// The dead-letter queue and the work queue, for an administrator.
pub trait DeadLetters {
    /// Receives some of the messages, which stay invisible for `hidden`; empty if none are left.
    async fn receive(&self, hidden: Duration) -> Result<Vec<DeadLetter>>;
    /// Moves a message. On its way to the work queue it is in both queues for a moment, and never
    /// in neither.
    async fn settle(&self, letter: &DeadLetter, to: ReturnTo) -> Result<()>;
    /// Whether this ARN is the work queue's.
    fn is_work_queue(&self, arn: &str) -> bool;
}
