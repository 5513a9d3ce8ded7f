//! Registration by a stack instead of by a client of the API: the custom resource
//! `Custom::LaceworkSnsCustomResource`, whose service token is the vendor's topic.
//!
//! CloudFormation publishes a request to the topic, with an access token among the properties; the
//! vendor makes, changes or removes the integration and puts an answer to the request's URL. Here
//! the topic delivers to [`PATH`]. The integration goes through what the API's own operations go
//! through; but such a request is no call of the API: it is not counted, and no limit and no fault
//! applies to it. Only `AWS_CFG` in the tenant's own account is served.
//!
//! Not known of the real service, and therefore the simulator's own choice: the wording of every
//! reason; that any request with a stale token fails, except the Delete after a failed Create; the
//! physical id of a Create that failed; that the Delete of an integration that is gone succeeds,
//! and its Update fails; that another token alone changes nothing, and any other property changes
//! the integration in place; that a repeated notification is answered as the first was; whether a
//! Create waits until a new role is known everywhere; whether the integration gets `awsAccountId`;
//! what `Account` may name besides the tenant; whether `TemplateVersion` matters; how often a lost
//! answer is put again; what `Data` an answer brings.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::Url;

use super::service::{Outcome, Service};
use super::store::Scope;
use super::{cloud_accounts, lock};
use crate::emulator::ensure_loopback;

/// Name of the vendor's topic for such resources, in the account of its platform, in every Region.
/// (That of tenants in the EU has another name.)
pub const REGISTRATION_TOPIC: &str = "prodn-customer-cloudformation";

/// The path that the topic delivers to.
pub(super) const PATH: &str = "/registration";

/// How often to send an answer until it is accepted, and the pause between attempts.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(200);
/// How long one HTTP request may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Characters of a reason: CloudFormation takes an answer of 4,096 bytes.
const REASON_LIMIT: usize = 500;
/// The prefix of the physical id of a failed Create.
const NOT_REGISTERED: &str = "not-registered-";
/// The property that is a secret.
const API_TOKEN: &str = "ApiToken";

/// A delivery of the topic.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Delivery {
    #[serde(rename = "Type")]
    kind: String,
    message: String,
    #[serde(rename = "SubscribeURL")]
    subscribe_url: Option<Url>,
}

/// CloudFormation's request. It has no `Debug`: its properties and its URL are secrets.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request {
    request_type: RequestType,
    request_id: String,
    stack_id: String,
    #[serde(rename = "ResponseURL")]
    response_url: Url,
    logical_resource_id: String,
    #[serde(default)]
    physical_resource_id: String,
    resource_properties: Properties,
    old_resource_properties: Option<Properties>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
enum RequestType {
    Create,
    Update,
    Delete,
}

type Properties = Map<String, Value>;

/// Accepts a delivery of the topic. The work is done afterwards: a topic does not wait for long.
pub(super) async fn delivered(State(service): State<Arc<Service>>, body: Bytes) -> StatusCode {
    match accept(&service, &body).await {
        Ok(()) => StatusCode::OK,
        Err(error) => {
            tracing::warn!("rejected a delivery of the registration topic: {error:#}");
            StatusCode::BAD_REQUEST
        }
    }
}

async fn accept(service: &Arc<Service>, body: &[u8]) -> anyhow::Result<()> {
    // A parser's error can repeat its input, and with it a secret.
    let delivery: Delivery =
        serde_json::from_slice(body).map_err(|_| anyhow!("it is not what SNS delivers"))?;
    match delivery.kind.as_str() {
        "SubscriptionConfirmation" => {
            let url = delivery.subscribe_url.context("it has no SubscribeURL")?;
            confirm(service, url).await
        }
        "Notification" => {
            let request: Request = serde_json::from_str(&delivery.message)
                .map_err(|_| anyhow!("its message is no request of a custom resource"))?;
            ensure_loopback(&request.response_url)
                .map_err(|_| anyhow!("its ResponseURL is not on this machine"))?;
            let service = Arc::clone(service);
            tokio::spawn(async move { serve(&service, &request).await });
            Ok(())
        }
        other => bail!("{other} is no type of delivery that is served"),
    }
}

async fn confirm(service: &Service, url: Url) -> anyhow::Result<()> {
    ensure_loopback(&url).map_err(|_| anyhow!("its SubscribeURL is not on this machine"))?;
    let request = service.http.get(url).timeout(TIMEOUT);
    let answer = request
        .send()
        .await
        .and_then(reqwest::Response::error_for_status);
    answer
        .map(|_| ())
        .map_err(reqwest::Error::without_url)
        .context("the subscription was not confirmed")
}

async fn serve(service: &Service, request: &Request) {
    let registration = {
        let mut registrations = lock(&service.registrations);
        Arc::clone(registrations.entry(request.request_id.clone()).or_default())
    };
    let outcome = registration
        .get_or_init(|| carry_out(service, request))
        .await;
    if let Err(error) = respond(service, request, outcome).await {
        let resource = &request.logical_resource_id;
        tracing::warn!("could not answer CloudFormation for {resource}: {error:#}");
    }
}

async fn carry_out(service: &Service, request: &Request) -> Outcome {
    let result = match request.request_type {
        RequestType::Create => create(service, &request.resource_properties).await,
        RequestType::Update => update(service, request).await,
        RequestType::Delete => delete(service, request),
    };
    let (physical_id, failure) = match result {
        Ok(physical_id) => (physical_id, None),
        Err(reason) if request.request_type == RequestType::Create => (
            format!("{NOT_REGISTERED}{}", request.request_id),
            Some(reason),
        ),
        Err(reason) => (request.physical_resource_id.clone(), Some(reason)),
    };
    if let Some(reason) = &failure {
        tracing::info!("{} failed: {reason}", request.logical_resource_id);
    }
    Outcome {
        physical_id,
        failure,
    }
}

async fn create(service: &Service, properties: &Properties) -> Result<String, String> {
    let scope = authorize(service, properties)?;
    let mut body = integration(properties)?;
    body["type"] = json!("AwsCfg");
    body["enabled"] = json!(1);
    let made = cloud_accounts::create(service, &scope, body)
        .await
        .map_err(|error| error.message)?;
    made.body
        .as_ref()
        .and_then(|body| body["data"]["intgGuid"].as_str())
        .map(str::to_owned)
        .ok_or_else(|| "the integration has no intgGuid".to_owned())
}

async fn update(service: &Service, request: &Request) -> Result<String, String> {
    let scope = authorize(service, &request.resource_properties)?;
    let guid = &request.physical_resource_id;
    let new = without_token(&request.resource_properties);
    let old = request.old_resource_properties.as_ref().map(without_token);
    if old.as_ref() != Some(&new) {
        let body = integration(&new)?;
        cloud_accounts::update(service, &scope, guid, body)
            .await
            .map_err(|error| format!("integration {guid}: {}", error.message))?;
    }
    Ok(guid.clone())
}

fn delete(service: &Service, request: &Request) -> Result<String, String> {
    let guid = &request.physical_resource_id;
    if guid.starts_with(NOT_REGISTERED) {
        return Ok(guid.clone());
    }
    let scope = authorize(service, &request.resource_properties)?;
    match cloud_accounts::delete(service, &scope, guid) {
        Ok(_) => Ok(guid.clone()),
        Err(error) if error.status == StatusCode::NOT_FOUND => Ok(guid.clone()),
        Err(error) => Err(format!("integration {guid}: {}", error.message)),
    }
}

/// The account that the token and the other properties are valid for.
fn authorize(service: &Service, properties: &Properties) -> Result<Scope, String> {
    let now = service.clock.now();
    let token = properties.get(API_TOKEN).and_then(Value::as_str);
    lock(&service.tokens)
        .check(token, now)
        .map_err(|error| format!("{API_TOKEN}: {}", error.message))?;
    let account = text(properties, "Account")?;
    if !account.eq_ignore_ascii_case(&service.config.tenant) {
        return Err(format!("Account: {account} is not the token's"));
    }
    match text(properties, "Type")? {
        "AWS_CFG" => Ok(Scope::Account(service.config.tenant.clone())),
        other => Err(format!("Type: {other} is not served")),
    }
}

/// The integration that the properties describe, as a body of the API.
fn integration(properties: &Properties) -> Result<Value, String> {
    let mut body = json!({
        "name": text(properties, "IntegrationName")?,
        "data": {"crossAccountCredentials": {
            "roleArn": text(properties, "RoleArn")?,
            "externalId": text(properties, "ExternalId")?,
        }},
    });
    if let Some(account) = properties.get("AWSAccountId") {
        body["data"]["awsAccountId"] = account.clone();
    }
    Ok(body)
}

fn text<'a>(properties: &'a Properties, name: &str) -> Result<&'a str, String> {
    properties
        .get(name)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
        .ok_or_else(|| format!("{name} is missing"))
}

fn without_token(properties: &Properties) -> Properties {
    let mut properties = properties.clone();
    properties.remove(API_TOKEN);
    properties
}

/// Sends the answer to the request's URL.
async fn respond(service: &Service, request: &Request, outcome: &Outcome) -> anyhow::Result<()> {
    let failure = outcome.failure.as_deref();
    let reason: String = failure
        .unwrap_or_default()
        .chars()
        .take(REASON_LIMIT)
        .collect();
    let answer = json!({
        "Status": if failure.is_some() { "FAILED" } else { "SUCCESS" },
        "Reason": reason,
        "PhysicalResourceId": outcome.physical_id,
        "StackId": request.stack_id,
        "RequestId": request.request_id,
        "LogicalResourceId": request.logical_resource_id,
    });
    let mut attempt = 1;
    loop {
        let put = service
            .http
            .put(request.response_url.clone())
            // The URL is signed for an empty content type.
            .header(CONTENT_TYPE, "")
            .timeout(TIMEOUT)
            .body(answer.to_string());
        let put = put
            .send()
            .await
            .and_then(reqwest::Response::error_for_status);
        match put.map_err(reqwest::Error::without_url) {
            Ok(_) => return Ok(()),
            Err(error) if attempt == ATTEMPTS => return Err(error.into()),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
        attempt += 1;
    }
}
