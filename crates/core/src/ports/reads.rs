//! What only looks. Nothing here changes anything, so whatever plans or reports is handed these and no more.

use crate::{
    Result,
    landing_zone::{Account, Baselines, LandingZoneReply, OuTree, Trail},
    ledger::{Recorded, Records},
    model::{AccountId, ApiKey, Token},
    stack_sets::{InstanceFailure, OperationState, Role, Stack, StackInstance, StackSet},
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

/// What Control Tower and its trail say.
pub trait LandingZones {
    /// The landing zone, as far as this Region can tell.
    async fn landing_zone(&self) -> Result<LandingZoneReply>;
    /// The enabled baselines of these accounts, or of all where `accounts` is `None`.
    async fn baselines(&self, accounts: Option<&[AccountId]>) -> Result<Baselines>;
    /// The trail of this name in this Region.
    async fn trail(&self, name: &str) -> Result<Option<Trail>>;
}

/// The roles of the management account.
pub trait Roles {
    /// The role of this name, whatever its path; `None` where there is none.
    async fn role(&self, name: &str) -> Result<Option<Role>>;
}

/// What others may have in this account and Region, by its name.
pub trait ForeignResources {
    /// Whether EventBridge's default bus has this rule.
    async fn rule_exists(&self, name: &str) -> Result<bool>;
    /// Whether Secrets Manager has the secret with this ARN, which lacks the random end. So permissions name
    /// it where it is not there, too.
    async fn secret_exists(&self, arn: &str) -> Result<bool>;
}

/// The StackSets of the management account, self-managed, in one Region.
pub trait StackSetReads {
    /// One StackSet; `None` where it does not exist.
    async fn stack_set(&self, name: &str) -> Result<Option<StackSet>>;
    /// The names of all StackSets that begin with `prefix`.
    async fn stack_sets_named(&self, prefix: &str) -> Result<Vec<String>>;
    /// The instances in these accounts, or all where `accounts` is `None`.
    /// A StackSet that does not exist has none.
    async fn instances(
        &self,
        name: &str,
        accounts: Option<&[AccountId]>,
    ) -> Result<Vec<StackInstance>>;
    /// How an operation stands.
    async fn operation(&self, name: &str, operation: &str) -> Result<OperationState>;
    /// The instances that an operation could not bring about.
    async fn failures(&self, name: &str, operation: &str) -> Result<Vec<InstanceFailure>>;
}

/// Ordinary stacks in the management account.
pub trait StackReads {
    /// One stack; `None` where it does not exist.
    async fn stack(&self, name: &str) -> Result<Option<Stack>>;
}

/// The secret that holds the API key.
pub trait Keys {
    /// The key.
    async fn key(&self) -> Result<ApiKey>;
}

/// The secret that holds the access token.
pub trait TokenReads {
    /// The token; `None` where none was stored yet.
    async fn token(&self) -> Result<Option<Token>>;
}

/// What no other place remembers.
pub trait LedgerReads {
    /// All that setup has recorded.
    async fn recorded(&self) -> Result<Recorded>;
    /// Every account's record.
    async fn records(&self) -> Result<Records>;
}
