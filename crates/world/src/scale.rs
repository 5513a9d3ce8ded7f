//! The cost of organizations of any size: calls, invocations and virtual time, with AWS's rate
//! limits, and with or without the SaaS's.
//!
//! Each scenario starts with a landing zone of its own and returns its figures. Throttling is the
//! only fault.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use towerhook_core::ledger::Record;

pub use crate::cost::{PassCost, is_registry};
use crate::{
    Options, Vendor, Wishes, World, functions, ports, stack,
    units::{self, Member},
};

/// The time limit: 10,000 accounts at 480 an hour take a day.
const LONGEST: Duration = Duration::from_secs(14 * 24 * 3600);
/// The polling interval for the end of a phase.
const LOOK: Duration = Duration::from_secs(1);

/// The organization at the start of a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// The members, without Management, Log Archive and Audit.
    pub accounts: usize,
    /// The OUs; at least five.
    pub units: usize,
    /// Whether the SaaS allows 480 requests an hour, or any number.
    pub limited: bool,
}

impl Setting {
    /// The accounts of the organization.
    pub fn organization(&self) -> usize {
        self.accounts + 3
    }

    /// The accounts to watch: all except Management.
    pub fn watched(&self) -> usize {
        self.accounts + 2
    }
}

/// The figures of some virtual time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// The number of calls by operation, including throttled attempts. Those of the SaaS begin with
    /// `registry:`, all others are AWS's.
    pub calls: BTreeMap<&'static str, usize>,
    /// How many of the calls were throttled.
    pub throttles: BTreeMap<&'static str, usize>,
    /// Invocations of the account function.
    pub invocations: usize,
    /// The invocations that held the lease, each with its cost.
    pub passes: Vec<PassCost>,
    /// The invocations that ran into the function's timeout.
    pub timeouts: usize,
    /// Writes to AWS, the SaaS and the ledger, without leases.
    pub writes: usize,
    /// The virtual time.
    pub took: Duration,
}

impl Figures {
    /// Calls to AWS, including throttled ones.
    pub fn aws_calls(&self) -> usize {
        self.sum(|operation| !is_registry(operation))
    }

    /// Requests to the SaaS, including refused ones.
    pub fn registry_requests(&self) -> usize {
        self.sum(is_registry)
    }

    fn sum(&self, which: impl Fn(&str) -> bool) -> usize {
        let calls = self.calls.iter().filter(|(operation, _)| which(operation));
        calls.map(|(_, count)| count).sum()
    }
}

/// The cost of a launch, in its two phases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// The custom resource's phase, which ends when the main stack is complete.
    pub setup: Figures,
    /// From then until every account is enrolled.
    pub enrolling: Figures,
}

/// Launches the main stack in an organization with existing accounts, and waits until every one is
/// enrolled.
///
/// # Panics
///
/// When that does not happen within two weeks of virtual time.
pub fn launch(setting: Setting, seed: u64) -> Launch {
    play(setting, seed, async move |world| {
        launch_in(&world, setting).await
    })
}

/// The scheduled comparison of an organization that is already enrolled.
///
/// # Panics
///
/// When the organization cannot be enrolled, or the comparison does not end.
pub fn reconcile(setting: Setting, seed: u64) -> Figures {
    play(setting, seed, async move |world| {
        enrolled(&world, setting).await;
        let before = Snapshot::of(&world);
        functions::fire(&world);
        at_rest(&world).await;
        before.until(&world)
    })
}

/// Creates accounts in an enrolled landing zone, evenly within `window`, each with its
/// CreateManagedAccount event; then waits until all are enrolled.
///
/// # Panics
///
/// When that does not happen within two weeks of virtual time.
pub fn arrivals(setting: Setting, seed: u64, accounts: usize, window: Duration) -> Figures {
    play(setting, seed, async move |world| {
        enrolled(&world, setting).await;
        let before = Snapshot::of(&world);
        let units = setting.units.max(units::COUNT) - 1;
        evenly(&world, accounts, window, |n| arrive(&world, 1 + n % units)).await;
        all_enrolled(&world, setting.watched() + accounts).await;
        before.until(&world)
    })
}

/// Sends CreateManagedAccount events, evenly within `window`, for accounts that are already
/// enrolled; then waits until all is quiet.
///
/// # Panics
///
/// When that does not happen within two weeks of virtual time.
pub fn repeated_events(setting: Setting, seed: u64, events: usize, window: Duration) -> Figures {
    play(setting, seed, async move |world| {
        enrolled(&world, setting).await;
        let before = Snapshot::of(&world);
        evenly(&world, events, window, |n| {
            let id = units::member_id(n % setting.accounts);
            world.account_event("CreateManagedAccount", "createManagedAccountStatus", id);
        })
        .await;
        at_rest(&world).await;
        before.until(&world)
    })
}

/// Runs `each` this many times at equal intervals.
async fn evenly(world: &World, times: usize, window: Duration, each: impl Fn(usize)) {
    let pause = window.div_f64(times as f64);
    for n in 0..times {
        if n > 0 {
            world.simulation().sleep(pause).await;
        }
        each(n);
    }
}

fn play<T: 'static>(
    setting: Setting,
    seed: u64,
    story: impl AsyncFnOnce(World) -> T + 'static,
) -> T {
    let options = Options {
        vendor: Vendor::Lacework,
        accounts: setting.accounts,
        rate_limit: setting.limited,
        units: setting.units,
        true_to_scale: true,
        ..Options::default()
    };
    let world = World::new(options, seed, false);
    let simulation = world.simulation().clone();
    simulation.run(story(world))
}

async fn launch_in(world: &World, setting: Setting) -> Launch {
    let before = Snapshot::of(world);
    stack::launch(world, Wishes::default(), None).await.unwrap();
    let launched = Snapshot::of(world);
    // The event source mapping is created after the custom resource.
    for task in [
        functions::poll(world.clone()),
        functions::poll(world.clone()),
    ] {
        world.simulation().spawn(task);
    }
    world.simulation().spawn(ports::keep_fresh(world.clone()));
    let hourly = setting.limited.then(|| functions::schedule(world.clone()));
    hourly
        .into_iter()
        .for_each(|task| world.simulation().spawn(task));
    all_enrolled(world, setting.watched()).await;
    Launch {
        setup: launched.since(&before),
        enrolling: launched.until(world),
    }
}

async fn enrolled(world: &World, setting: Setting) {
    launch_in(world, setting).await;
    at_rest(world).await;
    // After a pass the lease cools down for a moment.
    world.simulation().sleep(Duration::from_secs(60)).await;
}

/// Account Factory creates an account, and Control Tower sends its event.
fn arrive(world: &World, unit: usize) {
    let now = world.now();
    let mut state = world.state();
    state.made += 1;
    let id = units::member_id(state.made);
    let member = Member::new(id, &format!("account {}", state.made), Some(unit), true);
    // Unlike a removal, a new account changes no evidence about the others.
    state.organization.change(now).insert(id, member);
    drop(state);
    world.account_event("CreateManagedAccount", "createManagedAccountStatus", id);
}

async fn until(world: &World, is_so: impl Fn() -> bool) {
    let looks = LONGEST.as_secs() / LOOK.as_secs();
    for _ in 0..looks {
        if is_so() {
            return;
        }
        world.simulation().sleep(LOOK).await;
    }
    panic!("two weeks were not enough");
}

async fn all_enrolled(world: &World, accounts: usize) {
    until(world, || {
        let state = world.state();
        // Plus the trail's registration.
        state.registrations.get().len() > accounts && {
            let is_enrolled = |record: &&Record| record.since.is_some();
            state.ledger.records.values().filter(is_enrolled).count() >= accounts
        }
    })
    .await;
}

/// Waits until the queue is empty and no message is in flight.
async fn at_rest(world: &World) {
    until(world, || world.state().queue.is_empty()).await;
}

/// The figures at one time.
struct Snapshot {
    at: Timestamp,
    figures: Figures,
}

impl Snapshot {
    fn of(world: &World) -> Self {
        let state = world.state();
        let figures = Figures {
            calls: state.counts.clone(),
            throttles: state.throttles.clone(),
            invocations: state.invocations,
            passes: state.passes.clone(),
            timeouts: state.timeouts,
            writes: state.writes,
            took: Duration::ZERO,
        };
        Self {
            at: world.now(),
            figures,
        }
    }

    fn until(&self, world: &World) -> Figures {
        Self::of(world).since(self)
    }

    fn since(&self, before: &Self) -> Figures {
        let (new, old) = (&self.figures, &before.figures);
        Figures {
            calls: difference(&new.calls, &old.calls),
            throttles: difference(&new.throttles, &old.throttles),
            invocations: new.invocations - old.invocations,
            passes: new.passes[old.passes.len()..].to_vec(),
            timeouts: new.timeouts - old.timeouts,
            writes: new.writes - old.writes,
            took: self.at.duration_since(before.at).unsigned_abs(),
        }
    }
}

fn difference(
    new: &BTreeMap<&'static str, usize>,
    old: &BTreeMap<&'static str, usize>,
) -> BTreeMap<&'static str, usize> {
    let grown = new.iter().map(|(operation, count)| {
        let before = old.get(operation).copied().unwrap_or_default();
        (*operation, count - before)
    });
    grown.filter(|(_, count)| *count > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::PassCost;

    const SMALL: Setting = Setting {
        accounts: 30,
        units: 12,
        limited: false,
    };

    #[test]
    fn a_launch_enrolls_everybody_and_asks_for_no_unit_that_nobody_names() {
        let Launch { setup, enrolling } = launch(SMALL, 1);
        let units = "organizations:ListOrganizationalUnitsForParent";
        assert_eq!(setup.calls.get(units), None);
        let created = enrolling.calls["registry:CreateCloudAccount"];
        assert!(created >= SMALL.watched(), "{created}");
        let passes = &enrolling.passes;
        assert!(!passes.is_empty() && passes.len() <= enrolling.invocations);
        let tried: usize = passes.iter().map(|pass| pass.creations).sum();
        assert_eq!(tried, created);
        // One list of the accounts' registrations, and in a full pass one of the trail's.
        let lists_once = |pass: &PassCost| pass.registry_requests <= 2 + pass.creations;
        assert!(passes.iter().all(lists_once), "{passes:?}");
        let calls: usize = passes.iter().map(|pass| pass.aws_calls).sum();
        assert!(calls <= enrolling.aws_calls(), "{passes:?}");
        assert_eq!(enrolling.timeouts, 0);
    }

    #[test]
    fn the_same_seed_costs_the_same() {
        assert_eq!(launch(SMALL, 2), launch(SMALL, 2));
    }

    #[test]
    fn a_comparison_writes_nothing() {
        let figures = reconcile(SMALL, 1);
        assert_eq!((figures.passes.len(), figures.writes), (1, 0));
        assert_eq!(figures.passes[0].aws_calls, figures.aws_calls());
        assert_eq!(figures.calls["organizations:ListAccounts"], 2);
    }

    #[test]
    fn who_arrives_is_enrolled_and_who_is_named_again_is_not() {
        let minute = Duration::from_secs(60);
        assert!(arrivals(SMALL, 1, 3, minute).writes > 0);
        let repeated = repeated_events(SMALL, 1, 50, minute);
        assert_eq!(repeated.writes, 0);
        assert!(!repeated.passes.is_empty());
    }

    #[test]
    fn the_more_come_at_once_the_more_each_pass_sees_to() {
        let minute = Duration::from_secs(60);
        let few = repeated_events(SMALL, 1, 40, minute);
        let many = repeated_events(SMALL, 1, 1000, minute);
        assert!(many.passes.len() < 10, "{}", many.passes.len());
        assert!(many.passes.len() < few.passes.len());
        let new = arrivals(SMALL, 1, 200, minute);
        let created = new.calls["registry:CreateCloudAccount"];
        assert!(created <= 200 + 60, "{created} requests for 200 accounts");
    }

    #[test]
    fn calls_are_told_apart_by_whom_they_go_to() {
        let calls = [("registry:UserProfile", 2), ("sqs:SendMessageBatch", 3)].into();
        let figures = Figures {
            calls,
            ..Figures::default()
        };
        assert_eq!((figures.aws_calls(), figures.registry_requests()), (3, 2));
    }
}
