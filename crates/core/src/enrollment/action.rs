use std::{collections::BTreeMap, fmt, time::Duration};

use serde::Serialize;

use super::{Held, Record};
use crate::{
    model::{AccountId, Store},
    ports::{Registration, RegistrationSpec},
};

/// One write, fully specified. Printing a plan is the dry run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Make the member stack in these accounts, or try again where it failed.
    CreateInstances(Vec<AccountId>),
    /// Give the member stacks of these accounts a token that works, before they are to go.
    RenewTokens(Vec<AccountId>),
    /// Remove the member stack of accounts that left.
    DeleteInstances {
        /// The accounts.
        accounts: Vec<AccountId>,
        /// Leave the stacks, since nobody can reach them any more.
        retain: bool,
    },
    /// Remove the member stack of accounts that stay, so that it can be made anew.
    RemakeInstances {
        /// The accounts.
        accounts: Vec<AccountId>,
        /// Leave the stacks, since they could not be deleted.
        retain: bool,
    },
    /// Make an account's registration.
    CreateRegistration {
        /// The store.
        store: Option<Store>,
        /// All of it.
        spec: RegistrationSpec,
    },
    /// Make an account's registration in another store than it is in. The new one is tried first;
    /// where the SaaS takes an account only once, the old one gives way to it.
    MoveRegistration {
        /// As they are, elsewhere; none where a move was cut off before it came to its end.
        from: Vec<Registration>,
        /// The store to go back to where it cannot be made.
        home: Option<Store>,
        /// The store where it should be.
        store: Option<Store>,
        /// All of it.
        spec: RegistrationSpec,
        /// Whether the old one may give way before the new one stands.
        swap: bool,
    },
    /// Bring a registration of ours to what it should be.
    UpdateRegistration {
        /// As it is.
        existing: Registration,
        /// As it should be.
        spec: RegistrationSpec,
        /// Whether it should be switched on.
        enabled: bool,
    },
    /// Remove a registration of ours.
    DeleteRegistration {
        /// Whose it is.
        account: AccountId,
        /// The registration.
        existing: Registration,
    },
}

impl Action {
    /// Whether something goes with it that watches an account, or that such a thing stands on.
    pub(super) fn takes_away(&self) -> bool {
        match self {
            Self::DeleteInstances { .. }
            | Self::RemakeInstances { .. }
            | Self::MoveRegistration { .. }
            | Self::DeleteRegistration { .. } => true,
            Self::CreateInstances(_)
            | Self::RenewTokens(_)
            | Self::CreateRegistration { .. }
            | Self::UpdateRegistration { .. } => false,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |ids: &[AccountId]| {
            ids.iter()
                .map(AccountId::as_str)
                .collect::<Vec<_>>()
                .join(", ")
        };
        let in_store = |store: &Option<Store>| match store {
            Some(store) => format!(" in sub-account {store}"),
            None => String::new(),
        };
        match self {
            Self::CreateInstances(accounts) => {
                write!(f, "create member stack in {}", list(accounts))
            }
            Self::RenewTokens(accounts) => {
                write!(
                    f,
                    "renew the token of the member stack in {}",
                    list(accounts)
                )
            }
            Self::DeleteInstances {
                accounts,
                retain: false,
            } => {
                write!(f, "delete member stack in {}", list(accounts))
            }
            Self::DeleteInstances {
                accounts,
                retain: true,
            } => {
                write!(f, "forget member stack in {}", list(accounts))
            }
            Self::RemakeInstances { accounts, .. } => {
                write!(f, "recreate member stack in {}", list(accounts))
            }
            Self::MoveRegistration { store, spec, .. } => {
                write!(f, "move integration {}{}", spec.name, in_store(store))
            }
            Self::CreateRegistration { store, spec } => {
                write!(f, "create integration {}{}", spec.name, in_store(store))
            }
            Self::UpdateRegistration {
                existing,
                spec,
                enabled,
            } => {
                let how = if *enabled { "update" } else { "disable" };
                write!(
                    f,
                    "{how} integration {}{}",
                    spec.name,
                    in_store(&existing.store)
                )
            }
            Self::DeleteRegistration { existing, .. } => {
                write!(
                    f,
                    "delete integration {}{}",
                    existing.name,
                    in_store(&existing.store)
                )
            }
        }
    }
}

/// What to do, what to look at again, and what was left alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// The writes, in order.
    pub actions: Vec<Action>,
    /// Accounts to look at again although nothing is to be done for them now.
    pub revisits: Vec<Revisit>,
    /// What the ledger should say, where it says something else.
    pub records: BTreeMap<AccountId, Option<Record>>,
    /// Accounts that only an administrator can help, with what to tell them.
    pub blocked: Vec<(AccountId, String)>,
    /// Offboardings beyond the limit.
    pub held: Option<Held>,
}

impl Plan {
    /// Whether everything is as it should be.
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty() && self.revisits.is_empty() && self.records.is_empty()
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for action in &self.actions {
            writeln!(f, "{action}")?;
        }
        for revisit in &self.revisits {
            writeln!(
                f,
                "revisit {} in {} s",
                revisit.account,
                revisit.delay.as_secs()
            )?;
        }
        for (account, reason) in &self.blocked {
            writeln!(f, "{account} is blocked: {reason}")?;
        }
        match &self.held {
            Some(held) => writeln!(f, "{held}"),
            None => Ok(()),
        }
    }
}

/// An account to look at again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Revisit {
    /// Which.
    pub account: AccountId,
    /// When.
    pub delay: Duration,
    /// The attempts used up by then.
    pub attempt: u32,
}
