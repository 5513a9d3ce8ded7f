//! One trait per capability that we use, with the outcomes of each operation as its result.
//!
//! An adapter translates and nothing else. A listing is complete or an error, never partial. Every
//! write is idempotent.

#![allow(
    async_fn_in_trait,
    reason = "implementations are named types, never `dyn`"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Result,
    enrollment::{Deployment, Record, Unreadable},
    foundation::StackSetSpec,
    landing_zone::{
        Account, Baselines, InstanceFailure, LandingZone, OperationState, OuTree, StackInstance,
        Trail,
    },
    lifecycle::{DeadLetter, Message, Parked},
    model::{AccountId, AccountMapping, Arn, ExternalId, SecretText, Store},
};

/// The accounts of the organization.
pub trait Accounts {
    /// One account; `None` if Organizations answers AccountNotFound.
    async fn account(&self, id: &AccountId) -> Result<Option<Account>>;
    /// All accounts of the organization.
    async fn accounts(&self) -> Result<Vec<Account>>;
    /// All OUs, for resolving names.
    async fn organizational_units(&self) -> Result<OuTree>;
}

/// Control Tower's answer when asked for its landing zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LandingZoneReply {
    /// It is in this Region.
    Here(LandingZone),
    /// Its home Region is another one.
    Elsewhere(String),
    /// There is none.
    None,
}

/// Control Tower and its trail.
pub trait LandingZones {
    /// The landing zone, as seen from this Region.
    async fn landing_zone(&self) -> Result<LandingZoneReply>;
    /// The enabled baselines of these accounts, or of all if `accounts` is `None`.
    async fn baselines(&self, accounts: Option<&[AccountId]>) -> Result<Baselines>;
    /// The trail of this name in this Region.
    async fn trail(&self, name: &str) -> Result<Option<Trail>>;
}

/// The result of setting a trail's topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TopicSet {
    /// It is set.
    Done,
    /// CloudTrail may not publish to the topic, as happens with a policy that is seconds old.
    NotPublishable(String),
}

/// The topic that a trail notifies of each log file.
pub trait TrailTopics {
    /// Sets the topic of the trail with this name in this Region, or removes it; everything else
    /// stays.
    async fn set_topic(&self, trail: &str, topic: Option<&Arn>) -> Result<TopicSet>;
}

/// The current state of a StackSet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackSet {
    /// Its name.
    pub name: String,
    /// Its description; ours carries the digest of template and parameters.
    pub description: String,
    /// Its template's text.
    pub template: String,
    /// Its parameters.
    pub parameters: BTreeMap<String, String>,
    /// Its tags; ours carry the main stack's id.
    pub tags: BTreeMap<String, String>,
}

/// The result of starting a StackSet operation with a given id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// The operation is running.
    Started,
    /// An operation with this id already exists.
    Exists,
}

/// A role of the management account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its ARN, including the path.
    pub arn: Arn,
    /// Its trust policy, in JSON.
    pub trust: String,
}

/// The roles of the management account.
pub trait Roles {
    /// The role with this name, regardless of its path; `None` if there is none.
    async fn role(&self, name: &str) -> Result<Option<Role>>;
}

/// The StackSets of the management account, self-managed, in one Region.
pub trait StackSets {
    /// One StackSet; `None` if it does not exist.
    async fn stack_set(&self, name: &str) -> Result<Option<StackSet>>;
    /// The names of all StackSets that begin with `prefix`.
    async fn stack_sets_named(&self, prefix: &str) -> Result<Vec<String>>;
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
    /// The instances in these accounts, or all if `accounts` is `None`. A StackSet that does not
    /// exist has none.
    async fn instances(
        &self,
        name: &str,
        accounts: Option<&[AccountId]>,
    ) -> Result<Vec<StackInstance>>;
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
    /// The state of an operation.
    async fn operation(&self, name: &str, operation: &str) -> Result<OperationState>;
    /// The instances that failed in an operation.
    async fn failures(&self, name: &str, operation: &str) -> Result<Vec<InstanceFailure>>;
}

/// The current state of an ordinary stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    /// Its status.
    pub state: StackState,
    /// CloudFormation's reason for the status, if there is one.
    pub reason: Option<String>,
    /// Its description; ours carries the digest of template and parameters.
    pub description: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// A stack's status, reduced to the three cases that matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StackState {
    /// A change is running.
    InProgress,
    /// The last change succeeded.
    Complete,
    /// The last change failed or was rolled back.
    Failed,
}

/// Ordinary stacks in the management account, which has no AWSControlTowerExecution.
pub trait Stacks {
    /// One stack; `None` if it does not exist.
    async fn stack(&self, name: &str) -> Result<Option<Stack>>;
    /// Creates a stack; `token` makes a repeated call harmless.
    async fn create_stack(&self, spec: &StackSetSpec, token: &str) -> Result<()>;
    /// Updates a stack; an update without changes is not an error.
    async fn update_stack(&self, spec: &StackSetSpec, token: &str) -> Result<()>;
    /// Deletes a stack; a missing one is not an error.
    async fn delete_stack(&self, name: &str, token: &str) -> Result<()>;
}

/// Foreign resources in this account and Region, by name.
pub trait ForeignResources {
    /// Whether EventBridge's default bus has this rule.
    async fn rule_exists(&self, name: &str) -> Result<bool>;
    /// Whether Secrets Manager has the secret with this ARN, which lacks the random suffix. Without
    /// it, a permission can name the secret even before it exists.
    async fn secret_exists(&self, arn: &str) -> Result<bool>;
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

/// A stored access token.
#[derive(Debug, Clone)]
pub struct Token {
    /// The bearer token.
    pub token: SecretText,
    /// When it expires.
    pub expires_at: Timestamp,
    /// The version of the key that it was issued for.
    pub key_version: String,
}

/// The secret that holds the API key.
pub trait Keys {
    /// The key.
    async fn key(&self) -> Result<ApiKey>;
}

/// The secret that holds the access token.
pub trait Tokens {
    /// The token; `None` if none is stored yet.
    async fn token(&self) -> Result<Option<Token>>;
    /// Stores a token.
    async fn store_token(&self, token: &Token) -> Result<()>;
}

/// An invocation that holds the lease, or asks for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holder {
    /// A pass of the account function, by its invocation.
    Pass(String),
    /// An invocation of setup. A newer request of CloudFormation takes the lease from an older one.
    Setup {
        /// When the request that it carries out was first seen.
        admitted: Timestamp,
        /// Distinguishes invocations for the same request.
        invocation: String,
    },
}

/// How many requests of CloudFormation a ledger remembers. CloudFormation sends one request of a
/// stack at a time, and repeats it for some hours at most.
pub const REMEMBERED: usize = 20;

/// The time at which a request seen at `seen` counts as first seen: in whole milliseconds and
/// unique, so that the time shows which of two requests is newer.
pub fn admitted(known: &[(String, Timestamp)], seen: Timestamp) -> Timestamp {
    let whole = seen.as_millisecond();
    let taken: BTreeSet<i64> = known.iter().map(|(_, at)| at.as_millisecond()).collect();
    let free = (whole..).find(|at| !taken.contains(at));
    free.and_then(|at| Timestamp::from_millisecond(at).ok())
        .unwrap_or(seen)
}

impl Holder {
    /// Whether this holder takes the lease from `other` before that one's lease ends.
    pub fn supersedes(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Setup { admitted, .. },
                Self::Setup {
                    admitted: theirs, ..
                },
            ) => admitted > theirs,
            _ => false,
        }
    }
}

/// The result of asking for the lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lease {
    /// The caller holds it.
    Taken(Box<Taken>),
    /// The caller does not get it.
    Refused(LeaseState),
    /// Another invocation for the same request of CloudFormation holds it.
    Shared,
    /// The caller never gets it: a newer request of CloudFormation has held it.
    Overtaken,
}

/// The state that a new lease holder gets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taken {
    /// The deployment of the last request that succeeded, if there is one.
    pub deployment: Option<Deployment>,
    /// The work parked while the lease was not available.
    pub parked: Vec<Parked>,
    /// The sources that could not be read in the last comparisons.
    pub unreadable: Unreadable,
    /// How many other passes have taken the lease since it was last released: none of them
    /// finished.
    pub unfinished: usize,
    /// Whether the lease was taken from an older request of CloudFormation that was still running,
    /// whose last call may still take effect. Also set if the caller already holds the lease,
    /// because the first response may have been lost.
    pub superseded: bool,
}

/// Why the lease is not available.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseState {
    /// Another invocation holds it.
    Held,
    /// It is free, but cools down or is reserved until then; a past time is no obstacle.
    Free {
        /// The end of the cooldown or the reservation.
        not_before: Timestamp,
    },
}

/// The result of parking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parking {
    /// The work is parked.
    Kept {
        /// The state of the lease at this moment.
        lease: LeaseState,
        /// When the first wake-up was sent since the lease was last taken, or released without a pass.
        called_at: Option<Timestamp>,
    },
    /// Nothing was parked: there is no room without merging, or the parked work is no longer what
    /// should have been replaced.
    Refused(Vec<Parked>),
}

/// The lease, and the work that waits for it.
pub trait Leases {
    /// Takes the lease until `until`, unless another holder has it or has reserved it beyond `now`,
    /// or it cools down. The holder of the reservation need not wait for the cooldown. A newer
    /// request of CloudFormation takes it from an older one, which never gets it again.
    ///
    /// An invocation that continues another's work takes the lease over `from` that one; only the
    /// first that asks succeeds.
    ///
    /// Taking the lease ends all reservations. Parked work stays until [`Leases::close_pass`] names
    /// it.
    async fn take_lease(
        &self,
        holder: &Holder,
        from: Option<&Holder>,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Lease>;
    /// Whether `holder` holds the lease.
    async fn holds_lease(&self, holder: &Holder) -> Result<bool>;
    /// Reserves the lease for `holder` until `until`; the current holder keeps it.
    async fn reserve_lease(&self, holder: &Holder, until: Timestamp) -> Result<()>;
    /// Releases the lease, if `holder` still holds it. Sends no wake-up for work parked meanwhile.
    async fn release_lease(&self, holder: &Holder) -> Result<()>;
    /// Parks messages, from one to [`Parked::AT_MOST`], for the next holder. They are added to the
    /// parked work if there is [room](Parked::room_for), or replace it if `replaced` names it
    /// exactly.
    async fn park(&self, parked: &[Parked], replaced: &[Parked], now: Timestamp)
    -> Result<Parking>;
    /// Writes records as [`Ledger::store_records`] does, and with the last of them releases the
    /// lease, which then cools down until `rests_until`; the parked work in `done` is deleted.
    /// Returns whether work was parked since `holder` took the lease.
    ///
    /// A conflict if `holder` no longer has the lease: then those last records are not written.
    async fn close_pass(
        &self,
        holder: &Holder,
        records: &[(AccountId, Option<Record>)],
        done: &[Parked],
        rests_until: Timestamp,
    ) -> Result<bool>;
    /// Admits a request of CloudFormation that was seen at `seen`, or earlier by another
    /// invocation. Returns its time of admission ([`admitted`]).
    async fn admit(&self, request: &str, seen: Timestamp) -> Result<Timestamp>;
}

/// Setup's recorded state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recorded {
    /// The last request that succeeded.
    pub success: Option<Success>,
    /// The success before it, which CloudFormation rolls back to if the response to the last was
    /// lost.
    pub previous: Option<Success>,
    /// The deployment of an unfinished request, whose resources may exist.
    pub attempt: Option<Deployment>,
    /// The ids of unreadable items, which count as lost and from which setup recovers.
    pub unreadable: BTreeSet<String>,
}

/// A request that succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Success {
    /// The resulting deployment.
    pub deployment: Deployment,
    /// The custom resource's properties.
    pub properties: Value,
}

/// The accounts' records, as far as they are readable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Records {
    /// The records by account.
    pub by_account: BTreeMap<AccountId, Record>,
    /// Unreadable items by id, each with the reason.
    pub unreadable: BTreeMap<String, String>,
}

/// State that is stored nowhere else.
///
/// A write that names a holder is a conflict unless that holder has the lease when the write takes
/// effect, however late it arrives.
pub trait Ledger {
    /// Setup's recorded state.
    async fn recorded(&self) -> Result<Recorded>;
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
    /// All accounts' records.
    async fn records(&self) -> Result<Records>;
    /// Writes records; `None` deletes one.
    async fn store_records(&self, records: &[(AccountId, Option<Record>)]) -> Result<()>;
}

/// The process's clock, and timers.
pub trait Clock {
    /// The current time.
    fn now(&self) -> Timestamp;
    /// Waits this long.
    async fn sleep(&self, time: Duration);
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
    async fn set_aside(&self, messages: &[Message]) -> Result<()>;
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

/// A registration (`CloudAccounts` object) as the SaaS shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// `intgGuid`.
    pub guid: String,
    /// The store that holds it; `None` is the tenant's own.
    pub store: Option<Store>,
    /// Whether it belongs to the organization and not to a store: every store shows it, and none
    /// can change it.
    pub organization: bool,
    /// Its name; not unique.
    pub name: String,
    /// What it watches.
    pub kind: RegistrationKind,
    /// Whether it is enabled.
    pub enabled: bool,
    /// The role that the SaaS assumes.
    pub role_arn: String,
    /// The external id as shown, which may be masked or empty.
    pub external_id: String,
    /// The queue that a trail registration reads.
    pub queue_url: Option<String>,
    /// An organization registration's mapping of AWS accounts to stores, if it is shown and
    /// readable.
    pub account_mapping: Option<AccountMapping>,
    /// The result of the SaaS's last use of the role and the queue.
    pub health: Health,
}

impl Registration {
    /// A registration as created: enabled, and in the tenant's own store.
    pub fn made(spec: &RegistrationSpec, guid: String) -> Self {
        Self {
            guid,
            store: None,
            organization: false,
            name: spec.name.clone(),
            kind: spec.kind,
            enabled: true,
            role_arn: spec.role_arn.clone(),
            external_id: spec.external_id.as_str().to_owned(),
            queue_url: None,
            account_mapping: None,
            health: Health::Unknown,
        }
    }
}

/// The result of the SaaS's last use of a registration: `state`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Health {
    /// Not checked yet, or not shown.
    #[default]
    Unknown,
    /// It works.
    Good,
    /// It does not work, with the SaaS's reason.
    Failing(String),
}

/// The kinds of registration that we create.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RegistrationKind {
    /// `AwsCfg`: the configuration of one account.
    Account,
    /// `AwsCtSqs`: the organization's trail.
    Feed,
}

/// The desired state of a registration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistrationSpec {
    /// Its name.
    pub name: String,
    /// What it watches.
    pub kind: RegistrationKind,
    /// Its AWS account.
    pub account: AccountId,
    /// The role to assume.
    pub role_arn: String,
    /// The external id that the role's trust policy demands.
    pub external_id: ExternalId,
    /// The queue, for a trail.
    pub queue_url: Option<String>,
    /// The mapping of AWS accounts to stores, for an organization's registration only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_mapping: Option<AccountMapping>,
}

impl RegistrationSpec {
    /// Whether the registration belongs to the organization and not to a store.
    pub fn is_of_organization(&self) -> bool {
        self.account_mapping.is_some()
    }
}

/// The result of creating or changing a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// It exists, with this `intgGuid` if the response contains it.
    Done(Option<String>),
    /// The account or queue is used by another registration of this Lacework application.
    AlreadyUsed,
    /// The SaaS tried the role and could not use it, as happens with a role that is seconds old.
    NotUsable(String),
}

/// The key's owner, from `UserProfile`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The account part of the tenant's URL, lower case.
    pub tenant: String,
    /// The stores that the key may use.
    pub stores: Vec<Store>,
}

/// Gets access tokens from the SaaS.
pub trait TokenIssuer {
    /// A new token, or [`crate::ErrorKind::Unauthorized`] if the key is refused.
    async fn issue(&self, key: &ApiKey, now: Timestamp) -> Result<Token>;
}

/// The SaaS that watches the accounts.
pub trait Registry {
    /// The host of every call, as returned by [`crate::model::host`].
    fn host(&self) -> String;
    /// The profile of the key's user.
    async fn profile(&self) -> Result<Profile>;
    /// All registrations of this kind in one store.
    async fn registrations(
        &self,
        store: Option<&Store>,
        kind: RegistrationKind,
    ) -> Result<Vec<Registration>>;
    /// All registrations of this kind that belong to the organization.
    async fn organization_registrations(
        &self,
        kind: RegistrationKind,
    ) -> Result<Vec<Registration>> {
        let mut shown = self.registrations(None, kind).await?;
        shown.retain(|registration| registration.organization);
        Ok(shown)
    }
    /// Creates a registration: in a store, or the organization's, as `spec` says.
    async fn create(&self, store: Option<&Store>, spec: &RegistrationSpec) -> Result<Created>;
    /// Brings a registration to `spec`, enabled or disabled.
    async fn update(
        &self,
        existing: &Registration,
        spec: &RegistrationSpec,
        enabled: bool,
    ) -> Result<Created>;
    /// Deletes a registration; a missing one is not an error.
    async fn delete(&self, existing: &Registration) -> Result<()>;
}

/// All AWS ports of the account function.
pub trait AccountPorts:
    Accounts + LandingZones + StackSets + Leases + Ledger + Messages + Tokens + Functions
{
}
impl<T> AccountPorts for T where
    T: Accounts + LandingZones + StackSets + Leases + Ledger + Messages + Tokens + Functions
{
}

/// All AWS ports that reconciling the foundation takes.
pub trait FoundationPorts: Accounts + LandingZones + TrailTopics + StackSets + Stacks {}
impl<T: Accounts + LandingZones + TrailTopics + StackSets + Stacks> FoundationPorts for T {}

/// All AWS ports of the setup function.
pub trait SetupPorts:
    FoundationPorts + ForeignResources + Roles + Leases + Ledger + FanOut + Keys + Tokens + Functions
{
}
impl<T> SetupPorts for T where
    T: FoundationPorts
        + ForeignResources
        + Roles
        + Leases
        + Ledger
        + FanOut
        + Keys
        + Tokens
        + Functions
{
}
