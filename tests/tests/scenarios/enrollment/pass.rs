//! Bursts of events, and passes that would run concurrently.

use std::time::Duration;

use serde_json::Value;
use towerhook_sandbox::gateway::Fault;
use towerhook_tests::scene::{Scene, until};

const MEMBERS: [&str; 12] = [
    "Audit",
    "Log Archive",
    "production-1",
    "production-2",
    "production-3",
    "production-4",
    "development-1",
    "development-2",
    "development-3",
    "sandbox-1",
    "sandbox-2",
    "sandbox-3",
];

/// When a pass with work to do was running, in milliseconds.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Work {
    from: i64,
    to: i64,
}

/// The passes in the log: from the plan, which is logged while the lease is held, to the counts.
fn passes(log: &[Value]) -> Vec<Work> {
    let mut passes = Vec::new();
    let mut from = None;
    for line in log {
        if line["message"] == "planned" {
            from = Some(milliseconds(&line["timestamp"]));
        }
        if line["Passes"] == 1 {
            let to = line["_aws"]["Timestamp"].as_i64().unwrap();
            let from = from.take().expect("a pass has a plan");
            passes.push(Work { from, to });
        }
    }
    passes.sort();
    passes
}

fn milliseconds(timestamp: &Value) -> i64 {
    let timestamp: jiff::Timestamp = timestamp.as_str().unwrap().parse().unwrap();
    timestamp.as_millisecond()
}

#[tokio::test]
async fn a_burst_costs_few_passes_and_they_run_one_after_the_other() {
    let parameters = [("MonitorExistingAccounts", "No")];
    let scene = Scene::open(13, &[], &parameters).await;
    until("setup's look at everything is over", async || {
        scene.metric("Passes").await > 0
    })
    .await;
    let before = scene.logged("account", "planned").await.len();

    // A pass that writes to the ledger takes two seconds, so the next batch finds the lease held.
    let slow = Fault::Delay(Duration::from_secs(2));
    let faults = scene.sandbox.gateway.faults();
    faults.inject("dynamodb", "TransactWriteItems", slow, 2);
    let burst: Vec<Value> = (0..60)
        .map(|number| scene.event("create-managed-account", MEMBERS[number % MEMBERS.len()]))
        .collect();
    scene.publish_all(&burst).await;
    scene.await_enrolled(&MEMBERS).await;
    scene.settle().await;

    assert!(scene.metric("PassesBusy").await >= 1);
    let planned = scene.logged("account", "planned").await.len() - before;
    assert!(planned <= 20, "{planned} passes for 60 events");
    let passes = passes(&scene.log("account").await);
    let slow = passes.iter().filter(|pass| pass.to - pass.from >= 2000);
    assert!(slow.count() >= 1, "{passes:?}");
    for pair in passes.windows(2) {
        assert!(pair[0].to <= pair[1].from, "two at once: {pair:?}");
    }
    // Each account once, however many events named it.
    for name in MEMBERS {
        assert_eq!(scene.registrations(name).len(), 1, "{name}");
    }
    let calls = scene.sandbox.simulator.calls();
    assert_eq!(calls["POST CloudAccounts"], 1 + MEMBERS.len() as u64);
    assert_eq!(scene.queue(&dead(&scene).await).await.visible, 0);
}

async fn dead(scene: &Scene) -> String {
    scene.stack.output("DeadLetterQueueUrl").await.unwrap()
}
