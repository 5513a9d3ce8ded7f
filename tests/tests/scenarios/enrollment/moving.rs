//! Accounts that move: into the OUs that are mapped to sub-accounts, between them, and out.

use towerhook_sandbox::landing_zone::SANDBOX;
use towerhook_sandbox::providers::lacework::DuplicateScope;
use towerhook_tests::scene::{Scene, until};
use towerhook_tests::transcript::Transcript;

use crate::golden::assert_golden;

async fn in_store(scene: &Scene, name: &str, store: &str) {
    until("it has moved", async || {
        matches!(&scene.registrations(name)[..], [one] if one.store == store && one.enabled)
    })
    .await;
    scene.await_enrolled(&[name]).await;
}

fn guid(scene: &Scene, name: &str) -> String {
    scene.registrations(name)[0].id.clone()
}

async fn created(scene: &Scene) -> u64 {
    scene.sandbox.simulator.calls()["POST CloudAccounts"]
}

#[tokio::test]
async fn an_account_is_watched_where_its_unit_says() {
    let parameters = [
        ("LaceworkOrgSubAccountNames", "Workloads,Production"),
        ("OffboardLimitPercent", "100"),
    ];
    let mut scene = Scene::open(5, &["workloads", "production"], &parameters).await;
    scene
        .await_enrolled(&["production-1", "development-1"])
        .await;
    scene.settle().await;
    let mut told = Transcript::begin(&scene).await;

    let control_tower = scene.sandbox.gateway.control_tower();
    let mut zone = control_tower.landing_zone().unwrap();
    zone.auto_enrollment = true;
    control_tower.set_landing_zone(Some(zone));

    // Control Tower enrolls it with its OU, without an event for its creation.
    let zone = &mut scene.sandbox.landing_zone;
    zone.move_account("unmanaged-1", "Development")
        .await
        .unwrap();
    in_store(&scene, "unmanaged-1", "workloads").await;
    told.tell(&scene, "an account is moved in, with auto-enrollment")
        .await;

    // Lacework accepts an account once: the new integration is refused while the old one exists.
    let before = created(&scene).await;
    let zone = &mut scene.sandbox.landing_zone;
    zone.move_account("development-1", "Production")
        .await
        .unwrap();
    in_store(&scene, "development-1", "production").await;
    told.tell(&scene, "it moves, and Lacework takes an account once")
        .await;
    assert_eq!(created(&scene).await - before, 2, "one in vain");
    assert_eq!(scene.metric("MonitoringGaps").await, 1);

    // Lacework accepts it twice: the old integration is deleted once the new one exists.
    let simulator = scene.lacework().controls();
    simulator.set_duplicate_scope(DuplicateScope::Account);
    let before = created(&scene).await;
    let zone = &mut scene.sandbox.landing_zone;
    zone.move_account("production-1", "Development")
        .await
        .unwrap();
    in_store(&scene, "production-1", "workloads").await;
    told.tell(&scene, "it moves, and Lacework takes an account twice")
        .await;
    assert_eq!(created(&scene).await - before, 1);
    assert_eq!(scene.metric("MonitoringGaps").await, 1, "no other");

    // The event is lost; the next comparison finds the move.
    let zone = &mut scene.sandbox.landing_zone;
    zone.emission().lose("*", 5);
    zone.move_account("development-1", "Development")
        .await
        .unwrap();
    scene.reconcile().await;
    in_store(&scene, "development-1", "workloads").await;
    scene.sandbox.landing_zone.emission().clear();
    told.tell(&scene, "it moves back, and no event comes").await;

    // The old integration is deleted for a new one, which is refused; so it is recreated.
    let simulator = scene.lacework().controls();
    simulator.set_duplicate_scope(DuplicateScope::Tenant);
    simulator.refuse_new_in(Some("production"));
    let (before, old) = (created(&scene).await, guid(&scene, "development-1"));
    let zone = &mut scene.sandbox.landing_zone;
    zone.emission().lose("*", 5);
    zone.move_account("development-1", "Production")
        .await
        .unwrap();
    scene.reconcile().await;
    scene.sandbox.landing_zone.emission().clear();
    in_store(&scene, "development-1", "workloads").await;
    told.tell(&scene, "it is moved where Lacework refuses it")
        .await;
    let back = guid(&scene, "development-1");
    assert_ne!(back, old, "it was given up");
    assert_eq!(created(&scene).await - before, 3, "two in vain");
    assert_eq!(scene.metric("MonitoringGaps").await, 2);

    // It is not deleted again.
    let looks = async || scene.logged("account", "event accepted").await.len();
    let before = looks().await;
    scene
        .publish_file("update-managed-account", "development-1")
        .await;
    let queue = scene.stack.output("WorkQueueUrl").await.unwrap();
    until("it was looked at again", async || {
        let messages = scene.queue(&queue).await;
        looks().await > before && messages.visible + messages.in_flight == 0
    })
    .await;
    assert_eq!(guid(&scene, "development-1"), back);
    assert_eq!(scene.metric("MonitoringGaps").await, 2, "no other");
    let zone = &mut scene.sandbox.landing_zone;
    zone.move_account("development-1", "Development")
        .await
        .unwrap();
    until("nothing is wrong with it", async || {
        scene.reason("development-1").await.is_none()
    })
    .await;
    told.tell(&scene, "it moves back to where it is watched")
        .await;
    scene.lacework().controls().refuse_new_in(None);

    // Only ids matter.
    let zone = &mut scene.sandbox.landing_zone;
    zone.rename_unit("Production", "Live").unwrap();
    scene.reconcile().await;
    told.tell(&scene, "a mapped unit is renamed").await;

    for (name, unit, what) in [
        (
            "production-1",
            SANDBOX,
            "it moves out of the mapped units, and stays managed",
        ),
        (
            "unmanaged-1",
            "Suspended",
            "it moves out, and Control Tower lets it go",
        ),
    ] {
        let zone = &mut scene.sandbox.landing_zone;
        zone.move_account(name, unit).await.unwrap();
        until("it is no longer watched", async || {
            let reason = scene.reason(name).await;
            scene.registrations(name).is_empty()
                && reason.is_some_and(|reason| reason.contains("outside the units"))
        })
        .await;
        told.tell(&scene, what).await;
    }
    assert_golden("moving", told.text());
    let dead = scene.stack.output("DeadLetterQueueUrl").await.unwrap();
    assert_eq!(scene.queue(&dead).await.visible, 0);
}
