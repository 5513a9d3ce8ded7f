//! Just enough of IAM, STS and SQS to verify against.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use url::Url;

use super::http::lock;
use crate::identities::account_in;

#[derive(Default)]
struct World {
    /// Trust policies by account and role name.
    roles: BTreeMap<(String, String), String>,
    /// Account, Region and name.
    queues: BTreeSet<(String, String, String)>,
    assumed_from: Vec<String>,
    deny_assume_role: bool,
    fail: bool,
}

pub(crate) struct FakeAws {
    pub(crate) url: Url,
    world: Arc<Mutex<World>>,
}

impl FakeAws {
    pub(crate) async fn start() -> Self {
        let world = Arc::new(Mutex::new(World::default()));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap())
            .parse()
            .unwrap();
        let app = Router::new()
            .fallback(handle)
            .with_state(Arc::clone(&world));
        let server = axum_server::from_tcp(listener).unwrap();
        tokio::spawn(server.serve(app.into_make_service()));
        Self { url, world }
    }

    pub(crate) fn put_role(&self, account: &str, name: &str, principal: &str, external_id: &str) {
        let trust = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"AWS": principal},
            "Condition": {"StringEquals": {"sts:ExternalId": external_id}}}]});
        let key = (account.to_owned(), name.to_owned());
        lock(&self.world).roles.insert(key, trust.to_string());
    }

    pub(crate) fn delete_role(&self, account: &str, name: &str) {
        lock(&self.world)
            .roles
            .remove(&(account.to_owned(), name.to_owned()));
    }

    pub(crate) fn put_queue(&self, account: &str, region: &str, name: &str) {
        let queue = (account.to_owned(), region.to_owned(), name.to_owned());
        lock(&self.world).queues.insert(queue);
    }

    pub(crate) fn deny_assume_role(&self, deny: bool) {
        lock(&self.world).deny_assume_role = deny;
    }

    pub(crate) fn fail(&self, fail: bool) {
        lock(&self.world).fail = fail;
    }

    /// The access key ids that called AssumeRole: an account's, or a role's name.
    pub(crate) fn assumed_from(&self) -> Vec<String> {
        lock(&self.world).assumed_from.clone()
    }
}

async fn handle(
    State(world): State<Arc<Mutex<World>>>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, String) {
    let mut world = lock(&world);
    if world.fail {
        return (StatusCode::BAD_GATEWAY, String::new());
    }
    let credential = headers["authorization"].to_str().unwrap();
    let scope: Vec<&str> = credential
        .split("Credential=")
        .nth(1)
        .unwrap()
        .split('/')
        .collect();
    let (account, region, service) = (scope[0].to_owned(), scope[2].to_owned(), scope[3]);
    if service == "sqs" {
        let request: Value = serde_json::from_slice(&body).unwrap();
        let name = request["QueueName"].as_str().unwrap().to_owned();
        let known = world.queues.contains(&(account, region, name));
        return if known {
            (StatusCode::OK, json!({"QueueUrl": "here"}).to_string())
        } else {
            let error = json!({"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "no"});
            (StatusCode::BAD_REQUEST, error.to_string())
        };
    }
    let form: BTreeMap<String, String> = url::form_urlencoded::parse(&body).into_owned().collect();
    match form["Action"].as_str() {
        "GetRole" => {
            let name = form["RoleName"].clone();
            let arn = format!("arn:aws:iam::{account}:role/{name}");
            match world.roles.get(&(account, name)) {
                Some(trust) => {
                    let trust = percent_encoding::utf8_percent_encode(
                        trust,
                        percent_encoding::NON_ALPHANUMERIC,
                    );
                    let role = format!(
                        "<Arn>{arn}</Arn><RoleId>AROA1</RoleId><AssumeRolePolicyDocument>{trust}</AssumeRolePolicyDocument>"
                    );
                    (
                        StatusCode::OK,
                        format!(
                            "<GetRoleResponse><GetRoleResult><Role>{role}</Role></GetRoleResult></GetRoleResponse>"
                        ),
                    )
                }
                None => (StatusCode::NOT_FOUND, error("NoSuchEntity")),
            }
        }
        "AssumeRole" => {
            world.assumed_from.push(account);
            // A vendor's own role is not among those that were put.
            let role = form["RoleArn"].as_str();
            let customers = account_in(role).to_owned();
            let name = role.rsplit('/').next().unwrap().to_owned();
            let is_put = world.roles.contains_key(&(customers, name));
            if world.deny_assume_role && is_put {
                return (StatusCode::FORBIDDEN, error("AccessDenied"));
            }
            // A session's key names its role here, where AWS's would say nothing.
            let session = role.rsplit('/').next().unwrap();
            let credentials = format!(
                "<AccessKeyId>{session}</AccessKeyId><SecretAccessKey>-</SecretAccessKey><SessionToken>-</SessionToken>"
            );
            (
                StatusCode::OK,
                format!(
                    "<AssumeRoleResponse><AssumeRoleResult><Credentials>{credentials}</Credentials></AssumeRoleResult></AssumeRoleResponse>"
                ),
            )
        }
        other => panic!("{other} is not simulated"),
    }
}

fn error(code: &str) -> String {
    format!(
        "<ErrorResponse><Error><Code>{code}</Code><Message>refused</Message></Error></ErrorResponse>"
    )
}
