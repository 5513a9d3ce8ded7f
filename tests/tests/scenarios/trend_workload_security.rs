//! Trend Micro Workload Security: a connector for every account.

mod bad_input;
mod conformance;
mod official_client;
mod takeover;

use std::sync::Mutex;

use towerhook_package::local::{Profile, build};
use towerhook_sandbox::Options;
use towerhook_sandbox::providers::Provider;
use towerhook_sandbox::providers::trend_workload_security::{EXTERNAL_ID, LEGACY_KEY};
use towerhook_sandbox::story::Story;
use towerhook_tests::options;
use towerhook_tests::python::assert_requests_fit;
use towerhook_tests::scene::{Scene, until};
use towerhook_tests::token;

use crate::story::{hearing, tell};

const ROLE: &str = "CloudOneWorkloadConnectorRole";

/// A landing zone whose SaaS is Workload Security.
fn workload_security() -> Options {
    Options {
        provider: Provider::TrendWorkloadSecurity,
        ..options()
    }
}

#[tokio::test]
async fn the_story_with_a_key_and_protection_that_stays_ends_well() {
    let zips = build(Profile::Quick).unwrap();
    let heard = Mutex::new(Vec::new());
    let listen = hearing(&heard);
    let mut story = Story::open(workload_security(), &listen).await.unwrap();
    story.sandbox.gateway.keep_requests();
    tell(&mut story, &zips, &listen).await;
    let report = story.report();
    assert!(report.is_good(), "{report:?}");
    for story in story.accounts().iter().filter(|story| story.expected) {
        let connector = story.enrollment.registration.as_ref().unwrap();
        let account = &story.account.id;
        let role = format!("arn:aws:iam::{account}:role/{ROLE}");
        assert_eq!(connector.role_arn.as_deref(), Some(role.as_str()));
        assert_eq!(connector.external_id.as_deref(), Some(EXTERNAL_ID));
        let beginning = format!("Trend-Control-Tower-{account}-");
        assert!(connector.name.starts_with(&beginning), "{connector:?}");
    }
    // It reads no trail.
    assert_eq!(report.aws_calls.get("cloudtrail:GetTrail"), None);
    let told = heard.lock().unwrap().join("\n");
    for fact in ["the new key is verified", "has taken over the StackSet"] {
        assert!(told.contains(fact), "{told}");
    }
    let operations = [
        "cloudformation:UpdateStackSet",
        "secretsmanager:PutSecretValue",
    ];
    assert_requests_fit(&story.sandbox, &operations).await;
    story.sandbox.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_refused_key_raises_the_alarm_and_loses_no_account() {
    let scene = Scene::open_with(workload_security(), &[("EnrollManagementAccount", "No")]).await;
    let members = ["Log Archive", "Audit", "production-1"];
    scene.await_enrolled(&members).await;
    let before = scene.sandbox.simulator.registrations();
    let simulator = scene.sandbox.trend_workload_security().unwrap();
    simulator.controls().revoke_key(LEGACY_KEY);
    // The key counts for a while after it was verified, and then it is verified again.
    token::set_left(&scene, jiff::SignedDuration::from_mins(5)).await;
    token::fire(&scene).await;
    until("auth says that the key is refused", async || {
        !scene.logged("auth", "no token issued").await.is_empty()
    })
    .await;
    let logged = scene.logged("auth", "no token issued").await;
    let error = logged[0]["error"].as_str().unwrap();
    assert!(error.contains("Invalid API Key"), "{error}");
    assert!(!error.contains(LEGACY_KEY), "{error}");
    // A comparison that cannot read the connectors changes nothing.
    let everything = scene.publish_file("update-landing-zone", "Log Archive");
    everything.await;
    until("the account function is refused, too", async || {
        !scene.logged("account", "token rejected").await.is_empty()
    })
    .await;
    assert_eq!(scene.sandbox.simulator.registrations(), before);
    scene.sandbox.shutdown().await.unwrap();
}
