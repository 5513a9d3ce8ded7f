//! What changes something. Every write can be repeated.

use std::time::Duration;

use super::{LedgerReads, StackReads, StackSetReads, TokenReads};
use crate::{
    Result,
    landing_zone::TopicSet,
    ledger::{Holder, Record, Success, Unreadable},
    lifecycle::Message,
    model::{AccountId, Arn, SecretText, Token},
    policy::Deployment,
    stack_sets::{StackSetSpec, Start},
};

/// The topic that a trail tells of each log file.
pub trait TrailTopics {
    /// Gives the trail of this name in this Region another topic, or none; all else stays.
    async fn set_topic(&self, trail: &str, topic: Option<&Arn>) -> Result<TopicSet>;
}

/// Changes of StackSets and their instances.
pub trait StackSetWrites {
    /// Makes a StackSet without instances; one that exists is not an error.
    async fn create_stack_set(&self, spec: &StackSetSpec) -> Result<()>;
    /// Gives a StackSet and all its instances another template or other parameters.
    async fn update_stack_set(&self, spec: &StackSetSpec, operation: &str) -> Result<Start>;
    /// The same for a StackSet that somebody else made, which then has managed execution, too.
    async fn adopt_stack_set(&self, spec: &StackSetSpec, operation: &str) -> Result<Start> {
        self.update_stack_set(spec, operation).await
    }
    /// Removes an empty StackSet; one that is gone is not an error.
    async fn delete_stack_set(&self, name: &str) -> Result<()>;
    /// Makes instances, or tries again those that are outdated; `token` is what they register
    /// themselves with, where they do.
    async fn create_instances(
        &self,
        name: &str,
        accounts: &[AccountId],
        token: Option<&SecretText>,
        operation: &str,
    ) -> Result<Start>;
    /// Gives instances another token to register themselves with.
    async fn renew_token(
        &self,
        name: &str,
        accounts: &[AccountId],
        token: &SecretText,
        operation: &str,
    ) -> Result<Start>;
    /// Removes instances; with `retain`, leaves their stacks where they are.
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
    /// Makes a stack; `token` makes a repetition harmless.
    async fn create_stack(&self, spec: &StackSetSpec, token: &str) -> Result<()>;
    /// Changes a stack; one that has nothing to change is not an error.
    async fn update_stack(&self, spec: &StackSetSpec, token: &str) -> Result<()>;
    /// Removes a stack; one that is gone is not an error.
    async fn delete_stack(&self, name: &str, token: &str) -> Result<()>;
}

/// Changes of the secret that holds the access token.
pub trait TokenWrites {
    /// Stores a token.
    async fn store_token(&self, token: &Token) -> Result<()>;
}

/// Changes of what no other place remembers.
///
/// Where a write names a holder, it is a conflict unless that one has the lease as the write takes
/// effect, however late it arrives.
pub trait LedgerWrites {
    /// Records what a request is about to make.
    async fn store_attempt(&self, by: &Holder, attempt: &Deployment) -> Result<()>;
    /// Records a request that succeeded, with the one before it, and forgets the attempt.
    async fn store_success(
        &self,
        by: &Holder,
        success: &Success,
        previous: Option<&Success>,
    ) -> Result<()>;
    /// Changes the deployment of the last request that succeeded.
    async fn store_deployment(&self, by: &Holder, deployment: &Deployment) -> Result<()>;
    /// Changes which sources could not be read of late.
    async fn store_unreadable(&self, by: &Holder, unreadable: &Unreadable) -> Result<()>;
    /// Lets nobody delete the ledger from now on, or lets them again.
    async fn protect(&self, is_protected: bool) -> Result<()>;
    /// The suffix of this deployment's external ids: the stored one, else `fresh`, now stored.
    async fn external_id_suffix(&self, fresh: &str) -> Result<String>;
    /// Writes records; `None` forgets one.
    async fn store_records(&self, records: &[(AccountId, Option<Record>)]) -> Result<()>;
}

/// Where CloudFormation takes the answers of custom resources.
pub trait Answers {
    /// Sends the body of an answer to its pre-signed address. Repeating it is harmless.
    async fn answer(&self, address: &SecretText, body: Vec<u8>) -> Result<()>;
}

/// Messages to the account function.
pub trait Messages {
    /// Sends messages that arrive after `delay` (at most 900 s, SQS's own limit).
    async fn send(&self, messages: &[Message], delay: Duration) -> Result<()>;
    /// Puts messages into the dead-letter queue, for an administrator to look at.
    async fn set_aside(&self, messages: &[Message]) -> Result<()>;
}

/// The topic that setup fans out on.
pub trait FanOut {
    /// Publishes a message to the work queue's topic.
    async fn publish(&self, message: &Message) -> Result<()>;
}

/// A function that can be invoked by name.
pub trait Functions {
    /// Asks the auth function for a fresh token and waits for it.
    async fn refresh_token(&self) -> Result<()>;
    /// Hands a payload to a fresh invocation of this function.
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
