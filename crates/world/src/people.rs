//! Changes of a landing zone by people and AWS, step by step.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use fastrand::Rng;

use crate::{
    faults::{Faults, Rates},
    units::COUNT,
    vendor::Vendor,
    wishes::{Destination, Wishes},
};

/// One step. Numbers select among the current objects, so that a step is valid after any other
/// steps.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants say what their fields are")]
pub enum Step {
    /// Account Factory creates an account; `told` says whether Control Tower sends its event.
    Create { unit: usize, told: bool },
    /// An account joins that Control Tower does not manage.
    Join { unit: usize },
    /// A unit is registered, with this many accounts that are new to Control Tower.
    Register { unit: usize, count: usize },
    /// An account moves to a unit, or to the root.
    Move {
        account: usize,
        unit: Option<usize>,
        told: bool,
    },
    /// An account gets another name.
    Rename { account: usize },
    /// Control Tower no longer manages an account, and its execution role is gone.
    Unmanage { account: usize },
    /// Control Tower manages an account again.
    Manage { account: usize },
    /// Control Tower changes an account's baseline for this many minutes.
    ChangeBaseline {
        account: usize,
        minutes: u64,
        fails: bool,
    },
    /// AWS suspends an account.
    Suspend { account: usize },
    /// A suspended account is active again.
    Restore { account: usize },
    /// An account is closed, if possible one on which an operation runs.
    Close { account: usize, busy: bool },
    /// An account leaves the organization.
    Remove { account: usize },
    /// A policy makes every stack operation in an account fail.
    Forbid { account: usize },
    /// That policy is removed.
    Permit { account: usize },
    /// A registration of ours is deleted in the SaaS.
    DeleteRegistration { account: usize },
    /// One is disabled.
    DisableRegistration { account: usize },
    /// One is renamed.
    RenameRegistration { account: usize },
    /// One is pointed at another role of the same account.
    RepointRegistration { account: usize },
    /// A copy of one is created in some store, if the SaaS accepts it.
    DoubleRegistration { account: usize, store: usize },
    /// A member stack's instance is deleted.
    DeleteInstance { account: usize },
    /// The role is deleted.
    DeleteRole { account: usize },
    /// The main stack is updated.
    Update(Change),
    /// The next update is cancelled after this many seconds, while its invocation still runs.
    CancelUpdate { after: u64 },
    /// Lambda invokes setup twice with the next request.
    InvokeTwice,
    /// The calls of setup's next invocation take up to this many milliseconds each.
    SlowSetup { latency: u64 },
    /// A StackSet of ours is deleted, with its stacks.
    DeleteStackSet { which: usize },
    /// A StackSet's template is edited, but not its description.
    EditStackSet { which: usize },
    /// The ledger is emptied.
    EmptyLedger,
    /// An item in the ledger is made invalid.
    GarbleLedger,
    /// The SaaS returns one empty listing.
    ListNothing,
    /// The SaaS returns one unreadable listing.
    ListGarbage,
    /// From now on the SaaS accepts an account's registrations without storing them.
    Unlist { account: usize },
    /// The trail's logging is stopped.
    StopLogging,
    /// It is started again.
    StartLogging,
    /// The administrator approves held offboardings.
    Approve,
    /// The API key is revoked.
    RevokeKey,
    /// The administrator makes a new API key and updates the stack with it.
    ReplaceKey,
    /// Every access token is revoked.
    RevokeTokens,
    /// Calls and deliveries fail from now on.
    Fault(Window),
    /// The faults end.
    Calm,
    /// The next invocation crashes after this many steps.
    Crash { steps: u32 },
    /// The calls of the next invocation take up to this many milliseconds each.
    Slow { latency: u64 },
    /// The dead-letter queue is redriven.
    Redrive,
    /// The schedule fires.
    Fire,
    /// A malformed message is sent.
    Poison,
    /// This many seconds pass.
    Wait { seconds: u64 },
}

/// What an update of the main stack changes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants say what their fields are")]
pub enum Change {
    /// Where accounts go.
    Destination(Destination),
    /// Whether accounts are enrolled, and whether the trail is.
    Capability { config: bool, cloud_trail: bool },
    /// `MonitorExistingAccounts`.
    MonitorExisting(bool),
    /// `EnrollManagementAccount`.
    EnrollManagement(bool),
    /// `OffboardUnenrolled`.
    OffboardUnenrolled(bool),
    /// `OffboardLimitPercent`.
    Limit(u8),
    /// `IncludeOrganizationalUnits`.
    Include(Vec<usize>),
    /// `ExcludeOrganizationalUnits`.
    Exclude(Vec<usize>),
    /// `ExcludeAccounts` names one account more, or no longer any.
    ExcludeAccount(Option<usize>),
    /// A name that matches no unit and no store: the update is refused.
    Wrong,
    /// The same name at another host of the SaaS: the update is refused.
    Elsewhere,
    /// Another release of the template, and nothing else.
    Release,
}

/// A fault during a window of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants say what their fields are")]
pub enum Window {
    /// A service throttles this share of its calls, in per mille.
    Throttling(&'static str, u32),
    /// A service is down.
    Down(&'static str),
    /// A service loses this share of its responses, in per mille.
    LostReplies(&'static str, u32),
    /// StackSets refuse this share of operations because of another running one, in per mille.
    Conflicts(u32),
    /// A little of everything everywhere.
    Storm(u32),
    /// Listings are up to this many seconds old.
    Lag(u64),
    /// StackSet operations take up to this many minutes longer.
    SlowOperations(u64),
    /// This share of instances fails, in per mille.
    FailingInstances(u32),
    /// This share of messages is delivered twice, in per mille.
    Duplicates(u32),
    /// This share of events is lost, in per mille, and the others are up to this many seconds late.
    Events { lost: u32, late: u64 },
}

const SERVICES: [&str; 9] = [
    "organizations",
    "controltower",
    "cloudformation",
    "registry",
    "dynamodb",
    "sqs",
    "secretsmanager",
    "lambda",
    "s3",
];

fn destination(dice: &mut Rng) -> Destination {
    match dice.u32(0..8) {
        0 | 1 => Destination::Tenant,
        2 => Destination::Single("one"),
        3 => Destination::Units(vec![1]),
        4 => Destination::Units(vec![1, 2]),
        5 => Destination::Units(vec![1, 2, 3]),
        _ => Destination::Units(vec![1, 3]),
    }
}

/// OUs for a parameter, usually none.
fn selected(dice: &mut Rng) -> Vec<usize> {
    match dice.u32(0..12) {
        0 => vec![1],
        1 => vec![2],
        2 => vec![1, 3],
        _ => Vec::new(),
    }
}

impl Wishes {
    /// Parameters that an administrator might choose at launch.
    pub(crate) fn draw(dice: &mut Rng, vendor: Vendor) -> Self {
        let by_stack = dice.u32(0..6) == 0 && vendor.has_stores();
        Self {
            vendor,
            destination: match destination(dice) {
                _ if by_stack || !vendor.has_stores() => Destination::Tenant,
                drawn => drawn,
            },
            by_stack,
            config: true,
            cloud_trail: dice.bool() && vendor.reads_trail(),
            monitor_existing: dice.u32(0..4) > 0,
            enroll_management: dice.u32(0..4) == 0,
            offboard_unenrolled: dice.u32(0..3) == 0,
            limit: [10, 10, 25, 50, 100][dice.usize(0..5)],
            approve: None,
            include: selected(dice),
            exclude: selected(dice),
            exclude_accounts: BTreeSet::new(),
            wrong: false,
            elsewhere: false,
            release: 0,
            retain: vendor.provider().retains() && dice.bool(),
            others: BTreeMap::new(),
        }
    }

    pub(crate) fn with(mut self, change: &Change) -> Self {
        match change.clone() {
            // Stacks register their accounts with the tenant, and some vendors have no stores.
            Change::Destination(_) if self.by_stack || !self.vendor.has_stores() => {}
            Change::Destination(destination) => self.destination = destination,
            // The role that reads the trail is an account's own.
            Change::Capability { config: false, .. } if !self.vendor.has_registrations() => {}
            Change::Capability { .. } if !self.vendor.reads_trail() => {}
            Change::Capability {
                config,
                cloud_trail,
            } => (self.config, self.cloud_trail) = (config, cloud_trail),
            Change::MonitorExisting(yes) => self.monitor_existing = yes,
            Change::EnrollManagement(yes) => self.enroll_management = yes,
            Change::OffboardUnenrolled(yes) => self.offboard_unenrolled = yes,
            Change::Limit(percent) => self.limit = percent,
            Change::Include(units) => self.include = units,
            Change::Exclude(units) => self.exclude = units,
            Change::ExcludeAccount(None) => self.exclude_accounts.clear(),
            // The account depends on the current state: see `World::happen`.
            Change::ExcludeAccount(Some(_)) => {}
            Change::Wrong => self.wrong = true,
            // Without an API, only the ledger knows which tenant it was.
            Change::Elsewhere if !self.vendor.has_registrations() => {}
            Change::Elsewhere => self.elsewhere = true,
            Change::Release => self.release += 1,
        }
        self
    }
}

impl Change {
    fn draw(dice: &mut Rng) -> Self {
        match dice.u32(0..16) {
            10 => Self::Include(selected(dice)),
            11 => Self::Exclude(selected(dice)),
            12 => Self::ExcludeAccount((dice.u32(0..3) > 0).then(|| dice.usize(0..1000))),
            13 => Self::Wrong,
            14 => Self::Elsewhere,
            15 => Self::Release,
            0..=3 => Self::Destination(destination(dice)),
            4 => {
                let (config, cloud_trail) =
                    [(true, true), (true, false), (false, true)][dice.usize(0..3)];
                Self::Capability {
                    config,
                    cloud_trail,
                }
            }
            5 => Self::MonitorExisting(dice.bool()),
            6 => Self::EnrollManagement(dice.bool()),
            7 | 8 => Self::OffboardUnenrolled(dice.bool()),
            _ => Self::Limit([0, 10, 50, 100][dice.usize(0..4)]),
        }
    }
}

impl Window {
    fn draw(dice: &mut Rng) -> Self {
        let service = SERVICES[dice.usize(0..SERVICES.len())];
        match dice.u32(0..12) {
            0 => Self::Throttling(service, dice.u32(100..900)),
            1 | 2 => Self::Down(if dice.bool() { "registry" } else { service }),
            3 => Self::LostReplies(service, dice.u32(100..700)),
            4 => Self::Conflicts(dice.u32(200..1000)),
            5 | 6 => Self::Storm(dice.u32(20..200)),
            7 => Self::Lag(dice.u64(10..240)),
            8 => Self::SlowOperations(dice.u64(1..16)),
            9 => Self::FailingInstances(dice.u32(100..800)),
            10 => Self::Duplicates(dice.u32(100..600)),
            _ => Self::Events {
                lost: dice.u32(0..600),
                late: dice.u64(0..1200),
            },
        }
    }

    /// Adds this window's fault.
    pub(crate) fn open(self, faults: &mut Faults) {
        let mut rates = |service: &'static str, change: &dyn Fn(&mut Rates)| {
            change(faults.rates.entry(service).or_default());
        };
        match self {
            Self::Throttling(service, rate) => rates(service, &|rates| rates.throttled = rate),
            Self::Down(service) => rates(service, &|rates| *rates = Rates::DOWN),
            Self::LostReplies(service, rate) => rates(service, &|rates| rates.lost = rate),
            Self::Conflicts(rate) => rates("cloudformation", &|rates| rates.conflict = rate),
            Self::Storm(rate) => {
                let all = Rates {
                    throttled: rate,
                    unavailable: rate,
                    lost: rate,
                    conflict: rate,
                };
                faults.rates = BTreeMap::from(SERVICES.map(|service| (service, all)));
            }
            Self::Lag(seconds) => faults.lag = Duration::from_secs(seconds),
            Self::SlowOperations(minutes) => {
                faults.slow_operations = Duration::from_secs(60 * minutes);
            }
            Self::FailingInstances(rate) => faults.failing_instances = rate,
            Self::Duplicates(rate) => faults.duplicates = rate,
            Self::Events { lost, late } => {
                faults.lost_events = lost;
                faults.late_events = Duration::from_secs(late);
            }
        }
    }
}

/// The range of numbers that selects a step's kind.
const KINDS: usize = 114;
/// From this number on, time passes.
const WAITS: usize = 71;
const BEYOND_WAITS: usize = 100;

/// The kinds of steps in one history. Few kinds that meet often find bugs that many kinds that
/// seldom meet do not.
#[derive(Debug)]
pub(crate) struct Kinds(Vec<u32>);

impl Kinds {
    pub(crate) fn draw(dice: &mut Rng) -> Self {
        let share = [1.0, 0.5, 0.25][dice.usize(0..3)];
        let waits = WAITS..BEYOND_WAITS;
        let kinds = (0..KINDS).filter(|kind| waits.contains(kind) || dice.f64() < share);
        Self(kinds.map(|kind| kind as u32).collect())
    }
}

impl Step {
    /// Draws the next step.
    pub(crate) fn draw(dice: &mut Rng, kinds: &Kinds) -> Self {
        let account = dice.usize(0..1000);
        let unit = dice.usize(1..COUNT);
        let told = dice.u32(0..4) > 0;
        match kinds.0[dice.usize(0..kinds.0.len())] {
            100 | 101 => Self::CancelUpdate {
                after: dice.u64(1..180),
            },
            102 => Self::InvokeTwice,
            103 => Self::SlowSetup {
                latency: dice.u64(2000..30_000),
            },
            104 => Self::DeleteStackSet {
                which: dice.usize(0..3),
            },
            105 => Self::EditStackSet {
                which: dice.usize(0..3),
            },
            106 if dice.u32(0..4) == 0 => Self::EmptyLedger,
            106 => Self::GarbleLedger,
            107 | 108 => Self::ListNothing,
            109 | 110 => Self::ListGarbage,
            111 => Self::Unlist { account },
            112 => Self::StopLogging,
            113 => Self::StartLogging,
            0..=9 => Self::Create { unit, told },
            10 => Self::Join { unit },
            11 | 12 => Self::Register {
                unit,
                count: dice.usize(2..8),
            },
            13..=19 => Self::Move {
                account,
                unit: (dice.u32(0..6) > 0).then_some(unit),
                told,
            },
            20 => Self::Rename { account },
            21 => Self::Unmanage { account },
            22 => Self::Manage { account },
            23 | 24 => Self::ChangeBaseline {
                account,
                minutes: dice.u64(1..60),
                fails: dice.u32(0..5) == 0,
            },
            25 | 26 => Self::Suspend { account },
            27 | 28 => Self::Restore { account },
            29 | 30 => Self::Close {
                account,
                busy: dice.bool(),
            },
            31 => Self::Remove { account },
            32 => Self::Forbid { account },
            33 => Self::Permit { account },
            34 => Self::DeleteRegistration { account },
            35 => Self::DisableRegistration { account },
            36 => Self::RenameRegistration { account },
            37 => Self::RepointRegistration { account },
            38 => Self::DoubleRegistration {
                account,
                store: dice.usize(0..8),
            },
            39 => Self::DeleteInstance { account },
            40 => Self::DeleteRole { account },
            41..=43 => Self::Update(Change::draw(dice)),
            44 => Self::Approve,
            45 => Self::RevokeKey,
            46 => Self::ReplaceKey,
            47 => Self::RevokeTokens,
            48..=54 => Self::Fault(Window::draw(dice)),
            55..=57 => Self::Calm,
            58..=62 => Self::Crash {
                steps: dice.u32(0..60),
            },
            63 | 64 => Self::Slow {
                latency: dice.u64(2000..60_000),
            },
            65 => Self::Redrive,
            66..=69 => Self::Fire,
            70 => Self::Poison,
            71..=84 => Self::Wait {
                seconds: dice.u64(1..60),
            },
            85..=95 => Self::Wait {
                seconds: dice.u64(60..1200),
            },
            _ => Self::Wait {
                seconds: dice.u64(1200..9000),
            },
        }
    }
}
