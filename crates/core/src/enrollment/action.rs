use std::{collections::BTreeMap, fmt, time::Duration};

use serde::Serialize;

use super::{Exchange, Held};
use crate::{
    feed::FeedPlan,
    ledger::{Reason, Record},
    model::{AccountId, Registration, RegistrationSpec, Store},
    provider::Words,
    stack_sets::Operation,
};

/// One write, fully specified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Action {
    /// Create the member stack in these accounts, or retry where it failed.
    CreateInstances {
        /// The accounts.
        accounts: Vec<AccountId>,
    },
    /// Give the member stacks of these accounts a valid token before their deletion.
    RenewTokens {
        /// The accounts.
        accounts: Vec<AccountId>,
    },
    /// Delete the member stacks of offboarded accounts.
    DeleteInstances {
        /// The accounts.
        accounts: Vec<AccountId>,
        /// Leave the stacks in their accounts, because they cannot be reached any more.
        retain: bool,
    },
    /// Delete the member stacks of enrolled accounts, so that they can be recreated.
    RecreateInstances {
        /// The accounts.
        accounts: Vec<AccountId>,
        /// Leave the stacks in their accounts, because their deletion failed.
        retain: bool,
    },
    /// Create an account's registration.
    CreateRegistration {
        /// The store.
        store: Option<Store>,
        /// Its desired state.
        spec: RegistrationSpec,
    },
    /// Move an account's registration to another store.
    MoveRegistration {
        /// The calls, and what follows which answer.
        exchange: Exchange,
    },
    /// Bring a registration of ours to its desired state.
    UpdateRegistration {
        /// The current state.
        existing: Registration,
        /// The desired state.
        spec: RegistrationSpec,
        /// Whether it should be enabled.
        enabled: bool,
    },
    /// Delete a registration of ours.
    DeleteRegistration {
        /// Its account.
        account: AccountId,
        /// The registration.
        existing: Registration,
    },
}

impl Action {
    /// The part of it that concerns each account.
    pub fn by_account(&self) -> Vec<(AccountId, Self)> {
        let each = |accounts: &[AccountId], part: &dyn Fn(Vec<AccountId>) -> Self| {
            let accounts = accounts.iter();
            accounts.map(|id| (*id, part(vec![*id]))).collect()
        };
        match self {
            Self::CreateInstances { accounts } => {
                each(accounts, &|accounts| Self::CreateInstances { accounts })
            }
            Self::RenewTokens { accounts } => {
                each(accounts, &|accounts| Self::RenewTokens { accounts })
            }
            Self::DeleteInstances { accounts, retain } => each(accounts, &|accounts| {
                let retain = *retain;
                Self::DeleteInstances { accounts, retain }
            }),
            Self::RecreateInstances { accounts, retain } => each(accounts, &|accounts| {
                let retain = *retain;
                Self::RecreateInstances { accounts, retain }
            }),
            Self::CreateRegistration { spec, .. } | Self::UpdateRegistration { spec, .. } => {
                vec![(spec.account, self.clone())]
            }
            Self::MoveRegistration { exchange } => vec![(exchange.spec.account, self.clone())],
            Self::DeleteRegistration { account, .. } => vec![(*account, self.clone())],
        }
    }

    /// Whether it deletes a registration, or a resource that one depends on.
    pub(super) fn takes_away(&self) -> bool {
        match self {
            Self::DeleteInstances { .. }
            | Self::RecreateInstances { .. }
            | Self::MoveRegistration { .. }
            | Self::DeleteRegistration { .. } => true,
            Self::CreateInstances { .. }
            | Self::RenewTokens { .. }
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
            Some(store) => format!(" in {store}"),
            None => String::new(),
        };
        match self {
            Self::CreateInstances { accounts } => {
                write!(f, "create member stack in {}", list(accounts))
            }
            Self::RenewTokens { accounts } => {
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
            Self::RecreateInstances { accounts, .. } => {
                write!(f, "recreate member stack in {}", list(accounts))
            }
            Self::MoveRegistration { exchange } => {
                let Exchange { spec, store, .. } = exchange;
                write!(f, "move registration {}{}", spec.name, in_store(store))
            }
            Self::CreateRegistration { store, spec } => {
                write!(f, "create registration {}{}", spec.name, in_store(store))
            }
            Self::UpdateRegistration {
                existing,
                spec,
                enabled,
            } => {
                let how = if *enabled { "update" } else { "disable" };
                write!(
                    f,
                    "{how} registration {}{}",
                    spec.name,
                    in_store(&existing.store)
                )
            }
            Self::DeleteRegistration { existing, .. } => {
                write!(
                    f,
                    "delete registration {}{}",
                    existing.name,
                    in_store(&existing.store)
                )
            }
        }
    }
}

/// Writes, revisits and records that follow from an inventory. The names in its JSON are stable.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The writes, in order.
    pub actions: Vec<Action>,
    /// Accounts to requeue, although they need no write now.
    pub revisits: Vec<Revisit>,
    /// Records that have to change; `None` deletes one.
    pub records: BTreeMap<AccountId, Option<Record>>,
    /// Accounts that are enrolled without any write, since the vendor needs only their role.
    pub enrolled: Vec<AccountId>,
    /// Accounts that need an administrator, each with the reason.
    pub blocked: Vec<(AccountId, Reason)>,
    /// Offboardings beyond the limit.
    pub held: Option<Held>,
    /// What restores the feed.
    pub feed: FeedPlan,
}

impl Plan {
    /// The plan, for an administrator: the dry run.
    pub fn in_words(&self, words: &'static Words) -> impl fmt::Display {
        fmt::from_fn(move |f| {
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
            for account in &self.enrolled {
                writeln!(f, "{account} is enrolled")?;
            }
            for (account, reason) in &self.blocked {
                writeln!(f, "{account} is blocked: {}", reason.in_words(words))?;
            }
            if let Some(held) = &self.held {
                writeln!(f, "{held}")?;
            }
            write!(f, "{}", self.feed)
        })
    }
}

/// An account to requeue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Revisit {
    /// The account.
    pub account: AccountId,
    /// The delay.
    pub delay: Duration,
    /// The attempts used up by then.
    pub attempt: u32,
    /// The operation that has to end before there is anything to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub awaits: Option<Operation>,
}
