//! The simulator over HTTP, as a client meets it.

mod behaviour;
mod registration;
mod verifying;

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::*;
use crate::aws_client::http_client;
use crate::providers::Simulator;
use crate::providers::reply::Reply;

const MEMBER: &str = "111122223333";
const AUDIT: &str = "444455556666";

fn config() -> LaceworkConfig {
    LaceworkConfig {
        tenant: "Acme".to_owned(),
        key_id: "KEY".to_owned(),
        secret: SecretString::from("_secret"),
        sub_accounts: vec!["Dev".to_owned(), "prod".to_owned()],
        emulator: None,
        region: "us-east-1".to_owned(),
        principal_arn: PRINCIPAL_ARN.to_owned(),
        tls: false,
        chaos: Arc::default(),
    }
}

struct Api {
    simulator: Lacework,
    http: reqwest::Client,
    token: String,
}

impl Api {
    async fn start(config: LaceworkConfig) -> Self {
        let mut api = Self {
            simulator: Lacework::start(config).await.unwrap(),
            http: http_client().unwrap(),
            token: String::new(),
        };
        api.sign_in().await;
        api
    }

    async fn sign_in(&mut self) {
        let reply = self.mint("KEY", "_secret").await;
        assert_eq!(reply.status, StatusCode::CREATED);
        self.token = reply.body["token"].as_str().unwrap().to_owned();
    }

    async fn mint(&self, key: &str, secret: &str) -> Reply {
        let url = self.simulator.url().join("api/v2/access/tokens").unwrap();
        let request = self.http.post(url).header("X-LW-UAKS", secret);
        self.send(request.json(&json!({"keyId": key, "expiryTime": 3600})))
            .await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Reply {
        Reply::to(request).await
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = self
            .simulator
            .url()
            .join("api/v2/")
            .unwrap()
            .join(path)
            .unwrap();
        self.http.request(method, url).bearer_auth(&self.token)
    }

    async fn get(&self, path: &str) -> Reply {
        self.send(self.request(Method::GET, path)).await
    }

    async fn post(&self, path: &str, body: Value) -> Reply {
        self.send(self.request(Method::POST, path).json(&body))
            .await
    }

    async fn create(&self, body: &Value) -> Reply {
        self.post("CloudAccounts", body.clone()).await
    }

    fn controls(&self) -> &Controls {
        self.simulator.controls()
    }
}

fn guid(reply: &Reply) -> String {
    assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.body);
    reply.body["data"]["intgGuid"].as_str().unwrap().to_owned()
}

fn member(account: &str) -> Value {
    json!({"name": format!("Config-{account}"), "type": "AwsCfg", "enabled": 1, "data": {
        "crossAccountCredentials": {
            "roleArn": format!("arn:aws:iam::{account}:role/acme-laceworkcwsrole-sa"),
            "externalId": format!("lweid:aws:v2:acme:{account}:0123456789")},
        "awsAccountId": account}})
}

fn trail() -> Value {
    let mut trail = member(MEMBER);
    trail["name"] = json!("Trail");
    trail["type"] = json!("AwsCtSqs");
    trail["data"]["queueUrl"] = json!(format!(
        "https://sqs.eu-west-1.amazonaws.com/{AUDIT}/acme-laceworkcws"
    ));
    trail
}

#[tokio::test]
async fn an_integration_is_created_changed_found_and_deleted() {
    let api = Api::start(config()).await;
    let created = api.create(&member(MEMBER)).await;
    let id = guid(&created);
    assert_eq!(created.body["data"]["isOrg"], 0);
    assert_eq!(created.body["data"].get("state"), None);

    let path = format!("CloudAccounts/{id}");
    // The vendor's Go client sends back the whole object.
    let mut whole = api.get(&path).await.body["data"].clone();
    whole["enabled"] = json!(0);
    let changed = api
        .send(api.request(Method::PATCH, &path).json(&whole))
        .await;
    assert_eq!(
        (changed.status, &changed.body["data"]["enabled"]),
        (StatusCode::OK, &json!(0))
    );
    let part = json!({"name": "Renamed", "data": {"awsAccountId": MEMBER}});
    let changed = api
        .send(api.request(Method::PATCH, &path).json(&part))
        .await;
    assert_eq!(changed.body["data"]["name"], "Renamed");
    assert_eq!(changed.body["data"]["data"], member(MEMBER)["data"]);

    assert_eq!(
        api.get("CloudAccounts/AwsCfg").await.body["data"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        api.get("CloudAccounts/AwsCtSqs").await.body["data"],
        json!([])
    );
    let by_name = json!({"filters": [{"field": "name", "expression": "eq", "value": "Renamed"}], "returns": ["intgGuid"]});
    let found = api.post("CloudAccounts/search", by_name).await;
    assert_eq!(found.body["data"], json!([{"intgGuid": id}]));

    let deleted = api.send(api.request(Method::DELETE, &path)).await;
    assert_eq!(
        (deleted.status, deleted.body),
        (StatusCode::NO_CONTENT, Value::Null)
    );
    for method in [Method::GET, Method::DELETE] {
        let gone = api.send(api.request(method, &path)).await;
        assert_eq!(
            (gone.status, gone.body),
            (StatusCode::NOT_FOUND, json!({"message": "Not Found"}))
        );
    }
    assert_eq!(api.simulator.integrations(), []);
    let calls = api.simulator.calls();
    assert_eq!(calls["POST CloudAccounts"], 1);
    assert_eq!(calls["PATCH CloudAccounts/{intgGuid}"], 2);
    assert_eq!(calls["POST access/tokens"], 1);
    Box::new(api.simulator).shutdown().await.unwrap();
}

#[tokio::test]
async fn a_second_integration_of_an_account_or_a_queue_is_a_400_in_the_services_words() {
    let api = Api::start(config()).await;
    guid(&api.create(&member(MEMBER)).await);
    guid(&api.create(&trail()).await);
    let again = api.create(&member(MEMBER)).await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST);
    let text = "The provided aws account is already used in this Lacework Application.";
    assert_eq!(again.body, json!({ "message": text }));
    let mut queue = trail();
    queue["name"] = json!("Another name");
    let text = "Specified AWS SQS resources are already used in this Lacework Application.";
    assert_eq!(api.create(&queue).await.body, json!({ "message": text }));
    let other = guid(&api.create(&member("222233334444")).await);
    let patch = json!({"data": member(MEMBER)["data"]});
    let path = format!("CloudAccounts/{other}");
    let patched = api
        .send(api.request(Method::PATCH, &path).json(&patch))
        .await;
    assert_eq!(patched.status, StatusCode::BAD_REQUEST);
    assert_eq!(api.simulator.integrations().len(), 3);
}

#[tokio::test]
async fn what_breaks_the_schema_is_a_400_and_changes_nothing() {
    let api = Api::start(config()).await;
    let mut extra = member(MEMBER);
    extra["data"]["region"] = json!("us-east-1");
    let refused = api.create(&extra).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        refused.body,
        json!({"message": "key region is unrecognized"})
    );
    let not_json = api.request(Method::POST, "CloudAccounts").body("{");
    assert_eq!(api.send(not_json).await.status, StatusCode::BAD_REQUEST);
    let large = api
        .request(Method::POST, "CloudAccounts")
        .body(vec![b' '; (1 << 20) + 1]);
    assert_eq!(api.send(large).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    let id = guid(&api.create(&member(MEMBER)).await);
    let path = format!("CloudAccounts/{id}");
    for patch in [
        json!({"type": "AwsCtSqs"}),
        json!({"intgGuid": "X"}),
        json!({"enabled": 7}),
        json!([]),
    ] {
        let refused = api
            .send(api.request(Method::PATCH, &path).json(&patch))
            .await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{patch}");
    }
    assert_eq!(
        api.get(&path).await.body["data"]["data"],
        member(MEMBER)["data"]
    );
}

#[tokio::test]
async fn every_account_and_the_organization_have_their_own_integrations() {
    let api = Api::start(config()).await;
    let create = |account: &str, header: (&'static str, &'static str)| {
        let request = api
            .request(Method::POST, "CloudAccounts")
            .json(&member(account));
        api.send(request.header(header.0, header.1))
    };
    let dev = guid(&create("111111111111", ("Account-Name", "DEV")).await);
    assert!(dev.starts_with("DEV_"));
    guid(&create("222222222222", ("Account-Name", "prod")).await);
    guid(&create("333333333333", ("Org-Access", "false")).await);
    let organization = guid(&create("444444444444", ("Org-Access", "true")).await);
    let unknown = create("555555555555", ("Account-Name", "test")).await;
    assert_eq!(unknown.status, StatusCode::FORBIDDEN);

    let held: Vec<_> = api
        .simulator
        .integrations()
        .into_iter()
        .map(|held| {
            (
                held.account,
                held.organization,
                held.aws_account_id.unwrap(),
            )
        })
        .collect();
    let expected = [
        ("dev", false, "111111111111"),
        ("prod", false, "222222222222"),
        ("acme", false, "333333333333"),
        ("acme", true, "444444444444"),
    ];
    assert_eq!(
        held,
        expected.map(|(account, organization, id)| (
            account.to_owned(),
            organization,
            id.to_owned()
        ))
    );

    let seen = api
        .send(
            api.request(Method::GET, "CloudAccounts")
                .header("Account-Name", "dev"),
        )
        .await;
    assert_eq!(seen.body["paging"]["totalRows"], 2);
    // The organization's can be read in the sub-account, and changed only in the organization.
    let path = format!("CloudAccounts/{organization}");
    let delete = |name: &'static str, value: &'static str| {
        api.send(api.request(Method::DELETE, &path).header(name, value))
    };
    assert_eq!(
        delete("Account-Name", "dev").await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        delete("Org-Access", "true").await.status,
        StatusCode::NO_CONTENT
    );
    let elsewhere = format!("CloudAccounts/{dev}");
    assert_eq!(api.get(&elsewhere).await.status, StatusCode::NOT_FOUND);

    let profile = api.get("UserProfile").await.body;
    assert_eq!(profile["data"][0]["accounts"][1]["accountName"], "DEV");
    assert_eq!(
        api.get("OrganizationInfo").await.body["data"][0]["orgAccount"],
        true
    );
}

#[tokio::test]
async fn tokens_and_keys_are_refused_when_they_are_stale() {
    let mut api = Api::start(config()).await;
    assert_eq!(
        api.mint("KEY", "_wrong").await.status,
        StatusCode::UNAUTHORIZED
    );
    let raw = api
        .http
        .get(api.simulator.url().join("api/v2/UserProfile").unwrap());
    let raw = api.send(raw.header("Authorization", &api.token)).await;
    assert_eq!(raw.status, StatusCode::OK);
    api.controls().advance_clock(Duration::from_secs(3601));
    let expired = api.get("UserProfile").await;
    assert_eq!(expired.status, StatusCode::UNAUTHORIZED);
    assert!(expired.body["message"].is_string() && expired.body.get("data").is_none());
    api.sign_in().await;
    assert_eq!(api.get("UserProfile").await.status, StatusCode::OK);
    api.controls().revoke_tokens();
    api.controls().set_refusal_status(RefusalStatus::Forbidden);
    assert_eq!(api.get("UserProfile").await.status, StatusCode::FORBIDDEN);
    api.controls()
        .replace_key("KEY2", SecretString::from("_secret2"));
    assert_eq!(
        api.mint("KEY", "_secret").await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        api.mint("KEY2", "_secret2").await.status,
        StatusCode::CREATED
    );
}

#[tokio::test]
async fn what_the_api_does_not_have_is_an_unrecognized_url() {
    let api = Api::start(config()).await;
    for path in [
        "Nothing",
        "CloudAccounts/x/y",
        "../v1/external/integrations",
    ] {
        let refused = api.get(path).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path}");
        assert_eq!(refused.body, json!({"message": "Unrecognized url"}));
    }
    assert_eq!(api.simulator.calls()["Unrecognized url"], 3);
    assert_eq!(
        api.get("schemas/CloudAccounts/AwsCfg").await.body["properties"]["type"]["enum"],
        json!(["AwsCfg"])
    );
}
