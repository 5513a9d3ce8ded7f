use serde::{Deserialize, Serialize};

use super::{AccountId, AccountMapping, ExternalId, Store};

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
