use std::{collections::BTreeMap, fmt, time::Duration};

use serde::Serialize;

use super::{Held, Record};
use crate::{
    model::{AccountId, SubAccount},
    ports::{Integration, IntegrationSpec},
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
    /// Make an account's integration.
    CreateIntegration {
        /// The store.
        sub_account: Option<SubAccount>,
        /// All of it.
        spec: IntegrationSpec,
    },
    /// Make an account's integration in another store than it is in. The new one is tried first;
    /// where the SaaS takes an account only once, the old one gives way to it.
    MoveIntegration {
        /// As they are, elsewhere; none where a move was cut off before it came to its end.
        from: Vec<Integration>,
        /// The store to go back to where it cannot be made.
        home: Option<SubAccount>,
        /// The store where it should be.
        sub_account: Option<SubAccount>,
        /// All of it.
        spec: IntegrationSpec,
        /// Whether the old one may give way before the new one stands.
        swap: bool,
    },
    /// Bring an integration of ours to what it should be.
    UpdateIntegration {
        /// As it is.
        existing: Integration,
        /// As it should be.
        spec: IntegrationSpec,
        /// Whether it should be switched on.
        enabled: bool,
    },
    /// Remove an integration of ours.
    DeleteIntegration {
        /// Whose it is.
        account: AccountId,
        /// The integration.
        existing: Integration,
    },
}

impl Action {
    /// Whether something goes with it that watches an account, or that such a thing stands on.
    pub(super) fn takes_away(&self) -> bool {
        match self {
            Self::DeleteInstances { .. }
            | Self::RemakeInstances { .. }
            | Self::MoveIntegration { .. }
            | Self::DeleteIntegration { .. } => true,
            Self::CreateInstances(_)
            | Self::RenewTokens(_)
            | Self::CreateIntegration { .. }
            | Self::UpdateIntegration { .. } => false,
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
        let store = |sub: &Option<SubAccount>| match sub {
            Some(sub) => format!(" in sub-account {sub}"),
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
                write!(f, "make member stack anew in {}", list(accounts))
            }
            Self::MoveIntegration {
                sub_account, spec, ..
            } => {
                write!(f, "move integration {}{}", spec.name, store(sub_account))
            }
            Self::CreateIntegration { sub_account, spec } => {
                write!(f, "create integration {}{}", spec.name, store(sub_account))
            }
            Self::UpdateIntegration {
                existing,
                spec,
                enabled,
            } => {
                let how = if *enabled { "update" } else { "disable" };
                write!(
                    f,
                    "{how} integration {}{}",
                    spec.name,
                    store(&existing.sub_account)
                )
            }
            Self::DeleteIntegration { existing, .. } => {
                write!(
                    f,
                    "delete integration {}{}",
                    existing.name,
                    store(&existing.sub_account)
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
                "look at {} again in {} s",
                revisit.account,
                revisit.delay.as_secs()
            )?;
        }
        for (account, reason) in &self.blocked {
            writeln!(f, "{account} needs help: {reason}")?;
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
