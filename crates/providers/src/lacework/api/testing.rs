//! A loopback tenant with scripted responses.

use std::{
    collections::VecDeque,
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use serde_json::Value;
use towerhook_core::{
    Result,
    model::{
        AccountId, Health, Registration, RegistrationKind, RegistrationSpec, SecretText, Store,
    },
};
use wiremock::{Match, Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

use super::{LaceworkApi, TokenSource};
use crate::{http::BACKOFF, http_client, lacework::external_id};

/// The first token. Each refusal or replacement leads to the next: `canary-2`, `canary-3` ...
pub(super) const FIRST_TOKEN: &str = "canary-1";

/// A token source that counts refusals.
#[derive(Default)]
pub(super) struct Counting {
    refusals: AtomicU32,
    replacements: AtomicU32,
}

impl Counting {
    pub(super) fn refusals(&self) -> u32 {
        self.refusals.load(Ordering::SeqCst)
    }

    /// Replaces the token without a refusal.
    pub(super) fn replace(&self) {
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

/// A client of this server that retries without delay.
pub(super) fn client<'t>(server: &MockServer, tokens: &'t Counting) -> LaceworkApi<&'t Counting> {
    let url = server.uri().parse().unwrap();
    let mut lacework = LaceworkApi::new(http_client().unwrap(), url, tokens);
    lacework.backoff = BACKOFF.with_min_delay(Duration::from_millis(1));
    lacework
}

/// Responses in order; any further request gets a 418.
struct Script(Mutex<VecDeque<ResponseTemplate>>);

impl Respond for Script {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        let mut answers = self.0.lock().unwrap();
        answers.pop_front().unwrap_or(ResponseTemplate::new(418))
    }
}

pub(super) async fn answering(answers: impl IntoIterator<Item = ResponseTemplate>) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(Script(Mutex::new(answers.into_iter().collect())))
        .mount(&server)
        .await;
    server
}

pub(super) fn status(status: u16) -> ResponseTemplate {
    ResponseTemplate::new(status)
}

pub(super) fn json(status: u16, body: Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(body)
}

pub(super) fn refusal(status: u16, message: &str) -> ResponseTemplate {
    json(status, serde_json::json!({ "message": message }))
}

/// Repeats every secret that it receives, as a broken gateway might.
pub(super) struct Echo(pub(super) u16);

impl Respond for Echo {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let body = String::from_utf8_lossy(&request.body);
        refusal(self.0, &format!("{:?} {body}", request.headers))
    }
}

/// Matches requests with this token.
pub(super) struct Bearer(pub(super) &'static str);

impl Match for Bearer {
    fn matches(&self, request: &Request) -> bool {
        request.headers["authorization"] == format!("Bearer {}", self.0)
    }
}

pub(super) async fn requests(server: &MockServer) -> Vec<Request> {
    server.received_requests().await.unwrap()
}

/// `METHOD path?query` of every request, in order.
pub(super) async fn request_lines(server: &MockServer) -> Vec<String> {
    let line = |request: &Request| {
        let query = request.url.query().map(|query| format!("?{query}"));
        let path = request.url.path();
        format!("{} {path}{}", request.method, query.unwrap_or_default())
    };
    requests(server).await.iter().map(line).collect()
}

pub(super) fn spec(kind: RegistrationKind) -> RegistrationSpec {
    let account: AccountId = "111122223333".parse().unwrap();
    RegistrationSpec {
        name: "Lacework-Control-Tower-Config-Member-111122223333".into(),
        kind,
        account,
        role_arn: "arn:aws:iam::111122223333:role/acme-laceworkcwsrole-sa".into(),
        external_id: external_id("acme", &account, "canary:/=."),
        queue_url: (kind == RegistrationKind::Feed)
            .then(|| "https://sqs.us-east-1.amazonaws.com/444455556666/acme-laceworkcws".into()),
        account_mapping: None,
    }
}

pub(super) fn existing(store: Option<&str>) -> Registration {
    Registration {
        guid: "ACME_0123456789ABCDEF".into(),
        store: store.map(Store::from),
        organization: false,
        name: "another name".into(),
        kind: RegistrationKind::Account,
        enabled: false,
        role_arn: String::new(),
        external_id: String::new(),
        queue_url: None,
        account_mapping: None,
        health: Health::Unknown,
    }
}
