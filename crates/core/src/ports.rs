//! One trait per capability that we use, with the outcomes of each operation as its result.
//!
//! An adapter translates and nothing else. A listing is complete or an error: half a listing is
//! no listing. Every write can be repeated.

#![allow(
    async_fn_in_trait,
    reason = "implementations are named types, never `dyn`"
)]

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    Result,
    enrollment::{Deployment, Record},
    foundation::StackSetSpec,
    landing_zone::{
        Account, Baselines, InstanceFailure, LandingZone, OperationState, OuTree, StackInstance,
        Trail,
    },
    lifecycle::{DeadLetter, Message, Parked},
    model::{AccountId, AccountMapping, Arn, ExternalId, SecretText, SubAccount},
};

/// Which accounts the organization has.
pub trait Accounts {
    /// One account; `None` where Organizations answers AccountNotFound.
    async fn account(&self, id: &AccountId) -> Result<Option<Account>>;
    /// Every account of the organization.
    async fn accounts(&self) -> Result<Vec<Account>>;
    /// Every organizational unit, for resolving names.
    async fn organizational_units(&self) -> Result<OuTree>;
}

/// Control Tower's answer to the question for its landing zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LandingZoneReply {
    /// It is in this Region.
    Here(LandingZone),
    /// Its home Region is another one.
    Elsewhere(String),
    /// There is none.
    None,
}

/// What Control Tower and its trail say.
pub trait LandingZones {
    /// The landing zone, as far as this Region can tell.
    async fn landing_zone(&self) -> Result<LandingZoneReply>;
    /// The enabled baselines of these accounts, or of all where `accounts` is `None`.
    async fn baselines(&self, accounts: Option<&[AccountId]>) -> Result<Baselines>;
    /// The trail of this name in this Region.
    async fn trail(&self, name: &str) -> Result<Option<Trail>>;
}

/// What came of setting a trail's topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TopicSet {
    /// It is set.
    Done,
    /// CloudTrail may not publish to the topic, as happens to a policy seconds old.
    NotPublishable(String),
}

/// The topic that a trail tells of each log file.
pub trait TrailTopics {
    /// Gives the trail of this name in this Region another topic, or none; all else stays.
    async fn set_topic(&self, trail: &str, topic: Option<&Arn>) -> Result<TopicSet>;
}

/// A StackSet as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackSet {
    /// Its name.
    pub name: String,
    /// Its description; ours carries the digest of template and parameters.
    pub description: String,
    /// Its parameters.
    pub parameters: BTreeMap<String, String>,
    /// Its tags; ours carry the main stack's id.
    pub tags: BTreeMap<String, String>,
}

/// What came of starting a StackSet operation with a given id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// The operation is under way.
    Started,
    /// An operation with this id exists already.
    Exists,
}

/// The StackSets of the management account, self-managed, in one Region.
pub trait StackSets {
    /// One StackSet; `None` where it does not exist.
    async fn stack_set(&self, name: &str) -> Result<Option<StackSet>>;
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
    /// The instances in these accounts, or all where `accounts` is `None`.
    /// A StackSet that does not exist has none.
    async fn instances(
        &self,
        name: &str,
        accounts: Option<&[AccountId]>,
    ) -> Result<Vec<StackInstance>>;
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
    /// How an operation stands.
    async fn operation(&self, name: &str, operation: &str) -> Result<OperationState>;
    /// The instances that an operation could not bring about.
    async fn failures(&self, name: &str, operation: &str) -> Result<Vec<InstanceFailure>>;
}

/// An ordinary stack as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    /// How it stands.
    pub state: StackState,
    /// CloudFormation's reason for that, where it gives one.
    pub reason: Option<String>,
    /// Its description; ours carries the digest of template and parameters.
    pub description: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// A stack's status in the three ways that matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StackState {
    /// Something is under way.
    InProgress,
    /// The last change succeeded.
    Complete,
    /// The last change failed or was rolled back.
    Failed,
}

/// Ordinary stacks in the management account, which has no AWSControlTowerExecution.
pub trait Stacks {
    /// One stack; `None` where it does not exist.
    async fn stack(&self, name: &str) -> Result<Option<Stack>>;
    /// Makes a stack; `token` makes a repetition harmless.
    async fn create_stack(&self, spec: &StackSetSpec, token: &str) -> Result<()>;
    /// Changes a stack; one that has nothing to change is not an error.
    async fn update_stack(&self, spec: &StackSetSpec, token: &str) -> Result<()>;
    /// Removes a stack; one that is gone is not an error.
    async fn delete_stack(&self, name: &str, token: &str) -> Result<()>;
}

/// An API key of the SaaS, and the secret's version that it was read from.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// The key's id.
    pub key_id: String,
    /// The key's secret.
    pub secret: SecretText,
    /// The version id of the secret that holds the key.
    pub version: String,
}

/// An access token as it is kept.
#[derive(Debug, Clone)]
pub struct Token {
    /// The bearer token.
    pub token: SecretText,
    /// When it stops working.
    pub expires_at: Timestamp,
    /// The version of the key that it was made with.
    pub key_version: String,
}

/// The secret that holds the API key.
pub trait Keys {
    /// The key.
    async fn key(&self) -> Result<ApiKey>;
}

/// The secret that holds the access token.
pub trait Tokens {
    /// The token; `None` where none was stored yet.
    async fn token(&self) -> Result<Option<Token>>;
    /// Stores a token.
    async fn store_token(&self, token: &Token) -> Result<()>;
}

/// What came of asking for the lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lease {
    /// It is the asker's.
    Taken {
        /// The deployment that setup recorded last, if there is one.
        deployment: Option<Box<Deployment>>,
        /// What was parked by those who came while somebody else had it.
        parked: Vec<Parked>,
    },
    /// The asker does not get it.
    Refused(Standing),
}

/// Why the lease is not to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Somebody else holds it.
    Held,
    /// Nobody holds it. It rests or is reserved until then; a time that has passed is no obstacle.
    Resting(Timestamp),
}

/// What came of parking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parking {
    /// It is kept.
    Kept {
        /// How the lease stands at this moment.
        lease: Standing,
        /// When somebody parked first, since the lease was taken last.
        called_at: Option<Timestamp>,
    },
    /// It is not kept: so much is parked that it is to be put together first, or what is parked is no
    /// longer what was to be replaced.
    Refused(Vec<Parked>),
}

/// What nobody else can remember.
pub trait Ledger {
    /// Takes the lease until `until`, unless somebody else holds or has reserved it after `now`, or
    /// it rests. Whoever has reserved it need not wait for its rest to end.
    ///
    /// What was parked stays so until [`Ledger::close_pass`] names it.
    async fn take_lease(&self, owner: &str, now: Timestamp, until: Timestamp) -> Result<Lease>;
    /// Lets nobody but `owner` take the lease until `until`; who holds it keeps it.
    async fn reserve_lease(&self, owner: &str, until: Timestamp) -> Result<()>;
    /// Gives the lease back, if `owner` still holds it.
    async fn release_lease(&self, owner: &str) -> Result<()>;
    /// Leaves messages, at least one, for whoever takes the lease next. They come on top of what is
    /// parked or, where `replaced` names that, in its place.
    async fn park(&self, parked: &[Parked], replaced: &[Parked], now: Timestamp)
    -> Result<Parking>;
    /// Writes records as [`Ledger::store_records`] does, and with the last of them gives the lease
    /// back, which then rests until `rests_until`; what is `done` is parked no longer. Answers whether
    /// anything was parked since `owner` took the lease.
    ///
    /// A conflict where `owner` no longer holds it: then those last records are not written.
    async fn close_pass(
        &self,
        owner: &str,
        records: &[(AccountId, Option<Record>)],
        done: &[Parked],
        rests_until: Timestamp,
    ) -> Result<bool>;
    /// The deployment that setup recorded last.
    async fn deployment(&self) -> Result<Option<Deployment>>;
    /// Records the deployment.
    async fn store_deployment(&self, deployment: &Deployment) -> Result<()>;
    /// The suffix of this deployment's external ids: the stored one, else `fresh`, now stored.
    async fn external_id_suffix(&self, fresh: &str) -> Result<String>;
    /// Every account's record.
    async fn records(&self) -> Result<BTreeMap<AccountId, Record>>;
    /// Writes records; `None` forgets one.
    async fn store_records(&self, records: &[(AccountId, Option<Record>)]) -> Result<()>;
}

/// Messages to the account function.
pub trait Messages {
    /// Sends messages that arrive after `delay` (at most 900 s, SQS's own limit).
    async fn send(&self, messages: &[Message], delay: Duration) -> Result<()>;
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

/// An integration (`CloudAccounts` object) as the SaaS shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Integration {
    /// `intgGuid`.
    pub guid: String,
    /// The store that holds it; `None` is the tenant's own.
    pub sub_account: Option<SubAccount>,
    /// Whether it is the organization's and no store's: every store shows it, and none can change it.
    pub organization: bool,
    /// Its name; not unique.
    pub name: String,
    /// What it watches.
    pub kind: IntegrationKind,
    /// Whether it is switched on.
    pub enabled: bool,
    /// The role that the SaaS assumes.
    pub role_arn: String,
    /// The external id as shown, which may be masked or empty.
    pub external_id: String,
    /// The queue that a trail integration reads.
    pub queue_url: Option<String>,
    /// An organization's mapping of AWS accounts to sub-accounts, where it shows one that can be read.
    pub account_mapping: Option<AccountMapping>,
    /// What the SaaS last found when it used the role and the queue.
    pub health: Health,
}

/// What the SaaS last found when it used an integration: `state`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Health {
    /// It has not looked yet, or does not say.
    #[default]
    Unknown,
    /// It could read what it wants.
    Good,
    /// It could not, and says why.
    Failing(String),
}

/// The integration types that we make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum IntegrationKind {
    /// `AwsCfg`: the configuration of one account.
    Config,
    /// `AwsCtSqs`: the organization's trail.
    CloudTrail,
}

/// All that is needed to make an integration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntegrationSpec {
    /// Its name.
    pub name: String,
    /// What it watches.
    pub kind: IntegrationKind,
    /// The AWS account that it is about.
    pub account: AccountId,
    /// The role to assume.
    pub role_arn: String,
    /// What the role's trust demands.
    pub external_id: ExternalId,
    /// The queue, for a trail.
    pub queue_url: Option<String>,
    /// Which AWS account belongs to which sub-account: only an organization's integration has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_mapping: Option<AccountMapping>,
}

impl IntegrationSpec {
    /// Whether the integration is the organization's and no store's.
    pub fn is_of_organization(&self) -> bool {
        self.account_mapping.is_some()
    }
}

/// What came of asking for an integration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// It is there, with this `intgGuid` where the answer names it.
    Done(Option<String>),
    /// The account or queue is used by another integration of this Lacework application.
    AlreadyUsed,
    /// The SaaS tried the role and could not use it, as happens to a role seconds old.
    NotUsable(String),
}

/// Who the key belongs to, from `UserProfile`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The account part of the tenant's URL, lower case.
    pub tenant: String,
    /// The sub-accounts that the key may use.
    pub sub_accounts: Vec<SubAccount>,
}

/// Gets access tokens from the SaaS.
pub trait TokenIssuer {
    /// A new token, or [`crate::ErrorKind::Unauthorized`] where the key is refused.
    async fn issue(&self, key: &ApiKey, now: Timestamp) -> Result<Token>;
}

/// The SaaS that watches the accounts.
pub trait Saas {
    /// Who we are to it.
    async fn profile(&self) -> Result<Profile>;
    /// Every integration of this kind in one store.
    async fn integrations(
        &self,
        sub_account: Option<&SubAccount>,
        kind: IntegrationKind,
    ) -> Result<Vec<Integration>>;
    /// Every integration of this kind that is the organization's.
    async fn organization_integrations(&self, kind: IntegrationKind) -> Result<Vec<Integration>> {
        let mut shown = self.integrations(None, kind).await?;
        shown.retain(|integration| integration.organization);
        Ok(shown)
    }
    /// Makes an integration: in a store, or the organization's, as `spec` says.
    async fn create(
        &self,
        sub_account: Option<&SubAccount>,
        spec: &IntegrationSpec,
    ) -> Result<Created>;
    /// Brings an integration to `spec`, switched on or off.
    async fn update(
        &self,
        existing: &Integration,
        spec: &IntegrationSpec,
        enabled: bool,
    ) -> Result<Created>;
    /// Removes an integration; one that is gone is not an error.
    async fn delete(&self, existing: &Integration) -> Result<()>;
}

/// All of AWS that the account function uses.
pub trait AccountPorts:
    Accounts + LandingZones + StackSets + Ledger + Messages + Tokens + Functions
{
}
impl<T: Accounts + LandingZones + StackSets + Ledger + Messages + Tokens + Functions> AccountPorts
    for T
{
}

/// All of AWS that the foundation is made of.
pub trait FoundationPorts: Accounts + LandingZones + TrailTopics + StackSets + Stacks {}
impl<T: Accounts + LandingZones + TrailTopics + StackSets + Stacks> FoundationPorts for T {}

/// All of AWS that the setup function uses.
pub trait SetupPorts: FoundationPorts + Ledger + FanOut + Keys + Tokens + Functions {}
impl<T: FoundationPorts + Ledger + FanOut + Keys + Tokens + Functions> SetupPorts for T {}
