//! Verifies a key. There are no access tokens: the key itself is what every call brings, for as long
//! as it is known to be good.

use jiff::Timestamp;
use reqwest::StatusCode;
use serde_json::json;
use towerhook_core::{
    Error, ErrorKind, Result,
    model::{ApiKey, Token},
    ports::TokenIssuer,
    token,
};
use url::Url;

use super::{DIALECT, authorize};
use crate::{
    HttpClient,
    api::{answer, body, client, http},
    trend_workload_security::KEY_COUNTS_FOR,
};

const VERIFY: &str = "workload-security:VerifyApiKey";

/// Verifies keys.
pub struct VerifiedKeys {
    http: HttpClient,
    url: Url,
}

impl VerifiedKeys {
    /// For the tenant at `url`, of which only scheme, host and port are used. No key is sent over
    /// plain HTTP to another machine.
    pub fn new(http: HttpClient, url: Url) -> Self {
        Self { http, url }
    }
}

impl std::fmt::Debug for VerifiedKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifiedKeys")
            .field("host", &self.url.host_str())
            .finish_non_exhaustive()
    }
}

impl TokenIssuer for VerifiedKeys {
    async fn issue(&self, key: &ApiKey, now: Timestamp) -> Result<Token> {
        issue(&self.http, &self.url, key, now).await
    }
}

/// The key as a token that ends when it is to be verified again. It is tried with the call that
/// enrollment needs first, since a key may be good and see no connectors.
pub(super) async fn issue(
    http: &HttpClient,
    url: &Url,
    key: &ApiKey,
    now: Timestamp,
) -> Result<Token> {
    let invalid = |error: &'static str| Error::new(VERIFY, ErrorKind::Unauthorized, error);
    http::require_safe(url)
        .map_err(|error| Error::new(VERIFY, ErrorKind::Invalid, error).of_registry())?;
    let text = key.secret.expose();
    if !token::is_usable(text) {
        return Err(invalid("no header can hold the key").of_registry());
    }
    let endpoint = client::endpoint(&DIALECT, url, &["awsconnectors", "search"]);
    let request = authorize(http.post(endpoint), text)
        .timeout(client::SHORT_TIMEOUT)
        .json(&json!({ "maxItems": 1 }));
    let answer = answer::answer(VERIFY, request, &[text], body::LONGEST_SHORT).await?;
    match answer.status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Err(answer.into_error(VERIFY, ErrorKind::Unauthorized))
        }
        // Whoever answers with anything else is no manager.
        _ if !answer.json(VERIFY)?["awsConnectors"].is_array() => {
            Err(crate::api::json::missing(VERIFY, "awsConnectors"))
        }
        _ => Ok(Token {
            token: text.into(),
            expires_at: now + KEY_COUNTS_FOR,
            key_version: key.version.clone(),
        }),
    }
}
