//! The account function: its plans for constructed inventories, and its passes in a landing zone
//! without faults.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod cost;
mod coverage;
mod lease;
mod limits;
mod look;
mod moves;
mod passes;
mod planner;
mod registration;
mod repair;
mod roles;
mod shared;
mod trail;
mod unknown;

use towerhook_core::{enrollment::Reply, ledger::GapCause};
use towerhook_world::{Options, Wishes, World};

/// Runs a story in a landing zone with this many members, all of them enrolled.
fn enrolled(options: Options, wishes: Wishes, story: impl AsyncFnOnce(World) + 'static) {
    World::quiet(options, async move |world| {
        let answer = world.launch(wishes).await;
        assert!(answer.success, "{}", answer.reason);
        world.rest().await;
        story(world).await;
    });
}

/// A landing zone with this many members.
fn members(accounts: usize) -> Options {
    Options {
        accounts,
        ..Options::default()
    }
}

/// All times at which an account was unwatched.
fn gaps(world: &World) -> Vec<GapCause> {
    let replies = world.replies();
    let gaps = replies.iter().flat_map(|reply| match &**reply {
        Reply::Done { report, .. } => report.gaps.clone(),
        _ => Vec::new(),
    });
    gaps.map(|(_, gap)| gap.cause).collect()
}
