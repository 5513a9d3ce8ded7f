//! The simulated world finds every rule that is broken on purpose, and finds nothing without a
//! fault.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may panic")]

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use towerhook_core::planted::{Fault, plant};
use towerhook_world::History;

mod around;

/// The most histories until a fault is found.
const HISTORIES: u64 = 4000;
/// The number of histories that find nothing without a planted fault.
const CLEAN: u64 = 60;

/// The first history that reveals a fault, and the problem found.
fn found(fault: Option<Fault>, histories: u64) -> Option<(u64, String)> {
    plant(fault);
    let steps = fault.map(around::steps).unwrap_or_default();
    let found = (0..histories).find_map(|seed| {
        let history = match steps.as_slice() {
            [] => History::draw(seed),
            steps => History::around(seed, steps),
        };
        let outcome = history.run(false);
        Some((seed, outcome.problems.into_iter().next()?))
    });
    plant(None);
    found
}

/// The histories of a fault find no problem without it.
#[test]
fn histories_around_a_rule_find_nothing_where_it_holds() {
    for fault in Fault::ALL {
        let steps = around::steps(fault);
        for seed in (0..CLEAN).filter(|_| !steps.is_empty()) {
            let problems = History::around(seed, &steps).run(false).problems;
            assert!(problems.is_empty(), "{fault:?}, seed {seed}: {problems:?}");
        }
    }
}

#[test]
fn every_planted_fault_is_found() {
    let next = AtomicUsize::new(0);
    let workers = thread::available_parallelism().map_or(2, usize::from);
    let missed: Vec<Fault> = thread::scope(|scope| {
        let work = || {
            let mut missed = Vec::new();
            while let Some(fault) = Fault::ALL.get(next.fetch_add(1, Ordering::Relaxed)) {
                match found(Some(*fault), HISTORIES) {
                    Some((seed, problem)) => println!("{fault:?}: seed {seed}: {problem}"),
                    None => missed.push(*fault),
                }
            }
            missed
        };
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap())
            .collect()
    });
    assert_eq!(missed, [], "not found in {HISTORIES} histories");
}

#[test]
fn where_none_is_planted_none_is_found() {
    assert_eq!(found(None, CLEAN), None);
}
