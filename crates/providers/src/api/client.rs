//! A vendor's tenant, and one call to its API: the token, the retries and what a refusal means.

use std::time::{Duration, Instant};

use backon::{ExponentialBuilder, Retryable};
use futures::lock::Mutex;
use reqwest::{
    Method, RequestBuilder,
    header::{HeaderValue, InvalidHeaderValue},
};
use serde_json::Value;
use towerhook_core::{Error, ErrorKind, Result, model::SecretText, token::YOUNG};
use towerhook_http::Client as HttpClient;
use url::Url;

use super::{
    answer::{Answer, answer},
    body, http,
};

/// The timeout of token, read and delete calls, which involve no other service.
pub(crate) const SHORT_TIMEOUT: Duration = Duration::from_secs(30);

/// The timeout of a list: twice the timeout of one read. The account function has 180 s for all its
/// work.
const LIST_TIME: Duration = Duration::from_secs(60);

/// Provides a client's token, and its replacement when it is refused.
#[expect(
    async_fn_in_trait,
    reason = "implementations are named types, never `dyn`"
)]
pub trait TokenSource {
    /// The current token. Called once, and again after a refusal, because it may have changed.
    async fn token(&self) -> Result<SecretText>;
    /// A token to replace the current one, which was refused. Never called concurrently.
    async fn refused(&self) -> Result<SecretText>;
}

/// What a vendor's calls have in common.
#[derive(Debug)]
pub(crate) struct Dialect {
    /// The vendor's name, for debugging.
    pub(crate) vendor: &'static str,
    /// The segments that every path begins with.
    pub(crate) path: &'static [&'static str],
    /// Adds the token and what else every request has.
    pub(crate) authorize: fn(RequestBuilder, &str) -> RequestBuilder,
    /// Whether a refusal is of the token.
    pub(crate) refuses_token: fn(&Answer) -> bool,
    /// How long a throttle lasts that does not say so itself, if that is known.
    pub(crate) throttled_for: Option<Duration>,
}

/// One tenant, accessed with an access token.
///
/// It keeps the token from its source, and asks for another one only when that is refused.
pub(crate) struct Client<T> {
    pub(crate) http: HttpClient,
    pub(crate) url: Url,
    tokens: T,
    dialect: &'static Dialect,
    pub(crate) backoff: ExponentialBuilder,
    /// The timeout of a list, all pages and retries together.
    pub(crate) list_time: Duration,
    /// The token in use. Locked while a new one is fetched, so that concurrent calls wait for it.
    token: Mutex<Option<PresentToken>>,
}

/// The token in use.
struct PresentToken {
    token: SecretText,
    renewed_at: Option<Instant>,
}

/// One call, complete except for the token.
pub(crate) struct Call<'a> {
    /// The operation's name in errors.
    pub(crate) operation: &'static str,
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: Vec<(&'static str, &'a str)>,
    pub(crate) body: Option<Value>,
    /// Text in the body that no error may repeat.
    pub(crate) hidden: Option<&'a str>,
    /// Whether it may be repeated: a repeated POST could create a second object.
    pub(crate) is_repeatable: bool,
    /// Whether the vendor asks AWS before it answers, which takes long.
    pub(crate) asks_aws: bool,
}

impl<'a> Call<'a> {
    /// A call as its method suggests: POST and PATCH write.
    pub(crate) fn new(operation: &'static str, method: Method, url: Url) -> Self {
        Self {
            operation,
            is_repeatable: method != Method::POST,
            asks_aws: method == Method::POST || method == Method::PATCH,
            method,
            url,
            headers: Vec::new(),
            body: None,
            hidden: None,
        }
    }
}

impl<T: TokenSource> Client<T> {
    /// The tenant at `url`, of which only scheme, host and port are used. Nothing is sent over
    /// plain HTTP to another machine.
    pub(crate) fn new(http: HttpClient, url: Url, tokens: T, dialect: &'static Dialect) -> Self {
        Self {
            http,
            url,
            tokens,
            dialect,
            backoff: http::BACKOFF,
            list_time: LIST_TIME,
            token: Mutex::new(None),
        }
    }

    /// The URL of an endpoint of this tenant.
    pub(crate) fn endpoint(&self, path: &[&str]) -> Url {
        endpoint(self.dialect, &self.url, path)
    }

    /// Makes the call, and retries it with a new token if the current one is refused.
    pub(crate) async fn send(&self, call: &Call<'_>) -> Result<Answer> {
        let token = self.token().await?;
        let answer = self.try_with(call, &token).await?;
        if !(self.dialect.refuses_token)(&answer) {
            return Ok(answer);
        }
        tracing::warn!(
            operation = call.operation,
            status = answer.status.as_u16(),
            "token rejected"
        );
        let Some(token) = self.renewed(&token).await? else {
            return Err(answer.into_error(call.operation, ErrorKind::Unauthorized));
        };
        let answer = self.try_with(call, &token).await?;
        if (self.dialect.refuses_token)(&answer) {
            Err(answer.into_error(call.operation, ErrorKind::Unauthorized))
        } else {
            Ok(answer)
        }
    }

    /// The token in use.
    pub(crate) async fn token(&self) -> Result<SecretText> {
        let mut present = self.token.lock().await;
        if let Some(PresentToken { token, .. }) = &*present {
            return Ok(token.clone());
        }
        let token = self.tokens.token().await?;
        *present = Some(PresentToken {
            token: token.clone(),
            renewed_at: None,
        });
        Ok(token)
    }

    /// A token other than the refused one; `None` if the refused one was issued moments ago.
    ///
    /// Concurrent calls that are refused renew the token once. If another invocation has already
    /// stored a new one, they use that.
    async fn renewed(&self, refused: &SecretText) -> Result<Option<SecretText>> {
        let is_other = |token: &SecretText| token.expose() != refused.expose();
        let mut present = self.token.lock().await;
        let mut renewed_at = None;
        if let Some(present) = &*present {
            if is_other(&present.token) {
                return Ok(Some(present.token.clone()));
            }
            renewed_at = present.renewed_at;
        }
        let stored = self.tokens.token().await?;
        let (token, renewed_at) = if is_other(&stored) {
            (stored, None)
        } else if renewed_at.is_some_and(|at| at.elapsed() < YOUNG.unsigned_abs()) {
            return Ok(None);
        } else {
            (self.tokens.refused().await?, Some(Instant::now()))
        };
        *present = Some(PresentToken {
            token: token.clone(),
            renewed_at,
        });
        Ok(Some(token))
    }

    async fn try_with(&self, call: &Call<'_>, token: &SecretText) -> Result<Answer> {
        http::require_safe(&call.url)
            .map_err(|error| Error::new(call.operation, ErrorKind::Invalid, error).of_registry())?;
        let attempt = || async {
            let request = self.http.request(call.method.clone(), call.url.clone());
            let mut request = (self.dialect.authorize)(request, token.expose());
            if !call.asks_aws {
                request = request.timeout(SHORT_TIMEOUT);
            }
            for (name, value) in &call.headers {
                request = request.header(*name, *value);
            }
            if let Some(body) = &call.body {
                request = request.json(body);
            }
            let hidden = [token.expose(), call.hidden.unwrap_or_default()];
            let answer = answer(call.operation, request, &hidden, body::LONGEST).await;
            answer.map_err(|error| self.until_when(error))
        };
        attempt
            .retry(self.backoff)
            .when(|error| call.is_repeatable && http::is_passing(error))
            .notify(|error, wait| tracing::warn!(error = %error.chain(), ?wait, "retrying"))
            .await
    }
}

impl<T> Client<T> {
    /// The error, with the vendor's usual time for a throttle that says none.
    fn until_when(&self, mut error: Error) -> Error {
        if let ErrorKind::Throttled { retry_after } = &mut error.kind {
            *retry_after = retry_after.or(self.dialect.throttled_for);
        }
        error
    }
}

impl<T> std::fmt::Debug for Client<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct(self.dialect.vendor)
            .field("host", &self.url.host_str())
            .finish_non_exhaustive()
    }
}

/// The URL of an endpoint at the host of `base`.
pub(crate) fn endpoint(dialect: &Dialect, base: &Url, path: &[&str]) -> Url {
    let mut url = base.clone();
    url.set_query(None);
    url.set_fragment(None);
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.clear().extend(dialect.path).extend(path);
    }
    url
}

/// A header's value that is not shown.
///
/// # Errors
///
/// No header can hold it.
pub(crate) fn secret(operation: &'static str, text: &str) -> Result<HeaderValue> {
    hidden(text).map_err(|error| Error::new(operation, ErrorKind::Invalid, error).of_registry())
}

/// Likewise, for a request that is refused later if no header can hold it.
pub(crate) fn hidden(text: &str) -> std::result::Result<HeaderValue, InvalidHeaderValue> {
    let mut value = HeaderValue::from_str(text)?;
    value.set_sensitive(true);
    Ok(value)
}
