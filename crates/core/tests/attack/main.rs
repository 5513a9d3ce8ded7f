//! Forged events and hostile answers, in a landing zone in which nothing goes wrong by itself: what was
//! tried, and what has to come of it.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod answers;
mod approvals;
mod messages;
mod requests;

use towerhook_world::{Options, Wishes, World};

/// Lives a story in a landing zone with so many members, all of them enrolled.
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
