use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

use crate::{
    Read,
    feed::FeedView,
    landing_zone::{Account, Management},
    ledger::{Record, Source},
    lifecycle::Scope,
    model::{AccountId, Registration},
    stack_sets::StackInstance,
};

/// Everything read for one pass.
#[derive(Debug, Clone, Default)]
pub struct Inventory {
    /// The scope of the pass.
    pub scope: Scope,
    /// The accounts in scope.
    pub accounts: BTreeMap<AccountId, AccountView>,
    /// Every account's record, in scope or not: the offboard limit counts them all.
    pub records: BTreeMap<AccountId, Record>,
    /// The feed, in a pass over the whole organization whose deployment has one.
    pub feed: Option<FeedView>,
    /// How long the SaaS's rate limit forbids calls, if it is known.
    pub registry_wait: Option<Duration>,
    /// The expiry of the current access token, if stacks register their accounts.
    pub token_ends: Option<Timestamp>,
    /// The sources that this scope needs, and whether each was read.
    pub sources: BTreeMap<Source, bool>,
    /// Accounts missing from the listing, beyond the number that one pass describes. Left to a
    /// later pass.
    pub requeued: Scope,
    /// Unreadable items of the ledger. An account with an unreadable record is left alone.
    pub unreadable_items: Vec<String>,
}

/// Everything read about one account.
#[derive(Debug, Clone)]
pub struct AccountView {
    /// The account; `Read(None)` means that Organizations does not know it.
    pub account: Read<Option<Account>>,
    /// Its status in Control Tower.
    pub management: Read<Management>,
    /// Its member stack.
    pub instance: Read<Option<StackInstance>>,
    /// The registrations that watch it, in any store.
    pub registrations: Read<Watchers>,
}

/// The registrations that watch an account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Watchers {
    /// Those of this deployment.
    pub ours: Vec<Registration>,
    /// Foreign ones.
    pub others: Vec<Registration>,
}
