//! The connections between the parts exist only in the template: without the mapping, the rule or
//! the subscription, whatever depends on it does not happen.
//!
//! A missing permission does not show in the emulator, which allows everything;
//! `checks/templates/call.rs` tests that every call is permitted.
//!
//! All of it holds under every stack name.

use towerhook_sandbox::launch::TEMPLATE;
use towerhook_tests::scene::{Messages, Scene, until};

/// The main template without one of its resources.
fn template_without(resource: &str) -> String {
    let start = TEMPLATE
        .find(&format!("\n  {resource}:\n"))
        .expect("the template has the resource");
    let rest = &TEMPLATE[start + 1..];
    let end = rest
        .match_indices('\n')
        .map(|(at, _)| at)
        .find(|at| {
            let next = &rest[at + 1..];
            !next.starts_with("   ") && !next.starts_with('\n')
        })
        .expect("something follows");
    let mut template = format!("{}{}", &TEMPLATE[..=start], &rest[end + 1..]);
    // Other resources must not refer to the removed one.
    for naming in [
        format!("    DependsOn: {resource}\n"),
        format!("      - {resource}\n"),
    ] {
        template = template.replace(&naming, "");
    }
    template
}

fn waiting(visible: u64) -> Messages {
    Messages {
        visible,
        in_flight: 0,
        delayed: 0,
    }
}

async fn work_queue(scene: &Scene) -> Messages {
    let url = scene.stack.output("WorkQueueUrl").await.unwrap();
    scene.queue(&url).await
}

#[tokio::test]
async fn without_the_mapping_events_wait_in_the_queue() {
    let scene = Scene::open_from(&template_without("WorkQueueMapping")).await;
    assert_eq!(work_queue(&scene).await, waiting(1), "setup's fan-out");
    scene
        .publish_file("create-managed-account", "production-1")
        .await;
    until("the event is in the queue", async || {
        work_queue(&scene).await.visible >= 2
    })
    .await;
    assert_eq!(work_queue(&scene).await, waiting(2));
    assert!(scene.log("account").await.is_empty());
    assert_eq!(scene.instance("production-1"), None);
}

#[tokio::test]
async fn without_the_lifecycle_rule_events_reach_nobody() {
    let scene = Scene::open_from(&template_without("LifecycleRule")).await;
    scene
        .await_enrolled(&["Audit", "Log Archive", "production-1"])
        .await;
    scene.settle().await;
    let lines = scene.log("account").await.len();
    scene
        .publish_file("create-managed-account", "production-1")
        .await;
    // The bus processes events in order, and the other rule still works.
    scene
        .publish_file("stack-set-instance-current", "production-1")
        .await;
    until("the other rule's event is handled", async || {
        scene.log("account").await.len() > lines
    })
    .await;
    let kinds: Vec<_> = scene.logged("account", "event accepted").await;
    let lifecycle = kinds
        .iter()
        .filter(|line| line["kind"] == "CreateManagedAccount");
    assert_eq!(lifecycle.count(), 0);
    assert!(
        kinds
            .iter()
            .any(|line| { line["kind"] == "CloudFormation StackSet StackInstance Status Change" })
    );
}

#[tokio::test]
async fn without_the_subscription_existing_accounts_are_not_enrolled() {
    let scene = Scene::open_from(&template_without("FanOutSubscription")).await;
    let calls = scene.sandbox.gateway.calls();
    assert_eq!(calls["sns:Publish"], 1, "setup said that it is ready");
    assert_eq!(work_queue(&scene).await, waiting(0));
    // An event still works, for the one account that it names.
    scene
        .publish_file("create-managed-account", "production-1")
        .await;
    scene.await_enrolled(&["production-1"]).await;
    for name in ["Audit", "Log Archive"] {
        assert_eq!(scene.instance(name), None, "{name}");
    }
}

#[tokio::test]
async fn a_stack_with_the_longest_name_does_all_of_it() {
    // CloudFormation's limit.
    let name = format!("towerhook-{}", "x".repeat(118));
    assert_eq!(name.len(), 128);
    let scene = Scene::open_as(&name, TEMPLATE).await;
    for (kind, resource) in resources(&scene).await {
        // The emulator accepts longer ones.
        if kind == "AWS::Lambda::Function" || kind == "AWS::Events::Rule" {
            assert!(resource.len() <= 64, "{kind} {resource}");
        }
    }

    let members = ["Audit", "Log Archive", "production-1"];
    scene.await_enrolled(&members).await;
    scene.settle().await;
    let log = scene.log("account").await;
    let metrics: Vec<_> = log
        .iter()
        .filter(|line| line.get("_aws").is_some())
        .collect();
    assert!(!metrics.is_empty());
    for line in metrics {
        assert_eq!(line["Stack"], *name, "{line}");
    }
    scene.delete().await;
    assert!(scene.sandbox.simulator.registrations().is_empty());
}

/// The type and the physical id of everything in the stack.
async fn resources(scene: &Scene) -> Vec<(String, String)> {
    let form = [("StackName", scene.stack.id.as_str())];
    let answer = scene
        .inside()
        .query(
            "cloudformation",
            "DescribeStackResources",
            "2010-05-15",
            &form,
        )
        .await
        .unwrap();
    let resources = answer.members("DescribeStackResourcesResult/StackResources");
    let resources: Vec<_> = resources
        .map(|resource| {
            let text = |name: &str| resource.text_at(name).unwrap().to_owned();
            (text("ResourceType"), text("PhysicalResourceId"))
        })
        .collect();
    assert!(!resources.is_empty());
    resources
}
