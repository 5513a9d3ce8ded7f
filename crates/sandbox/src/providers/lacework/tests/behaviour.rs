//! What a test can choose: limits, faults, pages, states.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{AUDIT, Api, MEMBER, config, guid, member};
use crate::providers::lacework::{DuplicateScope, lock};
use crate::providers::{Fault, Simulator};

#[tokio::test]
async fn the_rate_limit_counts_per_functionality_and_says_so() {
    let api = Api::start(config()).await;
    let first = api.get("CloudAccounts").await;
    assert_eq!(first.headers["ratelimit-limit"], "480");
    assert_eq!(first.headers["ratelimit-remaining"], "479");
    api.controls().set_rate_limit(Some(2));
    assert_eq!(api.get("CloudAccounts").await.status, StatusCode::OK);
    assert_eq!(api.get("CloudAccounts/AwsCfg").await.status, StatusCode::OK);
    let refused = api.create(&member(MEMBER)).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers["ratelimit-remaining"], "0");
    assert_eq!(refused.headers["ratelimit-reset"], "1800");
    assert!(!refused.headers.contains_key("retry-after"));
    assert_eq!(api.get("UserProfile").await.status, StatusCode::OK);
    api.controls().advance_clock(Duration::from_secs(1800));
    assert_eq!(api.get("CloudAccounts").await.status, StatusCode::OK);
    api.controls().set_rate_limit(None);
    assert!(
        !api.get("CloudAccounts")
            .await
            .headers
            .contains_key("ratelimit-limit")
    );
}

#[tokio::test]
async fn faults_come_before_or_after_the_effect() {
    let api = Api::start(config()).await;
    api.controls().fail_next(1, 503);
    assert_eq!(
        api.create(&member(MEMBER)).await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(api.simulator.integrations(), []);
    api.controls().inject(Fault {
        operation: Some("POST CloudAccounts".to_owned()),
        times: 1,
        status: 504,
        after_effect: true,
    });
    assert_eq!(api.get("CloudAccounts").await.status, StatusCode::OK);
    assert_eq!(
        api.create(&member(MEMBER)).await.status,
        StatusCode::GATEWAY_TIMEOUT
    );
    assert_eq!(api.simulator.integrations().len(), 1);
    let retried = api.create(&member(MEMBER)).await;
    assert!(
        retried.body["message"]
            .as_str()
            .unwrap()
            .contains("aws account is already used")
    );
}

#[tokio::test]
async fn one_sub_account_can_refuse_what_is_new() {
    let api = Api::start(config()).await;
    let create = async |sub_account: &str, account: &str| {
        let request = api.request(Method::POST, "CloudAccounts");
        let request = request.header("Account-Name", sub_account);
        api.send(request.json(&member(account))).await
    };
    let kept = guid(&create("prod", MEMBER).await);
    api.controls().refuse_new_in(Some("Prod"));
    let refused = create("prod", AUDIT).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let message = refused.body["message"].as_str().unwrap();
    assert!(message.contains("Error assuming role"), "{message}");
    guid(&create("dev", AUDIT).await);
    let path = format!("CloudAccounts/{kept}");
    let request = api
        .request(Method::PATCH, &path)
        .json(&json!({"name": "x"}));
    let changed = api.send(request.header("Account-Name", "prod")).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.body);
    api.controls().refuse_new_in(None);
    guid(&create("prod", "222233334444").await);
}

#[tokio::test]
async fn a_create_can_hang_after_its_effect() {
    let api = Api::start(config()).await;
    api.controls()
        .hang_next_creates(1, Duration::from_secs(3600));
    let request = api
        .request(Method::POST, "CloudAccounts")
        .json(&member(MEMBER));
    let lost = request
        .timeout(Duration::from_millis(300))
        .send()
        .await
        .unwrap_err();
    assert!(lost.is_timeout());
    let deadline = Instant::now() + Duration::from_secs(30);
    while lock(&api.controls().service.settings).hanging_creates > 0 {
        assert!(Instant::now() < deadline, "the create had no effect");
        tokio::task::yield_now().await;
    }
    assert_eq!(api.simulator.integrations().len(), 1);
    guid(&api.create(&member("222233334444")).await);
    Box::new(api.simulator).shutdown().await.unwrap();
}

#[tokio::test]
async fn pages_link_to_one_another() {
    let api = Api::start(config()).await;
    api.controls().set_page_size(2);
    for number in 1..=5 {
        guid(&api.create(&member(&format!("{number}").repeat(12))).await);
    }
    let mut names = Vec::new();
    let mut next = Some("CloudAccounts".to_owned());
    while let Some(path) = next {
        let page = api.get(&path).await.body;
        assert_eq!(page["paging"]["totalRows"], 5);
        let rows = page["data"].as_array().unwrap();
        assert_eq!(page["paging"]["rows"], rows.len());
        names.extend(
            rows.iter()
                .map(|row| row["name"].as_str().unwrap().to_owned()),
        );
        next = page["paging"]["urls"]["nextPage"]
            .as_str()
            .map(str::to_owned);
        if let Some(link) = &next {
            assert!(link.starts_with(api.simulator.url().as_str()));
        }
    }
    assert_eq!(names.len(), 5);
    assert_eq!(names[4], "Config-555555555555");
    assert_eq!(
        api.get("CloudAccounts?pageToken=none").await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn states_appear_and_toggles_change_answers() {
    let api = Api::start(config()).await;
    api.controls().set_state_delay(Duration::from_secs(600));
    let id = guid(&api.create(&member(MEMBER)).await);
    let path = format!("CloudAccounts/{id}");
    assert_eq!(api.get(&path).await.body["data"].get("state"), None);
    assert_eq!(api.simulator.integrations()[0].ok, None);
    api.controls().advance_clock(Duration::from_secs(300));
    assert_eq!(api.get(&path).await.body["data"]["state"]["ok"], false);
    api.controls().advance_clock(Duration::from_secs(300));
    let state = api.get(&path).await.body["data"]["state"].clone();
    assert_eq!(
        (&state["ok"], &state["details"]),
        (&json!(true), &json!({}))
    );
    assert!(state["lastUpdatedTime"].is_u64());
    assert_eq!(api.simulator.integrations()[0].ok, Some(true));

    api.controls().set_mask_external_ids(true);
    let masked = api.get(&path).await.body;
    assert_eq!(
        masked["data"]["data"]["crossAccountCredentials"]["externalId"],
        "**********"
    );
    let nobody = json!({"filters": [{"field": "name", "expression": "eq", "value": "nobody"}]});
    let empty = api.post("CloudAccounts/search", nobody.clone()).await;
    assert_eq!(
        (empty.status, &empty.body["data"]),
        (StatusCode::OK, &json!([]))
    );
    api.controls().set_empty_search_is_no_content(true);
    let empty = api.post("CloudAccounts/search", nobody).await;
    assert_eq!(
        (empty.status, empty.body),
        (StatusCode::NO_CONTENT, Value::Null)
    );
}

#[tokio::test]
async fn integrations_can_be_seeded_and_removed_by_hand() {
    let api = Api::start(config()).await;
    let id = api.controls().seed(Some("Dev"), &member(MEMBER)).unwrap();
    assert_eq!(api.simulator.integrations()[0].account, "dev");
    let again = api.create(&member(MEMBER)).await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST);
    api.controls().set_duplicate_scope(DuplicateScope::Account);
    guid(&api.create(&member(MEMBER)).await);
    assert!(api.controls().remove(&id));
    assert!(!api.controls().remove(&id));
    assert_eq!(api.simulator.integrations()[0].account, "acme");
    assert!(api.controls().seed(Some("none"), &member(MEMBER)).is_err());
    assert!(api.controls().seed(None, &json!({})).is_err());
}
