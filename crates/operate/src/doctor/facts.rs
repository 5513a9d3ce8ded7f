use std::collections::BTreeSet;

use jiff::Timestamp;
use towerhook_core::{
    Read,
    landing_zone::{Account, LandingZoneReply, Trail},
    model::{AccountId, Arn, Names},
    ports::{
        AlarmState, AttachedPolicy, BucketPlace, Caller, FunctionState, MainStack, StoredObject,
        ZoneStatus,
    },
    provider::{Provider, ResourceNames},
    stack_sets::{Role, StackInstance, StackSetRoles},
};
use url::Url;

/// Everything that was read, and why the rest was not.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The vendor's rules.
    pub provider: &'static dyn Provider,
    /// The Region that was asked.
    pub region: String,
    /// The main stack's name.
    pub stack_name: String,
    /// When everything was read.
    pub read_at: Timestamp,
    /// Who asked.
    pub caller: Read<Caller>,
    /// The organization's management account; `None` without an organization.
    pub management_account: Read<Option<AccountId>>,
    /// Control Tower's answer.
    pub zone: Read<LandingZoneReply>,
    /// How Control Tower sees its landing zone.
    pub zone_status: Read<Option<ZoneStatus>>,
    /// The services that the organization trusts.
    pub trusted: Read<BTreeSet<String>>,
    /// Every account of the organization.
    pub accounts: Read<Vec<Account>>,
    /// The roles that run the StackSets.
    pub roles: Read<StackSetRoles>,
    /// The administration role, as IAM knows it.
    pub role: Read<Option<Role>>,
    /// How many StackSets there are.
    pub stack_sets: Read<usize>,
    /// Quotas of this account and Region.
    pub quotas: Quotas,
    /// What the names of all resources are built from.
    pub names: Read<Names>,
    /// The service control policies above the accounts.
    pub controls: Read<Vec<Control>>,
    /// The trail, if one is read.
    pub trail: Option<TrailFacts>,
    /// The vendor's API, if it has one.
    pub vendor: Option<VendorFacts>,
    /// The functions' code, if it is known where that is.
    pub artifacts: Option<ArtifactFacts>,
    /// The main stack, if there is one.
    pub stack: Read<Option<StackFacts>>,
}

/// Quotas of this account and Region.
#[derive(Debug, Clone)]
pub struct Quotas {
    /// The most StackSets.
    pub stack_sets: Read<u64>,
    /// The most instances of a StackSet.
    pub instances: Read<u64>,
    /// The most concurrent invocations of functions without a reservation.
    pub concurrency: Read<u64>,
}

/// A service control policy.
#[derive(Debug, Clone)]
pub struct Control {
    /// The policy.
    pub policy: AttachedPolicy,
    /// Its text, in JSON.
    pub text: Read<String>,
    /// The path of the unit that it is attached to; empty for the root.
    pub unit: String,
    /// An account below that.
    pub account: AccountId,
}

/// The organization's trail.
#[derive(Debug, Clone)]
pub struct TrailFacts {
    /// The name that it should have.
    pub name: String,
    /// The trail.
    pub found: Read<Option<Trail>>,
    /// Whether a topic is created for it.
    pub creates_topic: bool,
    /// The topic that a deployment made for it.
    pub own_topic: Option<Arn>,
    /// The key that encrypts its log files, if there is one.
    pub key: Option<Arn>,
    /// The policy of that key.
    pub key_policy: Read<Option<String>>,
    /// The policy of its bucket.
    pub bucket_policy: Read<Option<String>>,
    /// The policy of its topic.
    pub topic_policy: Read<Option<String>>,
}

/// The vendor's API.
#[derive(Debug, Clone)]
pub struct VendorFacts {
    /// The tenant's URL.
    pub url: Read<Url>,
    /// The status with which it answers a request without credentials.
    pub reached: Read<u16>,
    /// Whether this machine is told to use a proxy, which is not done.
    pub has_proxy: bool,
    /// Whether the stored key or token may read; `None` without a stack.
    pub rights: Option<Read<()>>,
}

/// Where the functions' code is.
#[derive(Debug, Clone)]
pub struct ArtifactFacts {
    /// The bucket.
    pub bucket: String,
    /// The folder, with a slash at its end.
    pub prefix: String,
    /// The processor's folder in it, if a stack says so.
    pub architecture: Option<String>,
    /// Where the bucket is.
    pub place: Read<BucketPlace>,
    /// The objects in the folder.
    pub objects: Read<Vec<StoredObject>>,
}

/// A main stack and what it deployed.
#[derive(Debug, Clone)]
pub struct StackFacts {
    /// The stack.
    pub stack: MainStack,
    /// Its functions.
    pub functions: Read<Vec<Part<FunctionState>>>,
    /// Its rules, and whether each is enabled.
    pub rules: Read<Vec<Part<bool>>>,
    /// Its event source mapping, and its state.
    pub mappings: Read<Vec<Part<String>>>,
    /// How many messages are in the dead-letter queue.
    pub dead_letters: Read<u64>,
    /// Its alarms.
    pub alarms: Read<Vec<AlarmState>>,
    /// When the whole organization was last compared.
    pub compared_at: Read<Option<Timestamp>>,
    /// When the stored key or token ends; `None` for a vendor without.
    pub token_ends: Option<Read<Option<Timestamp>>>,
    /// The member stacks.
    pub members: Read<Vec<StackInstance>>,
}

/// A resource of the stack.
#[derive(Debug, Clone)]
pub struct Part<T> {
    /// Its name in the template.
    pub logical_id: String,
    /// Its name or id in its service.
    pub name: String,
    /// Its state; `None` if it is gone.
    pub state: Read<Option<T>>,
}

impl Facts {
    /// The account of the credentials, if they are good for anything.
    pub(super) fn account(&self) -> Option<AccountId> {
        match &self.caller {
            Read::Ok(caller) => Some(caller.account),
            Read::Unknown(_) => None,
        }
    }

    /// The partition of the credentials' account.
    pub(super) fn partition(&self) -> Option<&str> {
        match &self.caller {
            Read::Ok(caller) => caller.arn.split(':').nth(1),
            Read::Unknown(_) => None,
        }
    }

    /// The landing zone's Log Archive and Audit accounts, as far as they are known.
    pub(super) fn shared_accounts(&self) -> (Option<AccountId>, Option<AccountId>) {
        match &self.zone {
            Read::Ok(LandingZoneReply::Here(zone)) => (zone.log_archive, zone.audit),
            _ => (None, None),
        }
    }

    /// The names of all resources, if they are known.
    pub(super) fn resources(&self) -> Option<ResourceNames> {
        match &self.names {
            Read::Ok(names) => Some(self.provider.resources(names)),
            Read::Unknown(_) => None,
        }
    }

    /// Whether S3 announces the log files, so that the trail needs no topic.
    pub(super) fn is_announced_by_bucket(&self) -> bool {
        let feed = self.resources().and_then(|names| names.feed);
        feed.is_some_and(|feed| feed.audit_stack_set.is_none())
    }

    /// The main stack, if there is one whose launch has succeeded.
    pub(super) fn deployed(&self) -> Option<&StackFacts> {
        let Read::Ok(Some(deployed)) = &self.stack else {
            return None;
        };
        let status = deployed.stack.status.as_str();
        let stands = matches!(status, "CREATE_COMPLETE" | "IMPORT_COMPLETE");
        (stands || status.starts_with("UPDATE_")).then_some(deployed)
    }
}
