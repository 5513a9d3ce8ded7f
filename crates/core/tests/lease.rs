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
    lifecycle::{Message, Scope},
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
        let taken = matches!(first.unwrap(), Lease::Taken { .. });
        assert!(taken, "nobody else has it");
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

/// What comes while a pass is under way is left to the next one, and somebody comes for it.
#[test]
fn what_comes_meanwhile_is_looked_at_in_one_pass() {
    let memory = Memory::default();
    let at = |seconds| start() + SignedDuration::from_secs(seconds);
    let call = |seconds: i64| Message::call(at(seconds));
    let run = async |owner: &str, scope: Scope, seconds: i64| {
        let pass = Pass {
            owner,
            time_left: || Duration::from_secs(180),
        };
        let reply = pass.run(&memory, &memory, scope, at(seconds)).await;
        let sent = std::mem::take(&mut memory.0.borrow_mut().sent);
        (reply.unwrap(), sent)
    };
    block_on(async {
        memory.take_lease("long", at(0), at(100)).await.unwrap();
        let (first, sent) = run("a", Scope::arrival(memory::id(1)), 1).await;
        assert!(matches!(first, Reply::Busy));
        assert_eq!(sent, [], "its holder will call");
        let (second, sent) = run("b", Scope::account(memory::id(2)), 2).await;
        assert!(matches!(second, Reply::Busy));
        assert_eq!(sent, []);
        let called = memory.close_pass("long", &[], &[], at(3)).await;
        assert!(called.unwrap(), "its holder learns of it");

        let (third, sent) = run("c", call(3).into_scope(), 3).await;
        assert!(matches!(third, Reply::NoDeployment), "{third:?}");
        assert_eq!(sent, []);
        assert_eq!(memory.0.borrow().parked, [].into());
        let (late, sent) = run("d", call(201).into_scope(), 201).await;
        assert!(matches!(late, Reply::Nothing), "{late:?}");
        assert_eq!(sent, []);
    });
}

/// A call ends where it has been answered, and goes on where it comes too soon.
#[test]
fn a_call_does_not_poll() {
    let memory = Memory::default();
    let at = |seconds| start() + SignedDuration::from_secs(seconds);
    let pass = Pass {
        owner: "pass",
        time_left: || Duration::from_secs(180),
    };
    let sent_by = async |call: Timestamp, seconds: i64| {
        let scope = Message::call(call).into_scope();
        let reply = pass.run(&memory, &memory, scope, at(seconds)).await;
        assert!(matches!(reply.unwrap(), Reply::Busy));
        std::mem::take(&mut memory.0.borrow_mut().sent)
    };
    block_on(async {
        memory.take_lease("long", at(0), at(100)).await.unwrap();
        assert_eq!(sent_by(at(1), 1).await, [], "its holder has taken all");
        memory.release_lease("long").await.unwrap();
        memory.reserve_lease("setup", at(10)).await.unwrap();
        let too_soon = (Message::call(at(10)), Duration::from_secs(2));
        assert_eq!(sent_by(at(10), 8).await, [too_soon]);
        assert_eq!(sent_by(at(4), 8).await, [], "that was another rest");
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
