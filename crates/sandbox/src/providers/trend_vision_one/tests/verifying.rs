//! Accounts whose role is used in AWS.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{Api, MEMBER, V3, config, member};
use crate::providers::fake_aws::FakeAws;
use crate::providers::{Simulator, Verification};

const ROLE: &str = "VisionOneRole";
const AUDIENCE: &str = "arn:aws:iam::111122223333:root";

async fn verifying() -> (FakeAws, Api) {
    let aws = FakeAws::start();
    let mut config = config();
    config.emulator = Some(aws.url.clone());
    (aws, Api::with(config).await)
}

fn trust(subject: &str) -> Value {
    let tenant = config().tenant;
    let host = tenant.oidc_host();
    let equal = json!({format!("{host}:aud"): AUDIENCE, format!("{host}:sub"): subject});
    json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Action": ["sts:AssumeRoleWithWebIdentity", "sts:SetSourceIdentity"],
        "Principal": {"Federated": tenant.provider_arn(MEMBER)},
        "Condition": {"StringEquals": equal}}]})
}

/// What the vendor's template makes in the member account.
fn put_member(aws: &FakeAws) {
    let tenant = config().tenant;
    aws.put_identity_provider(&tenant.provider_arn(MEMBER), AUDIENCE);
    aws.put_role_trusting(MEMBER, ROLE, &trust(&tenant.subject()));
}

#[tokio::test]
async fn a_role_needs_its_provider_and_must_trust_the_tenant() {
    let (aws, api) = verifying().await;
    let tenant = config().tenant;
    let refusal = async || {
        let refused = api.create(&member(MEMBER)).await;
        assert_eq!(refused.refusal(), (400, "BadRequest"));
        refused.message().to_owned()
    };
    let provider = tenant.provider_arn(MEMBER);
    assert!(refusal().await.contains("identity provider arn:aws:iam::111122223333:oidc-provider/cloudaccounts-us.xdr.trendmicro.com does not exist"));
    aws.put_identity_provider(&provider, "sts.amazonaws.com");
    assert!(refusal().await.contains("does not take tokens for"));
    aws.put_identity_provider(&provider, AUDIENCE);
    assert!(
        refusal()
            .await
            .contains("role/VisionOneRole does not exist")
    );
    aws.put_role_trusting(
        MEMBER,
        ROLE,
        &trust("urn:visionone:identity:us:x:account/x"),
    );
    assert!(refusal().await.contains("demands another"));
    assert!(aws.tokens().is_empty());
    assert_eq!(api.simulator.registrations(), []);

    put_member(&aws);
    aws.deny_assume_role(true);
    assert!(refusal().await.contains("AccessDenied"));
    aws.deny_assume_role(false);
    assert_eq!(
        api.create(&member(MEMBER)).await.status,
        StatusCode::CREATED
    );
    assert_eq!(
        api.simulator.verify(MEMBER).await.unwrap(),
        Verification::Passed
    );
}

#[tokio::test]
async fn a_lost_role_is_a_failed_account_until_it_is_back() {
    let (aws, api) = verifying().await;
    put_member(&aws);
    api.create(&member(MEMBER)).await;
    let accounts = [MEMBER.to_owned()];
    let path = format!("{V3}/{MEMBER}");
    assert_eq!(api.simulator.readings(&accounts).await.unwrap().len(), 1);
    aws.delete_role(MEMBER, ROLE);
    assert!(api.simulator.readings(&accounts).await.unwrap().is_empty());
    assert_eq!(api.get(&path).await.body["state"], "managed");
    let verification = api.simulator.verify(MEMBER).await.unwrap();
    assert!(verification.reason().unwrap().contains("does not exist"));
    assert_eq!(api.get(&path).await.body["state"], "failed");

    let again = json!({"roleArn": member(MEMBER)["roleArn"]});
    assert_eq!(
        api.change(MEMBER, &again).await.refusal(),
        (400, "BadRequest")
    );
    put_member(&aws);
    assert_eq!(
        api.change(MEMBER, &again).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(api.get(&path).await.body["state"], "managed");
    assert!(api.simulator.verify("000000000000").await.is_err());
}

#[tokio::test]
async fn a_token_that_has_expired_is_never_used() {
    let (aws, api) = verifying().await;
    put_member(&aws);
    api.create(&member(MEMBER)).await;
    api.simulator.verify(MEMBER).await.unwrap();
    api.controls().advance_clock(Duration::from_secs(301));
    api.simulator.verify(MEMBER).await.unwrap();
    let tokens = aws.tokens();
    assert_eq!(tokens[0], tokens[1]);
    assert_ne!(tokens[1], tokens[2]);
    assert_eq!(api.controls().issued_tokens(), 2);
}

#[tokio::test]
async fn a_new_role_is_refused_until_it_has_propagated() {
    let (aws, api) = verifying().await;
    put_member(&aws);
    let delay = Duration::from_secs(600);
    api.controls().set_propagation_delay(delay);
    let refused = api.create(&member(MEMBER)).await;
    assert!(refused.message().contains("not known everywhere"));
    api.controls().advance_clock(delay);
    assert_eq!(
        api.create(&member(MEMBER)).await.status,
        StatusCode::CREATED
    );
}

#[tokio::test]
async fn an_emulator_that_does_not_answer_is_a_500_and_changes_no_state() {
    let (aws, api) = verifying().await;
    put_member(&aws);
    api.create(&member(MEMBER)).await;
    aws.fail(true);
    assert!(api.simulator.verify(MEMBER).await.is_err());
    let accounts = [MEMBER.to_owned()];
    assert!(api.simulator.readings(&accounts).await.is_err());
    let path = format!("{V3}/{MEMBER}");
    assert_eq!(api.get(&path).await.body["state"], "managed");
    assert_eq!(api.delete(MEMBER).await.status, StatusCode::NO_CONTENT);
    let refused = api.create(&member(MEMBER)).await;
    assert_eq!(refused.refusal(), (500, "InternalServerError"));
}
