//! A simulator with a stack beside it that registers an account.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::Uri;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use url::Url;

use crate::providers::lacework::tests::{Api, MEMBER, config};
use crate::providers::lacework::{Integration, REGISTRATION_TOPIC, lock};
use crate::test_server::serve;

pub(super) const ROLE: &str = "acme-laceworkcwsrole-sa";
const STACK: &str = "arn:aws:cloudformation:us-east-1:111122223333:stack/StackSet-x/1";

/// One request: its headers, its path and query, its body.
pub(super) type Arrival = (HeaderMap, Uri, Bytes);

type Statuses = Arc<Mutex<Vec<u16>>>;

/// The receiver of the answers.
pub(super) struct CloudFormation {
    pub(super) url: Url,
    arrivals: UnboundedReceiver<Arrival>,
}

impl CloudFormation {
    /// Answers the first requests with these statuses, the last of them first, and all others with
    /// 200.
    pub(super) fn start(statuses: &[u16]) -> Self {
        let (sender, arrivals) = unbounded_channel();
        let statuses = Statuses::new(Mutex::new(statuses.to_owned()));
        let app = Router::new()
            .fallback(arrive)
            .with_state((sender, statuses));
        let url = serve(app);
        Self { url, arrivals }
    }

    pub(super) async fn arrival(&mut self) -> (HeaderMap, Uri, Bytes) {
        let next = tokio::time::timeout(Duration::from_secs(30), self.arrivals.recv());
        next.await.unwrap().unwrap()
    }

    pub(super) async fn answer(&mut self) -> Value {
        serde_json::from_slice(&self.arrival().await.2).unwrap()
    }
}

async fn arrive(
    State((sender, statuses)): State<(UnboundedSender<Arrival>, Statuses)>,
    headers: HeaderMap,
    uri: Uri,
    body: Bytes,
) -> StatusCode {
    sender.send((headers, uri, body)).unwrap();
    let status = lock(&statuses).pop().unwrap_or(200);
    StatusCode::from_u16(status).unwrap()
}

/// The simulator, what its topic delivers, and the stack's side.
pub(super) struct Scene {
    pub(super) api: Api,
    pub(super) cloudformation: CloudFormation,
    requests: u32,
}

impl Scene {
    pub(super) async fn new() -> Self {
        Self::with(Api::start(config()).await)
    }

    pub(super) fn with(api: Api) -> Self {
        Self {
            api,
            cloudformation: CloudFormation::start(&[]),
            requests: 0,
        }
    }

    pub(super) fn properties(&self) -> Value {
        json!({
            "ServiceToken": format!("arn:aws:sns:us-east-1:434813966438:{REGISTRATION_TOPIC}"),
            "ServiceTimeout": "300",
            "Type": "AWS_CFG",
            "IntegrationName": "Config-Member",
            "RoleArn": format!("arn:aws:iam::{MEMBER}:role/{ROLE}"),
            "ExternalId": format!("lweid:aws:v2:acme:{MEMBER}:0123456789"),
            "ApiToken": self.api.token,
            "Account": "acme",
            "TemplateVersion": "1.1",
            "AWSAccountId": MEMBER,
        })
    }

    pub(super) fn request(&mut self, kind: &str, properties: &Value) -> Value {
        self.requests += 1;
        json!({
            "RequestType": kind,
            "RequestId": format!("request-{}", self.requests),
            "StackId": STACK,
            "ResponseURL": self.cloudformation.url.join("answer").unwrap(),
            "ResourceType": "Custom::LaceworkSnsCustomResource",
            "LogicalResourceId": "Registration",
            "ResourceProperties": properties,
        })
    }

    /// The status that the topic gets for this delivery.
    pub(super) async fn deliver(&self, delivery: &Value) -> StatusCode {
        let url = self.api.simulator.registration_url();
        let request = self.api.http.post(url).body(delivery.to_string());
        request.send().await.unwrap().status()
    }

    pub(super) async fn answer_to(&mut self, request: &Value) -> Value {
        let delivery =
            json!({"Type": "Notification", "TopicArn": "arn", "Message": request.to_string()});
        assert_eq!(self.deliver(&delivery).await, StatusCode::OK);
        let answer = self.cloudformation.answer().await;
        for key in ["StackId", "RequestId", "LogicalResourceId"] {
            assert_eq!(answer[key], request[key]);
        }
        answer
    }

    pub(super) async fn create(&mut self, properties: &Value) -> Value {
        let request = self.request("Create", properties);
        self.answer_to(&request).await
    }

    pub(super) async fn update(&mut self, id: &str, new: &Value, old: &Value) -> Value {
        let mut request = self.request("Update", new);
        request["PhysicalResourceId"] = json!(id);
        request["OldResourceProperties"] = old.clone();
        self.answer_to(&request).await
    }

    pub(super) async fn delete(&mut self, id: &str, properties: &Value) -> Value {
        let mut request = self.request("Delete", properties);
        request["PhysicalResourceId"] = json!(id);
        self.answer_to(&request).await
    }

    pub(super) fn integrations(&self) -> Vec<Integration> {
        self.api.simulator.integrations()
    }
}

pub(super) fn succeeded(answer: &Value) -> String {
    assert_eq!(answer["Status"], "SUCCESS", "{answer}");
    answer["PhysicalResourceId"].as_str().unwrap().to_owned()
}

/// The reason.
pub(super) fn failed(answer: &Value) -> String {
    assert_eq!(answer["Status"], "FAILED", "{answer}");
    assert!(!answer["PhysicalResourceId"].as_str().unwrap().is_empty());
    answer["Reason"].as_str().unwrap().to_owned()
}
