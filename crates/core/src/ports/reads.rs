//! Ports that only read. An observation or a report gets these and no others, so it cannot change
//! anything.

use crate::{
    Result,
    landing_zone::{
        Account, Announcement, Baselines, BucketNotifications, LandingZoneReply, OuTree, Trail,
    },
    ledger::{Recorded, Records},
    model::{AccountId, ApiKey, Token},
    stack_sets::{InstanceFailure, OperationState, Role, Stack, StackInstance, StackSet},
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

/// Control Tower and its trail.
pub trait LandingZones {
    /// The landing zone, as seen from this Region.
    async fn landing_zone(&self) -> Result<LandingZoneReply>;
    /// The enabled baselines of these accounts, or of all if `accounts` is `None`.
    async fn baselines(&self, accounts: Option<&[AccountId]>) -> Result<Baselines>;
    /// The trail of this name in this Region.
    async fn trail(&self, name: &str) -> Result<Option<Trail>>;
}

/// The notifications of a bucket in Log Archive.
pub trait BucketNotificationReads {
    /// All of them, read with the announcement's role.
    async fn notifications(&self, of: &Announcement) -> Result<BucketNotifications>;
}

/// The roles of the management account.
pub trait Roles {
    /// The role with this name, regardless of its path; `None` if there is none.
    async fn role(&self, name: &str) -> Result<Option<Role>>;
}

/// Foreign resources in this account and Region, by name.
pub trait ForeignResources {
    /// Whether EventBridge's default bus has this rule.
    async fn rule_exists(&self, name: &str) -> Result<bool>;
    /// Whether Secrets Manager has the secret with this ARN, which lacks the random suffix. Without
    /// it, a permission can name the secret even before it exists.
    async fn secret_exists(&self, arn: &str) -> Result<bool>;
}

/// The StackSets of the management account, self-managed, in one Region.
pub trait StackSetReads {
    /// One StackSet; `None` if it does not exist.
    async fn stack_set(&self, name: &str) -> Result<Option<StackSet>>;
    /// The names of all StackSets that begin with `prefix`.
    async fn stack_sets_named(&self, prefix: &str) -> Result<Vec<String>>;
    /// The instances in these accounts, or all if `accounts` is `None`. A StackSet that does not
    /// exist has none.
    async fn instances(
        &self,
        name: &str,
        accounts: Option<&[AccountId]>,
    ) -> Result<Vec<StackInstance>>;
    /// The state of an operation.
    async fn operation(&self, name: &str, operation: &str) -> Result<OperationState>;
    /// The instances that failed in an operation.
    async fn failures(&self, name: &str, operation: &str) -> Result<Vec<InstanceFailure>>;
}

/// Ordinary stacks in the management account.
pub trait StackReads {
    /// One stack; `None` if it does not exist.
    async fn stack(&self, name: &str) -> Result<Option<Stack>>;
}

/// The secret that holds the API key.
pub trait Keys {
    /// The key.
    async fn key(&self) -> Result<ApiKey>;
}

/// The secret that holds the access token.
pub trait TokenReads {
    /// The token; `None` if none is stored yet.
    async fn token(&self) -> Result<Option<Token>>;
}

/// What no other place remembers.
pub trait LedgerReads {
    /// Setup's recorded state.
    async fn recorded(&self) -> Result<Recorded>;
    /// All accounts' records.
    async fn records(&self) -> Result<Records>;
}
