//! Just enough of CloudFormation, IAM, STS, Organizations and EventBridge for stacks in accounts.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use url::Url;

use crate::test_server::serve;

/// The one stack of each account.
type World = Arc<Mutex<BTreeMap<String, Stack>>>;

struct Stack {
    parameters: BTreeMap<String, String>,
    status: &'static str,
}

pub(super) struct Stacks {
    pub(super) url: Url,
    world: World,
}

impl Stacks {
    pub(super) fn start() -> Self {
        let world = World::default();
        let app = Router::new()
            .fallback(handle)
            .with_state(Arc::clone(&world));
        let url = serve(app);
        Self { url, world }
    }

    /// Parameters of the account's stack, if it has one.
    pub(super) fn parameters(&self, account: &str) -> Option<BTreeMap<String, String>> {
        let world = self.world.lock().unwrap();
        world.get(account).map(|stack| stack.parameters.clone())
    }
}

async fn handle(
    State(world): State<World>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, String) {
    if headers.contains_key("x-amz-target") {
        let answer = r#"{"FailedEntryCount": 0, "Account": {"State": "ACTIVE"}}"#;
        return (StatusCode::OK, answer.to_owned());
    }
    let form: BTreeMap<String, String> = url::form_urlencoded::parse(&body).into_owned().collect();
    let credential = headers["authorization"].to_str().unwrap();
    let key = credential.split("Credential=").nth(1).unwrap();
    let account = key.split('/').next().unwrap();
    let mut world = world.lock().unwrap();
    let action = form["Action"].as_str();
    let result = match action {
        "GetRole" => "<Role><AssumeRolePolicyDocument>cloudformation.amazonaws.com</AssumeRolePolicyDocument></Role>".to_owned(),
        // A session's key names its account here, where AWS's would say nothing.
        "AssumeRole" => format!(
            "<Credentials><AccessKeyId>{}</AccessKeyId><SecretAccessKey>-</SecretAccessKey>\
             <SessionToken>-</SessionToken></Credentials>",
            form["RoleArn"].split(':').nth(4).unwrap()
        ),
        "CreateStack" | "UpdateStack" => {
            let is_update = action == "UpdateStack";
            let stack = Stack {
                parameters: parameters(&form),
                status: if is_update {
                    "UPDATE_COMPLETE"
                } else {
                    "CREATE_COMPLETE"
                },
            };
            let had = world.insert(account.to_owned(), stack);
            assert_eq!(had.is_some(), is_update, "{action}");
            format!("<StackId>stack-of-{account}</StackId>")
        }
        "DeleteStack" => {
            world.remove(account).unwrap();
            String::new()
        }
        "DescribeStacks" => match world.get(account) {
            None => return (StatusCode::BAD_REQUEST, missing()),
            Some(Stack { status, .. }) => format!(
                "<Stacks><member><StackStatus>{status}</StackStatus></member></Stacks>"
            ),
        },
        "ValidateTemplate" => String::new(),
        other => panic!("{other} is not simulated"),
    };
    (
        StatusCode::OK,
        format!("<{action}Response><{action}Result>{result}</{action}Result></{action}Response>"),
    )
}

fn parameters(form: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let field = |number: u32, field: &str| form.get(&format!("Parameters.member.{number}.{field}"));
    (1..)
        .map_while(|number| {
            let key = field(number, "ParameterKey")?.clone();
            Some((key, field(number, "ParameterValue")?.clone()))
        })
        .collect()
}

fn missing() -> String {
    "<ErrorResponse><Error><Code>ValidationError</Code><Message>Stack does not exist</Message></Error></ErrorResponse>".to_owned()
}
