//! Messages that cannot be handled move to the dead-letter queue after five attempts, and are
//! handled once they are returned.

use secrecy::ExposeSecret;
use serde_json::json;
use towerhook_aws::{Aws, Endpoint, Queues, connect_as_operator};
use towerhook_core::{
    dead_letters::{Described, Fate, Wish, redrive},
    model::SecretText,
};
use towerhook_sandbox::gateway::Fault;
use towerhook_sandbox::landing_zone::SANDBOX;
use towerhook_sandbox::launch::{TEMPLATE, hurried};
use towerhook_sandbox::{Running, STACK_NAME};
use towerhook_tests::scene::{Scene, until};

/// The queues, as the operators' command accesses them.
pub(crate) async fn operators_queues(running: Running) -> towerhook_core::Result<Aws<Queues>> {
    let endpoint = Endpoint {
        url: running.endpoint.into(),
        region: running.region,
        access_key_id: running.access_key_id,
        secret_access_key: SecretText::from(running.secret_access_key.expose_secret().to_owned()),
    };
    let config = connect_as_operator(Some(&endpoint)).await.unwrap();
    Aws::<Queues>::queues_of(&config, STACK_NAME).await
}

/// As `cargo towerhook redrive` does.
async fn redriven(scene: &Scene, wish: Wish<'_>) -> Vec<Described> {
    let queues = operators_queues(scene.sandbox.running()).await.unwrap();
    redrive(&queues, wish).await.unwrap()
}

async fn dead(scene: &Scene) -> u64 {
    let url = scene.stack.output("DeadLetterQueueUrl").await.unwrap();
    scene.queue(&url).await.visible
}

/// Waits until the work queue is empty, and at least this many messages are in the dead-letter
/// queue.
async fn given_up(scene: &Scene, messages: u64) {
    scene.settle().await;
    until("messages are given up", async || {
        dead(scene).await >= messages
    })
    .await;
    scene.settle().await;
}

fn told(found: &[Described]) -> Vec<(String, String, Fate)> {
    found
        .iter()
        .map(|one| (one.kind.clone(), one.about.clone(), one.fate))
        .collect()
}

#[tokio::test]
async fn what_an_outage_stopped_is_done_once_it_is_returned() {
    let mut scene = Scene::open_from(&hurried(TEMPLATE)).await;
    scene
        .await_enrolled(&["Audit", "Log Archive", "production-1"])
        .await;
    scene.settle().await;

    let faults = scene.sandbox.gateway.faults();
    faults.inject("dynamodb", "UpdateItem", Fault::ServerError, u32::MAX);
    let account = scene.sandbox.landing_zone.create_account("late", SANDBOX);
    let account = account.await.unwrap();
    let work = scene.stack.output("WorkQueueUrl").await.unwrap();
    let poison = json!({"QueueUrl": work, "MessageBody": "{\"password\": hunter2"});
    scene
        .inside()
        .json("sqs", "AmazonSQS", "SendMessage", poison)
        .await
        .unwrap();
    given_up(&scene, 2).await;
    assert!(!scene.is_enrolled("late").await);
    scene.sandbox.gateway.faults().clear();

    let event = |fate| ("CreateManagedAccount".to_owned(), account.id.clone(), fate);
    let nonsense = |fate| ("malformed".to_owned(), "-".to_owned(), fate);
    let found = redriven(&scene, Wish::Show).await;
    assert!(!format!("{found:?}").contains("hunter2"), "{found:?}");
    let shown = told(&found);
    assert!(shown.contains(&event(Fate::Kept)), "{shown:?}");
    assert!(shown.contains(&nonsense(Fate::Kept)), "{shown:?}");
    let waiting = dead(&scene).await;
    assert_eq!(waiting, shown.len() as u64, "looking changes nothing");

    let returned = told(&redriven(&scene, Wish::Return).await);
    assert_eq!(returned.len(), shown.len());
    assert!(returned.contains(&event(Fate::Returned)), "{returned:?}");
    scene.await_enrolled(&["late"]).await;
    // The malformed message can never be handled, so it returns.
    given_up(&scene, 1).await;
    assert_eq!(
        told(&redriven(&scene, Wish::Show).await),
        [nonsense(Fate::Kept)]
    );
}
