//! Verifies keys that are used as they are. There are no access tokens: the key itself is what every
//! call brings, for as long as it is known to be good.

use jiff::Timestamp;
use reqwest::{RequestBuilder, StatusCode};
use towerhook_core::{
    Error, ErrorKind, Result,
    model::{ApiKey, Token},
    ports::TokenIssuer,
    token,
};
use towerhook_http::Client as HttpClient;
use url::Url;

use super::{
    answer, body,
    client::{self, Dialect},
    http, json,
};
use crate::verified_key::KEY_COUNTS_FOR;

/// The call by which a vendor's keys are verified. It is the one that enrollment needs first, since
/// a key may be good and see no registrations.
pub(crate) struct Check {
    /// The check's name in errors.
    pub(crate) operation: &'static str,
    pub(crate) dialect: &'static Dialect,
    /// The call without the key, at this address of the vendor's.
    pub(crate) call: fn(&HttpClient, &Url) -> RequestBuilder,
    /// The name of the list in the answer. An answer without that list is not the vendor's.
    pub(crate) items: &'static str,
}

/// Verifies a vendor's keys.
pub struct VerifiedKeys {
    http: HttpClient,
    url: Url,
    check: &'static Check,
}

impl VerifiedKeys {
    /// For the tenant at `url`, of which only scheme, host and port are used. No key is sent over
    /// plain HTTP to another machine.
    pub(crate) fn new(http: HttpClient, url: Url, check: &'static Check) -> Self {
        Self { http, url, check }
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
        issue(&self.http, &self.url, self.check, key, now).await
    }
}

/// The key as a token, which expires when the key is due to be verified again.
pub(crate) async fn issue(
    http: &HttpClient,
    url: &Url,
    check: &Check,
    key: &ApiKey,
    now: Timestamp,
) -> Result<Token> {
    let verify = check.operation;
    http::require_safe(url)
        .map_err(|error| Error::new(verify, ErrorKind::Invalid, error).of_registry())?;
    let text = key.secret.expose();
    if !token::is_usable(text) {
        let unusable = "no header can hold the key";
        return Err(Error::new(verify, ErrorKind::Unauthorized, unusable).of_registry());
    }
    let request = (check.dialect.authorize)((check.call)(http, url), text);
    let request = request.timeout(client::SHORT_TIMEOUT);
    let answer = answer::answer(verify, request, &[text], body::LONGEST).await?;
    match answer.status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Err(answer.into_error(verify, ErrorKind::Unauthorized))
        }
        _ if !answer.json(verify)?[check.items].is_array() => {
            Err(json::missing(verify, check.items))
        }
        _ => Ok(Token {
            token: text.into(),
            expires_at: now + KEY_COUNTS_FOR,
            key_version: key.version.clone(),
        }),
    }
}
