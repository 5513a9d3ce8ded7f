//! Keys and versions, and what a test can choose.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, StatusCode};
use secrecy::SecretString;
use serde_json::json;

use super::{Api, MEMBER, OTHER, config, connector, message};
use crate::chaos::Moment;
use crate::providers::trend_workload_security::{CLOUD_ONE_KEY, EXTERNAL_ID, LEGACY_KEY};
use crate::providers::{Fault, Simulator};

const LEGACY: &str = "api-secret-key";

fn cloud_one(request: RequestBuilder, key: &str) -> RequestBuilder {
    request.header("authorization", format!("ApiKey {key}"))
}

#[tokio::test]
async fn each_kind_of_key_has_its_own_header() {
    let api = Api::start(config()).await;
    let bare = || {
        let request = api.bare(Method::GET, "awsconnectors");
        request.header("api-version", "v1")
    };
    for accepted in [
        bare().header(LEGACY, LEGACY_KEY),
        cloud_one(bare(), CLOUD_ONE_KEY),
    ] {
        assert_eq!(api.send(accepted).await.status, StatusCode::OK);
    }
    for refused in [
        bare(),
        bare().header(LEGACY, "1:AAAA"),
        bare().header(LEGACY, ""),
        bare().header(LEGACY, CLOUD_ONE_KEY),
        cloud_one(bare(), LEGACY_KEY),
        cloud_one(bare(), "tmcother"),
        bare().header("authorization", CLOUD_ONE_KEY),
        bare().bearer_auth(CLOUD_ONE_KEY),
        cloud_one(bare().header(LEGACY, LEGACY_KEY), CLOUD_ONE_KEY),
    ] {
        let refused = api.send(refused).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
        assert_eq!(refused.body, json!({"message": "Invalid API Key"}));
    }
}

#[tokio::test]
async fn every_request_names_the_version() {
    let api = Api::start(config()).await;
    for version in [None, Some("v2"), Some("")] {
        let mut request = api.bare(Method::GET, "awsconnectors");
        request = request.header(LEGACY, LEGACY_KEY);
        if let Some(version) = version {
            request = request.header("api-version", version);
        }
        let refused = api.send(request).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
        assert!(message(&refused).contains("api-version"));
    }
}

#[tokio::test]
async fn keys_can_be_revoked_replaced_and_kept_from_writing() {
    let api = Api::start(config()).await;
    api.create(MEMBER).await;
    api.controls().set_may_write(LEGACY_KEY, false);
    for (refused, action) in [
        (api.post("awsconnectors", &connector(OTHER)).await, "create"),
        (api.post("awsconnectors/1", &json!({})).await, "modify"),
        (api.delete("awsconnectors/1").await, "delete"),
    ] {
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        let expected = format!("Not authorized to {action} AWS connector");
        assert_eq!(message(&refused), expected);
    }
    assert_eq!(api.get("awsconnectors/1").await.status, StatusCode::OK);
    let all = api.post("awsconnectors/search", &json!({})).await;
    assert_eq!(all.status, StatusCode::OK);
    api.controls().set_may_write(LEGACY_KEY, true);
    api.create(OTHER).await;

    api.controls().revoke_key(LEGACY_KEY);
    let refused = api.get("awsconnectors").await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    api.controls().add_key(SecretString::from("2:bmV3"));
    let request = api.bare(Method::GET, "awsconnectors");
    let request = request.header("api-version", "v1").header(LEGACY, "2:bmV3");
    assert_eq!(api.send(request).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_external_id_can_be_hidden() {
    let api = Api::start(config()).await;
    let settings = api.get("awsconnectorsettings").await;
    assert_eq!(settings.body, json!({ "externalId": EXTERNAL_ID }));
    api.controls().set_hides_external_id(true);
    let refused = api.get("awsconnectorsettings").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(message(&refused).starts_with("Not authorized"));
}

#[tokio::test]
async fn the_rate_limit_is_that_of_the_last_minute() {
    let api = Api::start(config()).await;
    api.controls().set_rate_limit(Some(2));
    api.create(MEMBER).await;
    api.controls().advance_clock(Duration::from_secs(30));
    assert_eq!(api.get("awsconnectors").await.status, StatusCode::OK);
    for _ in 0..3 {
        let refused = api.post("awsconnectors", &connector(OTHER)).await;
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(message(&refused), "Too many API requests");
        assert!(!refused.headers.contains_key("retry-after"));
    }
    api.controls().advance_clock(Duration::from_secs(30));
    api.create(OTHER).await;
    let refused = api.get("awsconnectors").await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    api.controls().set_rate_limit(None);
    assert_eq!(api.get("awsconnectors").await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_answer_can_be_lost_after_its_effect() {
    let api = Api::start(config()).await;
    api.controls().inject(Fault {
        operation: Some("POST awsconnectors".to_owned()),
        times: 1,
        status: 504,
        after_effect: true,
    });
    let lost = api.post("awsconnectors", &connector(MEMBER)).await;
    assert_eq!(lost.status, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(api.simulator.connectors().len(), 1);
    let again = api.post("awsconnectors", &connector(MEMBER)).await;
    assert!(message(&again).contains("already exists"));
    api.controls().fail_next(2, 503);
    let failed = api.get("awsconnectors").await;
    assert_eq!(failed.status, StatusCode::SERVICE_UNAVAILABLE);
    api.controls().clear_faults();
    assert_eq!(api.get("awsconnectors").await.status, StatusCode::OK);
}

#[tokio::test]
async fn chaos_cuts_towerhooks_own_calls_off_and_names_them() {
    let config = config();
    let chaos = config.chaos.clone();
    let api = Api::start(config).await;
    chaos.crash_after(0, Moment::After);
    api.create(MEMBER).await;
    let request = api.request(Method::POST, "awsconnectors");
    let request = request.header("user-agent", "towerhook/0.1.0");
    let answer = request.json(&connector(OTHER)).send().await;
    let cut_off = match answer {
        Ok(answer) => answer.bytes().await.is_err(),
        Err(_) => true,
    };
    assert!(cut_off);
    let name = "trend-workload-security:POST awsconnectors";
    assert_eq!(chaos.crashed_at().as_deref(), Some(name));
    assert_eq!(api.simulator.connectors().len(), 2);
}

#[tokio::test]
async fn what_the_simulator_does_not_have_is_not_found() {
    let api = Api::start(config()).await;
    for path in ["computers", "awsconnectors/x", "../awsconnectors"] {
        let refused = api.get(path).await;
        assert_eq!(refused.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(api.simulator.calls()["unknown"], 3);
}
