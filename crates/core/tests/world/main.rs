//! Thousands of histories of a landing zone, with every fault that can happen to the functions.
//! After each, once the faults stop, every account that should be watched is watched exactly once,
//! in the right store, and no other account is; and no invariant was violated on the way.
//!
//! `WORLD_SEEDS=N` runs N histories, and `WORLD_START=S` begins elsewhere; `WORLD_SEED=S` replays
//! one, with its log.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test may panic, and a replay is to be read"
)]

mod log;
mod stored;

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    thread,
    time::Instant,
};

use towerhook_world::{CANARY, History, Outcome};

/// The default number of histories.
const HISTORIES: u64 = if cfg!(debug_assertions) { 300 } else { 10_000 };
/// How many kinds of failures are shown shrunk.
const SHOWN: usize = 12;

fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is no number: {text}")),
    )
}

fn run(history: &History) -> Outcome {
    log::begin();
    let mut outcome = history.run(false);
    if let Some(line) = log::end().lines().find(|line| line.contains(CANARY)) {
        outcome
            .problems
            .push(format!("a secret was logged: {line}"));
    }
    outcome
}

/// Shows a history and its log; if it fails, the shrunk one.
fn replay(seed: u64) {
    let history = History::draw(seed);
    println!("{history}");
    let mut outcome = history.run(true);
    if !outcome.problems.is_empty() {
        println!("{:#?}", outcome.problems);
        let shrunk = history.shrink();
        println!("shrunk:\n{shrunk}");
        outcome = shrunk.run(true);
    }
    for line in &outcome.log {
        println!("{line}");
    }
    assert!(outcome.problems.is_empty(), "{:#?}", outcome.problems);
}

#[test]
fn no_history_loses_doubles_or_wrongly_removes_an_account() {
    log::install();
    if let Some(seed) = variable("WORLD_SEED") {
        return replay(seed);
    }
    let histories = variable("WORLD_SEEDS").unwrap_or(HISTORIES);
    let start = variable("WORLD_START").unwrap_or(0);
    let next = AtomicU64::new(start);
    let (calls, watched) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let began = Instant::now();
    let workers = thread::available_parallelism().map_or(2, usize::from);
    let mut failed: Vec<(u64, Outcome)> = thread::scope(|scope| {
        let worker = || {
            let mut failed = Vec::new();
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= start + histories {
                    return failed;
                }
                let outcome = run(&History::draw(seed));
                calls.fetch_add(outcome.calls, Ordering::Relaxed);
                watched.fetch_add(outcome.watched, Ordering::Relaxed);
                if !outcome.problems.is_empty() {
                    failed.push((seed, outcome));
                }
            }
        };
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(worker)).collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap())
            .collect()
    });
    failed.sort_by_key(|(seed, _)| *seed);
    println!(
        "{histories} histories from {start} on in {:.1?}, {} calls, {} integrations at the end, {} failed",
        began.elapsed(),
        calls.into_inner(),
        watched.into_inner(),
        failed.len()
    );
    // One of each kind is shown shrunk, since many histories often fail for one reason.
    let mut kinds: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for (seed, outcome) in &failed {
        kinds
            .entry(outcome.kind().unwrap_or_default())
            .or_default()
            .push(*seed);
    }
    for (kind, seeds) in kinds.iter().take(SHOWN) {
        let shrunk = History::draw(seeds[0]).shrink();
        println!(
            "{kind:?}: seeds {seeds:?}; shrunk:\n{shrunk}{:#?}",
            run(&shrunk).problems
        );
    }
    assert!(
        failed.is_empty(),
        "{} of {histories} histories failed",
        failed.len()
    );
}

#[test]
fn a_seed_replays_exactly() {
    for seed in 0..5 {
        let (one, two) = (History::draw(seed).run(true), History::draw(seed).run(true));
        assert_eq!(one.log, two.log);
        assert_eq!(one.problems, two.problems);
    }
}
