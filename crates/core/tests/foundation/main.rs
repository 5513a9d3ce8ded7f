//! Setup and its effects, in a landing zone without faults.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod deletion;
mod lease;
mod ledger;
mod requests;
mod retention;
mod rollback;
mod selection;
mod sources;
mod stack_sets;
mod takeover;
mod trail;
mod units;

use towerhook_world::{Answered, Options, Wishes, World};

/// A landing zone with this many members besides its own accounts.
fn members(accounts: usize) -> Options {
    Options {
        accounts,
        ..Options::default()
    }
}

/// A launched stack, with every account enrolled.
async fn launched(world: &World, wishes: Wishes) {
    let answer = world.launch(wishes).await;
    assert!(answer.success, "{}", answer.reason);
    world.rest().await;
}

/// An update that succeeds, and its answer.
async fn updated(world: &World, change: impl FnOnce(&mut Wishes)) -> Answered {
    let answers = world.update(change).await;
    let [answer] = &answers[..] else {
        panic!("{answers:#?}");
    };
    answer.clone()
}

/// An update that is refused: the reason, and the answer to its rollback.
async fn refused(world: &World, change: impl FnOnce(&mut Wishes)) -> (String, Answered) {
    let answers = world.update(change).await;
    let [refusal, rollback] = &answers[..] else {
        panic!("{answers:#?}");
    };
    assert!(!refusal.success && rollback.success, "{answers:#?}");
    (refusal.reason.clone(), rollback.clone())
}
