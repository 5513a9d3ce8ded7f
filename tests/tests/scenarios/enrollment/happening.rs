//! Everything that can happen to an account that stays where it is, or leaves.
//!
//! The home Region is not the one with Organizations' events: they arrive through the small
//! template that forwards them.

use std::time::Duration;

use towerhook_sandbox::gateway::stack_sets::InstanceStatus;
use towerhook_sandbox::landing_zone::{Departure, ORGANIZATIONS_REGION, SANDBOX};
use towerhook_sandbox::launch::{Parameters, Stack};
use towerhook_tests::scene::{Scene, until};
use towerhook_tests::transcript::Transcript;
use towerhook_tests::{STACK_DEADLINE, options};

use crate::golden::assert_golden;

const HOME: &str = "eu-west-1";
const FORWARD: &str = include_str!("../../../../templates/organizations-events.template.yml");
const BATCH: [&str; 8] = [
    "batch-1", "batch-2", "batch-3", "batch-4", "batch-5", "batch-6", "batch-7", "batch-8",
];

/// The scenario's landing zone. Operations take a while, so that something can happen in between.
async fn scene() -> Scene {
    let mut options = options();
    options.region = HOME.to_owned();
    options.accounts = 4;
    options.operation_delay = Duration::from_secs(2);
    let scene = Scene::open_with(options, &[("OffboardLimitPercent", "100")]).await;
    let notice = scene.stack.output("OrganizationsEvents").await.unwrap();
    assert!(notice.contains("Launch organizations-events.template.yml in us-east-1"));
    assert!(notice.contains("HomeRegion=eu-west-1"));
    scene
}

async fn forward(scene: &Scene) {
    let user = scene
        .sandbox
        .user()
        .unwrap()
        .in_region(ORGANIZATIONS_REGION);
    let inside = scene.inside().in_region(ORGANIZATIONS_REGION);
    let parameters: Parameters = [("HomeRegion".to_owned(), HOME.to_owned())].into();
    let stack = Stack::create(&user, &inside, "towerhook-events", FORWARD, &parameters)
        .await
        .unwrap();
    let complete = stack.wait_for("CREATE_COMPLETE", STACK_DEADLINE);
    complete.await.unwrap();
    // In the home Region it is refused, with the reason.
    let (user, inside) = (scene.sandbox.user().unwrap(), scene.inside());
    let refused = Stack::create(&user, &inside, "events-here", FORWARD, &parameters).await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("Launch this template there"), "{refused}");
}

async fn status_in(scene: &Scene, account: &str) -> Option<String> {
    let form = [("StackStatusFilter.member.1", "CREATE_COMPLETE")];
    let answer = scene
        .inside()
        .account(account)
        .query("cloudformation", "ListStacks", "2010-05-15", &form)
        .await
        .unwrap();
    let mut stacks = answer.members("ListStacksResult/StackSummaries");
    let name = stacks.next()?.text_at("StackName")?.to_owned();
    Some(name)
}

#[tokio::test]
async fn whoever_is_to_be_watched_is_and_whoever_leaves_is_not() {
    let mut scene = scene().await;
    forward(&scene).await;
    scene
        .await_enrolled(&["Log Archive", "Audit", "production-1"])
        .await;
    scene.settle().await;
    let mut told = Transcript::begin(&scene).await;

    let zone = &mut scene.sandbox.landing_zone;
    zone.create_account("new", SANDBOX).await.unwrap();
    scene.await_enrolled(&["new"]).await;
    told.tell(&scene, "Account Factory creates an account")
        .await;

    registered(&mut scene, &mut told).await;
    stays(&mut scene, &mut told).await;
    leaves(&mut scene, &mut told).await;
    closed_meanwhile(&mut scene, &mut told).await;
    assert_golden("happening", told.text());

    let dead = scene.stack.output("DeadLetterQueueUrl").await.unwrap();
    assert_eq!(scene.queue(&dead).await.visible, 0);
}

/// A burst of events, some lost and some duplicated.
async fn registered(scene: &mut Scene, told: &mut Transcript) {
    let zone = &mut scene.sandbox.landing_zone;
    zone.create_unit("Batch", "Root").await.unwrap();
    for name in BATCH {
        zone.add_account(name, "Batch").await.unwrap();
    }
    until("they are known", async || {
        let reason = "Control Tower does not manage it";
        let mut known = 0;
        for name in BATCH {
            known += usize::from(scene.reason(name).await.as_deref() == Some(reason));
        }
        known == BATCH.len()
    })
    .await;
    told.tell(
        scene,
        "somebody creates eight in an OU that is not registered",
    )
    .await;

    let creations = || scene.sandbox.simulator.calls()["POST CloudAccounts"];
    let (made, planned) = (creations(), scene.logged("account", "planned").await.len());
    let emission = scene.sandbox.landing_zone.emission();
    emission.lose("CreateManagedAccount", 2);
    emission.double("EnableBaseline", 4);
    let zone = &mut scene.sandbox.landing_zone;
    zone.register_unit("Batch").await.unwrap();
    scene.await_enrolled(&BATCH).await;
    told.tell(scene, "that OU is registered").await;
    let calls = scene.sandbox.simulator.calls();
    assert_eq!(calls["POST CloudAccounts"] - made, BATCH.len() as u64);
    let passes = scene.logged("account", "planned").await.len() - planned;
    assert!(passes <= 15, "{passes} passes for 19 events");
}

async fn stays(scene: &mut Scene, told: &mut Transcript) {
    let guid = |scene: &Scene, name| scene.registrations(name)[0].id.clone();
    let known = guid(scene, "batch-1");
    let zone = &mut scene.sandbox.landing_zone;
    zone.rename_account("batch-1", "batch-one").unwrap();
    zone.rename_unit("Batch", "Charge").unwrap();
    scene.reconcile().await;
    assert_eq!(guid(scene, "batch-one"), known);
    told.tell(scene, "an account and its OU are renamed").await;

    scene
        .sandbox
        .landing_zone
        .suspend_account("batch-2")
        .unwrap();
    scene.reconcile().await;
    until("it is switched off", async || {
        !scene.registrations("batch-2")[0].enabled
    })
    .await;
    told.tell(scene, "AWS suspends an account").await;
    scene
        .sandbox
        .landing_zone
        .reinstate_account("batch-2")
        .unwrap();
    scene.reconcile().await;
    scene.await_enrolled(&["batch-2"]).await;
    told.tell(scene, "it comes back").await;

    let zone = &mut scene.sandbox.landing_zone;
    zone.unmanage_account("batch-3").await.unwrap();
    until("it is reported", async || {
        let reason = scene.reason("batch-3").await;
        reason.is_some_and(|reason| reason.ends_with("it stays watched"))
    })
    .await;
    told.tell(scene, "Control Tower lets an account go").await;
}

async fn leaves(scene: &mut Scene, told: &mut Transcript) {
    scene.settle().await;
    // A recently enrolled account may only be missing from a list.
    scene.age_records().await;
    scene.update(&[("OffboardUnenrolled", "Yes")]).await;
    until("it is no longer watched", async || {
        scene.registrations("batch-3").is_empty()
            && scene.reason("batch-3").await.as_deref() == Some("Control Tower does not manage it")
    })
    .await;
    told.tell(scene, "such accounts are to leave (OffboardUnenrolled)")
        .await;

    let zone = &mut scene.sandbox.landing_zone;
    zone.close_account("batch-4").await.unwrap();
    gone(scene, "batch-4").await;
    // The account cannot be entered, so its stack still exists.
    let id = scene.account("batch-4").id;
    let stack = status_in(scene, &id).await.unwrap();
    assert!(stack.contains("Config-Member"), "{stack}");
    told.tell(scene, "an account is closed").await;

    let zone = &mut scene.sandbox.landing_zone;
    zone.remove_account("batch-5", Departure::Removed)
        .await
        .unwrap();
    gone(scene, "batch-5").await;
    told.tell(scene, "an account is removed from the organization")
        .await;

    // The call is in the account's own trail; the result is lost.
    let zone = &mut scene.sandbox.landing_zone;
    zone.emission().lose("AccountDepartedOrganization", 1);
    zone.remove_account("batch-6", Departure::Left)
        .await
        .unwrap();
    scene.reconcile().await;
    gone(scene, "batch-6").await;
    told.tell(scene, "an account leaves, and no event comes")
        .await;
}

/// The account is closed while its stack is being created.
async fn closed_meanwhile(scene: &mut Scene, told: &mut Transcript) {
    let zone = &mut scene.sandbox.landing_zone;
    zone.create_account("late", SANDBOX).await.unwrap();
    until("its stack is being made", async || {
        scene
            .instance("late")
            .is_some_and(|status| status != InstanceStatus::Current)
    })
    .await;
    let zone = &mut scene.sandbox.landing_zone;
    zone.close_account("late").await.unwrap();
    // Its stack may have been used already, and one list does not prove that nothing uses it.
    let id = scene.account("late").id;
    until("one list lacks it", async || {
        let record = scene.records().await.remove(&id);
        record.is_some_and(|record| record["unlisted_at"].is_string())
    })
    .await;
    scene.settle().await;
    scene.age_records().await;
    scene.reconcile().await;
    until("it is left out", async || {
        scene.reason("late").await.as_deref() == Some("it is closed")
    })
    .await;
    gone(scene, "late").await;
    told.tell(scene, "an account is closed while its stack is being made")
        .await;
}

async fn gone(scene: &Scene, name: &str) {
    until("nothing of it is left", async || {
        scene.registrations(name).is_empty() && scene.instance(name).is_none()
    })
    .await;
}
