//! More accounts would be offboarded than `OffboardLimitPercent` allows, and an administrator
//! approves.

use towerhook_tests::scene::{Scene, until};

use crate::enrollment::MEMBERS;
use crate::golden::assert_golden;

/// Two more than are always allowed.
const CLOSED: [&str; 5] = [
    "production-1",
    "production-2",
    "development-1",
    "development-2",
    "sandbox-1",
];

#[tokio::test]
async fn a_removal_beyond_the_limit_waits_for_an_administrator() {
    let mut scene = Scene::open(8, &[], &[]).await;
    scene.await_enrolled(&MEMBERS).await;
    scene.settle().await;
    // No event arrives, so the next comparison finds them all at once.
    scene.sandbox.landing_zone.emission().lose("*", 10);
    for name in CLOSED {
        let landing_zone = &mut scene.sandbox.landing_zone;
        landing_zone.close_account(name).await.unwrap();
    }
    scene.reconcile().await;

    let held = scene.logged("account", "offboarding held").await;
    let digest = held.last().unwrap()["digest"].as_str().unwrap().to_owned();
    for name in CLOSED {
        assert_eq!(scene.registrations(name).len(), 1, "{name} stays");
    }
    assert!(scene.metric("OffboardingsHeld").await >= 5);

    scene.update(&[("ApproveOffboard", &digest)]).await;
    until("they have left", async || {
        let watched = CLOSED
            .iter()
            .any(|name| !scene.registrations(name).is_empty());
        let standing = CLOSED.iter().any(|name| scene.instance(name).is_some());
        !watched && !standing
    })
    .await;
    scene.settle().await;
    assert_golden("offboarding_approved", &scene.table().await);
}
