mod accounts;
mod profile;

use std::time::Duration;

use serde_json::{Value, json};
use towerhook_core::{
    ErrorKind,
    model::{AccountId, Health},
};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

use super::*;
use crate::{
    api::{
        http::BACKOFF,
        testing::{
            Bearer, Counting, Echo, answering, api_key, json as answer, refusal,
            refused_keys_are_told_apart, request_lines, requests, status,
        },
    },
    http_client,
    trend_vision_one::ROLE,
};

const MEMBER: &str = "111122223333";
const KEY: &str = "canary.e30.canary";
const NOW: &str = "2026-01-01T00:00:00Z";
const PATH: &str = "/v3.0/cam/awsAccounts";

/// A client with a feature and an instance to set.
fn client<T: TokenSource>(server: &MockServer, tokens: T) -> VisionOneApi<T> {
    let settings = Settings {
        features: vec!["cloud-sentry".to_owned()],
        workload_instance: Some("0b05cd2b-0000-4000-8000-000000000001".to_owned()),
    };
    with(server, settings, tokens)
}

fn with<T: TokenSource>(server: &MockServer, settings: Settings, tokens: T) -> VisionOneApi<T> {
    let url = server.uri().parse().unwrap();
    let mut api = VisionOneApi::new(http_client().unwrap(), url, settings, tokens);
    api.client.backoff = BACKOFF.with_min_delay(Duration::from_millis(1));
    api
}

fn spec() -> RegistrationSpec {
    let account: AccountId = MEMBER.parse().unwrap();
    RegistrationSpec {
        name: format!("Trend-Control-Tower-{MEMBER}-ABCDEFGHIJ"),
        kind: RegistrationKind::Account,
        account,
        role_arn: format!("arn:aws:iam::{MEMBER}:role/{ROLE}"),
        external_id: "host/urn:visionone:identity:us:b:account/b"
            .to_owned()
            .into(),
        queue_url: None,
        account_mapping: None,
    }
}

fn existing() -> Registration {
    Registration::made(&spec(), MEMBER.into())
}

/// The row of `spec`, as the backend renamed it.
fn row() -> Value {
    json!({
        "id": MEMBER,
        "roleArn": spec().role_arn,
        "name": "alias-of-the-account",
        "description": format!("Kept by Towerhook: {}", spec().name),
        "state": "managed",
        "features": [{ "id": "cloud-sentry", "missingAwsPermissions": [] }],
        "sources": [],
    })
}

/// What another of the vendor's products knows of an account.
fn bridge() -> Value {
    json!({ "id": MEMBER, "roleArn": "", "name": "n", "sources": ["server-workload-protection"] })
}

fn listing(rows: &[Value]) -> ResponseTemplate {
    answer(
        200,
        json!({ "totalCount": rows.len(), "count": rows.len(), "items": rows }),
    )
}

async fn listed(server: &MockServer) -> Result<Vec<Registration>> {
    let tokens = Counting::default();
    let api = client(server, &tokens);
    api.registrations(None, RegistrationKind::Account).await
}

async fn verified(server: &MockServer, text: &str) -> Result<Token> {
    let keys = verified_keys(http_client().unwrap(), server.uri().parse().unwrap());
    keys.issue(&api_key(text), NOW.parse().unwrap()).await
}

#[tokio::test]
async fn a_key_is_verified_with_the_smallest_page_and_counts_for_an_hour() {
    let server = answering([listing(&[])]).await;
    let token = verified(&server, KEY).await.unwrap();
    assert_eq!(token.token.expose(), KEY);
    assert_eq!(token.expires_at.to_string(), "2026-01-01T01:00:00Z");
    assert_eq!(token.key_version, "version-1");
    assert_eq!(request_lines(&server).await, [format!("GET {PATH}?top=25")]);
    let sent = requests(&server).await;
    assert_eq!(sent[0].headers["authorization"], format!("Bearer {KEY}"));
}

#[tokio::test]
async fn a_refused_key_is_told_from_other_failures_and_shown_in_none() {
    refused_keys_are_told_apart(&[KEY], verified).await;
}

#[tokio::test]
async fn no_call_shows_the_key_in_its_error() {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(Echo(403))
        .mount(&server)
        .await;
    let tokens = Counting::default();
    let api = client(&server, &tokens);
    for error in [
        api.create(None, &spec()).await.unwrap_err(),
        api.update(&existing(), &spec(), true).await.unwrap_err(),
        api.delete(&existing()).await.unwrap_err(),
        listed(&server).await.unwrap_err(),
    ] {
        let shown = format!("{error:?} {}", error.chain());
        assert!(
            shown.contains("[redacted]") && !shown.contains("canary"),
            "{shown}"
        );
    }
    assert_eq!(
        tokens.refusals(),
        0,
        "another key of the same role may not, either"
    );
}

#[tokio::test]
async fn a_key_goes_to_no_other_machine_in_clear() {
    let url: Url = "http://api.xdr.trendmicro.com".parse().unwrap();
    let tokens = Counting::default();
    let http = http_client().unwrap();
    let api = VisionOneApi::new(http, url, Settings::default(), &tokens);
    let error = api.delete(&existing()).await.unwrap_err();
    assert!(error.chain().contains("must be https"), "{}", error.chain());
}

#[tokio::test]
async fn a_throttle_lasts_for_the_minute_that_the_limit_is_measured_over() {
    for (response, seconds) in [
        (refusal(429, "Too many API requests"), 60),
        (refusal(429, "no").insert_header("Retry-After", "7"), 7),
    ] {
        let error = listed(&answering([response]).await).await.unwrap_err();
        let retry_after = Some(Duration::from_secs(seconds));
        assert_eq!(error.kind, ErrorKind::Throttled { retry_after });
    }
}

#[tokio::test]
async fn a_key_that_was_replaced_meanwhile_is_used() {
    let server = answering([refusal(401, "The token is invalid."), listing(&[])]).await;
    let tokens = Counting::default();
    let api = client(&server, &tokens);
    let kind = RegistrationKind::Account;
    assert!(api.registrations(None, kind).await.unwrap().is_empty());
    assert_eq!(tokens.refusals(), 1);
    let sent = requests(&server).await;
    assert_eq!(sent[1].headers["authorization"], "Bearer canary-2");
}
