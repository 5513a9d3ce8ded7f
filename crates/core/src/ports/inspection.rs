//! What is looked at before a launch, and when something is wrong, besides what the functions read.

use std::collections::BTreeSet;

use super::MainStackReads;
use crate::{
    Result,
    model::{AccountId, Arn},
};

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The account of the credentials.
    pub account: AccountId,
    /// The ARN of the role's session or the user.
    pub arn: String,
}

/// How Control Tower sees its landing zone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ZoneStatus {
    /// `ACTIVE`, `PROCESSING` or `FAILED`.
    pub status: Option<String>,
    /// `IN_SYNC` or `DRIFTED`.
    pub drift: Option<String>,
    /// The newest version that it can be updated to.
    pub latest: Option<String>,
}

/// A resource of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackResource {
    /// Its name in the template.
    pub logical_id: String,
    /// Its name or id in its service; empty if it was not created.
    pub physical_id: String,
    /// Its type, such as `AWS::Events::Rule`.
    pub kind: String,
}

/// The state of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionState {
    /// `Active`, `Pending`, `Inactive` or `Failed`.
    pub state: Option<String>,
    /// `Successful`, `InProgress` or `Failed`.
    pub last_update: Option<String>,
    /// Lambda's reason for either.
    pub reason: Option<String>,
}

/// The state of an alarm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmState {
    /// The alarm's name.
    pub name: String,
    /// `OK`, `ALARM` or `INSUFFICIENT_DATA`.
    pub state: String,
}

/// A policy that is attached to the root, a unit or an account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AttachedPolicy {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether AWS wrote it, such as `FullAWSAccess`.
    pub aws_managed: bool,
}

/// Where a bucket is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BucketPlace {
    /// In this Region.
    Region(String),
    /// In another Region than the one that was asked, which does not say in which.
    Elsewhere,
    /// Nowhere.
    Missing,
}

/// An object of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredObject {
    /// Its key.
    pub key: String,
    /// Its size in bytes.
    pub size: u64,
}

/// The landing zone and its organization, as an operator looks at them.
pub trait ZoneInspection {
    /// Who asks.
    async fn caller(&self) -> Result<Caller>;
    /// The management account; `None` without an organization.
    async fn management_account(&self) -> Result<Option<AccountId>>;
    /// The services that the organization trusts, such as `cloudtrail.amazonaws.com`.
    async fn trusted_services(&self) -> Result<BTreeSet<String>>;
    /// The landing zone of this Region, as Control Tower sees it; `None` without one.
    async fn zone_status(&self) -> Result<Option<ZoneStatus>>;
    /// The service control policies that are attached to the root, a unit or an account.
    async fn control_policies(&self, target: &str) -> Result<Vec<AttachedPolicy>>;
    /// The text of such a policy, in JSON.
    async fn control_policy(&self, id: &str) -> Result<String>;
    /// The value of a quota in this Region.
    async fn quota(&self, service: &str, code: &str) -> Result<u64>;
    /// How many invocations of functions may run at once in this Region without a reservation.
    async fn unreserved_concurrency(&self) -> Result<u64>;
}

/// The policies of what the vendor reads of the trail, in JSON; `None` if there is none.
pub trait PolicyInspection {
    /// That of a key.
    async fn key_policy(&self, key: &Arn) -> Result<Option<String>>;
    /// That of a bucket.
    async fn bucket_policy(&self, bucket: &str) -> Result<Option<String>>;
    /// That of a topic.
    async fn topic_policy(&self, topic: &Arn) -> Result<Option<String>>;
}

/// Where the functions' code is.
pub trait ArtifactInspection {
    /// Where a bucket is.
    async fn bucket_place(&self, bucket: &str) -> Result<BucketPlace>;
    /// The objects whose keys begin so, at most a thousand.
    async fn objects(&self, bucket: &str, prefix: &str) -> Result<Vec<StoredObject>>;
}

/// What a main stack deployed.
pub trait StackInspection {
    /// Its resources.
    async fn resources(&self, stack: &str) -> Result<Vec<StackResource>>;
    /// A function's state; `None` if there is no such function.
    async fn function(&self, name: &str) -> Result<Option<FunctionState>>;
    /// Whether a rule of the default bus is enabled; `None` if there is no such rule.
    async fn rule(&self, name: &str) -> Result<Option<bool>>;
    /// The state of an event source mapping, such as `Enabled`; `None` if there is none.
    async fn mapping(&self, id: &str) -> Result<Option<String>>;
    /// How many messages wait in a queue.
    async fn waiting(&self, queue_url: &str) -> Result<u64>;
    /// The states of these alarms.
    async fn alarms(&self, names: &[String]) -> Result<Vec<AlarmState>>;
}

/// All of it.
pub trait Inspection:
    ZoneInspection + PolicyInspection + ArtifactInspection + StackInspection + MainStackReads
{
}
impl<T> Inspection for T where
    T: ZoneInspection + PolicyInspection + ArtifactInspection + StackInspection + MainStackReads
{
}
