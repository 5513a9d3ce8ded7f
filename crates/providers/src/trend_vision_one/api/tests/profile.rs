use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use towerhook_core::model::SecretText;

use super::*;

const BUSINESS: &str = "0b05cd2b-1111-4000-8000-00000000000b";
const HOST: &str = "cloudaccounts-eu.xdr.trendmicro.com";

/// A source with one key.
struct Key(String);

impl TokenSource for &Key {
    async fn token(&self) -> Result<SecretText> {
        Ok(self.0.as_str().into())
    }

    async fn refused(&self) -> Result<SecretText> {
        self.token().await
    }
}

fn key_with(claims: &Value) -> Key {
    Key(format!(
        "e30.{}.canary",
        URL_SAFE_NO_PAD.encode(claims.to_string())
    ))
}

fn links(host: &str) -> ResponseTemplate {
    answer(
        200,
        json!({ "templateUrl": "t", "visionOneOidcProviderUrl": host }),
    )
}

async fn told(server: &MockServer, key: &Key) -> Option<String> {
    let profile = client(server, key).profile().await;
    profile.unwrap().external_id
}

fn identity(business: &str) -> String {
    format!("{HOST}/urn:visionone:identity:eu:{business}:account/{business}")
}

#[tokio::test]
async fn the_identity_is_the_providers_host_and_the_business() {
    for name in ["businessId", "businessID", "id", "identifier"] {
        for host in [HOST, &format!("https://{HOST}/"), &HOST.to_uppercase()] {
            let business = answer(200, json!({ name: BUSINESS, "businessName": "Acme" }));
            let server = answering([links(host), business]).await;
            let found = told(&server, &key_with(&json!({}))).await;
            assert_eq!(found, Some(identity(BUSINESS)), "{name} {host}");
            assert_eq!(
                request_lines(&server).await,
                [
                    format!("POST {PATH}/generateCfnTemplateLinks"),
                    "GET /v3.0/business/profile".to_owned(),
                ]
            );
        }
    }
}

#[tokio::test]
async fn a_key_whose_role_may_not_read_the_profile_has_the_business_in_itself() {
    for business in [
        refusal(403, "Insufficient permissions."),
        refusal(404, "not found"),
        answer(200, json!({ "businessId": "not a guid" })),
        answer(200, json!({ "name": "Acme" })),
    ] {
        let server = answering([links(HOST), business]).await;
        let found = told(&server, &key_with(&json!({ "cid": BUSINESS, "iat": 0 }))).await;
        assert_eq!(found, Some(identity(BUSINESS)));
    }
    for key in [
        key_with(&json!({})),
        key_with(&json!({ "cid": "../x" })),
        key_with(&json!([])),
        Key("canary".to_owned()),
        Key("e30.!.canary".to_owned()),
        Key("e30.bm8ganNvbg.canary".to_owned()),
    ] {
        let server = answering([links(HOST), refusal(403, "no")]).await;
        assert_eq!(told(&server, &key).await, None, "{}", key.0);
    }
}

#[tokio::test]
async fn a_host_of_another_form_or_none_is_not_trusted() {
    for host in [
        "",
        "xdr.trendmicro.com",
        "cloudaccounts-.xdr.trendmicro.com",
        "http://cloudaccounts-eu.xdr.trendmicro.com",
        "cloudaccounts-eu.xdr.trendmicro.com/path",
        "cloudaccounts-*.xdr.trendmicro.com",
    ] {
        let business = answer(200, json!({ "businessId": BUSINESS }));
        let server = answering([links(host), business]).await;
        assert_eq!(told(&server, &key_with(&json!({}))).await, None, "{host}");
    }
    let server = answering([refusal(403, "Insufficient permissions.")]).await;
    assert_eq!(told(&server, &key_with(&json!({}))).await, None);
}

#[tokio::test]
async fn a_failure_is_not_taken_for_silence() {
    let none = key_with(&json!({}));
    for answers in [
        vec![refusal(429, "Too many API requests")],
        vec![links(HOST), refusal(429, "Too many API requests")],
        vec![refusal(401, "The token is invalid.")],
    ] {
        let server = answering(answers).await;
        let error = client(&server, &none).profile().await;
        assert!(error.is_err());
    }
}

#[tokio::test]
async fn the_key_is_sent_with_both_calls() {
    let server = MockServer::start().await;
    let business = answer(
        200,
        json!({ "businessId": BUSINESS, "visionOneOidcProviderUrl": HOST }),
    );
    let mock = Mock::given(Bearer("canary-1")).respond_with(business);
    mock.expect(2).mount(&server).await;
    let tokens = Counting::default();
    let profile = client(&server, &tokens).profile().await.unwrap();
    assert_eq!(profile.external_id, Some(identity(BUSINESS)));
}
