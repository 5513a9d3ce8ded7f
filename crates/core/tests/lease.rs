//! Setup gets the lease also where passes follow each other without a gap.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[allow(dead_code, reason = "only the ledger is needed")]
mod memory;

use std::{cell::Cell, time::Duration};

use futures::executor::block_on;
use jiff::{SignedDuration, Timestamp};
use memory::Memory;
use towerhook_core::{
    enrollment::{Pass, Reply},
    foundation::{LEASE_OWNER, await_lease},
    lifecycle::Scope,
    ports::{Lease, Ledger},
};

const DAY: SignedDuration = SignedDuration::from_hours(24);

fn start() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

/// A pass of the account function at this time, which ends before it returns.
async fn pass(memory: &Memory, now: Timestamp) -> Reply {
    let pass = Pass {
        owner: "pass",
        time_left: || Duration::from_secs(180),
    };
    pass.run(memory, memory, Scope::all(), now).await.unwrap()
}

#[test]
fn passes_let_setup_go_first() {
    let memory = Memory::default();
    let clock = Cell::new(start());
    let number = Cell::new(0);
    block_on(async {
        let first = memory.take_lease("pass 0", start(), start() + DAY).await;
        assert_eq!(first.unwrap(), Lease::Taken(None));
        // The moment a pass ends, the next one begins.
        let sleep = async |time: Duration| {
            clock.set(clock.get() + time);
            let ended = format!("pass {}", number.get());
            number.set(number.get() + 1);
            let next = format!("pass {}", number.get());
            memory.release_lease(&ended).await.unwrap();
            let now = clock.get();
            memory.take_lease(&next, now, now + DAY).await.unwrap();
        };
        assert!(await_lease(&memory, &|| clock.get(), &sleep).await.unwrap());
        assert_eq!(number.get(), 1);
        assert!(matches!(pass(&memory, clock.get()).await, Reply::Busy));

        memory.release_lease(LEASE_OWNER).await.unwrap();
        let busy = pass(&memory, clock.get()).await;
        assert!(
            matches!(busy, Reply::Busy),
            "the reservation holds: {busy:?}"
        );
        let later = clock.get() + SignedDuration::from_secs(10);
        let done = pass(&memory, later).await;
        assert!(matches!(done, Reply::NoDeployment), "{done:?}");
    });
}

#[test]
fn setup_gives_up_on_a_pass_that_does_not_end() {
    let memory = Memory::default();
    block_on(async {
        memory
            .take_lease("stuck", start(), start() + DAY)
            .await
            .unwrap();
        let sleep = async |_: Duration| {};
        assert!(!await_lease(&memory, &start, &sleep).await.unwrap());
    });
}
