//! Ports that change something. Every write is idempotent.

use std::time::Duration;

use super::{LedgerReads, StackReads, StackSetReads, TokenReads};
use crate::{
    Result,
    happening::Event,
    landing_zone::{Announcement, BucketNotifications, TopicSet},
    ledger::{Holder, Record, Success, Unreadable},
    lifecycle::Message,
    model::{AccountId, Arn, SecretText, Token},
    policy::Deployment,
    stack_sets::{StackSetSpec, Start},
};

/// The topic that a trail notifies of each log file.
pub trait TrailTopics {
    /// Sets the topic of the trail with this name in this Region, or removes it; everything else
    /// stays.
    async fn set_topic(&self, trail: &str, topic: Option<&Arn>) -> Result<TopicSet>;
}

/// Changes of the notifications of a bucket in Log Archive.
pub trait BucketNotificationWrites {
    /// Replaces all of them, with the announcement's role, if they are still as they were `found`;
    /// otherwise that is a conflict. S3 validates the targets first, unless the announcement is
    /// removed: then a deleted target of a foreign notification is no obstacle.
    async fn set_notifications(
        &self,
        of: &Announcement,
        found: &BucketNotifications,
        all: &BucketNotifications,
    ) -> Result<TopicSet>;
}

/// Changes of StackSets and their instances.
pub trait StackSetWrites {
    /// Creates a StackSet without instances; an existing one is not an error.
    async fn create_stack_set(&self, spec: &StackSetSpec) -> Result<()>;
    /// Updates the template or the parameters of a StackSet and all its instances.
    async fn update_stack_set(&self, spec: &StackSetSpec, operation: &str) -> Result<Start>;
    /// Likewise for a foreign StackSet, which also gets managed execution.
    async fn adopt_stack_set(&self, spec: &StackSetSpec, operation: &str) -> Result<Start> {
        self.update_stack_set(spec, operation).await
    }
    /// Deletes an empty StackSet; a missing one is not an error.
    async fn delete_stack_set(&self, name: &str) -> Result<()>;
    /// Creates instances, or retries outdated ones; `token` is what they register themselves with,
    /// if they do.
    async fn create_instances(
        &self,
        name: &str,
        accounts: &[AccountId],
        token: Option<&SecretText>,
        operation: &str,
    ) -> Result<Start>;
    /// Gives instances a new token to register themselves with.
    async fn renew_token(
        &self,
        name: &str,
        accounts: &[AccountId],
        token: &SecretText,
        operation: &str,
    ) -> Result<Start>;
    /// Deletes instances; with `retain`, their stacks are left in the accounts.
    async fn delete_instances(
        &self,
        name: &str,
        accounts: &[AccountId],
        retain: bool,
        operation: &str,
    ) -> Result<Start>;
}

/// Changes of ordinary stacks in the management account, which has no AWSControlTowerExecution.
pub trait StackWrites {
    /// Creates a stack; `token` makes a repeated call harmless.
    async fn create_stack(&self, spec: &StackSetSpec, token: &str) -> Result<()>;
    /// Updates a stack; an update without changes is not an error.
    async fn update_stack(&self, spec: &StackSetSpec, token: &str) -> Result<()>;
    /// Deletes a stack; a missing one is not an error.
    async fn delete_stack(&self, name: &str, token: &str) -> Result<()>;
}

/// Changes of the secret that holds the access token.
pub trait TokenWrites {
    /// Stores a token.
    async fn store_token(&self, token: &Token) -> Result<()>;
}

/// Changes of what no other place remembers.
///
/// A write that names a holder is a conflict unless that holder has the lease when the write takes
/// effect, however late it arrives.
pub trait LedgerWrites {
    /// Records what a request is about to create.
    async fn store_attempt(&self, by: &Holder, attempt: &Deployment) -> Result<()>;
    /// Records a request that succeeded, with the one before it, and deletes the attempt.
    async fn store_success(
        &self,
        by: &Holder,
        success: &Success,
        previous: Option<&Success>,
    ) -> Result<()>;
    /// Changes the deployment of the last request that succeeded.
    async fn store_deployment(&self, by: &Holder, deployment: &Deployment) -> Result<()>;
    /// Changes the sources that could not be read in the last comparisons.
    async fn store_unreadable(&self, by: &Holder, unreadable: &Unreadable) -> Result<()>;
    /// Protects the ledger against deletion, or ends the protection.
    async fn protect(&self, is_protected: bool) -> Result<()>;
    /// The suffix of this deployment's external ids: the stored one, else `fresh`, now stored.
    async fn external_id_suffix(&self, fresh: &str) -> Result<String>;
    /// Writes records; `None` deletes one.
    async fn store_records(&self, records: &[(AccountId, Option<Record>)]) -> Result<()>;
}

/// Sends custom resources' responses to CloudFormation.
pub trait Answers {
    /// Sends the body of a response to its pre-signed address. Idempotent.
    async fn answer(&self, address: &SecretText, body: Vec<u8>) -> Result<()>;
}

/// Messages to the account function.
pub trait Messages {
    /// Sends messages that arrive after `delay` (at most 900 s, SQS's own limit).
    async fn send(&self, messages: &[Message], delay: Duration) -> Result<()>;
    /// Sends messages to the dead-letter queue, for an administrator.
    async fn send_to_dead_letters(&self, messages: &[Message]) -> Result<()>;
}

/// The account's default event bus.
pub trait EventBus {
    /// Puts events on it. After an error, some of them may be on it.
    async fn put_events(&self, events: &[Event]) -> Result<()>;
}

/// The bucket for evidence.
pub trait EvidenceWrites {
    /// Writes or replaces an object.
    async fn put_evidence(
        &self,
        key: &str,
        content_type: &'static str,
        body: Vec<u8>,
    ) -> Result<()>;
}

/// The topic that setup publishes the fan-out to.
pub trait FanOut {
    /// Publishes a message to the work queue's topic.
    async fn publish(&self, message: &Message) -> Result<()>;
}

/// A function that can be invoked by name.
pub trait Functions {
    /// Asks the auth function for a fresh token and waits for it.
    async fn refresh_token(&self) -> Result<()>;
    /// Hands a payload to a new invocation of this function.
    async fn continue_with(&self, payload: &SecretText) -> Result<()>;
}

/// StackSets, looked at and changed.
pub trait StackSets: StackSetReads + StackSetWrites {}
impl<T: StackSetReads + StackSetWrites> StackSets for T {}

/// Ordinary stacks, looked at and changed.
pub trait Stacks: StackReads + StackWrites {}
impl<T: StackReads + StackWrites> Stacks for T {}

/// The access token's secret, read and written.
pub trait Tokens: TokenReads + TokenWrites {}
impl<T: TokenReads + TokenWrites> Tokens for T {}

/// The ledger, read and written.
pub trait Ledger: LedgerReads + LedgerWrites {}
impl<T: LedgerReads + LedgerWrites> Ledger for T {}
