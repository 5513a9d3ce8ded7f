//! The auth function is killed while it replaces a token that is due.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use towerhook_sandbox::landing_zone::SANDBOX;
use towerhook_sandbox::launch::{TEMPLATE, hurried};
use towerhook_tests::scene::Scene;
use towerhook_tests::token::{fire, set_left, stored};

use crate::crash::{Crashes, Point, all_points, arm, settle};

const RENEWED: Duration = Duration::from_secs(60);

/// With less than a third of its 24 hours left a token is due.
const DUE: SignedDuration = SignedDuration::from_hours(7);
const GOOD: SignedDuration = SignedDuration::from_hours(8);

/// Makes the stored token due for renewal, and revokes it in Lacework.
async fn age(scene: &Scene) {
    set_left(scene, DUE).await;
    scene.lacework().controls().revoke_tokens();
}

/// Fires the schedule until the function completes; then the stored token must be a newly issued
/// one.
async fn renew(scene: &Scene, point: Option<Point>) {
    age(scene).await;
    let controls = scene.lacework().controls();
    let revoked = controls.issued_tokens().len();
    let looked_after = async || scene.logged("auth", "token checked").await.len();
    let before = looked_after().await;
    arm(scene, point);
    let over = "the auth function ends well";
    towerhook_tests::until(over, RENEWED, async || {
        fire(scene).await;
        looked_after().await > before
    })
    .await;

    let token = stored(scene).await;
    let expires: Timestamp = token["expiresAt"].as_str().unwrap().parse().unwrap();
    let left = expires.duration_since(Timestamp::now());
    assert!(left > GOOD, "{point:?}: {left:#} are left");
    let issued = controls.issued_tokens();
    let works = issued[revoked..]
        .iter()
        .any(|good| token["token"] == *good.expose_secret());
    assert!(works, "{point:?}: Lacework does not take the stored token");
}

#[tokio::test]
async fn a_token_that_is_due_is_replaced_wherever_the_function_is_killed() {
    let mut scene = Scene::open_from(&hurried(TEMPLATE)).await;
    scene
        .await_enrolled(&["Audit", "Log Archive", "production-1"])
        .await;
    settle(&scene).await;
    let calls = |scene: &Scene| scene.sandbox.gateway.chaos().calls();
    let before = calls(&scene);
    renew(&scene, None).await;
    let renewing = calls(&scene) - before;
    println!("{renewing} calls to replace a token");

    let mut crashes = Crashes::of("the token is replaced");
    for point in all_points(renewing) {
        renew(&scene, Some(point)).await;
        crashes.note(scene.sandbox.gateway.chaos(), point).await;
    }
    assert_eq!(
        u64::from(crashes.met),
        2 * renewing,
        "every call is made again"
    );
    crashes.end();

    // The account function works with the stored token, and need not ask for another.
    let landing_zone = &mut scene.sandbox.landing_zone;
    landing_zone.create_account("new", SANDBOX).await.unwrap();
    scene.await_enrolled(&["new"]).await;
    assert_eq!(scene.sandbox.gateway.calls().get("lambda:Invoke"), None);
}
