use std::collections::{BTreeMap, BTreeSet};

use crate::{
    landing_zone::{Announcement, BucketNotifications},
    model::{AccountId, Arn, Registration},
    stack_sets::{Stack, StackInstance, StackSet},
};

/// The existing resources, as setup read them.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// The existing StackSets with our names, and their instances.
    pub stack_sets: BTreeMap<String, (StackSet, Vec<StackInstance>)>,
    /// The management account's existing stacks with our names.
    pub stacks: BTreeMap<String, Stack>,
    /// All registrations of both kinds, in every store that we may have used.
    pub registrations: Vec<Registration>,
    /// Whether some of them could not be read. Then none is created or changed, and no resource is
    /// deleted that one of them may use.
    pub blind: bool,
    /// The topic of each existing trail that we may have given one.
    pub topics: BTreeMap<String, Option<Arn>>,
    /// The notifications of each bucket that we may have given one and that has its role, or why
    /// the role cannot read them.
    pub buckets: BTreeMap<Announcement, Result<BucketNotifications, String>>,
    /// The ids of the members' registrations in the ledger, which identify registrations that were
    /// changed by hand.
    pub made: BTreeSet<String>,
    /// The ids of those that passes maintain.
    pub kept: BTreeSet<String>,
    /// Reachable accounts, if stacks have to be deleted: in any other account a stack can only be
    /// left behind.
    pub active: BTreeSet<AccountId>,
    /// Accounts whose stacks were given a valid token, with which they delete their registrations;
    /// `None` if there is no such token.
    pub renewed: Option<BTreeSet<AccountId>>,
    /// StackSets and stacks that this request has already updated.
    pub updated: BTreeSet<String>,
    /// Whether this request has deleted the management account's failed stack, to recreate it.
    pub stack_recreated: bool,
}
