//! Makes a function call AWS, and reads its report.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Map, Value, json};
use towerhook_core::custom_resource::physical_id;
use towerhook_sandbox::aws_client::Method;
use towerhook_tests::options;
use towerhook_tests::scene::{Scene, until};
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::permission::template::{MAIN, Template};

/// A scene whose functions are invoked one by one.
pub(crate) struct Stage {
    pub(crate) scene: Scene,
    /// The custom resource's properties, with the values of the stack's parameters.
    properties: Map<String, Value>,
    /// Where setup answers.
    answers: MockServer,
}

impl Stage {
    pub(crate) async fn open(parameters: &[(&str, &str)]) -> Self {
        let mut options = options();
        options.stores = vec!["production".to_owned()];
        // The stack's own request is older than all that follow.
        options.requests_late_by = Duration::from_secs(600);
        let scene = Scene::open_with(options, parameters).await;
        let mut values = scene.sandbox.parameters();
        for (name, value) in parameters {
            values.insert((*name).to_owned(), (*value).to_owned());
        }
        let template = Template::load(MAIN);
        let declared = template.section("Parameters");
        let properties = template.resource("Setup")["Properties"]
            .as_object()
            .unwrap();
        let properties = properties.iter().filter_map(|(name, value)| {
            let parameter = value["Ref"].as_str()?;
            let value = match values.get(parameter) {
                Some(value) => json!(value),
                None => declared[parameter]["Default"].clone(),
            };
            Some((name.clone(), value))
        });
        let answers = MockServer::start().await;
        Mock::given(method("PUT"))
            .respond_with(ResponseTemplate::new(200))
            .mount(&answers)
            .await;
        Self {
            properties: properties.collect(),
            scene,
            answers,
        }
    }

    /// Invokes a function and waits for it; returns its error, if it ends with one.
    pub(crate) async fn invoke(&self, function: &str, payload: &Value) -> Option<Value> {
        let name = self.scene.function_name(function).await;
        let path = format!("/2015-03-31/functions/{name}/invocations");
        let body = payload.to_string().into_bytes();
        let inside = self.scene.inside();
        let answer = inside
            .rest("lambda", Method::POST, &path, "application/json", body)
            .await
            .unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
        answer.get("errorMessage").is_some().then_some(answer)
    }

    /// An Update of the custom resource with these properties changed: `None` if setup succeeds,
    /// its Reason if it fails.
    pub(crate) async fn update(&self, changes: &[(&str, &str)]) -> Option<String> {
        let before = self.answers.received_requests().await.unwrap().len();
        self.invoke("setup", &self.request(changes)).await;
        until("setup has answered", async || {
            self.answers.received_requests().await.unwrap().len() > before
        })
        .await;
        let answers = self.answers.received_requests().await.unwrap();
        let answer: Value = serde_json::from_slice(&answers[before].body).unwrap();
        (answer["Status"] == "FAILED").then(|| answer["Reason"].as_str().unwrap().to_owned())
    }

    pub(crate) fn request(&self, changes: &[(&str, &str)]) -> Value {
        let mut properties = self.properties.clone();
        for (name, value) in changes {
            properties.insert((*name).to_owned(), json!(value));
        }
        json!({
            "RequestType": "Update",
            "ResponseURL": self.answer_address(),
            "StackId": self.scene.stack.id,
            "RequestId": jiff::Timestamp::now().to_string(),
            "ResourceType": "Custom::TowerhookSetup",
            "LogicalResourceId": "Setup",
            "PhysicalResourceId": physical_id(&self.scene.stack.id),
            "ResourceProperties": properties,
            "OldResourceProperties": self.properties,
        })
    }

    /// As for a request that was sent so long ago that IAM's refusals do not count as permissions
    /// that are still propagating.
    fn answer_address(&self) -> String {
        let sent = jiff::Timestamp::now() - jiff::SignedDuration::from_mins(2);
        format!(
            "{}/?X-Amz-Date={}",
            self.answers.uri(),
            sent.strftime("%Y%m%dT%H%M%SZ")
        )
    }

    /// Puts a message into the work queue.
    pub(crate) async fn send(&self, message: &Value) {
        let url = self.scene.stack.output("WorkQueueUrl").await.unwrap();
        let request = json!({"QueueUrl": url, "MessageBody": message.to_string()});
        let inside = self.scene.inside();
        inside
            .json("sqs", "AmazonSQS", "SendMessage", request)
            .await
            .unwrap();
    }

    /// Parks work that three passes have taken without finishing.
    pub(crate) async fn leave_what_ends_every_pass(&self) {
        let parked = r#"gone/0 {"towerhook":{"scope":"all"}}"#;
        let change = json!({
            "Key": {"kind": {"S": "deployment"}, "id": {"S": "current"}},
            "UpdateExpression": "SET parked = :parked, begun = :begun",
            "ExpressionAttributeValues": {
                ":parked": {"SS": [parked]},
                ":begun": {"SS": ["pass/one", "pass/two", "pass/three"]},
            },
        });
        self.ledger("UpdateItem", change).await;
    }

    /// The schedule's message.
    pub(crate) async fn look_at_everything(&self) {
        let message = json!({"towerhook": {"scope": "all", "reason": "schedule"}});
        self.send(&message).await;
    }

    /// A lifecycle event about one account.
    pub(crate) async fn look_at(&self, name: &str) {
        self.scene
            .publish_file("update-managed-account", name)
            .await;
    }

    /// Deletes a StackSet and its only instance, as an administrator would by hand.
    pub(crate) async fn remove_stack_set(&self, stack_set: &str, account: &str) {
        let sets = self.scene.sandbox.gateway.stack_sets();
        let find = || {
            let mut all = sets.all().into_iter();
            all.find(|set| set.name.contains(stack_set))
        };
        let set = find().unwrap();
        let region = self.scene.sandbox.landing_zone.region();
        let by_hand = async |action: &str, params: &[(&str, &str)]| {
            let user = self.scene.sandbox.user().unwrap();
            let mut params = params.to_vec();
            params.push(("StackSetName", &set.name));
            user.query("cloudformation", action, "2010-05-15", &params)
                .await
        };
        let account = self.scene.account(account).id;
        let instance = [
            ("Accounts.member.1", account.as_str()),
            ("Regions.member.1", region),
            ("RetainStacks", "false"),
        ];
        by_hand("DeleteStackInstances", &instance).await.unwrap();
        until("the StackSet is gone", async || {
            by_hand("DeleteStackSet", &[]).await.is_ok() && find().is_none()
        })
        .await;
    }

    /// Deletes the management account's own stack.
    pub(crate) async fn remove_management_stack(&self) {
        let inside = self.scene.inside();
        let find = async || {
            let answer = inside
                .query(
                    "cloudformation",
                    "DescribeStacks",
                    "2010-05-15",
                    &[] as &[(&str, &str)],
                )
                .await
                .unwrap();
            answer
                .members("DescribeStacksResult/Stacks")
                .filter_map(|stack| stack.text_at("StackName"))
                .find(|name| name.contains("Config-Member"))
                .map(str::to_owned)
        };
        let Some(name) = find().await else {
            return;
        };
        let request = [("StackName", name.as_str())];
        inside
            .query("cloudformation", "DeleteStack", "2010-05-15", &request)
            .await
            .unwrap();
        until("the stack is gone", async || find().await.is_none()).await;
    }

    /// Deletes all items of the ledger, as an administrator would by hand; returns them.
    pub(crate) async fn empty_ledger(&self) -> Vec<Value> {
        let items = self.ledger("Scan", json!({})).await;
        let items = items["Items"].as_array().unwrap().clone();
        for item in &items {
            let key = json!({"Key": {"kind": item["kind"], "id": item["id"]}});
            self.ledger("DeleteItem", key).await;
        }
        items
    }

    /// Puts items into the ledger, replacing existing ones.
    pub(crate) async fn fill_ledger(&self, items: &[Value]) {
        for item in items {
            self.ledger("PutItem", json!({"Item": item})).await;
        }
    }

    async fn ledger(&self, operation: &str, mut request: Value) -> Value {
        let table = self.scene.stack.output("LedgerTableName").await.unwrap();
        request["TableName"] = json!(table);
        self.scene
            .inside()
            .json("dynamodb", "DynamoDB_20120810", operation, request)
            .await
            .unwrap()
    }

    /// A function's log so far, line by line, each with its time.
    pub(crate) async fn lines(&self, function: &str) -> BTreeSet<String> {
        let log = self.scene.log(function).await;
        log.iter().map(Value::to_string).collect()
    }

    /// Waits until the function logs the denial of a call, as a warning or an error, and increments
    /// one of these metrics.
    pub(crate) async fn denial(
        &self,
        function: &str,
        call: &str,
        before: &BTreeSet<String>,
        metrics: &[&str],
    ) {
        let what = format!("{function} logs the denial of {call}");
        until(&what, async || {
            let log = self.scene.log(function).await;
            let news: Vec<&Value> = log
                .iter()
                .filter(|line| !before.contains(&line.to_string()))
                .collect();
            let told = news.iter().any(|line| {
                let loud = line["level"] == "WARN" || line["level"] == "ERROR";
                let text = line.to_string();
                loud && text.contains(call) && text.contains("AccessDenied")
            });
            let counted = news.iter().any(|line| {
                let mut counts = metrics.iter().filter_map(|name| line[*name].as_u64());
                counts.any(|count| count > 0)
            });
            told && counted
        })
        .await;
    }
}
