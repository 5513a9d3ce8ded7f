//! A loopback server with scripted responses, and a source of tokens.

use std::{
    collections::VecDeque,
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use serde_json::Value;
use towerhook_core::{
    ErrorKind, Result,
    model::{ApiKey, SecretText, Token},
};
use wiremock::{Match, Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

use super::client::TokenSource;

/// The first token. Each refusal or replacement leads to the next: `canary-2`, `canary-3` ...
pub(crate) const FIRST_TOKEN: &str = "canary-1";

/// A token source that counts refusals.
#[derive(Default)]
pub(crate) struct Counting {
    refusals: AtomicU32,
    replacements: AtomicU32,
}

impl Counting {
    pub(crate) fn refusals(&self) -> u32 {
        self.refusals.load(Ordering::SeqCst)
    }

    /// Replaces the token without a refusal.
    pub(crate) fn replace(&self) {
        self.replacements.fetch_add(1, Ordering::SeqCst);
    }
}

impl TokenSource for &Counting {
    async fn token(&self) -> Result<SecretText> {
        let number = 1 + self.refusals() + self.replacements.load(Ordering::SeqCst);
        Ok(format!("canary-{number}").into())
    }

    async fn refused(&self) -> Result<SecretText> {
        self.refusals.fetch_add(1, Ordering::SeqCst);
        self.token().await
    }
}

/// Responses in order; any further request gets a 418.
struct Script(Mutex<VecDeque<ResponseTemplate>>);

impl Respond for Script {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        let mut answers = self.0.lock().unwrap();
        answers.pop_front().unwrap_or(ResponseTemplate::new(418))
    }
}

pub(crate) async fn answering(answers: impl IntoIterator<Item = ResponseTemplate>) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(Script(Mutex::new(answers.into_iter().collect())))
        .mount(&server)
        .await;
    server
}

pub(crate) fn status(status: u16) -> ResponseTemplate {
    ResponseTemplate::new(status)
}

pub(crate) fn json(status: u16, body: Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(body)
}

pub(crate) fn refusal(status: u16, message: &str) -> ResponseTemplate {
    json(status, serde_json::json!({ "message": message }))
}

/// Repeats every secret that it receives, as a broken gateway might.
pub(crate) struct Echo(pub(crate) u16);

impl Respond for Echo {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let body = String::from_utf8_lossy(&request.body);
        refusal(self.0, &format!("{:?} {body}", request.headers))
    }
}

/// A key without an id.
pub(crate) fn api_key(text: &str) -> ApiKey {
    ApiKey {
        key_id: String::new(),
        secret: text.into(),
        version: "version-1".into(),
    }
}

/// Asserts that refused keys are told from other failures, and that no error shows one of `keys`,
/// which contain `canary`. `verified` verifies a key at a server.
pub(crate) async fn refused_keys_are_told_apart(
    keys: &[&str],
    verified: impl AsyncFn(&MockServer, &str) -> Result<Token>,
) {
    for (response, kind) in [
        (refusal(401, "Invalid API Key"), ErrorKind::Unauthorized),
        (refusal(403, "Not authorized"), ErrorKind::Unauthorized),
        (refusal(404, "no"), ErrorKind::NotFound),
        (refusal(503, "no"), ErrorKind::Unavailable),
        (json(200, serde_json::json!({})), ErrorKind::Invalid),
        (status(204), ErrorKind::Invalid),
    ] {
        let error = verified(&answering([response]).await, keys[0]).await;
        let error = error.unwrap_err();
        assert_eq!(error.kind, kind, "{}", error.chain());
    }
    for text in ["with space", "", "line\nbreak"] {
        let error = verified(&answering([]).await, text).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unauthorized);
    }
    for text in keys {
        let server = MockServer::start().await;
        let echo = Mock::given(any()).respond_with(Echo(401));
        echo.mount(&server).await;
        let error = verified(&server, text).await.unwrap_err();
        let shown = format!("{error:?} {}", error.chain());
        assert!(shown.contains("[redacted]"), "{shown}");
        assert!(!shown.contains("canary"), "{shown}");
    }
}

/// Matches requests with this token.
pub(crate) struct Bearer(pub(crate) &'static str);

impl Match for Bearer {
    fn matches(&self, request: &Request) -> bool {
        request.headers["authorization"] == format!("Bearer {}", self.0)
    }
}

pub(crate) async fn requests(server: &MockServer) -> Vec<Request> {
    server.received_requests().await.unwrap()
}

/// `METHOD path?query` of every request, in order.
pub(crate) async fn request_lines(server: &MockServer) -> Vec<String> {
    let line = |request: &Request| {
        let query = request.url.query().map(|query| format!("?{query}"));
        let path = request.url.path();
        format!("{} {path}{}", request.method, query.unwrap_or_default())
    };
    requests(server).await.iter().map(line).collect()
}
