//! A landing zone and a SaaS in memory, behind core's ports, with a simulated clock and seeded
//! randomness.
//!
//! It models every fault between the functions and the services that they call: listings that lag,
//! throttles, lost responses, messages that arrive twice, late or out of order, crashes between any
//! two calls, StackSet operations that queue and fail, roles that cannot be assumed yet, tokens
//! that expire, a SaaS that is down or limits requests, and two passes that interleave at every
//! call. A [`History`] is one seed, and the same seed always ends the same way.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "only tests and benchmarks use it, and they may panic"
)]

mod announce;
pub mod conformance;
mod cost;
mod drift;
mod faults;
mod functions;
mod happen;
mod history;
mod operation;
mod oracle;
mod people;
mod ports;
mod queue;
mod quiet;
mod rates;
mod registrations;
mod rounds;
mod safety;
pub mod scale;
mod simulation;
mod stack;
mod state;
mod units;
mod vendor;
mod vendors;
mod versioned;
mod wishes;

use std::{
    cell::{RefCell, RefMut},
    collections::{BTreeMap, BTreeSet},
    fmt,
    rc::Rc,
};

use fastrand::Rng;
use jiff::Timestamp;
use towerhook_core::stack_sets::StackSet;

pub use history::{Ending, History, Outcome};
pub use people::{Change, Step, Window};
pub use ports::{CANARY, Ports};
pub use simulation::Simulation;
pub use state::{Answered, SentAnswer};
pub use units::{AUDIT, LOG_ARCHIVE, MANAGEMENT, STACK_ID, TENANT, id, member_id};
pub use vendor::Vendor;
pub use vendors::VENDORS_SUFFIXES;
pub use wishes::{Destination, Wishes};

use crate::{
    registrations::Registrations,
    state::{KeptSecrets, KeptStackSet, State},
    units::{Member, SECURITY},
    versioned::Versioned,
};

/// The random suffix of the deployment's external ids.
pub const SUFFIX: &str = "ABCDEFGHIJ";

/// The fixed properties of a world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Whose SaaS it is.
    pub vendor: Vendor,
    /// Whether Control Tower has a landing zone here.
    pub control_tower: bool,
    /// The members at launch.
    pub accounts: usize,
    /// Whether the SaaS accepts an account only once across all stores.
    pub refuses_duplicates: bool,
    /// Whether the SaaS shows external ids masked, or not at all.
    pub masks_external_ids: bool,
    /// Whether the SaaS allows 480 requests an hour, or any number.
    pub rate_limit: bool,
    /// How many accounts have a foreign registration, too.
    pub foreign: usize,
    /// The number of OUs that the members are spread over; at least five.
    pub units: usize,
    /// For how many seconds of the launch IAM may refuse setup's new permissions.
    pub settles: u64,
    /// Whether calls have AWS's real cost: one per page, rate-limited, with the SDK's retries, and
    /// StackSet operations that process one account after another. Listings do not lag then, and
    /// clocks agree.
    pub true_to_scale: bool,
}

impl Options {
    /// The owner of the trail's topic: in most landing zones Audit; in some, as from 4.0 on, Log
    /// Archive.
    pub(crate) fn topic_owner(&self) -> &'static str {
        if self.accounts % 3 == 2 {
            LOG_ARCHIVE
        } else {
            AUDIT
        }
    }

    fn draw(dice: &mut Rng) -> Self {
        let vendor = match dice.u32(0..6) {
            0 => Vendor::Lacework,
            1 => Vendor::PlainRoles,
            2 if dice.bool() => Vendor::TrendWorkloadSecurity,
            2 => Vendor::TrendVisionOne,
            _ => Vendor::Plain,
        };
        Self {
            vendor,
            control_tower: dice.u32(0..8) > 0,
            accounts: dice.usize(0..14),
            refuses_duplicates: dice.u32(0..3) > 0 || vendor.shares_accounts(),
            masks_external_ids: dice.u32(0..3) == 0 || vendor.shares_accounts(),
            rate_limit: dice.u32(0..3) == 0,
            foreign: if dice.u32(0..3) == 0 && vendor.has_registrations() {
                dice.usize(1..3)
            } else {
                0
            },
            units: units::COUNT,
            settles: if dice.u32(0..4) == 0 {
                dice.u64(1..80)
            } else {
                0
            },
            true_to_scale: false,
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            vendor: Vendor::Plain,
            control_tower: true,
            accounts: 0,
            refuses_duplicates: true,
            masks_external_ids: false,
            rate_limit: false,
            foreign: 0,
            units: units::COUNT,
            settles: 0,
            true_to_scale: false,
        }
    }
}

/// A trust policy that lets CloudFormation assume the role.
const CLOUD_FORMATION_MAY: &str = r#"{"Statement":
    {"Effect": "Allow", "Principal": {"Service": "cloudformation.amazonaws.com"}}}"#;

/// One simulated world. A clone is the same world.
#[derive(Clone)]
pub struct World(Rc<Inner>);

struct Inner {
    simulation: Simulation,
    state: RefCell<State>,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "World at {}", self.now())
    }
}

impl World {
    /// A world before the main stack is launched; `logged` keeps a log of everything that happens.
    pub fn new(mut options: Options, seed: u64, logged: bool) -> Self {
        options.units = options.units.max(units::COUNT);
        let lags = !options.true_to_scale;
        let now = units::beginning();
        let environment_host = options.vendor.host();
        let mut organization = BTreeMap::new();
        let own = [
            (MANAGEMENT, "Management", None),
            (LOG_ARCHIVE, "Log Archive", Some(SECURITY)),
            (AUDIT, "Audit", Some(SECURITY)),
        ];
        for (text, name, unit) in own {
            organization.insert(id(text), Member::new(id(text), name, unit, true));
        }
        for n in 0..options.accounts {
            let unit = 1 + n % (options.units - 1);
            let member = Member::new(member_id(n), &format!("member {n}"), Some(unit), true);
            organization.insert(member_id(n), member);
        }
        let foreign = KeptStackSet {
            set: StackSet {
                name: "AWSControlTowerBP-BASELINE-ROLES".into(),
                description: String::new(),
                template: String::new(),
                parameters: BTreeMap::new(),
                tags: BTreeMap::new(),
            },
            ours: false,
            operations: BTreeMap::new(),
            busy_until: now,
            generation: 0,
            edited_at: None,
        };
        let state = State {
            made: options.accounts,
            trail: units::trail(options.topic_owner()),
            notifications: units::notifications(),
            notification_stays: false,
            options,
            organization: Versioned::new(organization, lags),
            instances: Versioned::new(BTreeMap::new(), lags),
            deployed: BTreeMap::new(),
            stack_sets: [(foreign.set.name.clone(), foreign)].into(),
            unit_names: BTreeMap::new(),
            stacks: BTreeMap::new(),
            rolls_back: false,
            registrations: Versioned::new(Registrations::default(), lags),
            ledger: Default::default(),
            queue: Default::default(),
            secrets: KeptSecrets {
                key_works: true,
                ..KeptSecrets::default()
            },
            foreign_resources: BTreeSet::new(),
            bucket: (480.0, now),
            faults: Default::default(),
            counts: BTreeMap::new(),
            throttles: BTreeMap::new(),
            buckets: BTreeMap::new(),
            log: Vec::new(),
            logged,
            violations: Vec::new(),
            wishes: Vec::new(),
            at_launch: BTreeMap::new(),
            last_to_go: BTreeMap::new(),
            offboarded: Vec::new(),
            ever_watched: Default::default(),
            highest_limit: 0,
            held: None,
            approved: Default::default(),
            undeleted: BTreeMap::new(),
            odd_list_at: None,
            odd_list_before: None,
            tokens_revoked_at: None,
            writers: BTreeMap::new(),
            last_failing: BTreeMap::new(),
            last_deleted: BTreeMap::new(),
            last_renewed: BTreeMap::new(),
            moved: BTreeMap::new(),
            next_crash: None,
            next_latency: None,
            invocations: 0,
            passes: Vec::new(),
            replies: Vec::new(),
            timeouts: 0,
            requests: Default::default(),
            idle: true,
            writes: 0,
            setups: 0,
            asked: 0,
            answers: BTreeMap::new(),
            sent: Vec::new(),
            physical_id: None,
            at_work: 0,
            setups_at_work: 0,
            next_setup_latency: None,
            next_invoked_twice: false,
            next_cancelled_after: None,
            needs_update: false,
            ledger_emptied: None,
            lease_lost_at: None,
            hides_organization: false,
            environment_host,
            partition: "aws",
            administration_trust: Some(CLOUD_FORMATION_MAY.into()),
            deleting_since: None,
            deleted: false,
            permissions_settle_at: now,
            removed: BTreeMap::new(),
            rounds: Default::default(),
            registrations_stay: false,
            keeps: false,
            foreign_roles: BTreeSet::new(),
            found_left: Vec::new(),
            last_hampered: None,
            setup_crashed_at: None,
            next_list: None,
            unusable: Default::default(),
            unlisted: Default::default(),
        };
        Self(Rc::new(Inner {
            simulation: Simulation::new(seed, now),
            state: RefCell::new(state),
        }))
    }

    /// The clock, the dice and the executor.
    pub fn simulation(&self) -> &Simulation {
        &self.0.simulation
    }

    /// The virtual time.
    pub fn now(&self) -> Timestamp {
        self.0.simulation.now()
    }

    /// How often each operation was called.
    pub fn counts(&self) -> BTreeMap<&'static str, usize> {
        self.state().counts.clone()
    }

    pub(crate) fn state(&self) -> RefMut<'_, State> {
        self.0.state.borrow_mut()
    }

    pub(crate) fn say(&self, what: impl FnOnce() -> String) {
        let now = self.now();
        self.state().say(now, what);
    }
}
