//! A function, usually setup, is killed while the stack is launched, updated and deleted.

use towerhook_sandbox::inventory::Inventory;
use towerhook_sandbox::landing_zone::Role;
use towerhook_sandbox::launch::{Parameters, Stack};
use towerhook_sandbox::providers::Provider;
use towerhook_sandbox::{STACK_NAME, Sandbox};
use towerhook_tests::scene::Scene;
use towerhook_tests::{STACK_DEADLINE, options, sandbox};

use crate::crash::{Crashes, Point, arm, points, settle, until, with_short_invocations};

async fn landing_zone(provider: Provider) -> Sandbox {
    let mut options = options();
    options.accounts = 4;
    options.provider = provider;
    sandbox(options).await
}

/// Launches the stack and waits until the accounts are enrolled.
async fn launch(sandbox: Sandbox, point: Option<Point>) -> Scene {
    if let Some(Point { call, moment }) = point {
        sandbox.gateway.chaos().crash_after(call, moment);
    }
    let (user, inside) = (sandbox.user().unwrap(), sandbox.inside().unwrap());
    let mut parameters = sandbox.parameters();
    if sandbox.provider().retains() {
        parameters.insert("RetainProtection".to_owned(), "No".to_owned());
        parameters.insert("EnrollManagementAccount".to_owned(), "No".to_owned());
    }
    let template = with_short_invocations(sandbox.template());
    let stack = Stack::create(&user, &inside, STACK_NAME, &template, &parameters);
    let stack = stack.await.unwrap();
    stack
        .wait_for("CREATE_COMPLETE", STACK_DEADLINE)
        .await
        .unwrap();
    let scene = Scene { sandbox, stack };
    for name in ["Audit", "Log Archive", "production-1"] {
        let enrolled = format!("{name} is enrolled");
        until(&scene, &enrolled, async || scene.is_enrolled(name).await).await;
    }
    settle(&scene).await;
    scene
}

async fn delete(scene: Scene, point: Option<Point>) -> Sandbox {
    arm(&scene, point);
    scene.delete().await;
    scene.sandbox
}

async fn update(scene: &Scene, management: bool, point: Option<Point>) {
    arm(scene, point);
    let value = if management { "Yes" } else { "No" };
    let changes: Parameters = [("EnrollManagementAccount".to_owned(), value.to_owned())].into();
    scene
        .stack
        .update(&with_short_invocations(scene.sandbox.template()), &changes)
        .await
        .unwrap();
    scene
        .stack
        .wait_for("UPDATE_COMPLETE", STACK_DEADLINE)
        .await
        .unwrap();
    let id = scene.sandbox.landing_zone.account_of(Role::Management);
    let id = id.unwrap().id.clone();
    until(scene, "the management account is as asked", async || {
        let registrations = scene.sandbox.simulator.registrations();
        let own = registrations
            .iter()
            .filter(|one| one.watches(&id) && one.enabled);
        own.count() == usize::from(management)
    })
    .await;
    settle(scene).await;
}

fn calls(sandbox: &Sandbox) -> u64 {
    sandbox.gateway.chaos().calls()
}

#[tokio::test]
async fn the_stack_is_launched_and_deleted_wherever_a_function_is_killed() {
    is_launched_and_deleted(Provider::Lacework).await;
}

#[tokio::test]
async fn the_stack_of_a_vendor_without_registrations_is_launched_and_deleted_likewise() {
    is_launched_and_deleted(Provider::Expel).await;
}

#[tokio::test]
async fn the_stack_of_a_vendor_with_one_key_is_launched_and_deleted_likewise() {
    is_launched_and_deleted(Provider::TrendWorkloadSecurity).await;
}

async fn is_launched_and_deleted(provider: Provider) {
    let mut sandbox = landing_zone(provider).await;
    let before = Inventory::take(&sandbox).await.unwrap();
    let start = calls(&sandbox);
    let scene = launch(sandbox, None).await;
    let launching = calls(&scene.sandbox) - start;
    let expected = scene.table().await;
    let start = calls(&scene.sandbox);
    sandbox = delete(scene, None).await;
    let deleting = calls(&sandbox) - start;
    println!("{launching} calls to launch, {deleting} to delete");

    let launched = points(launching)
        .into_iter()
        .map(|point| (Some(point), None));
    let deleted = points(deleting)
        .into_iter()
        .map(|point| (None, Some(point)));
    let mut launches = Crashes::of("the stack is launched");
    let mut deletions = Crashes::of("the stack is deleted");
    for (at_launch, at_delete) in launched.chain(deleted) {
        let scene = launch(sandbox, at_launch).await;
        if let Some(point) = at_launch {
            launches.note(scene.sandbox.gateway.chaos(), point).await;
        }
        assert_eq!(scene.table().await, expected, "{at_launch:?}");
        sandbox = delete(scene, at_delete).await;
        if let Some(point) = at_delete {
            deletions.note(sandbox.gateway.chaos(), point).await;
        }
        let after = Inventory::take(&sandbox).await.unwrap();
        let difference = before.difference(&after);
        assert!(
            difference.is_empty(),
            "{at_launch:?} {at_delete:?}\n{difference}"
        );
    }
    launches.end();
    deletions.end();
}

#[tokio::test]
async fn the_stack_is_updated_wherever_a_function_is_killed() {
    let scene = launch(landing_zone(Provider::Lacework).await, None).await;
    let start = calls(&scene.sandbox);
    update(&scene, true, None).await;
    let with = scene.table().await;
    let adding = calls(&scene.sandbox) - start;
    let start = calls(&scene.sandbox);
    update(&scene, false, None).await;
    let without = scene.table().await;
    let removing = calls(&scene.sandbox) - start;
    println!("{adding} calls to add the management account, {removing} to remove it");

    let mut crashes = Crashes::of("the management account is added");
    for point in points(adding) {
        update(&scene, true, Some(point)).await;
        crashes.note(scene.sandbox.gateway.chaos(), point).await;
        assert_eq!(scene.table().await, with, "{point}");
        update(&scene, false, None).await;
    }
    crashes.end();
    let mut crashes = Crashes::of("the management account is removed");
    for point in points(removing) {
        update(&scene, true, None).await;
        update(&scene, false, Some(point)).await;
        crashes.note(scene.sandbox.gateway.chaos(), point).await;
        assert_eq!(scene.table().await, without, "{point}");
    }
    crashes.end();
}
