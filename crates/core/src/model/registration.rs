use serde::{Deserialize, Serialize};

use super::{AccountId, AccountMapping, ExternalId, Store};

/// A registration as the vendor shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Registration {
    /// The vendor's id of it.
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
    /// Whether it is enabled and uses the wanted role, by the wanted name and external id.
    pub(crate) fn is_as_wanted(&self, spec: &RegistrationSpec) -> bool {
        self.enabled
            && self.name == spec.name
            && self.role_arn == spec.role_arn
            && spec.external_id.is_shown_as(&self.external_id)
    }

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

/// The result of the vendor's last use of a registration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
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
    /// The configuration of one account.
    #[serde(alias = "Config")]
    Account,
    /// The organization's trail.
    #[serde(alias = "CloudTrail")]
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
    /// It exists, with this id if the response contains it.
    Done(Option<String>),
    /// The account or queue is used by another registration of the same kind.
    AlreadyUsed,
    /// The SaaS tried the role and could not use it, as happens with a role that is seconds old.
    RoleNotAssumable(String),
}

/// The key's owner.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// The account part of the tenant's URL, lower case.
    pub tenant: String,
    /// The stores that the key may use.
    pub stores: Vec<Store>,
    /// The external id that the vendor passes for all accounts, if it has one for all.
    pub external_id: Option<String>,
}
