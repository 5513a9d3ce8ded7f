//! What goes wrong, and what a test can choose.

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::{Api, MEMBER, OTHER, V3, config, member};
use crate::providers::Fault;
use crate::providers::Simulator;

#[tokio::test]
async fn what_the_api_does_not_have_is_not_found() {
    let api = Api::start().await;
    for path in ["v3.0/cam/gcpProjects", "v3.0/cam/awsAccounts/1/2", "api/v2"] {
        assert_eq!(api.get(path).await.refusal(), (404, "NotFound"), "{path}");
    }
    assert_eq!(api.simulator.calls()["Unknown path"], 3);
}

#[tokio::test]
async fn a_body_that_is_no_account_changes_nothing() {
    let api = Api::start().await;
    let post = |body: Vec<u8>| api.request(Method::POST, V3).body(body);
    let not_json = api.send(post(b"{".to_vec())).await;
    assert_eq!(not_json.refusal(), (400, "BadRequest"));
    let large = api.send(post(vec![b' '; (1 << 20) + 1])).await;
    assert_eq!(large.status, StatusCode::PAYLOAD_TOO_LARGE);
    let unnamed = api
        .create(&json!({"roleArn": member(MEMBER)["roleArn"]}))
        .await;
    assert_eq!(unnamed.message(), "name is required");
    assert_eq!(api.simulator.registrations(), []);
    api.create(&member(MEMBER)).await;
    let elsewhere = api
        .change(MEMBER, &json!({"roleArn": member(OTHER)["roleArn"]}))
        .await;
    assert_eq!(elsewhere.message(), "the role is in another account");
}

#[tokio::test]
async fn the_vendor_may_change_names_states_and_permissions() {
    let api = Api::start().await;
    api.controls().set_alias(MEMBER, "alias");
    api.create(&member(MEMBER)).await;
    let path = format!("{V3}/{MEMBER}");
    assert_eq!(api.get(&path).await.body["name"], "alias");
    api.change(MEMBER, &json!({"name": "mine"})).await;
    assert_eq!(api.get(&path).await.body["name"], "alias");
    let action = "ec2:DescribeInstances";
    assert!(api.controls().set_missing_permissions(MEMBER, &[action]));
    assert!(api.controls().set_outdated(MEMBER, true));
    let read = api.get(&path).await.body;
    assert_eq!(read["state"], "outdated");
    assert_eq!(
        read["features"][1]["missingAwsPermissions"],
        json!([action])
    );
    assert!(
        api.controls()
            .change(MEMBER, &json!({"description": "theirs"}))
            .unwrap()
    );
    assert_eq!(api.simulator.registrations()[0].name, "theirs");
    assert!(!api.controls().set_outdated(OTHER, true));
    assert_eq!(api.controls().accounts(), [api.get(&path).await.body]);
}

#[tokio::test]
async fn too_many_requests_within_a_minute_are_refused() {
    let api = Api::start().await;
    api.controls().set_rate_limit(Some(1));
    assert_eq!(api.get(V3).await.status, StatusCode::OK);
    let refused = api.get(V3).await;
    assert_eq!(refused.refusal(), (429, "TooManyRequests"));
    assert_eq!(refused.message(), "Too many API requests");
    api.controls()
        .advance_clock(std::time::Duration::from_secs(60));
    assert_eq!(api.get(V3).await.status, StatusCode::OK);
    api.controls().set_rate_limit(None);
    assert_eq!(api.get(V3).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_fault_may_come_after_the_effect() {
    let api = Api::start().await;
    api.controls().inject(Fault {
        operation: Some("POST awsAccounts".to_owned()),
        times: 1,
        status: 504,
        after_effect: true,
    });
    assert_eq!(api.get(V3).await.status, StatusCode::OK);
    assert_eq!(
        api.create(&member(MEMBER)).await.status,
        StatusCode::GATEWAY_TIMEOUT
    );
    assert_eq!(api.simulator.registrations().len(), 1);
    api.controls().fail_next(2, 503);
    assert_eq!(
        api.delete(MEMBER).await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(api.simulator.registrations().len(), 1);
    api.controls().clear_faults();
    assert_eq!(api.delete(MEMBER).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn chaos_hits_towerhooks_calls_alone() {
    let config = config();
    let chaos = std::sync::Arc::clone(&config.chaos);
    let api = Api::with(config).await;
    chaos.begin(7);
    for _ in 0..30 {
        assert_eq!(api.get(V3).await.status, StatusCode::OK);
    }
    assert_eq!(chaos.calls(), 0);
    let mut went_wrong = 0;
    for _ in 0..12 {
        let request = api
            .request(Method::GET, V3)
            .header("User-Agent", "towerhook/0.1.0");
        let failed = match request.send().await {
            Ok(answer) => !answer.status().is_success() || answer.text().await.is_err(),
            Err(_) => true,
        };
        went_wrong += u32::from(failed);
    }
    assert_eq!(chaos.calls(), 12);
    assert!(went_wrong > 0);
}
