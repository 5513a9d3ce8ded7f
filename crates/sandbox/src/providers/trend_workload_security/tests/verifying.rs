//! Connectors whose role is looked at in AWS.

use reqwest::StatusCode;
use serde_json::json;

use super::{Api, MEMBER, OTHER, ROLE, config, connector, message, role_in};
use crate::aws_client::AwsClient;
use crate::providers::Simulator;
use crate::providers::fake_aws::FakeAws;
use crate::providers::trend_workload_security::{
    EXTERNAL_ID, PRINCIPAL_ACCOUNT, PRINCIPAL_ARN, VendorAws,
};

async fn verifying() -> (FakeAws, Api) {
    let aws = FakeAws::start();
    let root = AwsClient::new(aws.url.clone(), "us-east-1".to_owned()).unwrap();
    let mut config = config();
    config.aws = Some(VendorAws {
        service: root.account(PRINCIPAL_ACCOUNT),
        root,
    });
    (aws, Api::start(config).await)
}

/// A role that the vendor can assume.
fn put_role(aws: &FakeAws, account: &str) {
    aws.put_role(account, ROLE, PRINCIPAL_ACCOUNT, EXTERNAL_ID);
}

#[tokio::test]
async fn a_role_must_exist_trust_the_vendor_and_demand_the_external_id() {
    let (aws, api) = verifying().await;
    let refusal = async || {
        let refused = api.post("awsconnectors", &connector(MEMBER)).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
        message(&refused).to_owned()
    };
    assert!(refusal().await.contains("does not exist"));
    aws.put_role(MEMBER, ROLE, "arn:aws:iam::999999999999:root", EXTERNAL_ID);
    assert!(refusal().await.contains("does not allow sts:AssumeRole"));
    aws.put_role(MEMBER, ROLE, PRINCIPAL_ARN, "another");
    assert!(refusal().await.contains("another external id"));
    put_role(&aws, MEMBER);
    aws.deny_assume_role(true);
    assert!(refusal().await.contains("AccessDenied"));
    assert_eq!(api.simulator.connectors(), []);
    aws.deny_assume_role(false);
    assert_eq!(api.create(MEMBER).await, 1);
    assert_eq!(aws.assumed_from(), [PRINCIPAL_ACCOUNT; 2]);

    put_role(&aws, OTHER);
    api.create(OTHER).await;
    aws.delete_role(MEMBER, ROLE);
    let accounts = [MEMBER, OTHER].map(str::to_owned);
    let read = api.simulator.readings(&accounts).await.unwrap();
    assert_eq!(read.into_keys().collect::<Vec<_>>(), [OTHER]);
    let read = api.simulator.readings(&accounts[..1]).await.unwrap();
    assert_eq!(read.len(), 0);
    let verification = api.simulator.verify("1").await.unwrap();
    assert!(verification.reason().unwrap().contains("does not exist"));
    assert!(api.simulator.verify("2").await.unwrap().passed());
}

#[tokio::test]
async fn another_role_of_a_connector_is_verified_too() {
    let (aws, api) = verifying().await;
    put_role(&aws, MEMBER);
    api.create(MEMBER).await;
    aws.delete_role(MEMBER, ROLE);
    let same = json!({"displayName": "Renamed", "crossAccountRoleArn": role_in(MEMBER)});
    let modified = api.post("awsconnectors/1", &same).await;
    assert_eq!(modified.status, StatusCode::OK);
    let role = format!("arn:aws:iam::{MEMBER}:role/other");
    let other = json!({"displayName": "Again", "crossAccountRoleArn": role});
    let refused = api.post("awsconnectors/1", &other).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(message(&refused).contains("does not exist"));
    assert_eq!(api.simulator.connectors()[0].display_name, "Renamed");
    aws.put_role(MEMBER, "other", PRINCIPAL_ACCOUNT, EXTERNAL_ID);
    let modified = api.post("awsconnectors/1", &other).await;
    assert_eq!(modified.body["crossAccountRoleArn"], json!(role));
}

#[tokio::test]
async fn an_emulator_that_does_not_answer_is_a_500() {
    let (aws, api) = verifying().await;
    aws.fail(true);
    let refused = api.post("awsconnectors", &connector(MEMBER)).await;
    assert_eq!(refused.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(api.simulator.connectors(), []);
}
