//! The initial organization of every history.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use towerhook_core::{
    landing_zone::{
        Account, AccountState, BucketNotification, BucketNotifications, Management,
        NotificationTarget, OuTree, Trail, Unit,
    },
    model::{AccountId, OuId, Store},
};

/// The account that holds the main stack.
pub const MANAGEMENT: &str = "000000000001";
/// The landing zone's Log Archive account.
pub const LOG_ARCHIVE: &str = "000000000002";
/// The landing zone's Audit account.
pub const AUDIT: &str = "000000000003";
/// The account part of the tenant's URL.
pub const TENANT: &str = "acme";
/// The main stack's id, which tags our resources.
pub const STACK_ID: &str = "arn:aws:cloudformation:us-east-1:000000000001:stack/towerhook/1";

const ROOT: &str = "r-ab12";

/// An OU: its name, its id and its parent's index in the list.
struct UnitSpec(&'static str, &'static str, Option<usize>);

const UNITS: [UnitSpec; 5] = [
    UnitSpec("Security", "ou-ab12-security0", None),
    UnitSpec("Production", "ou-ab12-product00", None),
    UnitSpec("Blue", "ou-ab12-blue00000", Some(1)),
    UnitSpec("Staging", "ou-ab12-staging00", None),
    UnitSpec("Sandbox", "ou-ab12-sandbox00", None),
];

/// The index of the OU that holds Log Archive and Audit.
pub(crate) const SECURITY: usize = 0;
/// How many units there are.
pub(crate) const COUNT: usize = UNITS.len();

/// An account's id from a constant's text.
pub fn id(text: &str) -> AccountId {
    text.parse().expect("a constant is an id")
}

/// The `n`th member's id.
pub fn member_id(n: usize) -> AccountId {
    id(&format!("{:012}", 100_000_000_000 + n))
}

/// An OU's id. Beyond the first [`COUNT`] all are generated, directly below the root.
pub(crate) fn unit_id(unit: usize) -> OuId {
    let known = UNITS.get(unit).map(|spec| spec.1.to_owned());
    let id = known.unwrap_or_else(|| format!("ou-ab12-unit{unit:05}"));
    id.parse().expect("a constant is an id")
}

pub(crate) fn unit_name(unit: usize) -> String {
    let known = UNITS.get(unit).map(|spec| spec.0.to_owned());
    known.unwrap_or_else(|| format!("Unit {unit}"))
}

fn parent(unit: usize) -> Option<usize> {
    UNITS.get(unit).and_then(|spec| spec.2)
}

pub(crate) fn root() -> OuId {
    ROOT.parse().expect("a constant is an id")
}

/// The path of an account in this OU, or in the root.
pub(crate) fn path(unit: Option<usize>) -> Vec<OuId> {
    let mut path = Vec::new();
    let mut at = unit;
    while let Some(unit) = at {
        path.push(unit_id(unit));
        at = parent(unit);
    }
    path.push(root());
    path.reverse();
    path
}

/// The first `count` OUs, some of them renamed.
pub(crate) fn tree(count: usize, renamed: &BTreeMap<usize, String>) -> OuTree {
    let units = (0..count).map(|unit| {
        let name = renamed.get(&unit).cloned();
        let known = Unit {
            name: name.unwrap_or_else(|| unit_name(unit)),
            parent: parent(unit).map(unit_id),
        };
        (unit_id(unit), known)
    });
    OuTree(units.collect())
}

/// How many of the first `count` OUs are directly below the root.
pub(crate) fn below_root(count: usize) -> usize {
    (0..count).filter(|unit| parent(*unit).is_none()).count()
}

/// The organization's trail, with its topic in this account.
pub(crate) fn trail(topic_owner: &str) -> Trail {
    Trail {
        name: "trail".into(),
        home_region: Some("us-east-1".into()),
        bucket: "aws-controltower-logs".into(),
        key_prefix: None,
        topic: format!("arn:aws:sns:us-east-1:{topic_owner}:trail")
            .parse()
            .ok(),
        kms_key: None,
        is_organization: true,
        is_multi_region: true,
        is_logging: true,
    }
}

/// What the trail's bucket notifies before anybody launches a stack.
pub(crate) fn notifications() -> BucketNotifications {
    BucketNotifications {
        all: vec![BucketNotification {
            id: "theirs".into(),
            target: NotificationTarget::Queue,
            arn: format!("arn:aws:sqs:us-east-1:{LOG_ARCHIVE}:theirs"),
            events: vec!["s3:ObjectRemoved:*".into()],
            prefix: String::new(),
            suffix: String::new(),
        }],
        event_bridge: true,
    }
}

/// The start time of every history.
pub(crate) fn beginning() -> Timestamp {
    "2026-01-01T00:00:00Z"
        .parse()
        .expect("a constant is a time")
}

/// The stores of the tenant.
pub(crate) fn stores() -> BTreeSet<Store> {
    ["production", "blue", "staging", "one"]
        .map(Store::from)
        .into()
}

/// A stack in an account, in its true state.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Deployed {
    /// The role or queue that it created, and when; `None` if that was deleted by hand.
    pub(crate) role: Option<(String, Timestamp)>,
    /// Whether no StackSet manages it any more.
    pub(crate) left_behind: bool,
    /// The registration that its custom resource created, if it has one.
    pub(crate) registered: Option<Registered>,
}

/// A custom resource's registration, and the token that the stack was last given.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Registered {
    pub(crate) guid: String,
    pub(crate) token: String,
}

/// An account in its true state.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) account: Account,
    pub(crate) management: Management,
    pub(crate) was_managed: bool,
    /// Whether AWSControlTowerExecution exists.
    pub(crate) reachable: bool,
    /// Whether every stack operation in it fails, as under a service control policy.
    pub(crate) refuses_stacks: bool,
}

impl Member {
    pub(crate) fn new(id: AccountId, name: &str, unit: Option<usize>, managed: bool) -> Self {
        let management = if managed {
            Management::Managed
        } else {
            Management::NotManaged
        };
        Self {
            account: Account {
                id,
                name: name.to_owned(),
                state: AccountState::Active,
                path: path(unit),
            },
            management,
            was_managed: managed,
            reachable: managed,
            refuses_stacks: false,
        }
    }

    /// Whether stack operations work in it.
    pub(crate) fn takes_stacks(&self) -> bool {
        self.account.state == AccountState::Active && self.reachable && !self.refuses_stacks
    }
}

pub(crate) type Organization = BTreeMap<AccountId, Member>;
