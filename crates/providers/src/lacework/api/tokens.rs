//! `/api/v2/access/tokens`.

use jiff::Timestamp;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use towerhook_core::{
    Error, ErrorKind, Result,
    model::{ApiKey, Token},
    ports::TokenIssuer,
    token,
};
use url::Url;

use super::DIALECT;
use crate::{
    api::{answer, body, client, http, json},
    lacework::TOKEN_LIFETIME,
};

const CREATE: &str = "lacework:CreateAccessToken";

/// Gets access tokens for API keys.
pub struct LaceworkTokens {
    http: Client,
    url: Url,
}

impl LaceworkTokens {
    /// The issuer of the tenant at `url`, of which only scheme, host and port are used. No key is
    /// sent over plain HTTP to another machine.
    pub fn new(http: Client, url: Url) -> Self {
        Self { http, url }
    }
}

impl std::fmt::Debug for LaceworkTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LaceworkTokens")
            .field("host", &self.url.host_str())
            .finish_non_exhaustive()
    }
}

impl TokenIssuer for LaceworkTokens {
    async fn issue(&self, key: &ApiKey, now: Timestamp) -> Result<Token> {
        issue(&self.http, &self.url, key, now).await
    }
}

pub(super) async fn issue(http: &Client, url: &Url, key: &ApiKey, now: Timestamp) -> Result<Token> {
    http::require_safe(url)
        .map_err(|error| Error::new(CREATE, ErrorKind::Invalid, error).of_registry())?;
    let request = http
        .post(client::endpoint(&DIALECT, url, &["access", "tokens"]))
        .header("X-LW-UAKS", client::secret(CREATE, key.secret.expose())?)
        .timeout(client::SHORT_TIMEOUT)
        .json(&json!({ "keyId": key.key_id, "expiryTime": TOKEN_LIFETIME.as_secs() }));
    let hidden = [key.secret.expose()];
    let answer = answer::answer(CREATE, request, &hidden, body::LONGEST_SHORT).await?;
    if matches!(
        answer.status,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
    ) {
        return Err(answer.into_error(CREATE, ErrorKind::Unauthorized));
    }
    read(&answer.json(CREATE)?, &key.version, now)
}

/// Parses a token response. An unusable token is an error.
pub(super) fn read(body: &Value, key_version: &str, now: Timestamp) -> Result<Token> {
    let token = body["token"]
        .as_str()
        .filter(|token| token::is_usable(token))
        .ok_or_else(|| json::missing(CREATE, "usable token"))?;
    let expires_at = expires_at(body, now);
    if expires_at <= now {
        return Err(json::missing(CREATE, "token that still works"));
    }
    Ok(Token {
        token: token.into(),
        expires_at,
        key_version: key_version.to_owned(),
    })
}

/// When the token expires: at the requested expiry at the latest, so that it is renewed in time.
/// That also applies if the response's own expiry is unreadable.
fn expires_at(body: &Value, now: Timestamp) -> Timestamp {
    let asked = now + TOKEN_LIFETIME;
    body["expiresAt"]
        .as_str()
        .and_then(|text| text.parse().ok())
        .map_or(asked, |says: Timestamp| says.min(asked))
}

#[cfg(test)]
mod tests {
    use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

    use super::*;
    use crate::{
        flood::{self, Flood},
        http_client,
        lacework::api::testing::{
            Echo, answering, json as answer, refusal, request_lines, requests,
        },
    };

    const NOW: &str = "2026-01-01T00:00:00Z";

    fn key() -> ApiKey {
        ApiKey {
            key_id: "ACME_KEY".into(),
            secret: "canary-secret".into(),
            version: "version-1".into(),
        }
    }

    async fn issue(server: &MockServer) -> Result<Token> {
        let issuer = LaceworkTokens::new(http_client().unwrap(), server.uri().parse().unwrap());
        issuer.issue(&key(), NOW.parse().unwrap()).await
    }

    async fn issued(response: ResponseTemplate) -> Result<Token> {
        issue(&answering([response]).await).await
    }

    #[tokio::test]
    async fn a_token_is_asked_for_a_day_and_keeps_the_version_of_its_key() {
        let server = answering([answer(
            201,
            json!({ "token": "_opaque", "expiresAt": "2026-01-01T12:00:00.000Z" }),
        )])
        .await;
        let token = issue(&server).await.unwrap();
        assert_eq!(token.token.expose(), "_opaque");
        assert_eq!(token.expires_at.to_string(), "2026-01-01T12:00:00Z");
        assert_eq!(token.key_version, "version-1");
        assert_eq!(request_lines(&server).await, ["POST /api/v2/access/tokens"]);
        let sent = requests(&server).await;
        assert_eq!(sent[0].headers["x-lw-uaks"], "canary-secret");
        assert!(!sent[0].headers.contains_key("authorization"));
        assert_eq!(
            sent[0].body_json::<Value>().unwrap(),
            json!({ "keyId": "ACME_KEY", "expiryTime": 86_400 })
        );
    }

    #[tokio::test]
    async fn an_unreadable_end_is_the_one_that_was_asked_for() {
        for body in [
            json!({ "token": "_opaque" }),
            json!({ "token": "_opaque", "expiresAt": "tomorrow" }),
        ] {
            let token = issued(answer(201, body)).await.unwrap();
            assert_eq!(token.expires_at.to_string(), "2026-01-02T00:00:00Z");
        }
    }

    #[tokio::test]
    async fn a_token_that_expires_in_2999_ends_when_it_was_asked_to_and_is_renewed_in_time() {
        for end in ["2999-01-01T00:00:00Z", "2026-01-02T00:00:01Z"] {
            let body = json!({ "token": "_opaque", "expiresAt": end });
            let token = issued(answer(201, body)).await.unwrap();
            assert_eq!(token.expires_at.to_string(), "2026-01-02T00:00:00Z");
            let later = "2026-01-01T16:00:01Z".parse().unwrap();
            assert!(token::needs_refresh(
                Some(&token),
                "version-1",
                TOKEN_LIFETIME,
                later
            ));
        }
    }

    #[tokio::test]
    async fn a_token_that_cannot_be_used_is_a_refused_one_and_is_not_shown() {
        let long = "canary".repeat(1000);
        for text in [
            "abc\ndef",
            "canary\ndef",
            "canary def",
            "can\u{e4}ry",
            &long,
        ] {
            let error = issued(answer(201, json!({ "token": text }))).await;
            let error = error.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Invalid);
            let shown = format!("{error:?} {}", error.chain());
            assert!(
                shown.contains("the response has no usable token"),
                "{shown}"
            );
            assert!(
                !shown.contains("canary") && !shown.contains("abc"),
                "{shown}"
            );
        }
        for end in [NOW, "2025-12-31T23:59:59Z", "1970-01-01T00:00:00Z"] {
            let body = json!({ "token": "canary", "expiresAt": end });
            let error = issued(answer(201, body)).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Invalid);
            let shown = format!("{error:?} {}", error.chain());
            assert!(shown.contains("no token that still works"), "{shown}");
            assert!(!shown.contains("canary"), "{shown}");
        }
    }

    #[tokio::test]
    async fn a_token_in_600_mb_is_refused_within_a_few_kilobytes() {
        for server in [
            Flood::of_length("201 Created", flood::HUGE),
            Flood::in_chunks("201 Created", flood::HUGE),
        ] {
            let issuer = LaceworkTokens::new(http_client().unwrap(), server.url.clone());
            let error = issuer.issue(&key(), NOW.parse().unwrap()).await;
            assert_eq!(
                error.unwrap_err().chain(),
                "lacework:CreateAccessToken failed: the response is longer than 65536 bytes"
            );
            assert!(server.sent().await < flood::UNDERWAY);
        }
    }

    #[tokio::test]
    async fn a_refused_key_is_told_from_other_failures() {
        for (response, kind) in [
            (refusal(401, "no"), ErrorKind::Unauthorized),
            (refusal(403, "no"), ErrorKind::Unauthorized),
            (refusal(400, "no"), ErrorKind::Invalid),
            (refusal(503, "no"), ErrorKind::Unavailable),
            (
                refusal(429, "no"),
                ErrorKind::Throttled { retry_after: None },
            ),
            (answer(201, json!({})), ErrorKind::Invalid),
            (answer(201, json!({ "token": "" })), ErrorKind::Invalid),
            (
                answer(200, json!({ "data": [{ "token": "_old" }] })),
                ErrorKind::Invalid,
            ),
        ] {
            let error = issued(response).await.unwrap_err();
            assert_eq!(error.kind, kind, "{}", error.chain());
        }
    }

    #[tokio::test]
    async fn the_keys_secret_is_in_no_error() {
        for status in [400, 401, 429, 500] {
            let server = MockServer::start().await;
            Mock::given(any())
                .respond_with(Echo(status))
                .mount(&server)
                .await;
            let error = issue(&server).await.unwrap_err();
            let shown = format!("{error:?} {}", error.chain());
            assert!(shown.contains("[redacted]"), "{shown}");
            assert!(!shown.contains("canary"), "{shown}");
        }
    }

    #[tokio::test]
    async fn a_secret_goes_to_no_other_machine_in_clear() {
        let url = "http://acme.lacework.net".parse().unwrap();
        let issuer = LaceworkTokens::new(http_client().unwrap(), url);
        let error = issuer.issue(&key(), NOW.parse().unwrap()).await;
        let error = error.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid);
        assert!(error.chain().contains("must be https"), "{}", error.chain());
    }
}
