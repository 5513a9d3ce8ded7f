//! Forged events and hostile responses, in a landing zone without other faults: each attack, and
//! its required outcome.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod answers;
mod approvals;
mod messages;
mod requests;

use towerhook_world::{Options, Wishes, World};

/// Runs a story in a landing zone with this many members, all of them enrolled.
fn enrolled(accounts: usize, wishes: Wishes, story: impl AsyncFnOnce(World) + 'static) {
    let options = Options {
        accounts,
        ..Options::default()
    };
    World::quiet(options, async move |world| {
        let answer = world.launch(wishes).await;
        assert!(answer.success, "{}", answer.reason);
        world.rest().await;
        story(world).await;
    });
}
