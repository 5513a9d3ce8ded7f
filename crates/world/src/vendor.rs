//! The vendor of a simulated world.

use towerhook_core::{
    model::AccountId,
    provider::{
        Provider,
        plain::{Plain, PlainRoles},
    },
};
use towerhook_providers::lacework::Lacework;

use crate::units::TENANT;

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
}

impl Vendor {
    /// Its rules.
    pub fn provider(self) -> &'static dyn Provider {
        match self {
            Self::Plain => &Plain,
            Self::PlainRoles => &PlainRoles,
            Self::Lacework => &Lacework,
        }
    }

    /// The host of the tenant's URL.
    pub fn host(self) -> &'static str {
        match self {
            Self::Plain | Self::PlainRoles => "acme.example.com",
            Self::Lacework => "acme.lacework.net",
        }
    }

    /// A host of the same name in another region of the SaaS, which does not know the key.
    pub fn other_host(self) -> &'static str {
        match self {
            Self::Plain | Self::PlainRoles => "acme.eu.example.com",
            Self::Lacework => "acme.fra.lacework.net",
        }
    }

    /// The principal that may assume the members' roles.
    pub fn principal(self) -> &'static str {
        match self {
            Self::Plain | Self::PlainRoles => "arn:aws:iam::999999999999:role/reader",
            Self::Lacework => "arn:aws:iam::434813966438:role/lacework-platform",
        }
    }

    /// The prefix of names: the parameter's default.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Self::Plain | Self::PlainRoles => "Plain-",
            Self::Lacework => "Lacework-Control-Tower-",
        }
    }

    /// Whether a StackSet with this name is the members'.
    pub(crate) fn is_members(self, stack_set: &str) -> bool {
        stack_set.contains(match self {
            Self::Plain | Self::PlainRoles => "Members-",
            Self::Lacework => "Config-Member-",
        })
    }

    /// Whether a StackSet with this name makes the queue.
    pub(crate) fn is_queue(self, stack_set: &str) -> bool {
        stack_set.contains(match self {
            Self::Plain => "Queue-",
            Self::PlainRoles => "Feed-Role-",
            Self::Lacework => "Audit-Account-",
        })
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
        };
        format!("{beginning}:{TENANT}:{account}:{suffix}")
    }

    /// The name of an account's registration.
    pub fn registration_name(self, account: &AccountId) -> String {
        match self {
            Self::Plain | Self::PlainRoles => format!("Plain-{account}"),
            Self::Lacework => format!("Lacework-Control-Tower-Config-Member-{account}"),
        }
    }
}
