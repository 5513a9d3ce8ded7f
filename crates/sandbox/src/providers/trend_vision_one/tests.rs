//! The simulator over HTTP, as a client meets it.

mod behaviour;
mod listing;
mod verifying;

use reqwest::{Method, StatusCode};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::*;
use crate::aws_client::http_client;
use crate::providers::reply::Reply;
use crate::providers::{Registration, Simulator, Subject};

const MEMBER: &str = "111122223333";
const OTHER: &str = "444455556666";
const V3: &str = "v3.0/cam/awsAccounts";
const INSTANCE: &str = "abcdef12-3456-7890-abcd-ef1234567890";

fn config() -> TrendVisionOneConfig {
    TrendVisionOneConfig {
        tenant: Tenant {
            business_id: "0c2a6f1e-1111-4222-8333-444455556666".to_owned(),
            region: "us".to_owned(),
        },
        emulator: None,
        aws_region: "us-east-1".to_owned(),
        chaos: Arc::default(),
    }
}

impl Reply {
    /// The status and the code of an error.
    fn refusal(&self) -> (u16, &str) {
        let code = self.body["error"]["code"].as_str().unwrap();
        (self.status.as_u16(), code)
    }

    fn message(&self) -> &str {
        self.body["error"]["message"].as_str().unwrap()
    }
}

struct Api {
    simulator: TrendVisionOne,
    http: reqwest::Client,
}

impl Api {
    async fn start() -> Self {
        Self::with(config()).await
    }

    async fn with(config: TrendVisionOneConfig) -> Self {
        Self {
            simulator: TrendVisionOne::start(config).await.unwrap(),
            http: http_client().unwrap(),
        }
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = self.simulator.url().join(path).unwrap();
        let key = self.simulator.api_key();
        self.http
            .request(method, url)
            .bearer_auth(key.expose_secret())
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Reply {
        let reply = Reply::to(request).await;
        assert!(reply.headers.contains_key("x-trace-id"));
        reply
    }

    async fn get(&self, path: &str) -> Reply {
        self.send(self.request(Method::GET, path)).await
    }

    async fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    async fn create(&self, body: &Value) -> Reply {
        self.post(V3, body).await
    }

    /// Reads the account, and changes the version that was read.
    async fn change(&self, account: &str, body: &Value) -> Reply {
        let path = format!("{V3}/{account}");
        let read = self.get(&path).await;
        let request = self.request(Method::PATCH, &path).json(body);
        self.send(request.header("If-Match", &read.headers["etag"]))
            .await
    }

    async fn delete(&self, account: &str) -> Reply {
        let path = format!("{V3}/{account}");
        self.send(self.request(Method::DELETE, &path)).await
    }

    fn controls(&self) -> &Controls {
        self.simulator.controls()
    }
}

fn role(account: &str) -> String {
    format!("arn:aws:iam::{account}:role/VisionOneRole")
}

fn member(account: &str) -> Value {
    json!({
        "roleArn": role(account), "name": format!("Account {account}"), "description": "mark",
        "features": [{"id": "cloud-sentry", "regions": ["us-east-1"]}],
    })
}

#[tokio::test]
async fn an_account_is_connected_changed_read_and_removed() {
    let api = Api::start().await;
    let created = api.create(&member(MEMBER)).await;
    assert_eq!(
        (created.status, &created.body),
        (StatusCode::CREATED, &Value::Null)
    );
    let base = api.simulator.url().as_str();
    assert_eq!(created.headers["location"], format!("{base}{V3}/{MEMBER}"));

    let path = format!("{V3}/{MEMBER}");
    let read = api.get(&path).await.body;
    assert_eq!(
        (&read["id"], &read["state"]),
        (&json!(MEMBER), &json!("managed"))
    );
    assert_eq!(read["roleArn"], role(MEMBER));
    assert_eq!(read["features"][0]["id"], "cloud-sentry");
    assert_eq!(read["features"][0]["missingAwsPermissions"], json!([]));

    let body = json!({"description": "another", "features": []});
    let changed = api.change(MEMBER, &body).await;
    assert_eq!(
        (changed.status, changed.body),
        (StatusCode::NO_CONTENT, Value::Null)
    );
    let beta = format!("beta/xdr/cam/awsAccounts/{MEMBER}");
    let read = api.get(&beta).await.body;
    assert_eq!(
        (&read["description"], &read["features"]),
        (&json!("another"), &json!([]))
    );
    assert_eq!(read["name"], format!("Account {MEMBER}"));

    let expected = Registration {
        id: MEMBER.to_owned(),
        name: "another".to_owned(),
        store: "-".to_owned(),
        role_arn: Some(role(MEMBER)),
        external_id: None,
        subject: Subject::Account(MEMBER.to_owned()),
        enabled: true,
    };
    assert_eq!(api.simulator.registrations(), [expected]);

    assert_eq!(api.delete(MEMBER).await.status, StatusCode::NO_CONTENT);
    assert_eq!(api.delete(MEMBER).await.refusal(), (404, "NotFound"));
    assert_eq!(api.get(&path).await.refusal(), (404, "NotFound"));
    assert_eq!(api.simulator.registrations(), []);
    let calls = api.simulator.calls();
    assert_eq!(calls["POST awsAccounts"], 1);
    assert_eq!(calls["DELETE awsAccounts/{id}"], 2);
    Box::new(api.simulator).shutdown().await.unwrap();
}

#[tokio::test]
async fn an_account_and_a_name_are_taken_once() {
    let api = Api::start().await;
    api.create(&member(MEMBER)).await;
    assert_eq!(
        api.create(&member(MEMBER)).await.refusal(),
        (400, "BadRequest")
    );
    api.controls()
        .set_duplicate_status(DuplicateStatus::Conflict);
    let again = api.create(&member(MEMBER)).await;
    assert_eq!(again.refusal(), (409, "Conflict"));
    assert!(again.message().contains("already connected"));
    let mut other = member(OTHER);
    other["name"] = member(MEMBER)["name"].clone();
    let taken = api.create(&other).await;
    assert_eq!(taken.refusal(), (400, "BadRequest"));
    assert!(taken.message().contains("has the name"));
    api.create(&member(OTHER)).await;
    let renamed = api.change(OTHER, &json!({"name": other["name"]})).await;
    assert_eq!(renamed.refusal(), (400, "BadRequest"));
}

#[tokio::test]
async fn an_account_that_another_product_brought_is_completed() {
    let api = Api::start().await;
    api.controls()
        .bridge(MEMBER, "cloud-risk-management")
        .unwrap();
    let path = format!("{V3}/{MEMBER}");
    let before = api.get(&path).await.body;
    assert_eq!(before["roleArn"], "");
    assert_eq!(before["sources"], json!(["cloud-risk-management"]));
    let accounts = [MEMBER.to_owned()];
    assert!(api.simulator.readings(&accounts).await.unwrap().is_empty());
    let verified = api.simulator.verify(MEMBER).await.unwrap();
    assert!(verified.reason().unwrap().contains("has no role"));

    assert_eq!(
        api.create(&member(MEMBER)).await.status,
        StatusCode::CREATED
    );
    let after = api.get(&path).await.body;
    assert_eq!(after["roleArn"], role(MEMBER));
    assert_eq!(after["sources"], before["sources"]);
    assert_eq!(after["createdDateTime"], before["createdDateTime"]);
    assert_eq!(after["state"], "managed");
    assert_eq!(
        api.create(&member(MEMBER)).await.refusal(),
        (400, "BadRequest")
    );
    let read = api.simulator.readings(&accounts).await.unwrap();
    assert_eq!(read[MEMBER].role_arn, Some(role(MEMBER)));
    assert!(api.controls().bridge("1", "x").is_err());
}

#[tokio::test]
async fn a_change_names_the_version_that_it_changes() {
    let api = Api::start().await;
    api.create(&member(MEMBER)).await;
    let path = format!("{V3}/{MEMBER}");
    let etag = api.get(&path).await.headers["etag"].clone();
    let body = json!({"description": "another"});
    let patch = |path: &str| api.request(Method::PATCH, path).json(&body);
    let missing = api.send(patch(&path)).await;
    assert_eq!(missing.refusal(), (428, "PreconditionRequired"));
    assert!(api.controls().set_outdated(MEMBER, true));
    let stale = api.send(patch(&path).header("If-Match", &etag)).await;
    assert_eq!(stale.refusal(), (412, "PreconditionFailed"));
    assert_eq!(api.get(&path).await.body["description"], "mark");

    let etag = api.get(&path).await.headers["etag"].clone();
    let bare = etag.to_str().unwrap().trim_matches('"').to_owned();
    let changed = api.send(patch(&path).header("If-Match", bare)).await;
    assert_eq!(changed.status, StatusCode::NO_CONTENT);
    // The vendor's Terraform provider names none.
    let beta = format!("beta/cam/awsAccounts/{MEMBER}");
    assert_eq!(api.send(patch(&beta)).await.status, StatusCode::NO_CONTENT);
    let stale = api.send(patch(&beta).header("If-Match", &etag)).await;
    assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED);
    let unknown = format!("{V3}/{OTHER}");
    assert_eq!(api.send(patch(&unknown)).await.refusal(), (404, "NotFound"));
}

#[tokio::test]
async fn a_tenant_with_an_instance_wants_it_named_and_keeps_it() {
    let api = Api::start().await;
    let service = |id: &str, regions: Value| json!([{"name": "workload", "instanceIds": [id], "regions": regions}]);
    let mut with = member(MEMBER);
    with["connectedSecurityServices"] = service(INSTANCE, json!([]));
    let unknown = api.create(&with).await;
    assert!(unknown.message().contains("there is no instance"));
    api.controls().set_workload_instances(&[INSTANCE]);
    let without = api.create(&member(MEMBER)).await;
    assert!(
        without
            .message()
            .contains("connectedSecurityServices is required")
    );
    assert_eq!(api.create(&with).await.status, StatusCode::CREATED);

    let regions = json!(["us-east-1"]);
    let more = json!({"connectedSecurityServices": service(INSTANCE, regions.clone())});
    assert_eq!(
        api.change(MEMBER, &more).await.status,
        StatusCode::NO_CONTENT
    );
    let read = api.get(&format!("{V3}/{MEMBER}")).await.body;
    assert_eq!(read["connectedSecurityServices"][0]["regions"], regions);
    let another = "00000000-0000-4000-8000-000000000000";
    for other in [service(another, json!([])), json!([])] {
        let refused = api
            .change(MEMBER, &json!({"connectedSecurityServices": other}))
            .await;
        assert!(refused.message().contains("cannot be changed"));
    }
    let unrelated = api.change(MEMBER, &json!({"description": "x"})).await;
    assert_eq!(unrelated.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn keys_are_refused_when_they_are_stale_or_may_too_little() {
    let api = Api::start().await;
    let call = async |key: &str, path: &str| {
        let url = api.simulator.url().join(path).unwrap();
        api.send(api.http.get(url).bearer_auth(key)).await
    };
    let wrong = call("wrong", V3).await;
    assert_eq!(wrong.refusal(), (401, "InvalidCredentials"));
    let inner = json!({"code": "InvalidToken", "service": "svp"});
    assert_eq!(wrong.body["error"]["innererror"], inner);

    let weak = api.controls().issue_key(Permission::None);
    let health = "v3.0/healthcheck/connectivity";
    let healthy = call(weak.expose_secret(), health).await;
    assert_eq!(healthy.body, json!({"status": "available"}));
    let refused = call(weak.expose_secret(), V3).await;
    assert_eq!(refused.refusal(), (403, "AccessDenied"));
    assert_eq!(refused.message(), "Insufficient permissions.");

    let next = api.controls().issue_key(Permission::Full);
    api.controls().revoke_key(&api.simulator.api_key());
    assert_eq!(api.get(V3).await.refusal(), (401, "InvalidCredentials"));
    assert_eq!(call(next.expose_secret(), V3).await.status, StatusCode::OK);
    let year = std::time::Duration::from_secs(365 * 24 * 3600);
    api.controls().advance_clock(year);
    assert_eq!(
        call(next.expose_secret(), V3).await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn the_tenant_and_its_provider_are_found() {
    let api = Api::start().await;
    let profile = api.get("v3.0/business/profile").await.body;
    assert_eq!(profile["businessId"], api.simulator.tenant().business_id);
    let key = super::jwt::claims(&api.simulator.api_key());
    assert_eq!(key["cid"], profile["businessId"]);
    api.controls().deny_business_profile(true);
    let denied = api.get("v3.0/business/profile").await;
    assert_eq!(denied.refusal(), (403, "AccessDenied"));

    let links = format!("{V3}/generateCfnTemplateLinks");
    let found = api
        .post(&links, &json!({"templateAccountType": "organization"}))
        .await;
    let host = "cloudaccounts-us.xdr.trendmicro.com";
    assert_eq!(found.body["visionOneOidcProviderUrl"], host);
    let template = found.body["templateUrl"].as_str().unwrap();
    let console = found.body["createStackUrl"].as_str().unwrap();
    assert!(console.contains(template) && console.contains("region=us-east-1"));
    assert_eq!(
        api.post(&links, &json!({"x": 1})).await.refusal(),
        (400, "BadRequest")
    );
    let features = api.get(&format!("{V3}/features")).await.body;
    assert_eq!(features["items"][0]["id"], "cloud-account-management");
}

#[tokio::test]
async fn a_sandbox_is_told_where_it_is_and_what_to_call_the_stacks() {
    let api = Api::start().await;
    let url = api.simulator.url();
    let parameters = api.simulator.parameters();
    let text = format!("http://127.0.0.1:{}", url.port().unwrap());
    assert_eq!(parameters[0], ("VisionOneRegion", text));
    let key = api.simulator.api_key().expose_secret().to_owned();
    assert_eq!(parameters[1], ("ApiKey", key));
    let port = url.port().unwrap();
    assert_eq!(
        api.simulator.member_stack(),
        format!("Trend-Vision-One-Member-127-0-0-1-{port}")
    );
    assert_eq!(api.simulator.title(), "Vision One");

    let former = parameters[1].1.clone();
    let (name, next) = api.simulator.replace_key().unwrap();
    assert_eq!(name, "ApiKey");
    assert_ne!(next, former);
    assert_eq!(api.simulator.parameters()[1], ("ApiKey", next));
    assert_eq!(api.get(V3).await.status, StatusCode::OK);
    let url = url.join(V3).unwrap();
    let refused = api.http.get(url).bearer_auth(&former).send().await;
    assert_eq!(refused.unwrap().status(), StatusCode::UNAUTHORIZED);
}
