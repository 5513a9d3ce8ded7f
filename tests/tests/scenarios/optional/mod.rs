//! Landing zone 4.0 and its trail, and no landing zone at all: the administrator's omissions, and
//! their handling.
//!
//! Golden tables are in `tests/golden`; `INSTA_UPDATE=always` rewrites them.

mod integration;
mod own_roles;
mod trail;

use towerhook_sandbox::Sandbox;
use towerhook_tests::STACK_DEADLINE;

/// Why a launch with these parameters fails; its stack is deleted again.
async fn refusal(sandbox: &Sandbox, parameters: &[(&str, &str)]) -> String {
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
