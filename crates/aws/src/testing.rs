//! Ports over canned responses, and a record of the requests.

use aws_config::{
    BehaviorVersion, Region, SdkConfig, retry::RetryConfig,
    stalled_stream_protection::StalledStreamProtectionConfig,
};
use aws_sdk_sqs::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_http_client::test_util::{ReplayEvent, StaticReplayClient};
use aws_smithy_runtime_api::{
    client::orchestrator::{HttpRequest, HttpResponse},
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use serde_json::{Map, Value, json};

use crate::{
    AccountSettings, Aws, DeadLetterQueue, EvidenceBucket, FanOutTopic, FunctionNames, Home,
    KeySecret, LedgerTable, ManagementStackRole, SetupSettings, TokenSecret, WorkQueue,
};

pub(crate) const TOKEN_SECRET: &str =
    "arn:aws:secretsmanager:eu-west-1:999999999999:secret:token-AbCdEf";
pub(crate) const KEY_SECRET: &str =
    "arn:aws:secretsmanager:eu-west-1:999999999999:secret:key-AbCdEf";
pub(crate) const STACK_ROLE: &str = "arn:aws:iam::999999999999:role/towerhook-management-stack";

/// A response from AWS.
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

/// A JSON response.
pub(crate) fn answer(body: Value) -> Answer {
    Answer {
        status: 200,
        headers: Vec::new(),
        body: body.to_string(),
    }
}

/// A Query protocol response; `result` is the content of the operation's result element.
pub(crate) fn xml(operation: &str, result: &str) -> Answer {
    Answer {
        status: 200,
        headers: Vec::new(),
        body: format!(
            "<{operation}Response><{operation}Result>{result}</{operation}Result></{operation}Response>"
        ),
    }
}

/// An error of a JSON protocol.
pub(crate) fn error(status: u16, code: &str) -> Answer {
    Answer {
        status,
        headers: vec![("x-amzn-errortype", code.to_owned())],
        body: json!({"__type": code, "message": "because"}).to_string(),
    }
}

/// An error of the Query protocol.
pub(crate) fn xml_error(status: u16, code: &str, message: &str) -> Answer {
    Answer {
        status,
        headers: Vec::new(),
        body: format!(
            "<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
        ),
    }
}

impl Answer {
    /// A truncated response.
    pub(crate) fn broken(body: &str) -> Self {
        Self {
            status: 200,
            headers: Vec::new(),
            body: body.to_owned(),
        }
    }

    /// An XML response, whole.
    pub(crate) fn xml(status: u16, body: &str) -> Self {
        Self {
            status,
            ..Self::broken(body)
        }
    }

    pub(crate) fn body(mut self, body: &Value) -> Self {
        self.body = body.to_string();
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    fn event(self) -> ReplayEvent {
        let status = StatusCode::try_from(self.status).unwrap();
        let mut response = HttpResponse::new(status, SdkBody::from(self.body));
        for (name, value) in self.headers {
            response.headers_mut().insert(name, value);
        }
        ReplayEvent::new(HttpRequest::new(SdkBody::empty()), response)
    }
}

/// The recorded requests.
#[derive(Clone, Debug)]
pub(crate) struct Sent(StaticReplayClient);

impl Sent {
    /// The operation's name, or path, and the body of each request; form values are strings.
    pub(crate) fn calls(&self) -> Vec<(String, Value)> {
        self.0.actual_requests().map(call).collect()
    }

    pub(crate) fn operations(&self) -> Vec<String> {
        self.calls()
            .into_iter()
            .map(|(operation, _)| operation)
            .collect()
    }

    /// A header of the first request.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let first = self.0.actual_requests().next();
        first?.headers().get(name).map(str::to_owned)
    }

    /// A header of the last request.
    pub(crate) fn last_header(&self, name: &str) -> Option<String> {
        let last = self.0.actual_requests().last();
        last?.headers().get(name).map(str::to_owned)
    }

    /// The body of the last request as text.
    pub(crate) fn last_body(&self) -> String {
        let last = self.0.actual_requests().last();
        let body = last.and_then(|request| request.body().bytes());
        String::from_utf8_lossy(body.unwrap_or_default()).into_owned()
    }
}

fn call(request: &HttpRequest) -> (String, Value) {
    let body = request.body().bytes().unwrap_or_default();
    if let Some(target) = request.headers().get("x-amz-target") {
        let operation = target.rsplit('.').next().unwrap_or_default();
        return (operation.to_owned(), serde_json::from_slice(body).unwrap());
    }
    if let Ok(body) = serde_json::from_slice(body) {
        let uri: url::Url = request.uri().parse().unwrap();
        return (uri.path().to_owned(), body);
    }
    let form: Map<String, Value> = url::form_urlencoded::parse(body)
        .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
        .collect();
    let operation = match form.get("Action") {
        Some(action) => action.as_str().unwrap().to_owned(),
        None => request.uri().to_owned(),
    };
    (operation, Value::Object(form))
}

/// Ports with the setup function's settings.
pub(crate) fn setup(answers: impl IntoIterator<Item = Answer>) -> (Aws<SetupSettings>, Sent) {
    let (config, sent) = replay(answers);
    let settings = SetupSettings {
        home: home(),
        key: KeySecret(Some(KEY_SECRET.parse().unwrap())),
        token: token_secret(),
        ledger: LedgerTable("ledger".into()),
        topic: FanOutTopic("arn:aws:sns:eu-west-1:999999999999:work".parse().unwrap()),
        functions: FunctionNames {
            own: "acme-setup".into(),
            auth: None,
        },
        management_stack_role: ManagementStackRole(Some(STACK_ROLE.parse().unwrap())),
    };
    (Aws::new(&config, settings), sent)
}

/// Ports with the account function's settings.
pub(crate) fn account(answers: impl IntoIterator<Item = Answer>) -> (Aws<AccountSettings>, Sent) {
    let (config, sent) = replay(answers);
    let settings = AccountSettings {
        home: home(),
        token: token_secret(),
        ledger: LedgerTable("ledger".into()),
        queue: WorkQueue("https://sqs.eu-west-1.amazonaws.com/999999999999/work".into()),
        dead_letters: DeadLetterQueue(
            "https://sqs.eu-west-1.amazonaws.com/999999999999/dead".into(),
        ),
        functions: FunctionNames {
            own: "account".into(),
            auth: Some("auth".into()),
        },
        evidence: EvidenceBucket {
            name: Some("evidence".into()),
            folder: "towerhook".into(),
        },
    };
    (Aws::new(&config, settings), sent)
}

fn home() -> Home {
    Home {
        region: "eu-west-1".into(),
    }
}

/// A configuration whose clients get these responses in order, whatever the request.
pub(crate) fn replay(answers: impl IntoIterator<Item = Answer>) -> (SdkConfig, Sent) {
    let client = StaticReplayClient::new(answers.into_iter().map(Answer::event).collect());
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("eu-west-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::for_tests()))
        .retry_config(RetryConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .http_client(client.clone())
        .build();
    (config, Sent(client))
}

fn token_secret() -> TokenSecret {
    TokenSecret {
        secret: Some(TOKEN_SECRET.parse().unwrap()),
        host: "acme.lacework.net".into(),
    }
}
