use std::{collections::BTreeMap, fmt, time::Duration};

use fastrand::Rng;
use jiff::SignedDuration;

use crate::{
    Options, World, drift, functions, oracle,
    people::{Kinds, Step},
    ports, stack,
    wishes::StackRequest,
    wishes::Wishes,
};

/// The time limit for the world to settle after the faults. Most of it takes one schedule; a held
/// offboarding waits for the administrator.
const AT_MOST: SignedDuration = SignedDuration::from_hours(30);
/// How long a settled world must stay settled.
const STAYS: Duration = Duration::from_secs(2 * 3600);
/// The time limit for reporting a blocked account: the requeues and one schedule.
const REPORTED: SignedDuration = SignedDuration::from_hours(12);
/// How long the administrator waits before approving held offboardings.
const PATIENCE: SignedDuration = SignedDuration::from_hours(26);

/// A history: an initial world and a sequence of steps. It is deterministic.
#[derive(Debug, Clone)]
pub struct History {
    /// Seeds all random decisions of the run.
    pub seed: u64,
    /// The initial world.
    pub options: Options,
    /// The parameters that the main stack is launched with.
    pub wishes: Wishes,
    /// The steps.
    pub steps: Vec<Step>,
    /// The ending.
    pub ending: Ending,
}

/// The ending of a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The world settles.
    Rest,
    /// The main stack is deleted once the world has settled.
    Deleted,
    /// The main stack is deleted while the faults continue.
    DeletedUnderFaults,
    /// The main stack is deleted this many seconds after its creation began.
    DeletedAfter(u64),
}

impl Ending {
    fn draw(dice: &mut Rng) -> Self {
        match dice.u32(0..24) {
            0..=2 => Self::Deleted,
            3 | 4 => Self::DeletedUnderFaults,
            5 => Self::DeletedAfter(dice.u64(1..120)),
            _ => Self::Rest,
        }
    }
}

/// The result of a history.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Violated invariants, and deviations from the expected final state.
    pub problems: Vec<String>,
    /// A log of all events, if requested.
    pub log: Vec<String>,
    /// The number of calls.
    pub calls: usize,
    /// The number of calls by operation.
    pub counts: BTreeMap<&'static str, usize>,
    /// The number of registrations at the end.
    pub watched: usize,
}

impl Outcome {
    /// The first problem's text, without the parts that vary between histories.
    pub fn kind(&self) -> Option<String> {
        const WORDS: usize = 8;
        let words = self.problems.first()?.split_whitespace();
        let plain =
            words.filter(|word| word.chars().all(|c| c.is_alphabetic() || ",.".contains(c)));
        Some(plain.take(WORDS).collect::<Vec<_>>().join(" "))
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}", self.seed)?;
        writeln!(f, "{:?}", self.options)?;
        writeln!(f, "{:?}", self.wishes)?;
        writeln!(f, "{:?}", self.ending)?;
        for step in &self.steps {
            writeln!(f, "  {step:?}")?;
        }
        Ok(())
    }
}

impl History {
    /// The history that a seed stands for: 20 to 200 steps.
    pub fn draw(seed: u64) -> Self {
        let mut dice = Rng::with_seed(seed);
        let options = Options::draw(&mut dice);
        let wishes = Wishes::draw(&mut dice, options.vendor);
        // Most are short, which finds more in the same time.
        let count = dice.usize(20..=200).min(dice.usize(20..=200));
        let kinds = Kinds::draw(&mut dice);
        Self {
            seed,
            options,
            wishes,
            steps: (0..count).map(|_| Step::draw(&mut dice, &kinds)).collect(),
            ending: Ending::draw(&mut dice),
        }
    }

    /// A history that consists almost only of these steps, in a small landing zone.
    pub fn around(seed: u64, steps: &[Step]) -> Self {
        let mut history = Self::draw(seed);
        let mut dice = Rng::with_seed(seed);
        history.options.accounts = dice.usize(1..6);
        let count = dice.usize(8..40);
        let mut next = |_| match dice.u32(0..3) {
            0 => {
                let longest = dice.u64(2..1200);
                let seconds = dice.u64(1..longest);
                Step::Wait { seconds }
            }
            _ => steps[dice.usize(0..steps.len())].clone(),
        };
        history.steps = (0..count).map(&mut next).collect();
        history
    }

    /// Applies all steps, then ends the faults and waits until the world has settled.
    pub fn run(&self, logged: bool) -> Outcome {
        let world = World::new(self.options.clone(), self.seed, logged);
        let simulation = world.simulation().clone();
        let history = self.clone();
        simulation.run(async move { history.live(&world).await })
    }

    /// The shortest history found that still fails in the same way, with a subset of the steps.
    pub fn shrink(&self) -> Self {
        let mut shortest = self.clone();
        let Some(kind) = shortest.run(false).kind() else {
            return shortest;
        };
        let mut chunk = shortest.steps.len().div_ceil(2);
        let mut runs = 0;
        while chunk > 0 && runs < 600 {
            let mut at = 0;
            let mut shrunk = false;
            while at < shortest.steps.len() && runs < 600 {
                let mut candidate = shortest.clone();
                let end = (at + chunk).min(candidate.steps.len());
                candidate.steps.drain(at..end);
                runs += 1;
                if candidate.run(false).kind().as_ref() == Some(&kind) {
                    shortest = candidate;
                    shrunk = true;
                } else {
                    at += chunk;
                }
            }
            if !shrunk || chunk > 1 {
                chunk /= 2;
            }
        }
        shortest
    }

    async fn live(self, world: &World) -> Outcome {
        for task in [
            functions::poll(world.clone()),
            functions::poll(world.clone()),
        ] {
            world.simulation().spawn(task);
        }
        let deleted_after = match self.ending {
            Ending::DeletedAfter(seconds) => Some(Duration::from_secs(seconds)),
            Ending::Rest | Ending::Deleted | Ending::DeletedUnderFaults => None,
        };
        if self.options.vendor.shares_accounts() {
            let mut state = world.state();
            let members = state.organization.get().keys().copied().skip(3);
            let some = members
                .skip(self.options.foreign)
                .take(self.options.foreign);
            state.foreign_roles = some.collect();
        }
        let launched = stack::launch(world, self.wishes.clone(), deleted_after).await;
        if let Err(why) = launched {
            world
                .state()
                .violations
                .push(format!("the launch failed: {why}"));
        }
        if world.state().deleting_since.is_some() {
            world.simulation().sleep(STAYS).await;
            return self.outcome(world);
        }
        self.add_strangers(world);
        world.simulation().spawn(functions::schedule(world.clone()));
        world.simulation().spawn(ports::keep_fresh(world.clone()));
        world.simulation().spawn(stack::administer(world.clone()));
        for step in &self.steps {
            world.happen(step);
            let pause = match step {
                Step::Wait { seconds } => Duration::from_secs(*seconds),
                _ => world.simulation().between(0, 20_000),
            };
            world.simulation().sleep(pause).await;
        }
        match self.ending {
            Ending::DeletedUnderFaults => {
                world.state().requests.push_back(StackRequest::Delete);
                world.simulation().sleep(Duration::from_secs(1800)).await;
                self.end_all_faults(world);
                self.delete(world).await;
            }
            Ending::Deleted => {
                self.come_to_rest(world).await;
                world.state().requests.push_back(StackRequest::Delete);
                self.delete(world).await;
            }
            Ending::Rest | Ending::DeletedAfter(_) => self.come_to_rest(world).await,
        }
        self.outcome(world)
    }

    /// Waits until the main stack is gone, and a while longer.
    async fn delete(&self, world: &World) {
        let began = world.now();
        while !world.state().deleted && world.since(began) < AT_MOST {
            world.simulation().sleep(Duration::from_secs(60)).await;
        }
        world.simulation().sleep(STAYS).await;
    }

    fn end_all_faults(&self, world: &World) {
        world.calm();
        world.replace_key();
        world.mend();
    }

    /// Adds foreign registrations in the same tenant.
    fn add_strangers(&self, world: &World) {
        let now = world.now();
        let mut state = world.state();
        let members: Vec<_> = state.organization.get().keys().copied().skip(3).collect();
        for (number, member) in members.into_iter().take(self.options.foreign).enumerate() {
            let kept = drift::foreign(&state, number, member, number, now);
            state.registrations.change(now).push(kept);
        }
    }

    /// Ends the faults. The administrator acts, and schedules and messages run.
    async fn come_to_rest(&self, world: &World) {
        world.calm();
        world.replace_key();
        {
            world.happen(&Step::Redrive);
            let now = world.now();
            let mut state = world.state();
            state.say(now, || "> the faults stop".into());
        }
        update_as_told(world);
        self.see_blocked_accounts_reported(world).await;
        world.mend();
        let began = world.now();
        let mut until = began + AT_MOST;
        let mut approvals = 0;
        loop {
            world.simulation().sleep(Duration::from_secs(1800)).await;
            world.mend();
            update_as_told(world);
            let now = world.now();
            let (waits, held, faults) = {
                let state = world.state();
                let waits = !state.idle || !state.requests.is_empty();
                (waits, state.held.is_some(), oracle::faults(&state, now))
            };
            if !waits && faults.is_empty() {
                world.simulation().sleep(STAYS).await;
                if oracle::faults(&world.state(), world.now()).is_empty() {
                    return;
                }
            }
            if world.now() < until {
                continue;
            }
            if held && approvals < 6 && world.since(began) > PATIENCE {
                approvals += 1;
                world.approve();
                until = world.now() + SignedDuration::from_hours(6);
                continue;
            }
            return;
        }
    }

    /// Checks that everything that only an administrator can fix is reported within one schedule.
    async fn see_blocked_accounts_reported(&self, world: &World) {
        let began = world.now();
        while world.since(began) < REPORTED {
            world.simulation().sleep(Duration::from_secs(1800)).await;
            let is_busy = {
                let state = world.state();
                !state.idle || !state.requests.is_empty()
            };
            if !is_busy && oracle::unreported(&world.state(), world.now()).is_empty() {
                return;
            }
        }
        let found = oracle::unreported(&world.state(), world.now());
        world.state().violations.extend(found);
    }

    fn outcome(&self, world: &World) -> Outcome {
        let now = world.now();
        let mut state = world.state();
        let mut problems = std::mem::take(&mut state.violations);
        if state.deleting_since.is_some() {
            if state.deleted {
                let left = std::mem::take(&mut state.found_left).into_iter();
                problems.extend(left.map(|what| format!("left when the stack was gone: {what}")));
                let later = oracle::leftovers(&state).into_iter();
                problems.extend(later.map(|what| format!("left or made again later: {what}")));
            } else {
                problems.push("the stack could not be deleted".into());
            }
        } else {
            problems.extend(oracle::faults(&state, now));
            if !state.idle || !state.requests.is_empty() {
                problems.push("an update of the stack never ended".into());
            }
        }
        Outcome {
            problems,
            log: std::mem::take(&mut state.log),
            calls: state.counts.values().sum(),
            counts: state.counts.clone(),
            watched: state.registrations.get().len(),
        }
    }
}

/// The administrator updates the stack, if one of setup's answers says that this is needed.
fn update_as_told(world: &World) {
    let (known, newest): (Vec<_>, _) = {
        let mut state = world.state();
        if !std::mem::take(&mut state.needs_update) {
            return;
        }
        let newest = state.wishes.iter().map(|wishes| wishes.release).max();
        let known = state.organization.get().keys().copied().collect();
        (known, newest)
    };
    world.request(|wishes| {
        // The update in progress may be a new release, too.
        wishes.release = wishes.release.max(newest.unwrap_or_default()) + 1;
        // Without a record, only existing accounts can be named.
        wishes.exclude_accounts.retain(|id| known.contains(id));
    });
}
