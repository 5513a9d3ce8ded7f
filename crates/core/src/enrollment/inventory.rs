use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

use crate::{
    landing_zone::{Account, Management},
    ledger::{Record, Source},
    lifecycle::Scope,
    model::{AccountId, Registration},
    stack_sets::StackInstance,
};

/// What was read, or why it could not be. A read that failed is not an absence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known<T> {
    /// A complete and successful reading.
    Known(T),
    /// No reading; the text says why.
    Unknown(String),
}

/// All that was observed for one pass.
#[derive(Debug, Clone, Default)]
pub struct Inventory {
    /// Why we looked.
    pub scope: Scope,
    /// The accounts in scope.
    pub accounts: BTreeMap<AccountId, AccountView>,
    /// Every account's record, in scope or not: the offboard limit counts them all.
    pub records: BTreeMap<AccountId, Record>,
    /// How long the SaaS wants not to be asked, where it said so.
    pub registry_wait: Option<Duration>,
    /// When the access token ends that works at present, where stacks register their accounts.
    pub token_ends: Option<Timestamp>,
    /// Which sources were read, of those that this scope needs.
    pub sources: BTreeMap<Source, bool>,
    /// Unlisted accounts beyond the number that one pass describes, for a later pass.
    pub put_off: Scope,
    /// Items of the ledger that cannot be understood. Nothing is done for an account whose record is one.
    pub unreadable_items: Vec<String>,
}

/// All that was observed of one account.
#[derive(Debug, Clone)]
pub struct AccountView {
    /// The account; `Known(None)` means that Organizations does not know it.
    pub account: Known<Option<Account>>,
    /// What Control Tower says of it.
    pub management: Known<Management>,
    /// Its member stack.
    pub instance: Known<Option<StackInstance>>,
    /// What watches it, in any store.
    pub registrations: Known<Watchers>,
}

/// The registrations that watch an account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Watchers {
    /// Those that this deployment made.
    pub ours: Vec<Registration>,
    /// Everybody else's.
    pub others: Vec<Registration>,
}

impl<T> Known<T> {
    pub(super) fn map<U>(self, f: impl FnOnce(T) -> U) -> Known<U> {
        match self {
            Self::Known(value) => Known::Known(f(value)),
            Self::Unknown(why) => Known::Unknown(why),
        }
    }

    pub(super) fn as_ref(&self) -> Known<&T> {
        match self {
            Self::Known(value) => Known::Known(value),
            Self::Unknown(why) => Known::Unknown(why.clone()),
        }
    }

    pub(super) fn is_known(&self) -> bool {
        matches!(self, Self::Known(_))
    }

    /// Why there is no reading.
    pub(super) fn reason(&self) -> Option<String> {
        match self {
            Self::Known(_) => None,
            Self::Unknown(why) => Some(why.clone()),
        }
    }

    pub(super) fn ok(self) -> Option<T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }
}
