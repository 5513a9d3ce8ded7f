//! Just enough of IAM and STS to verify against.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde_json::Value;
use url::Url;

use crate::providers::trend_vision_one::lock;

#[derive(Default)]
struct World {
    /// Trust policies by account and role name.
    roles: BTreeMap<(String, String), String>,
    /// Client ids by the provider's ARN.
    providers: BTreeMap<String, Vec<String>>,
    /// The tokens that were exchanged.
    tokens: Vec<String>,
    deny: bool,
    fail: bool,
}

pub(super) struct FakeAws {
    pub(super) url: Url,
    world: Arc<Mutex<World>>,
}

impl FakeAws {
    pub(super) fn start() -> Self {
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

    pub(super) fn put_role(&self, account: &str, name: &str, trust: &Value) {
        let key = (account.to_owned(), name.to_owned());
        lock(&self.world).roles.insert(key, trust.to_string());
    }

    pub(super) fn delete_role(&self, account: &str, name: &str) {
        let key = (account.to_owned(), name.to_owned());
        lock(&self.world).roles.remove(&key);
    }

    pub(super) fn put_provider(&self, arn: &str, client: &str) {
        let clients = vec![client.to_owned()];
        lock(&self.world).providers.insert(arn.to_owned(), clients);
    }

    pub(super) fn deny(&self, deny: bool) {
        lock(&self.world).deny = deny;
    }

    pub(super) fn fail(&self, fail: bool) {
        lock(&self.world).fail = fail;
    }

    pub(super) fn tokens(&self) -> Vec<String> {
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
    let form: BTreeMap<String, String> = url::form_urlencoded::parse(&body).into_owned().collect();
    let action = form["Action"].as_str();
    let caller = headers.get("authorization").map(|value| {
        let text = value.to_str().unwrap();
        let credential = text.split("Credential=").nth(1).unwrap();
        credential.split('/').next().unwrap().to_owned()
    });
    let missing = (StatusCode::NOT_FOUND, error("NoSuchEntity"));
    match action {
        "GetOpenIDConnectProvider" => {
            let arn = &form["OpenIDConnectProviderArn"];
            assert_eq!(caller.as_deref(), arn.split(':').nth(4));
            let Some(clients) = world.providers.get(arn) else {
                return missing;
            };
            let members: String = clients
                .iter()
                .map(|client| format!("<member>{client}</member>"))
                .collect();
            answer(action, &format!("<ClientIDList>{members}</ClientIDList>"))
        }
        "GetRole" => {
            let (account, name) = (caller.unwrap(), form["RoleName"].clone());
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
        "AssumeRoleWithWebIdentity" => {
            assert_eq!(caller, None, "this call is not signed");
            world.tokens.push(form["WebIdentityToken"].clone());
            if world.deny {
                return (StatusCode::FORBIDDEN, error("AccessDenied"));
            }
            let credentials = "<Credentials><AccessKeyId>ASIA1</AccessKeyId>\
                               <SecretAccessKey>-</SecretAccessKey>\
                               <SessionToken>-</SessionToken></Credentials>";
            answer(action, credentials)
        }
        "GetCallerIdentity" => {
            assert_eq!(caller.as_deref(), Some("ASIA1"));
            answer(action, "<Account>1</Account>")
        }
        other => panic!("{other} is not simulated"),
    }
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
