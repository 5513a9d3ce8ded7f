//! The vendor of a simulated world.

use towerhook_core::{
    model::AccountId,
    provider::{
        Provider,
        plain::{Plain, PlainRoles},
    },
};
use towerhook_providers::{
    lacework::Lacework, trend_vision_one::TrendVisionOne,
    trend_workload_security::TrendWorkloadSecurity,
};

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
    /// Vision One: likewise, and a registration's id is its account's.
    TrendVisionOne,
}

/// The identity with which Vision One's tenant comes.
const IDENTITY: &str = "cloudaccounts-us.xdr.trendmicro.com/urn:visionone:identity:us:\
                        3f1c9a52-7d40-4b8e-9a6d-2c5e8f0b7a11:account/\
                        3f1c9a52-7d40-4b8e-9a6d-2c5e8f0b7a11";

impl Vendor {
    /// Its rules.
    pub fn provider(self) -> &'static dyn Provider {
        match self {
            Self::Plain => &Plain,
            Self::PlainRoles => &PlainRoles,
            Self::Lacework => &Lacework,
            Self::TrendWorkloadSecurity => &TrendWorkloadSecurity,
            Self::TrendVisionOne => &TrendVisionOne,
        }
    }

    /// The host of the tenant's URL.
    pub fn host(self) -> &'static str {
        match self {
            Self::Plain | Self::PlainRoles => "acme.example.com",
            Self::Lacework => "acme.lacework.net",
            Self::TrendWorkloadSecurity => "dsm.example.com:4119",
            Self::TrendVisionOne => "api.xdr.trendmicro.com",
        }
    }

    /// A host of the same name in another region of the SaaS, which does not know the key.
    pub fn other_host(self) -> &'static str {
        match self {
            Self::Plain | Self::PlainRoles => "acme.eu.example.com",
            Self::Lacework => "acme.fra.lacework.net",
            Self::TrendWorkloadSecurity => "dsm.example.org:4119",
            Self::TrendVisionOne => "api.eu.xdr.trendmicro.com",
        }
    }

    /// The principal that may assume the members' roles; blank if they trust none of AWS's.
    pub fn principal(self) -> &'static str {
        match self {
            Self::Plain | Self::PlainRoles => "arn:aws:iam::999999999999:role/reader",
            Self::Lacework => "arn:aws:iam::434813966438:role/lacework-platform",
            Self::TrendWorkloadSecurity => "147995105371",
            Self::TrendVisionOne => "",
        }
    }

    /// The prefix of names: the parameter's default.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Self::Plain | Self::PlainRoles => "Plain-",
            Self::Lacework => "Lacework-Control-Tower-",
            Self::TrendWorkloadSecurity => "Trend-Control-Tower-",
            Self::TrendVisionOne => "Trend-Vision-One-",
        }
    }

    /// The part of the names that stands for the tenant.
    pub(crate) fn tenant(self) -> &'static str {
        match self {
            Self::Plain | Self::PlainRoles | Self::Lacework => TENANT,
            Self::TrendWorkloadSecurity => "dsm-example-com-4119",
            Self::TrendVisionOne => "api-xdr-trendmicro-com",
        }
    }

    /// Whether a StackSet with this name is the members'.
    pub(crate) fn is_members(self, stack_set: &str) -> bool {
        stack_set.contains(match self {
            Self::Plain | Self::PlainRoles => "Members-",
            Self::Lacework => "Config-Member-",
            Self::TrendWorkloadSecurity | Self::TrendVisionOne => "Member-",
        })
    }

    /// Whether a StackSet with this name makes the queue.
    pub(crate) fn is_queue(self, stack_set: &str) -> bool {
        match self {
            Self::Plain => stack_set.contains("Queue-"),
            Self::PlainRoles => stack_set.contains("Feed-Role-"),
            Self::Lacework => stack_set.contains("Audit-Account-"),
            Self::TrendWorkloadSecurity | Self::TrendVisionOne => false,
        }
    }

    /// Whether it reads the organization's trail.
    pub(crate) fn reads_trail(self) -> bool {
        !self.shares_accounts()
    }

    /// Whether its tenants have stores, and a topic through which stacks register their accounts.
    pub(crate) fn has_stores(self) -> bool {
        self.provider().words().stores.is_some()
    }

    /// Whether it has one registration for each account, and the engine may take over another's.
    pub(crate) fn shares_accounts(self) -> bool {
        matches!(self, Self::TrendWorkloadSecurity | Self::TrendVisionOne)
    }

    /// The external id of the tenant, if it has one for all accounts.
    pub(crate) fn tenants_external_id(self) -> Option<&'static str> {
        match self {
            Self::Plain | Self::PlainRoles | Self::Lacework => None,
            Self::TrendWorkloadSecurity => Some("acme:1f9c"),
            Self::TrendVisionOne => Some(IDENTITY),
        }
    }

    /// Whether a registration's id is its account's.
    pub(crate) fn numbers_by_account(self) -> bool {
        self == Self::TrendVisionOne
    }

    /// Whether it is told of accounts. Without registrations, a role is all that watches one.
    pub(crate) fn has_registrations(self) -> bool {
        self != Self::PlainRoles
    }

    /// An account's external id, as its role demands it.
    pub fn external_id(self, account: &AccountId, suffix: &str) -> String {
        if let Some(id) = self.tenants_external_id() {
            return id.to_owned();
        }
        let beginning = if self == Self::Lacework {
            "lweid:aws:v2"
        } else {
            "plain"
        };
        format!("{beginning}:{TENANT}:{account}:{suffix}")
    }

    /// The name of an account's registration.
    pub fn registration_name(self, account: &AccountId) -> String {
        match self {
            Self::Plain | Self::PlainRoles => format!("Plain-{account}"),
            Self::Lacework => format!("Lacework-Control-Tower-Config-Member-{account}"),
            Self::TrendWorkloadSecurity | Self::TrendVisionOne => {
                format!("{}{account}-{SUFFIX}", self.prefix())
            }
        }
    }
}
