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
use crate::test_server::serve;

#[derive(Default)]
struct World {
    /// Trust policies by account and role name.
    roles: BTreeMap<(String, String), String>,
    /// Client ids by the identity provider's ARN.
    identity_providers: BTreeMap<String, String>,
    /// Account, Region and name.
    queues: BTreeSet<(String, String, String)>,
    assumed_from: Vec<String>,
    /// The web identities' tokens that were exchanged.
    tokens: Vec<String>,
    deny_assume_role: bool,
    fail: bool,
}

pub(crate) struct FakeAws {
    pub(crate) url: Url,
    world: Arc<Mutex<World>>,
}

impl FakeAws {
    pub(crate) fn start() -> Self {
        let world = Arc::new(Mutex::new(World::default()));
        let app = Router::new()
            .fallback(handle)
            .with_state(Arc::clone(&world));
        let url = serve(app);
        Self { url, world }
    }

    /// A role that this principal may assume with this external id.
    pub(crate) fn put_role(&self, account: &str, name: &str, principal: &str, external_id: &str) {
        let trust = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"AWS": principal},
            "Condition": {"StringEquals": {"sts:ExternalId": external_id}}}]});
        self.put_role_trusting(account, name, &trust);
    }

    /// A role with this trust policy.
    pub(crate) fn put_role_trusting(&self, account: &str, name: &str, trust: &Value) {
        let key = (account.to_owned(), name.to_owned());
        lock(&self.world).roles.insert(key, trust.to_string());
    }

    pub(crate) fn delete_role(&self, account: &str, name: &str) {
        let key = (account.to_owned(), name.to_owned());
        lock(&self.world).roles.remove(&key);
    }

    pub(crate) fn put_identity_provider(&self, arn: &str, client: &str) {
        let (arn, client) = (arn.to_owned(), client.to_owned());
        lock(&self.world).identity_providers.insert(arn, client);
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

    /// The web identities' tokens that were exchanged.
    pub(crate) fn tokens(&self) -> Vec<String> {
        lock(&self.world).tokens.clone()
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
    // The access key id, which is the account's or the role's name, and what it is signed for.
    let scope = headers.get("authorization").map(|value| {
        let (_, credential) = value.to_str().unwrap().split_once("Credential=").unwrap();
        credential.split('/').collect::<Vec<&str>>()
    });
    let caller = scope.as_ref().map(|scope| scope[0]);
    if let Some(&[account, _, region, "sqs", ..]) = scope.as_deref() {
        return get_queue(&world, account, region, &body);
    }
    let form: BTreeMap<String, String> = url::form_urlencoded::parse(&body).into_owned().collect();
    let action = form["Action"].as_str();
    let missing = (StatusCode::NOT_FOUND, error("NoSuchEntity"));
    match action {
        "GetOpenIDConnectProvider" => {
            let arn = &form["OpenIDConnectProviderArn"];
            assert_eq!(caller, arn.split(':').nth(4));
            let Some(client) = world.identity_providers.get(arn) else {
                return missing;
            };
            let clients = format!("<ClientIDList><member>{client}</member></ClientIDList>");
            answer(action, &clients)
        }
        "GetRole" => {
            let (account, name) = (caller.unwrap().to_owned(), form["RoleName"].clone());
            let arn = format!("arn:aws:iam::{account}:role/{name}");
            let Some(trust) = world.roles.get(&(account, name)) else {
                return missing;
            };
            let everything = percent_encoding::NON_ALPHANUMERIC;
            let trust = percent_encoding::utf8_percent_encode(trust, everything);
            let role = format!(
                "<Role><Arn>{arn}</Arn><RoleId>AROA1</RoleId>\
                 <AssumeRolePolicyDocument>{trust}</AssumeRolePolicyDocument></Role>"
            );
            answer(action, &role)
        }
        "AssumeRole" => {
            world.assumed_from.push(caller.unwrap().to_owned());
            let role = form["RoleArn"].as_str();
            // A vendor's own role is not among those that were put.
            let key = (account_in(role).to_owned(), name_in(role).to_owned());
            if world.deny_assume_role && world.roles.contains_key(&key) {
                return (StatusCode::FORBIDDEN, error("AccessDenied"));
            }
            answer(action, &session(role))
        }
        "AssumeRoleWithWebIdentity" => {
            assert_eq!(caller, None, "this call is not signed");
            world.tokens.push(form["WebIdentityToken"].clone());
            if world.deny_assume_role {
                return (StatusCode::FORBIDDEN, error("AccessDenied"));
            }
            answer(action, &session(&form["RoleArn"]))
        }
        "GetCallerIdentity" => {
            let mut names = world.roles.keys().map(|(_, name)| name.as_str());
            assert!(names.any(|name| caller == Some(name)), "{caller:?}");
            answer(action, "<Account>1</Account>")
        }
        other => panic!("{other} is not simulated"),
    }
}

fn get_queue(world: &World, account: &str, region: &str, body: &[u8]) -> (StatusCode, String) {
    let request: Value = serde_json::from_slice(body).unwrap();
    let name = request["QueueName"].as_str().unwrap();
    let queue = (account.to_owned(), region.to_owned(), name.to_owned());
    if world.queues.contains(&queue) {
        (StatusCode::OK, json!({"QueueUrl": "here"}).to_string())
    } else {
        let error = json!({"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "no"});
        (StatusCode::BAD_REQUEST, error.to_string())
    }
}

fn name_in(role: &str) -> &str {
    role.rsplit('/').next().unwrap()
}

/// A session's key names its role here, where AWS's would say nothing.
fn session(role: &str) -> String {
    let key = name_in(role);
    format!(
        "<Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>-</SecretAccessKey>\
         <SessionToken>-</SessionToken></Credentials>"
    )
}

fn answer(action: &str, result: &str) -> (StatusCode, String) {
    let text =
        format!("<{action}Response><{action}Result>{result}</{action}Result></{action}Response>");
    (StatusCode::OK, text)
}

fn error(code: &str) -> String {
    format!(
        "<ErrorResponse><Error><Code>{code}</Code><Message>refused</Message></Error></ErrorResponse>"
    )
}
