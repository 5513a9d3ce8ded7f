use std::{collections::BTreeMap, fmt, time::Duration};

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};

use crate::{Options, World, drift, functions, oracle, people::Step, ports, setup, wishes::Wishes};

/// How long after the faults everything may take: most of it takes one schedule, and a limit on
/// offboarding is the administrator's to lift.
const AT_MOST: SignedDuration = SignedDuration::from_hours(30);
/// How long what is well must stay so.
const STAYS: Duration = Duration::from_secs(2 * 3600);
/// How long an administrator waits before he approves what is held.
const PATIENCE: SignedDuration = SignedDuration::from_hours(26);

/// A history: the world it begins with and what happens in it. The same history always ends the
/// same way.
#[derive(Debug, Clone)]
pub struct History {
    /// Decides what is left to chance while it runs.
    pub seed: u64,
    /// The world it begins with.
    pub options: Options,
    /// The parameters that the main stack is launched with.
    pub wishes: Wishes,
    /// What happens.
    pub steps: Vec<Step>,
}

/// What came of a history.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// What was never to happen and did, and what is not as it should be at the end.
    pub problems: Vec<String>,
    /// Everything that happened, where it was asked for.
    pub log: Vec<String>,
    /// How many calls were made.
    pub calls: usize,
    /// How often each operation was called.
    pub counts: BTreeMap<&'static str, usize>,
    /// How many integrations there were at the end.
    pub watched: usize,
}

impl Outcome {
    /// The words of the first problem, without what differs from one history to the next.
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
        let wishes = Wishes::draw(&mut dice);
        // Most are short, which finds more in the same time.
        let count = dice.usize(20..=200).min(dice.usize(20..=200));
        Self {
            seed,
            options,
            wishes,
            steps: (0..count).map(|_| Step::draw(&mut dice)).collect(),
        }
    }

    /// Lets everything happen, then stops the faults and waits until all is well.
    pub fn run(&self, logged: bool) -> Outcome {
        let world = World::new(self.options.clone(), self.seed, logged);
        let simulation = world.simulation().clone();
        let history = self.clone();
        simulation.run(async move { history.live(&world).await })
    }

    /// The shortest history that was found to fail still in the same way, with steps of this one.
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
        if let Err(why) = setup::launch(world, self.wishes.clone()).await {
            world
                .state()
                .violations
                .push(format!("the launch failed: {why}"));
        }
        self.add_strangers(world);
        world.simulation().spawn(functions::schedule(world.clone()));
        world.simulation().spawn(ports::keep_fresh(world.clone()));
        world.simulation().spawn(setup::administer(world.clone()));
        for step in &self.steps {
            world.happen(step);
            let pause = match step {
                Step::Wait { seconds } => Duration::from_secs(*seconds),
                _ => world.simulation().between(0, 20_000),
            };
            world.simulation().sleep(pause).await;
        }
        self.come_to_rest(world).await;
        self.outcome(world)
    }

    /// What somebody else has in the same tenant.
    fn add_strangers(&self, world: &World) {
        let now = world.now();
        let mut state = world.state();
        let members: Vec<_> = state.organization.get().keys().copied().skip(3).collect();
        for (number, member) in members.into_iter().take(self.options.foreign).enumerate() {
            let kept = drift::foreign(&state, number, member, number, now);
            state.integrations.change(now).push(kept);
        }
    }

    /// The faults stop, the administrator does his part, and schedules and messages run.
    async fn come_to_rest(&self, world: &World) {
        let began = world.now();
        world.calm();
        world.replace_key();
        world.mend();
        {
            world.happen(&Step::Redrive);
            let mut state = world.state();
            state.say(began, || "> the faults stop".into());
        }
        let mut until = began + AT_MOST;
        let mut approvals = 0;
        loop {
            world.simulation().sleep(Duration::from_secs(1800)).await;
            world.mend();
            let (waits, held, faults) = {
                let state = world.state();
                let waits = !state.idle || !state.requests.is_empty();
                (waits, state.held.is_some(), oracle::faults(&state))
            };
            if !waits && faults.is_empty() {
                world.simulation().sleep(STAYS).await;
                if oracle::faults(&world.state()).is_empty() {
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

    fn outcome(&self, world: &World) -> Outcome {
        let mut state = world.state();
        let mut problems = std::mem::take(&mut state.violations);
        problems.extend(oracle::faults(&state));
        if !state.idle || !state.requests.is_empty() {
            problems.push("an update of the stack never ended".into());
        }
        Outcome {
            problems,
            log: std::mem::take(&mut state.log),
            calls: state.counts.values().sum(),
            counts: state.counts.clone(),
            watched: state.integrations.get().len(),
        }
    }
}

/// When every history begins.
pub(crate) fn beginning() -> Timestamp {
    "2026-01-01T00:00:00Z"
        .parse()
        .expect("a constant is a time")
}
