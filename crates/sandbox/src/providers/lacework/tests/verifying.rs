//! Integrations that are verified against AWS.

use std::time::Duration;

use reqwest::StatusCode;

use super::{AUDIT, Api, MEMBER, config, guid, member, trail};
use crate::providers::fake_aws::FakeAws;
use crate::providers::lacework::PRINCIPAL_ARN;
use crate::providers::{Simulator, Verification};

async fn verifying() -> (FakeAws, Api) {
    let aws = FakeAws::start();
    let mut config = config();
    config.emulator = Some(aws.url.clone());
    let api = Api::start(config).await;
    api.controls().set_state_delay(Duration::ZERO);
    (aws, api)
}

const ROLE: &str = "acme-laceworkcwsrole-sa";

fn external_id() -> String {
    format!("lweid:aws:v2:acme:{MEMBER}:0123456789")
}

/// A role in the member account that the vendor can assume.
fn put_member_role(aws: &FakeAws) {
    aws.put_role(MEMBER, ROLE, PRINCIPAL_ARN, &external_id());
}

#[tokio::test]
async fn a_role_must_exist_trust_the_vendor_and_demand_the_external_id() {
    let (aws, api) = verifying().await;
    let external_id = external_id();
    let refusal = async || {
        let refused = api.create(&member(MEMBER)).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
        refused.body["message"].as_str().unwrap().to_owned()
    };
    assert!(refusal().await.contains("does not exist"));
    aws.put_role("999999999999", ROLE, PRINCIPAL_ARN, &external_id);
    assert!(refusal().await.contains("does not exist"));
    aws.put_role(MEMBER, ROLE, "arn:aws:iam::999999999999:root", &external_id);
    assert!(refusal().await.contains("does not allow sts:AssumeRole"));
    aws.put_role(MEMBER, ROLE, PRINCIPAL_ARN, "another");
    assert!(refusal().await.contains("another external id"));
    assert_eq!(api.simulator.integrations(), []);

    put_member_role(&aws);
    aws.deny_assume_role(true);
    assert!(refusal().await.contains("AccessDenied"));
    aws.deny_assume_role(false);
    let id = guid(&api.create(&member(MEMBER)).await);
    let once = ["434813966438", "lacework-platform"];
    assert_eq!(aws.assumed_from(), [once, once].concat());
    assert_eq!(
        api.simulator.verify(&id).await.unwrap(),
        Verification::Passed
    );

    aws.delete_role(MEMBER, ROLE);
    let listed = api.get("CloudAccounts").await;
    assert_eq!(listed.body["data"][0]["state"]["ok"], true);
    let read = api.get(&format!("CloudAccounts/{id}")).await.body;
    let state = &read["data"]["state"];
    assert_eq!(state["ok"], false);
    assert!(state["lastSuccessfulTime"].as_i64().unwrap() > 0);
    let details = state["details"]["message"].as_str().unwrap();
    assert!(
        details.contains("AWS Error: Error assuming role") && details.contains("does not exist")
    );
    let verification = api.simulator.verify(&id).await.unwrap();
    assert!(verification.reason().unwrap().contains("does not exist"));
    assert_eq!(api.simulator.integrations()[0].ok, Some(false));
    assert!(api.simulator.verify("ACME_0").await.is_err());
}

#[tokio::test]
async fn a_queue_must_exist_in_the_account_and_region_of_its_url() {
    let (aws, api) = verifying().await;
    put_member_role(&aws);
    let refused = api.create(&trail()).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(
        refused.body["message"]
            .as_str()
            .unwrap()
            .contains("acme-laceworkcws does not exist")
    );
    aws.put_queue(AUDIT, "us-east-1", "acme-laceworkcws");
    assert_eq!(api.create(&trail()).await.status, StatusCode::BAD_REQUEST);
    aws.put_queue(AUDIT, "eu-west-1", "acme-laceworkcws");
    let id = guid(&api.create(&trail()).await);
    let read = api.get(&format!("CloudAccounts/{id}")).await.body;
    assert_eq!(read["data"]["state"]["details"]["sqsRx"], "OK");
}

#[tokio::test]
async fn a_new_role_is_refused_until_it_has_propagated() {
    let (aws, api) = verifying().await;
    put_member_role(&aws);
    api.controls()
        .set_propagation_delay(Duration::from_secs(600));
    assert_eq!(
        api.create(&member(MEMBER)).await.status,
        StatusCode::BAD_REQUEST
    );
    api.controls().advance_clock(Duration::from_secs(300));
    assert_eq!(
        api.create(&member(MEMBER)).await.status,
        StatusCode::BAD_REQUEST
    );
    api.controls().advance_clock(Duration::from_secs(300));
    guid(&api.create(&member(MEMBER)).await);
}

#[tokio::test]
async fn an_emulator_that_does_not_answer_is_a_500_and_changes_no_state() {
    let (aws, api) = verifying().await;
    put_member_role(&aws);
    let id = guid(&api.create(&member(MEMBER)).await);
    aws.fail(true);
    let refused = api.create(&member("222233334444")).await;
    assert_eq!(refused.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(api.simulator.verify(&id).await.is_err());
    assert_eq!(
        api.get(&format!("CloudAccounts/{id}")).await.body["data"]["state"]["ok"],
        true
    );
}
