//! `MonitorExistingAccounts`.

use towerhook_sandbox::landing_zone::SANDBOX;
use towerhook_tests::scene::{Scene, until};

use crate::golden::assert_golden;

const EXISTING: [&str; 3] = ["Log Archive", "Audit", "production-1"];

#[tokio::test]
async fn existing_accounts_wait_for_their_first_event_or_the_parameters_yes() {
    let mut scene = Scene::open(5, &[], &[("MonitorExistingAccounts", "No")]).await;
    until("setup's look at everything is over", async || {
        scene.metric("Passes").await > 0
    })
    .await;

    let landing_zone = &mut scene.sandbox.landing_zone;
    landing_zone.create_account("new", SANDBOX).await.unwrap();
    scene.await_enrolled(&["new"]).await;

    // A comparison of the whole organization honours it as well.
    scene.reconcile().await;
    assert_golden("existing_left_alone", &scene.table().await);

    scene
        .publish_file("update-managed-account", "development-1")
        .await;
    scene.await_enrolled(&["development-1"]).await;
    for name in EXISTING {
        assert_eq!(scene.instance(name), None, "{name}");
        assert!(scene.registrations(name).is_empty(), "{name}");
    }

    scene.update(&[("MonitorExistingAccounts", "Yes")]).await;
    scene.await_enrolled(&EXISTING).await;
    until("everybody was looked at", async || {
        scene.reason("unmanaged-1").await.as_deref() == Some("Control Tower does not manage it")
    })
    .await;
    assert_golden("existing_enrolled", &scene.table().await);

    // An enrolled account stays so when the parameter turns No again.
    scene.update(&[("MonitorExistingAccounts", "No")]).await;
    scene.reconcile().await;
    assert_golden("existing_enrolled", &scene.table().await);
}
