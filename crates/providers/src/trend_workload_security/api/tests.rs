use std::time::Duration;

use serde_json::{Value, json};
use towerhook_core::{ErrorKind, model::AccountId};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

use super::*;
use crate::{
    api::{
        http::BACKOFF,
        testing::{
            Counting, answering, api_key, json as answer, refusal, refused_keys_are_told_apart,
            request_lines, requests, status,
        },
    },
    http_client,
    trend_workload_security::ROLE,
};

const MEMBER: &str = "111122223333";
const LEGACY: &str = "1:canary-legacy=";
const CLOUD_ONE: &str = "tmc12canary:canary";
const NOW: &str = "2026-01-01T00:00:00Z";

fn client<'t>(server: &MockServer, tokens: &'t Counting) -> WorkloadSecurityApi<&'t Counting> {
    let url = server.uri().parse().unwrap();
    let mut api = WorkloadSecurityApi::new(http_client().unwrap(), url, tokens);
    api.0.backoff = BACKOFF.with_min_delay(Duration::from_millis(1));
    api
}

fn spec() -> RegistrationSpec {
    let account: AccountId = MEMBER.parse().unwrap();
    RegistrationSpec {
        name: format!("Trend-Control-Tower-{MEMBER}-ABCDEFGHIJ"),
        kind: RegistrationKind::Account,
        account,
        role_arn: format!("arn:aws:iam::{MEMBER}:role/{ROLE}"),
        external_id: "tenant:canary-id".to_owned().into(),
        queue_url: None,
        account_mapping: None,
    }
}

fn connector(id: i64) -> Value {
    json!({
        "ID": id,
        "displayName": spec().name,
        "accountId": MEMBER,
        "crossAccountRoleArn": spec().role_arn,
        "workspacesEnabled": true,
        "lastSyncTime": 1_767_225_600_000_u64,
        "syncedRegions": [],
    })
}

fn listing(connectors: &[Value]) -> ResponseTemplate {
    answer(200, json!({ "awsConnectors": connectors }))
}

async fn sent_bodies(server: &MockServer) -> Vec<Value> {
    let sent = requests(server).await;
    sent.iter().map(|sent| sent.body_json().unwrap()).collect()
}

async fn verified(server: &MockServer, text: &str) -> Result<Token> {
    let url = server.uri().parse().unwrap();
    let keys = verified_keys(http_client().unwrap(), url);
    keys.issue(&api_key(text), NOW.parse().unwrap()).await
}

#[tokio::test]
async fn each_kind_of_key_goes_into_its_own_header_and_counts_for_an_hour() {
    for (text, header, value) in [
        (LEGACY, "api-secret-key", LEGACY.to_owned()),
        (CLOUD_ONE, "authorization", format!("ApiKey {CLOUD_ONE}")),
    ] {
        let server = answering([listing(&[])]).await;
        let token = verified(&server, text).await.unwrap();
        assert_eq!(token.token.expose(), text);
        assert_eq!(token.expires_at.to_string(), "2026-01-01T01:00:00Z");
        assert_eq!(token.key_version, "version-1");
        assert_eq!(
            request_lines(&server).await,
            ["POST /api/awsconnectors/search"]
        );
        let sent = requests(&server).await;
        assert_eq!(sent[0].headers[header], value);
        assert_eq!(sent[0].headers["api-version"], "v1");
        let of_key = ["api-secret-key", "authorization"];
        let of_key = of_key
            .iter()
            .filter(|name| sent[0].headers.contains_key(**name));
        assert_eq!(of_key.count(), 1, "{text}");
    }
}

#[tokio::test]
async fn a_refused_key_is_told_from_other_failures_and_shown_in_none() {
    refused_keys_are_told_apart(&[LEGACY, CLOUD_ONE], verified).await;
}

#[tokio::test]
async fn a_key_goes_to_no_other_machine_in_clear() {
    let url: Url = "http://dsm.example.com:4119".parse().unwrap();
    let keys = verified_keys(http_client().unwrap(), url.clone());
    let error = keys.issue(&api_key(LEGACY), NOW.parse().unwrap()).await;
    assert!(error.unwrap_err().chain().contains("must be https"));
    let tokens = Counting::default();
    let api = WorkloadSecurityApi::new(http_client().unwrap(), url, &tokens);
    let error = api.profile().await.unwrap_err();
    assert!(error.chain().contains("must be https"), "{}", error.chain());
}

#[tokio::test]
async fn the_external_id_is_the_tenants_unless_it_is_withheld_or_none() {
    for (response, id) in [
        (
            answer(200, json!({ "externalId": "t:42/a" })),
            Some("t:42/a"),
        ),
        (answer(200, json!({ "externalId": "" })), None),
        (
            answer(200, json!({ "externalId": "with \"quotes\"" })),
            None,
        ),
        (answer(200, json!({})), None),
        (refusal(403, "disabled"), None),
        (refusal(404, "no"), None),
    ] {
        let server = answering([response]).await;
        let tokens = Counting::default();
        let profile = client(&server, &tokens).profile().await.unwrap();
        assert_eq!(profile.external_id.as_deref(), id);
        assert_eq!(
            request_lines(&server).await,
            ["GET /api/awsconnectorsettings"]
        );
    }
}

#[tokio::test]
async fn a_connector_is_read_as_a_registration() {
    let server = answering([
        listing(&[
            connector(7),
            json!({ "ID": 8, "displayName": "by key", "accountId": MEMBER, "accessKey": "AKIA" }),
            json!({ "ID": 9 }),
        ]),
        listing(&[]),
    ])
    .await;
    let tokens = Counting::default();
    let kind = RegistrationKind::Account;
    let found = client(&server, &tokens).registrations(None, kind).await;
    let expected = Registration {
        external_id: String::new(),
        ..Registration::made(&spec(), "7".into())
    };
    let found = found.unwrap();
    assert_eq!(found[0], expected);
    // One with an access key is its account's, and nobody's role.
    assert_eq!(found[1].role_arn, format!("arn:aws:iam::{MEMBER}:root"));
    assert_eq!((found[2].guid.as_str(), found[2].name.as_str()), ("9", ""));
}

#[tokio::test]
async fn a_page_is_followed_by_the_search_after_its_last_id_until_one_is_empty() {
    let full: Vec<Value> = (1..=1000).map(connector).collect();
    let server = answering([listing(&full), listing(&[connector(2000)]), listing(&[])]).await;
    let tokens = Counting::default();
    let kind = RegistrationKind::Account;
    let found = client(&server, &tokens).registrations(None, kind).await;
    assert_eq!(found.unwrap().len(), 1001);
    let after: Vec<Value> = sent_bodies(&server)
        .await
        .iter()
        .map(|body| body["searchCriteria"][0]["idValue"].clone())
        .collect();
    assert_eq!(after, [json!(0), json!(1000), json!(2000)]);

    // A server that knows no order or no criteria would send the same page for ever.
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(listing(&full))
        .mount(&server)
        .await;
    let error = client(&server, &tokens).registrations(None, kind).await;
    assert!(error.unwrap_err().chain().contains("in a circle"));
}

#[tokio::test]
async fn a_list_without_ids_or_connectors_is_an_error() {
    let tokens = Counting::default();
    for body in [
        json!({}),
        json!({ "awsConnectors": [{ "displayName": "x" }] }),
    ] {
        let server = answering([answer(200, body)]).await;
        let kind = RegistrationKind::Account;
        let error = client(&server, &tokens).registrations(None, kind).await;
        assert_eq!(error.unwrap_err().kind, ErrorKind::Invalid);
    }
}

#[tokio::test]
async fn a_connector_is_made_changed_and_deleted() {
    let server = answering([
        answer(201, connector(7)),
        answer(200, connector(7)),
        status(204),
        refusal(404, "gone"),
    ])
    .await;
    let tokens = Counting::default();
    let api = client(&server, &tokens);
    let made = api.create(None, &spec()).await.unwrap();
    assert_eq!(made, Created::Done(Some("7".into())));
    let existing = Registration::made(&spec(), "7".into());
    let changed = api.update(&existing, &spec(), true).await.unwrap();
    assert_eq!(changed, Created::Done(Some("7".into())));
    api.delete(&existing).await.unwrap();
    api.delete(&existing).await.unwrap();
    assert_eq!(
        request_lines(&server).await,
        [
            "POST /api/awsconnectors",
            "POST /api/awsconnectors/7",
            "DELETE /api/awsconnectors/7",
            "DELETE /api/awsconnectors/7",
        ]
    );
    let sent = requests(&server).await;
    for sent in &sent[..2] {
        let expected = json!({
            "displayName": spec().name,
            "crossAccountRoleArn": spec().role_arn,
            "workspacesEnabled": true,
        });
        assert_eq!(sent.body_json::<Value>().unwrap(), expected);
    }
}

#[tokio::test]
async fn a_refused_connector_is_looked_for_since_the_words_say_nothing() {
    for refused in [400, 409] {
        let found = [connector(7)];
        for (there, outcome) in [
            (&found[..], Created::AlreadyUsed),
            (&[], Created::RoleNotAssumable("It cannot be.".into())),
        ] {
            let server = answering([refusal(refused, "It cannot be."), listing(there)]).await;
            let tokens = Counting::default();
            let made = client(&server, &tokens).create(None, &spec()).await;
            assert_eq!(made.unwrap(), outcome);
            let criteria = &sent_bodies(&server).await[1]["searchCriteria"][0];
            assert_eq!(criteria["fieldName"], "accountId");
            assert_eq!(criteria["stringValue"], MEMBER);
        }
    }
    let server = answering([refusal(403, "Not authorized to create AWS connector")]).await;
    let tokens = Counting::default();
    let error = client(&server, &tokens).create(None, &spec()).await;
    let error = error.unwrap_err();
    assert!(
        error.chain().contains("Not authorized to create"),
        "{}",
        error.chain()
    );
    assert_eq!(
        tokens.refusals(),
        0,
        "another key of the same user may not, either"
    );
}

#[tokio::test]
async fn a_change_of_what_is_gone_says_so_and_of_an_unusable_role_why() {
    let server = answering([refusal(404, "gone"), refusal(400, "no such role")]).await;
    let tokens = Counting::default();
    let api = client(&server, &tokens);
    let existing = Registration::made(&spec(), "7".into());
    let error = api.update(&existing, &spec(), true).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound);
    let refused = api.update(&existing, &spec(), true).await.unwrap();
    assert_eq!(refused, Created::RoleNotAssumable("no such role".into()));
}

#[tokio::test]
async fn a_throttle_lasts_for_the_minute_that_the_limit_is_measured_over() {
    let server = answering([refusal(429, "Too many API requests")]).await;
    let tokens = Counting::default();
    let error = client(&server, &tokens).profile().await.unwrap_err();
    let retry_after = Some(Duration::from_secs(60));
    assert_eq!(error.kind, ErrorKind::Throttled { retry_after });
}

#[tokio::test]
async fn a_key_that_was_replaced_meanwhile_is_used() {
    let server = answering([refusal(401, "Invalid API Key"), listing(&[])]).await;
    let tokens = Counting::default();
    let kind = RegistrationKind::Account;
    let found = client(&server, &tokens).registrations(None, kind).await;
    assert!(found.unwrap().is_empty());
    assert_eq!(tokens.refusals(), 1);
}
