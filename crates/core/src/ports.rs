//! One trait per capability that we use, with the outcomes of each operation as its result.
//!
//! An adapter translates and nothing else. A listing is complete or an error: half a listing is
//! no listing. Every write can be repeated.

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
    /// Its template's text.
    pub template: String,
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

/// A role of the management account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its ARN, path included.
    pub arn: Arn,
    /// Who may assume it: a policy, in JSON.
    pub trust: String,
}

/// The roles of the management account.
pub trait Roles {
    /// The role of this name, whatever its path; `None` where there is none.
    async fn role(&self, name: &str) -> Result<Option<Role>>;
}

/// The StackSets of the management account, self-managed, in one Region.
pub trait StackSets {
    /// One StackSet; `None` where it does not exist.
    async fn stack_set(&self, name: &str) -> Result<Option<StackSet>>;
    /// The names of all StackSets that begin with `prefix`.
    async fn stack_sets_named(&self, prefix: &str) -> Result<Vec<String>>;
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

/// What others may have in this account and Region, by its name.
pub trait ForeignResources {
    /// Whether EventBridge's default bus has this rule.
    async fn rule_exists(&self, name: &str) -> Result<bool>;
    /// Whether Secrets Manager has the secret with this ARN, which lacks the random end. So permissions name
    /// it where it is not there, too.
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

/// Who holds the lease, or asks for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holder {
    /// A pass of the account function, by its invocation.
    Pass(String),
    /// An invocation of setup. A newer request of CloudFormation takes the lease from an older one.
    Setup {
        /// When the request that it carries out was first seen.
        admitted: Timestamp,
        /// Tells apart two invocations for the same request.
        invocation: String,
    },
}

/// How many requests of CloudFormation a ledger remembers. CloudFormation makes one of a stack at a time,
/// and repeats none for longer than some hours.
pub const REMEMBERED: usize = 20;

/// When a request counts as first seen that came at `seen`: in whole milliseconds, and never together
/// with another one, so that the time tells which of two is the newer one.
pub fn admitted(known: &[(String, Timestamp)], seen: Timestamp) -> Timestamp {
    let whole = seen.as_millisecond();
    let taken: BTreeSet<i64> = known.iter().map(|(_, at)| at.as_millisecond()).collect();
    let free = (whole..).find(|at| !taken.contains(at));
    free.and_then(|at| Timestamp::from_millisecond(at).ok())
        .unwrap_or(seen)
}

impl Holder {
    /// Whether this one takes the lease from `other` although that has not ended.
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

/// What came of asking for the lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lease {
    /// It is the asker's.
    Taken(Box<Taken>),
    /// The asker does not get it.
    Refused(LeaseState),
    /// Another invocation for the same request of CloudFormation has it.
    Shared,
    /// The asker never gets it: a newer request of CloudFormation had it.
    Overtaken,
}

/// What comes with the lease.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taken {
    /// The deployment of the last request that succeeded, if there is one.
    pub deployment: Option<Deployment>,
    /// What was parked while somebody else had the lease.
    pub parked: Vec<Parked>,
    /// The sources that could not be read of late.
    pub unreadable: Unreadable,
    /// How many other passes have taken it since it was last given back: none of them came to an end.
    pub unfinished: usize,
    /// Whether it was taken from an older request of CloudFormation that was still at work: a call of
    /// that one may land yet. So it counts where the holder has it already, too: the answer that told may
    /// be lost.
    pub superseded: bool,
}

/// Why the lease is not to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseState {
    /// Somebody else holds it.
    Held,
    /// It is free, but cools down or is reserved until then; a time that has passed is no obstacle.
    Free {
        /// The end of the cooldown or the reservation.
        not_before: Timestamp,
    },
}

/// What came of parking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parking {
    /// It is kept.
    Kept {
        /// How the lease stands at this moment.
        lease: LeaseState,
        /// When the first wake-up was sent since the lease was last taken, or given back without a pass.
        called_at: Option<Timestamp>,
    },
    /// It is not kept: so much is parked that it must be merged first, or what is parked is no longer
    /// what should have been replaced.
    Refused(Vec<Parked>),
}

/// One holder at a time, and what waits for it.
pub trait Leases {
    /// Takes the lease until `until`, unless another holder has it or has reserved it after `now`, or
    /// it cools down. The one that reserved it need not wait for the cooldown. A newer request of
    /// CloudFormation takes it from an older one, which never gets it again.
    ///
    /// An invocation that continues another's work takes the lease over `from` that one, and only the first
    /// that asks.
    ///
    /// With it all reservations end. What was parked stays so until [`Leases::close_pass`] names it.
    async fn take_lease(
        &self,
        holder: &Holder,
        from: Option<&Holder>,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Lease>;
    /// Whether `holder` has the lease.
    async fn holds_lease(&self, holder: &Holder) -> Result<bool>;
    /// Lets nobody but `holder` take the lease until `until`; the one that has it keeps it.
    async fn reserve_lease(&self, holder: &Holder, until: Timestamp) -> Result<()>;
    /// Gives the lease back, if `holder` still has it. Nobody has been called for what was parked meanwhile.
    async fn release_lease(&self, holder: &Holder) -> Result<()>;
    /// Leaves messages, at least one and [`Parked::AT_MOST`] at most, for the next holder. They come on top
    /// of what is parked, if there is [room](Parked::room_for), or, where `replaced` names that, in its place.
    async fn park(&self, parked: &[Parked], replaced: &[Parked], now: Timestamp)
    -> Result<Parking>;
    /// Writes records as [`Ledger::store_records`] does, and with the last of them gives the lease
    /// back, which then cools down until `rests_until`; what is `done` is parked no longer. Answers
    /// whether anything was parked since `holder` took the lease.
    ///
    /// A conflict where `holder` no longer has it: then those last records are not written.
    async fn close_pass(
        &self,
        holder: &Holder,
        records: &[(AccountId, Option<Record>)],
        done: &[Parked],
        rests_until: Timestamp,
    ) -> Result<bool>;
    /// Admits a request of CloudFormation that was seen at `seen`, or earlier by another invocation.
    /// Answers when that was ([`admitted`]).
    async fn admit(&self, request: &str, seen: Timestamp) -> Result<Timestamp>;
}

/// What setup recorded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recorded {
    /// The last request that succeeded.
    pub success: Option<Success>,
    /// The one before it, which CloudFormation goes back to where the answer to the last was lost.
    pub previous: Option<Success>,
    /// The deployment of a request that came no further, of which something may be there.
    pub attempt: Option<Deployment>,
    /// The ids of items that cannot be read and count as lost, from which setup recovers.
    pub unreadable: BTreeSet<String>,
}

/// A request that succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Success {
    /// What it came to.
    pub deployment: Deployment,
    /// The custom resource's properties.
    pub properties: Value,
}

/// What was read of the accounts' records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Records {
    /// The records by account.
    pub by_account: BTreeMap<AccountId, Record>,
    /// Items that cannot be understood, each with the reason, by their ids.
    pub unreadable: BTreeMap<String, String>,
}

/// What nobody else can remember.
///
/// Where a write names a holder, it is a conflict unless that one has the lease as the write takes
/// effect, however late it arrives.
pub trait Ledger {
    /// All that setup has recorded.
    async fn recorded(&self) -> Result<Recorded>;
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
    /// Every account's record.
    async fn records(&self) -> Result<Records>;
    /// Writes records; `None` forgets one.
    async fn store_records(&self, records: &[(AccountId, Option<Record>)]) -> Result<()>;
}

/// The clock of the process, and waiting by it.
pub trait Clock {
    /// The time.
    fn now(&self) -> Timestamp;
    /// Waits for as long as this.
    async fn sleep(&self, time: Duration);
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

/// A registration (`CloudAccounts` object) as the SaaS shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// `intgGuid`.
    pub guid: String,
    /// The store that holds it; `None` is the tenant's own.
    pub store: Option<Store>,
    /// Whether it is the organization's and no store's: every store shows it, and none can change it.
    pub organization: bool,
    /// Its name; not unique.
    pub name: String,
    /// What it watches.
    pub kind: RegistrationKind,
    /// Whether it is switched on.
    pub enabled: bool,
    /// The role that the SaaS assumes.
    pub role_arn: String,
    /// The external id as shown, which may be masked or empty.
    pub external_id: String,
    /// The queue that a trail registration reads.
    pub queue_url: Option<String>,
    /// An organization's mapping of AWS accounts to stores, where it shows one that can be read.
    pub account_mapping: Option<AccountMapping>,
    /// What the SaaS last found when it used the role and the queue.
    pub health: Health,
}

impl Registration {
    /// A registration as it was made, switched on and in the tenant's own store.
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

/// What the SaaS last found when it used a registration: `state`.
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

/// The registration types that we make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RegistrationKind {
    /// `AwsCfg`: the configuration of one account.
    Account,
    /// `AwsCtSqs`: the organization's trail.
    Feed,
}

/// All that is needed to make a registration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistrationSpec {
    /// Its name.
    pub name: String,
    /// What it watches.
    pub kind: RegistrationKind,
    /// The AWS account that it is about.
    pub account: AccountId,
    /// The role to assume.
    pub role_arn: String,
    /// What the role's trust demands.
    pub external_id: ExternalId,
    /// The queue, for a trail.
    pub queue_url: Option<String>,
    /// Which AWS account belongs to which store: only an organization's registration has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_mapping: Option<AccountMapping>,
}

impl RegistrationSpec {
    /// Whether the registration is the organization's and no store's.
    pub fn is_of_organization(&self) -> bool {
        self.account_mapping.is_some()
    }
}

/// What came of asking for a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// It is there, with this `intgGuid` where the answer names it.
    Done(Option<String>),
    /// The account or queue is used by another registration of this Lacework application.
    AlreadyUsed,
    /// The SaaS tried the role and could not use it, as happens to a role seconds old.
    NotUsable(String),
}

/// Who the key belongs to, from `UserProfile`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The account part of the tenant's URL, lower case.
    pub tenant: String,
    /// The stores that the key may use.
    pub stores: Vec<Store>,
}

/// Gets access tokens from the SaaS.
pub trait TokenIssuer {
    /// A new token, or [`crate::ErrorKind::Unauthorized`] where the key is refused.
    async fn issue(&self, key: &ApiKey, now: Timestamp) -> Result<Token>;
}

/// The SaaS that watches the accounts.
pub trait Registry {
    /// The host that every call goes to, as [`crate::model::host`] tells it.
    fn host(&self) -> String;
    /// Who we are to it.
    async fn profile(&self) -> Result<Profile>;
    /// Every registration of this kind in one store.
    async fn registrations(
        &self,
        store: Option<&Store>,
        kind: RegistrationKind,
    ) -> Result<Vec<Registration>>;
    /// Every registration of this kind that is the organization's.
    async fn organization_registrations(
        &self,
        kind: RegistrationKind,
    ) -> Result<Vec<Registration>> {
        let mut shown = self.registrations(None, kind).await?;
        shown.retain(|registration| registration.organization);
        Ok(shown)
    }
    /// Makes a registration: in a store, or the organization's, as `spec` says.
    async fn create(&self, store: Option<&Store>, spec: &RegistrationSpec) -> Result<Created>;
    /// Brings a registration to `spec`, switched on or off.
    async fn update(
        &self,
        existing: &Registration,
        spec: &RegistrationSpec,
        enabled: bool,
    ) -> Result<Created>;
    /// Removes a registration; one that is gone is not an error.
    async fn delete(&self, existing: &Registration) -> Result<()>;
}

/// All of AWS that the account function uses.
pub trait AccountPorts:
    Accounts + LandingZones + StackSets + Leases + Ledger + Messages + Tokens + Functions
{
}
impl<T> AccountPorts for T where
    T: Accounts + LandingZones + StackSets + Leases + Ledger + Messages + Tokens + Functions
{
}

/// All of AWS that the foundation is made of.
pub trait FoundationPorts: Accounts + LandingZones + TrailTopics + StackSets + Stacks {}
impl<T: Accounts + LandingZones + TrailTopics + StackSets + Stacks> FoundationPorts for T {}

/// All of AWS that the setup function uses.
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
