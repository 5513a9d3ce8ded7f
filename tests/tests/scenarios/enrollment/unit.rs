//! OUs that are mapped to sub-accounts.

use towerhook_sandbox::providers::Subject;
use towerhook_tests::scene::{Scene, until};

use crate::golden::assert_golden;

/// `Production` is below `Workloads`; the other OUs are unmapped.
#[tokio::test]
async fn the_nearest_mapped_unit_decides_and_accounts_outside_are_left_out() {
    let units = ("LaceworkOrgSubAccountNames", "Workloads,production");
    let mut scene = Scene::open(8, &["workloads", "production"], &[units]).await;
    let members = [
        "production-1",
        "production-2",
        "development-1",
        "development-2",
    ];
    scene.await_enrolled(&members).await;
    until("everybody else has a reason", async || {
        scene.reason("unmanaged-1").await.is_some() && scene.reason("sandbox-1").await.is_some()
    })
    .await;
    assert_golden("units_at_launch", &scene.table().await);

    // Integrations of the whole organization stay in the tenant's own account.
    let registrations = scene.sandbox.simulator.registrations();
    let trail: Vec<_> = registrations
        .iter()
        .filter(|one| matches!(one.subject, Subject::Feed { .. }))
        .map(|one| one.store.as_str())
        .collect();
    assert_eq!(trail, ["acme"]);

    // A move to another mapped OU, and one out of all of them.
    let landing_zone = &mut scene.sandbox.landing_zone;
    let moves = [("development-1", "Production"), ("production-2", "Sandbox")];
    for (name, unit) in moves {
        landing_zone.move_account(name, unit).await.unwrap();
        landing_zone.update_account(name).await.unwrap();
    }
    until("both have moved", async || {
        let stores = |name| -> Vec<String> {
            let all = scene.registrations(name).into_iter();
            all.map(|one| one.store).collect()
        };
        stores("development-1") == ["production"]
            && stores("production-2").is_empty()
            && scene.instance("production-2").is_none()
            && scene.reason("production-2").await.is_some()
    })
    .await;
    assert_golden("units_after_moves", &scene.table().await);
}
