//! The account function is killed while an account is enrolled, and while one is offboarded.

use towerhook_sandbox::landing_zone::SANDBOX;
use towerhook_sandbox::launch::{TEMPLATE, hurried};
use towerhook_tests::STACK_DEADLINE;
use towerhook_tests::scene::Scene;

use crate::crash::{Crashes, Point, arm, points, settle, until};

const PRESENT: [&str; 3] = ["Audit", "Log Archive", "production-1"];

/// A new account is enrolled.
async fn come(scene: &mut Scene, name: &str, point: Option<Point>) {
    arm(scene, point);
    let landing_zone = &mut scene.sandbox.landing_zone;
    landing_zone.create_account(name, SANDBOX).await.unwrap();
    let enrolled = format!("{name} is enrolled");
    until(scene, &enrolled, async || scene.is_enrolled(name).await).await;
    settle(scene).await;
}

/// An account is closed, and its revisit is requested.
async fn go(scene: &mut Scene, name: &str, point: Option<Point>) {
    let landing_zone = &mut scene.sandbox.landing_zone;
    landing_zone.close_account(name).await.unwrap();
    arm(scene, point);
    let landing_zone = &scene.sandbox.landing_zone;
    landing_zone
        .publish_managed_account("UpdateManagedAccount", name, "SUCCEEDED")
        .await
        .unwrap();
    let gone = format!("{name} is watched no more");
    until(scene, &gone, async || {
        scene
            .registrations(name)
            .iter()
            .all(|registration| !registration.enabled)
    })
    .await;
    settle(scene).await;
}

#[tokio::test]
async fn an_account_comes_and_goes_wherever_the_function_is_killed() {
    let mut scene = Scene::open_from(&hurried(TEMPLATE)).await;
    // More offboardings within the hour than usually allowed.
    let limit = [("OffboardLimitPercent".to_owned(), "100".to_owned())];
    scene
        .stack
        .update(&hurried(TEMPLATE), &limit.into())
        .await
        .unwrap();
    let updated = scene.stack.wait_for("UPDATE_COMPLETE", STACK_DEADLINE);
    updated.await.unwrap();
    scene.await_enrolled(&PRESENT).await;
    scene.settle().await;
    let calls = |scene: &Scene| scene.sandbox.gateway.chaos().calls();

    let before = calls(&scene);
    come(&mut scene, "calm", None).await;
    let coming = calls(&scene) - before;
    let before = calls(&scene);
    go(&mut scene, "calm", None).await;
    let going = calls(&scene) - before;
    println!("{coming} calls to enroll an account, {going} to let one go");
    let expected = scene.table().await;

    let mut crashes = Crashes::of("an account comes");
    for (number, point) in points(coming).into_iter().enumerate() {
        let name = format!("come-{number}");
        come(&mut scene, &name, Some(point)).await;
        crashes.note(scene.sandbox.gateway.chaos(), point).await;
        assert_eq!(scene.registrations(&name).len(), 1, "{point}");
        assert!(scene.is_enrolled(&name).await, "{point}");
    }
    crashes.end();
    let mut crashes = Crashes::of("an account goes");
    for (number, point) in points(going).into_iter().enumerate() {
        let name = format!("go-{number}");
        come(&mut scene, &name, None).await;
        go(&mut scene, &name, Some(point)).await;
        crashes.note(scene.sandbox.gateway.chaos(), point).await;
        let line = |table: &str, name: &str| {
            let line = table.lines().find(|line| line.starts_with(name)).unwrap();
            line.strip_prefix(name).unwrap().trim_start().to_owned()
        };
        let table = scene.table().await;
        assert_eq!(line(&table, &name), line(&expected, "calm"), "{point}");
    }
    crashes.end();
    // No other account was touched.
    for name in PRESENT {
        assert!(scene.is_enrolled(name).await, "{name}");
    }
}
