//! Shared code of the end-to-end tests: a sandbox with the functions in its bucket, and polling.
//!
//! Every test has its own emulator, gateway and simulator on free loopback ports; dropping the
//! sandbox stops them. The functions are those of the quick profile, which `cargo test --workspace`
//! has built already.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod ledger;
pub mod python;
mod saas;
pub mod scene;
mod stack;
pub mod token;
pub mod transcript;

use std::time::{Duration, Instant};

use towerhook_package::local::{Profile, build};
use towerhook_package::target_directory;
use towerhook_sandbox::launch::Stack;
use towerhook_sandbox::{Options, Sandbox};

/// The time limit of a CloudFormation request, including the functions' work.
pub const STACK_DEADLINE: Duration = Duration::from_secs(300);

/// The polling interval of a condition.
const INTERVAL: Duration = Duration::from_millis(100);

/// Options for a test: five accounts and quick StackSet operations.
#[must_use]
pub fn options() -> Options {
    let mut options = Options::below(&target_directory().unwrap());
    options.accounts = 5;
    options.operation_delay = Duration::from_millis(100);
    options
}

/// A landing zone with the functions in the bucket, ready for a launch.
///
/// # Panics
/// When the functions cannot be built, or the sandbox cannot be started.
pub async fn sandbox(options: Options) -> Sandbox {
    let zips = tokio::task::spawn_blocking(|| build(Profile::Quick))
        .await
        .unwrap()
        .unwrap();
    let sandbox = Sandbox::start(options, &|_| {}).await.unwrap();
    sandbox.gateway.keep_requests();
    sandbox.upload(&zips).await.unwrap();
    sandbox
}

/// Launches the main stack with these parameters in addition to the sandbox's own.
///
/// # Panics
/// When CloudFormation refuses it or it fails: the message gives the reason.
pub async fn launched(sandbox: &Sandbox, parameters: &[(&str, &str)]) -> Stack {
    let stack = sandbox.launch(parameters).await.unwrap();
    stack
        .wait_for("CREATE_COMPLETE", STACK_DEADLINE)
        .await
        .unwrap();
    stack
}

/// Why a launch with these parameters fails; its stack is deleted again.
///
/// # Panics
/// When it does not fail, or anything but setup does.
pub async fn refusal(sandbox: &Sandbox, parameters: &[(&str, &str)]) -> String {
    let stack = sandbox.launch(parameters).await.unwrap();
    let rolled_back = stack.wait_for("ROLLBACK_COMPLETE", STACK_DEADLINE);
    rolled_back.await.unwrap();
    let failures = stack.failures().await.unwrap();
    stack.delete().await.unwrap();
    let deleted = stack.wait_for("DELETE_COMPLETE", STACK_DEADLINE);
    deleted.await.unwrap();
    let [failure] = &failures[..] else {
        panic!("{failures:?}")
    };
    assert_eq!(failure.resource, "Setup");
    failure.reason.clone()
}

/// Polls until the condition holds.
///
/// # Panics
/// When it does not hold before the deadline: the message names the condition.
pub async fn until(what: &str, deadline: Duration, mut condition: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + deadline;
    while !condition().await {
        assert!(
            Instant::now() < end,
            "not within {} s: {what}",
            deadline.as_secs()
        );
        tokio::time::sleep(INTERVAL).await;
    }
}
