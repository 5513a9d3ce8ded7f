//! The vendor of a simulated world.

use towerhook_core::{
    model::AccountId,
    provider::{
        Provider,
        plain::{Plain, PlainRoles},
    },
};
use towerhook_providers::{lacework::Lacework, trend_workload_security::TrendWorkloadSecurity};

use crate::{SUFFIX, units::TENANT};

/// A vendor, with the fixed texts of its tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vendor {
    /// None: the simplest rules that use every part of the engine.
    Plain,
    /// Likewise without registrations: the roles are all there is, and the trail's bucket tells a
    /// topic of each log file.
    PlainRoles,
    /// Lacework.
    Lacework,
    /// Workload Security: one registration for each account, which cannot be disabled; an external
    /// id of the tenant's, no trail, and a role that others may have made.
    TrendWorkloadSecurity,
}

/// The external id of Workload Security's tenant.
pub(crate) const TENANTS_EXTERNAL_ID: &str = "acme:1f9c";

impl Vendor {
    /// Its rules.
    pub fn provider(self) -> &'static dyn Provider {
        match self {
            Self::Plain => &Plain,
            Self::PlainRoles => &PlainRoles,
            Self::Lacework => &Lacework,
            Self::TrendWorkloadSecurity => &TrendWorkloadSecurity,
        }
    }

    /// The host of the tenant's URL.
    pub fn host(self) -> &'static str {
        match self {
            Self::Plain | Self::PlainRoles => "acme.example.com",
            Self::Lacework => "acme.lacework.net",
            Self::TrendWorkloadSecurity => "dsm.example.com:4119",
        }
    }

    /// A host of the same name in another region of the SaaS, which does not know the key.
    pub fn other_host(self) -> &'static str {
        match self {
            Self::Plain | Self::PlainRoles => "acme.eu.example.com",
            Self::Lacework => "acme.fra.lacework.net",
            Self::TrendWorkloadSecurity => "dsm.example.org:4119",
        }
    }

    /// The principal that may assume the members' roles.
    pub fn principal(self) -> &'static str {
        match self {
            Self::Plain | Self::PlainRoles => "arn:aws:iam::999999999999:role/reader",
            Self::Lacework => "arn:aws:iam::434813966438:role/lacework-platform",
            Self::TrendWorkloadSecurity => "147995105371",
        }
    }

    /// The prefix of names: the parameter's default.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Self::Plain | Self::PlainRoles => "Plain-",
            Self::Lacework => "Lacework-Control-Tower-",
            Self::TrendWorkloadSecurity => "Trend-Control-Tower-",
        }
    }

    /// The part of the names that stands for the tenant.
    pub(crate) fn tenant(self) -> &'static str {
        match self {
            Self::Plain | Self::PlainRoles | Self::Lacework => TENANT,
            Self::TrendWorkloadSecurity => "dsm-example-com-4119",
        }
    }

    /// Whether a StackSet with this name is the members'.
    pub(crate) fn is_members(self, stack_set: &str) -> bool {
        stack_set.contains(match self {
            Self::Plain | Self::PlainRoles => "Members-",
            Self::Lacework => "Config-Member-",
            Self::TrendWorkloadSecurity => "Member-",
        })
    }

    /// Whether a StackSet with this name makes the queue.
    pub(crate) fn is_queue(self, stack_set: &str) -> bool {
        match self {
            Self::Plain => stack_set.contains("Queue-"),
            Self::PlainRoles => stack_set.contains("Feed-Role-"),
            Self::Lacework => stack_set.contains("Audit-Account-"),
            Self::TrendWorkloadSecurity => false,
        }
    }

    /// Whether it reads the organization's trail.
    pub(crate) fn reads_trail(self) -> bool {
        self != Self::TrendWorkloadSecurity
    }

    /// Whether its tenants have stores, and a topic through which stacks register their accounts.
    pub(crate) fn has_stores(self) -> bool {
        self.provider().words().stores.is_some()
    }

    /// Whether it has one registration for each account, and the engine may take over another's.
    pub(crate) fn shares_accounts(self) -> bool {
        self == Self::TrendWorkloadSecurity
    }

    /// Whether it is told of accounts. Without registrations, a role is all that watches one.
    pub(crate) fn has_registrations(self) -> bool {
        self != Self::PlainRoles
    }

    /// An account's external id, as its role demands it.
    pub fn external_id(self, account: &AccountId, suffix: &str) -> String {
        let beginning = match self {
            Self::Plain | Self::PlainRoles => "plain",
            Self::Lacework => "lweid:aws:v2",
            Self::TrendWorkloadSecurity => return TENANTS_EXTERNAL_ID.to_owned(),
        };
        format!("{beginning}:{TENANT}:{account}:{suffix}")
    }

    /// The name of an account's registration.
    pub fn registration_name(self, account: &AccountId) -> String {
        match self {
            Self::Plain | Self::PlainRoles => format!("Plain-{account}"),
            Self::Lacework => format!("Lacework-Control-Tower-Config-Member-{account}"),
            Self::TrendWorkloadSecurity => format!("Trend-Control-Tower-{account}-{SUFFIX}"),
        }
    }
}
