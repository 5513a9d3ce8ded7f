//! Trend Vision One: a row of its Cloud Account Management for every account, and a role that trusts
//! its identity provider.

mod bad_input;
mod takeover;

use std::sync::Mutex;

use secrecy::ExposeSecret as _;
use serde_json::json;
use towerhook_core::model::{RegistrationKind, RegistrationSpec, SecretText};
use towerhook_core::provider::{Provider as _, role_arn};
use towerhook_package::local::{Profile, build};
use towerhook_providers::trend_vision_one::api::{Settings, VisionOneApi};
use towerhook_providers::{TokenSource, http_client};
use towerhook_sandbox::Options;
use towerhook_sandbox::providers::Provider;
use towerhook_sandbox::story::Story;
use towerhook_tests::python::assert_requests_fit;
use towerhook_tests::scene::{Scene, until};
use towerhook_tests::{options, sandbox};
use towerhook_world::conformance;

use crate::story::{hearing, tell};
use takeover::make_role;

const ROLE: &str = "VisionOneRole";

/// A landing zone whose SaaS is Vision One.
fn vision_one() -> Options {
    Options {
        provider: Provider::TrendVisionOne,
        ..options()
    }
}

#[tokio::test]
async fn the_story_with_an_identity_provider_ends_well() {
    let zips = build(Profile::Quick).unwrap();
    let heard = Mutex::new(Vec::new());
    let listen = hearing(&heard);
    let mut story = Story::open(vision_one(), &listen).await.unwrap();
    story.sandbox.gateway.keep_requests();
    tell(&mut story, &zips, &listen).await;
    let report = story.report();
    assert!(report.is_good(), "{report:?}");
    for story in story.accounts().iter().filter(|story| story.expected) {
        let row = story.enrollment.registration.as_ref().unwrap();
        let account = &story.account.id;
        let role = format!("arn:aws:iam::{account}:role/{ROLE}");
        assert_eq!(row.role_arn.as_deref(), Some(role.as_str()));
        assert_eq!(&row.id, account);
        let beginning = format!("Kept by Towerhook: Trend-Vision-One-{account}-");
        assert!(row.name.starts_with(&beginning), "{row:?}");
    }
    // Only connected accounts have been read, and none was asked for by itself.
    assert_eq!(report.aws_calls.get("cloudtrail:GetTrail"), None);
    let told = heard.lock().unwrap().join("\n");
    assert!(told.contains("has taken over the StackSet"), "{told}");
    assert_requests_fit(&story.sandbox, &["cloudformation:UpdateStackSet"]).await;
    story.sandbox.shutdown().await.unwrap();
}

/// A key that is known to be good.
struct Key(String);

impl TokenSource for Key {
    async fn token(&self) -> towerhook_core::Result<SecretText> {
        Ok(self.0.as_str().into())
    }

    async fn refused(&self) -> towerhook_core::Result<SecretText> {
        self.token().await
    }
}

#[tokio::test]
async fn the_adapter_keeps_what_the_port_promises() {
    let sandbox = sandbox(vision_one()).await;
    let id = sandbox
        .landing_zone
        .account("production-1")
        .unwrap()
        .id
        .clone();
    make_role(&sandbox, &id).await;
    let account = id.parse().unwrap();
    let spec = RegistrationSpec {
        name: format!("Trend-Vision-One-{account}-ABCDEFGHIJ"),
        kind: RegistrationKind::Account,
        account,
        role_arn: role_arn("aws", &account, ROLE),
        external_id: String::new().into(),
        queue_url: None,
        account_mapping: None,
    };
    let simulator = sandbox.trend_vision_one().unwrap();
    let key = Key(simulator.api_key().expose_secret().to_owned());
    let url = sandbox.simulator.url().clone();
    let settings = Settings {
        features: Vec::new(),
        workload_instance: None,
    };
    let api = VisionOneApi::new(http_client().unwrap(), url, settings, key);
    let limits = towerhook_providers::trend_vision_one::TrendVisionOne.limits();
    let pause = async || tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    conformance::registry(&api, &spec, None, limits, &pause).await;
    sandbox.shutdown().await.unwrap();
}

#[tokio::test]
async fn an_outdated_row_and_another_name_change_nothing_and_a_bridge_row_is_completed() {
    let sandbox = sandbox(vision_one()).await;
    let id = |name: &str| sandbox.landing_zone.account(name).unwrap().id.clone();
    let (bridged, renamed) = (id("production-1"), id("development-1"));
    let controls = sandbox.trend_vision_one().unwrap().controls();
    controls.bridge(&bridged, "server-workload").unwrap();
    controls.set_alias(&renamed, "the-alias-wins");
    let stack = towerhook_tests::launched(&sandbox, &[("EnrollManagementAccount", "No")]).await;
    let scene = Scene { sandbox, stack };
    let all = ["production-1", "development-1", "Log Archive", "Audit"];
    scene.await_enrolled(&all).await;
    scene.settle().await;
    let controls = scene.sandbox.trend_vision_one().unwrap().controls();
    assert!(controls.set_outdated(&renamed, true));
    let before = controls.accounts();
    let calls = scene.sandbox.simulator.calls();
    scene.reconcile().await;
    assert_eq!(controls.accounts(), before);
    let later = scene.sandbox.simulator.calls();
    let writes = |call: &&String| {
        ["POST", "PATCH", "DELETE"]
            .iter()
            .any(|verb| call.starts_with(verb))
    };
    for call in later.keys().filter(writes) {
        assert_eq!(later.get(call), calls.get(call), "{call}");
    }
    until("the warning is logged", async || {
        let lines = scene
            .logged(
                "account",
                "accounts whose role Vision One would have otherwise",
            )
            .await;
        lines.iter().any(|line| line["outdated"] == json!(1))
    })
    .await;
    scene.sandbox.shutdown().await.unwrap();
}
