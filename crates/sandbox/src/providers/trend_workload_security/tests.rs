//! The simulator over HTTP, as a client meets it.

mod behaviour;
mod verifying;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::*;
use crate::aws_client::http_client;
use crate::providers::reply::Reply;
use crate::providers::{Simulator, Subject};

const MEMBER: &str = "111122223333";
const OTHER: &str = "222233334444";
const ROLE: &str = "CloudOneWorkloadConnectorRole";

fn config() -> TrendWorkloadSecurityConfig {
    TrendWorkloadSecurityConfig {
        keys: [LEGACY_KEY, CLOUD_ONE_KEY].map(SecretString::from).into(),
        external_id: EXTERNAL_ID.to_owned(),
        aws: None,
        chaos: Arc::default(),
    }
}

struct Api {
    simulator: TrendWorkloadSecurity,
    http: reqwest::Client,
}

impl Api {
    async fn start(config: TrendWorkloadSecurityConfig) -> Self {
        Self {
            simulator: TrendWorkloadSecurity::start(config).await.unwrap(),
            http: http_client().unwrap(),
        }
    }

    /// A request without any header.
    fn bare(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = self.simulator.url().join("api/").unwrap();
        self.http.request(method, url.join(path).unwrap())
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.bare(method, path)
            .header("api-version", "v1")
            .header("api-secret-key", LEGACY_KEY)
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Reply {
        Reply::to(request).await
    }

    async fn get(&self, path: &str) -> Reply {
        self.send(self.request(Method::GET, path)).await
    }

    async fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    async fn delete(&self, path: &str) -> Reply {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// Makes a connector; its id.
    async fn create(&self, account: &str) -> u64 {
        let created = self.post("awsconnectors", &connector(account)).await;
        assert_eq!(created.status, StatusCode::CREATED, "{}", created.body);
        created.body["ID"].as_u64().unwrap()
    }

    fn controls(&self) -> &Controls {
        self.simulator.controls()
    }
}

fn role_in(account: &str) -> String {
    format!("arn:aws:iam::{account}:role/{ROLE}")
}

fn connector(account: &str) -> Value {
    json!({
        "displayName": format!("Trend-{account}"),
        "crossAccountRoleArn": role_in(account),
        "workspacesEnabled": true,
    })
}

fn message(reply: &Reply) -> &str {
    assert_eq!(reply.body.as_object().unwrap().len(), 1);
    reply.body["message"].as_str().unwrap()
}

#[tokio::test]
async fn a_connector_is_created_read_found_and_deleted() {
    let api = Api::start(config()).await;
    let created = api.post("awsconnectors", &connector(MEMBER)).await;
    assert_eq!(created.status, StatusCode::CREATED);
    let mut shown = connector(MEMBER);
    shown["accountId"] = json!(MEMBER);
    shown["accountAlias"] = json!("");
    shown["syncedRegions"] = json!([]);
    shown["ID"] = json!(1);
    shown["lastSyncTime"] = created.body["lastSyncTime"].clone();
    assert!(shown["lastSyncTime"].as_i64().unwrap() > 0);
    assert_eq!(created.body, shown);
    assert_eq!(api.get("awsconnectors/1").await.body, shown);
    let listed = json!({ "awsConnectors": [shown] });
    assert_eq!(api.get("awsconnectors").await.body, listed);
    let by_account = json!({"maxItems": 5, "searchCriteria": [
        {"fieldName": "accountId", "stringTest": "equal", "stringValue": MEMBER}]});
    let found = api.post("awsconnectors/search", &by_account).await;
    assert_eq!((found.status, found.body), (StatusCode::OK, listed.clone()));
    let empty = api.request(Method::POST, "awsconnectors/search");
    assert_eq!(api.send(empty).await.body, listed);

    let deleted = api.delete("awsconnectors/1").await;
    assert_eq!(
        (deleted.status, deleted.body),
        (StatusCode::NO_CONTENT, Value::Null)
    );
    for gone in [
        api.delete("awsconnectors/1").await,
        api.get("awsconnectors/1").await,
        api.post("awsconnectors/1", &json!({})).await,
    ] {
        assert_eq!(gone.status, StatusCode::NOT_FOUND);
        assert!(message(&gone).contains("does not exist"));
    }
    let found = api.post("awsconnectors/search", &by_account).await;
    assert_eq!(found.body, json!({ "awsConnectors": [] }));
    assert_eq!(api.create(MEMBER).await, 2, "an id is not given twice");
    let calls = api.simulator.calls();
    assert_eq!(calls["POST awsconnectors"], 2);
    assert_eq!(calls["DELETE awsconnectors/{ID}"], 2);
    assert_eq!(calls["POST awsconnectors/search"], 3);
    Box::new(api.simulator).shutdown().await.unwrap();
}

#[tokio::test]
async fn an_account_has_one_connector() {
    let api = Api::start(config()).await;
    api.create(MEMBER).await;
    let key = Access::AccessKey("AKIDEXAMPLE".to_owned());
    let with_key = api.controls().add_connector("By hand", OTHER, key);
    for account in [MEMBER, OTHER] {
        let again = api.post("awsconnectors", &connector(account)).await;
        assert_eq!(again.status, StatusCode::BAD_REQUEST);
        assert!(message(&again).contains("already exists"));
    }
    let shown = api.get(&format!("awsconnectors/{with_key}")).await.body;
    assert_eq!(shown["accessKey"], "AKIDEXAMPLE");
    assert_eq!(shown.get("crossAccountRoleArn"), None);
    assert_eq!(shown.get("secretKey"), None);
}

#[tokio::test]
async fn only_what_is_named_is_modified() {
    let api = Api::start(config()).await;
    api.create(MEMBER).await;
    let before = api.get("awsconnectors/1").await.body;
    let modified = async |query: &str, body: Value| {
        let reply = api.post(&format!("awsconnectors/1{query}"), &body).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
        reply.body
    };
    let mut expected = before.clone();
    assert_eq!(modified("", json!({"unknown": 1})).await, expected);
    expected["displayName"] = json!("Renamed");
    let found = modified("?sync=False", json!({"displayName": "Renamed"})).await;
    assert_eq!(found, expected);
    expected["workspacesEnabled"] = json!(false);
    let found = modified("", json!({"workspacesEnabled": "False"})).await;
    assert_eq!(found, expected);
    let role = format!("arn:aws:iam::{MEMBER}:role/other");
    expected["crossAccountRoleArn"] = json!(role);
    let found = modified("", json!({"crossAccountRoleArn": role})).await;
    assert_eq!(found, expected);
    // The client may send back all that it read.
    assert_eq!(modified("", expected.clone()).await, expected);
    let hour = std::time::Duration::from_secs(3600);
    api.controls().advance_clock(hour);
    let synced = modified("?sync=True", json!({})).await;
    let time = |shown: &Value| shown["lastSyncTime"].as_i64().unwrap();
    assert!(time(&synced) >= time(&before) + 3_600_000);

    let elsewhere = json!({"crossAccountRoleArn": role_in(OTHER)});
    for (path, body) in [
        ("awsconnectors/1", elsewhere),
        ("awsconnectors/1", json!({"displayName": 1})),
        ("awsconnectors/1", json!({"workspacesEnabled": "maybe"})),
        ("awsconnectors/1", json!([])),
        ("awsconnectors/1?sync=2", json!({})),
    ] {
        let refused = api.post(path, &body).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{path} {body}");
    }
    assert_eq!(api.get("awsconnectors/1").await.body, synced);
}

#[tokio::test]
async fn a_connector_needs_a_name_and_a_role() {
    let api = Api::start(config()).await;
    let without = |field: &str| {
        let mut body = connector(MEMBER);
        body.as_object_mut().unwrap().remove(field);
        body
    };
    let with = |field: &str, value: Value| {
        let mut body = connector(MEMBER);
        body[field] = value;
        body
    };
    for body in [
        without("displayName"),
        without("crossAccountRoleArn"),
        with("displayName", json!("")),
        with(
            "crossAccountRoleArn",
            json!("CloudOneWorkloadConnectorRole"),
        ),
        with("workspacesEnabled", json!(1)),
        json!([]),
    ] {
        let refused = api.post("awsconnectors", &body).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{body}");
        assert!(!message(&refused).is_empty());
    }
    let not_json = api.request(Method::POST, "awsconnectors").body("{");
    assert_eq!(api.send(not_json).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(api.simulator.connectors(), []);
    let text = with("workspacesEnabled", json!("True"));
    let created = api.post("awsconnectors", &text).await.body;
    assert_eq!(created["workspacesEnabled"], true);
}

#[tokio::test]
async fn it_registers_accounts_like_any_other_vendor() {
    let api = Api::start(config()).await;
    api.create(MEMBER).await;
    let instance = Access::InstanceRole;
    let by_hand = api.controls().add_connector("By hand", OTHER, instance);
    let held = api.simulator.registrations();
    assert_eq!(held.len(), 2);
    assert_eq!(held[0].name, format!("Trend-{MEMBER}"));
    assert_eq!((held[0].id.as_str(), held[0].store.as_str()), ("1", "-"));
    assert_eq!(held[0].role_arn, Some(role_in(MEMBER)));
    assert_eq!(held[0].external_id.as_deref(), Some(EXTERNAL_ID));
    assert!(held[0].enabled && held[0].watches(MEMBER));
    assert_eq!(held[1].subject, Subject::Account(OTHER.to_owned()));
    assert_eq!((&held[1].role_arn, &held[1].external_id), (&None, &None));
    let accounts = [MEMBER, OTHER].map(str::to_owned);
    let read = api.simulator.readings(&accounts).await.unwrap();
    assert_eq!(read.into_keys().collect::<Vec<_>>(), [MEMBER]);
    for id in [1, by_hand] {
        let id = id.to_string();
        assert!(api.simulator.verify(&id).await.unwrap().passed());
    }
    assert!(api.simulator.verify("9").await.is_err());

    let port = api.simulator.url().port().unwrap();
    let endpoint = format!("http://127.0.0.1:{port}");
    assert_eq!(
        api.simulator.parameters(),
        [("ApiEndpoint", endpoint), ("ApiKey", LEGACY_KEY.to_owned())]
    );
    assert_eq!(
        api.simulator.member_stack(),
        format!("Trend-Control-Tower-Member-127-0-0-1-{port}")
    );
    let renamed = |connector: &mut Connector| connector.display_name = "Renamed".to_owned();
    assert!(api.controls().change(1, renamed));
    assert_eq!(api.simulator.connectors()[0].display_name, "Renamed");
    assert!(api.controls().remove(1) && !api.controls().remove(1));
}
