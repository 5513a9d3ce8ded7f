//! A sandbox, and what is asked of its CloudFormation, its topics and its simulator.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use towerhook_package::target_directory;
use towerhook_sandbox::aws_client::{AwsClient, AwsError};
use towerhook_sandbox::gateway::stack_sets::{InstanceView, OperationStatus};
use towerhook_sandbox::landing_zone::{EXECUTION_ROLE, Role};
use towerhook_sandbox::providers::lacework::{PRINCIPAL_ARN, REGISTRATION_TOPIC, TENANT};
use towerhook_sandbox::{MANAGEMENT_ACCOUNT, Options, Sandbox};
use uuid::Uuid;

/// The account of Lacework's platform.
pub(crate) const VENDOR: &str = "434813966438";

const ROLE: &str = "acme-laceworkcwsrole-sa";
const SET: &str = "Members";
const DEADLINE: Duration = Duration::from_secs(60);

pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    user: AwsClient,
    inside: AwsClient,
    http: reqwest::Client,
}

/// What became of a stack.
pub(crate) struct Settled {
    pub(crate) status: String,
    /// Why its resource failed, if it did.
    pub(crate) reason: String,
}

/// Values of parameters by key; nothing for one that is to keep its value.
pub(crate) type Values<'a> = [(&'a str, Option<&'a str>)];

impl World {
    pub(crate) async fn new() -> Self {
        let mut options = Options::below(&target_directory().unwrap());
        options.accounts = 5;
        options.operation_delay = Duration::from_millis(10);
        let sandbox = Sandbox::start(options, &|_| {}).await.unwrap();
        Self {
            user: sandbox.user().unwrap(),
            inside: sandbox.inside().unwrap(),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            sandbox,
        }
    }

    /// Two ordinary accounts.
    pub(crate) fn members(&self) -> [String; 2] {
        let accounts = self.sandbox.landing_zone.accounts().iter();
        let members: Vec<_> = accounts
            .filter(|account| account.role == Role::Member)
            .map(|account| account.id.clone())
            .collect();
        [members[0].clone(), members[1].clone()]
    }

    /// A new access token of an hour.
    pub(crate) async fn token(&self) -> String {
        let parameters = self.sandbox.parameters();
        let url = self.sandbox.simulator.url().join("api/v2/access/tokens");
        let key = &parameters["LaceworkAccessKeyId"];
        let request = self
            .http
            .post(url.unwrap())
            .header("X-LW-UAKS", &parameters["LaceworkSecretKey"])
            .json(&json!({"keyId": key, "expiryTime": 3600}));
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        answer["token"].as_str().unwrap().to_owned()
    }

    async fn cloudformation(
        &self,
        action: &str,
        form: &[(String, String)],
    ) -> Result<towerhook_sandbox::aws_client::Element, AwsError> {
        self.user
            .query("cloudformation", action, "2010-05-15", form)
            .await
    }

    pub(crate) async fn create_stack_set(
        &self,
        template: &Value,
        values: &Values<'_>,
    ) -> Result<(), AwsError> {
        let mut form = stack_set_form();
        form.push(pair("TemplateBody", &template.to_string()));
        form.extend(parameters("Parameters", values));
        self.cloudformation("CreateStackSet", &form).await?;
        Ok(())
    }

    pub(crate) async fn update_stack_set(&self, values: &Values<'_>) -> OperationStatus {
        let operation = Uuid::new_v4().to_string();
        let mut form = stack_set_form();
        form.push(pair("UsePreviousTemplate", "true"));
        form.push(pair("OperationId", &operation));
        form.extend(parameters("Parameters", values));
        self.cloudformation("UpdateStackSet", &form).await.unwrap();
        self.ended(&operation).await
    }

    /// An operation on an account's instance, with a token of its own, and how it ended.
    pub(crate) async fn instance_operation(
        &self,
        action: &str,
        account: &str,
        token: Option<&str>,
    ) -> OperationStatus {
        let operation = Uuid::new_v4().to_string();
        let mut form = vec![
            pair("StackSetName", SET),
            pair("OperationId", &operation),
            pair("Regions.member.1", self.user.region()),
            pair("RetainStacks", "false"),
            pair("Accounts.member.1", account),
        ];
        if token.is_some() {
            form.extend(parameters("ParameterOverrides", &[("Token", token)]));
        }
        self.cloudformation(action, &form).await.unwrap();
        self.ended(&operation).await
    }

    async fn ended(&self, operation: &str) -> OperationStatus {
        let end = Instant::now() + DEADLINE;
        loop {
            let set = self.sandbox.gateway.stack_sets().get(SET).unwrap();
            let found = set.operations.iter().find(|one| one.id == operation);
            let status = found.unwrap().status;
            if status.is_final() {
                return status;
            }
            assert!(Instant::now() < end, "{found:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) fn instance(&self, account: &str) -> Option<InstanceView> {
        let set = self.sandbox.gateway.stack_sets().get(SET).unwrap();
        set.instances.into_iter().find(|one| one.account == account)
    }

    pub(crate) async fn has_role(&self, account: &str) -> bool {
        let account = self.inside.account(account);
        let role = account
            .query("iam", "GetRole", "2010-05-08", &[("RoleName", ROLE)])
            .await;
        match role {
            Ok(_) => true,
            Err(error) if error.is("NoSuchEntity") => false,
            Err(error) => panic!("{error}"),
        }
    }

    /// A topic of the vendor's that `publisher` may publish to.
    pub(crate) async fn topic(&self, name: &str, publisher: &str) -> String {
        let vendor = self.inside.account(VENDOR);
        let arn = format!("arn:aws:sns:{}:{VENDOR}:{name}", vendor.region());
        let policy = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "sns:Publish", "Principal": {"AWS": publisher},
            "Resource": arn,
        }]});
        let form = [
            pair("Name", name),
            pair("Attributes.entry.1.key", "Policy"),
            pair("Attributes.entry.1.value", &policy.to_string()),
        ];
        vendor
            .query("sns", "CreateTopic", "2010-03-31", &form)
            .await
            .unwrap();
        arn
    }

    /// A queue in the vendor's account that is subscribed to a topic.
    pub(crate) async fn listen(&self, topic: &str) -> String {
        let vendor = self.inside.account(VENDOR);
        let arn = format!("arn:aws:sqs:{}:{VENDOR}:listener", vendor.region());
        let policy = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn,
            "Principal": {"Service": "sns.amazonaws.com"},
        }]});
        let request =
            json!({"QueueName": "listener", "Attributes": {"Policy": policy.to_string()}});
        let queue = vendor
            .json("sqs", "AmazonSQS", "CreateQueue", request)
            .await
            .unwrap();
        let form = [
            pair("TopicArn", topic),
            pair("Protocol", "sqs"),
            pair("Endpoint", &arn),
        ];
        vendor
            .query("sns", "Subscribe", "2010-03-31", &form)
            .await
            .unwrap();
        queue["QueueUrl"].as_str().unwrap().to_owned()
    }

    /// The next message of a queue.
    pub(crate) async fn receive(&self, queue: &str) -> Value {
        let vendor = self.inside.account(VENDOR);
        let end = Instant::now() + DEADLINE;
        loop {
            let request = json!({"QueueUrl": queue, "WaitTimeSeconds": 1});
            let answer = vendor
                .json("sqs", "AmazonSQS", "ReceiveMessage", request)
                .await
                .unwrap();
            if let Some(body) = answer["Messages"][0]["Body"].as_str() {
                let handle = &answer["Messages"][0]["ReceiptHandle"];
                let request = json!({"QueueUrl": queue, "ReceiptHandle": handle});
                vendor
                    .json("sqs", "AmazonSQS", "DeleteMessage", request)
                    .await
                    .unwrap();
                return serde_json::from_str(body).unwrap();
            }
            assert!(Instant::now() < end, "nothing came");
        }
    }

    pub(crate) async fn put(&self, url: &str, body: &Value) {
        let request = self.http.put(url).body(body.to_string());
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
    }

    /// Makes a stack in the management account; its id.
    pub(crate) async fn create_stack(&self, name: &str, template: &Value) -> String {
        let form = [
            pair("StackName", name),
            pair("TemplateBody", &template.to_string()),
            pair("Capabilities.member.1", "CAPABILITY_NAMED_IAM"),
        ];
        let answer = self.cloudformation("CreateStack", &form).await.unwrap();
        answer.find("StackId").unwrap().text.clone()
    }

    pub(crate) async fn update_stack(&self, id: &str, template: &Value) {
        let form = [
            pair("StackName", id),
            pair("TemplateBody", &template.to_string()),
            pair("Capabilities.member.1", "CAPABILITY_NAMED_IAM"),
        ];
        self.cloudformation("UpdateStack", &form).await.unwrap();
    }

    pub(crate) async fn delete_stack(&self, id: &str) {
        let form = [pair("StackName", id)];
        self.cloudformation("DeleteStack", &form).await.unwrap();
    }

    pub(crate) async fn settled(&self, id: &str) -> Settled {
        let form = [pair("StackName", id)];
        let end = Instant::now() + DEADLINE;
        loop {
            let answer = self.cloudformation("DescribeStacks", &form).await.unwrap();
            let status = answer.find("StackStatus").unwrap().text.clone();
            if !status.ends_with("_IN_PROGRESS") {
                let events = self
                    .cloudformation("DescribeStackEvents", &form)
                    .await
                    .unwrap();
                let reason = events
                    .members("DescribeStackEventsResult/StackEvents")
                    .filter(|event| {
                        event
                            .text_at("ResourceStatus")
                            .unwrap()
                            .ends_with("_FAILED")
                    })
                    .find_map(|event| event.text_at("ResourceStatusReason"))
                    .unwrap_or_default()
                    .to_owned();
                return Settled { status, reason };
            }
            assert!(Instant::now() < end, "{id} is {status}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What the listener heard, as the stack's output says.
    pub(crate) async fn output(&self, id: &str) -> String {
        let form = [pair("StackName", id)];
        let answer = self.cloudformation("DescribeStacks", &form).await.unwrap();
        answer.find("OutputValue").unwrap().text.clone()
    }
}

fn stack_set_form() -> Vec<(String, String)> {
    let administration =
        format!("arn:aws:iam::{MANAGEMENT_ACCOUNT}:role/service-role/AWSControlTowerStackSetRole");
    vec![
        pair("StackSetName", SET),
        pair("Capabilities.member.1", "CAPABILITY_NAMED_IAM"),
        pair("AdministrationRoleARN", &administration),
        pair("ExecutionRoleName", EXECUTION_ROLE),
        pair("ManagedExecution.Active", "true"),
    ]
}

fn parameters(name: &str, values: &Values<'_>) -> Vec<(String, String)> {
    (1..)
        .zip(values)
        .flat_map(|(number, (key, value))| {
            let field = |field: &str| format!("{name}.member.{number}.{field}");
            [
                pair(&field("ParameterKey"), key),
                match value {
                    Some(value) => pair(&field("ParameterValue"), value),
                    None => pair(&field("UsePreviousValue"), "true"),
                },
            ]
        })
        .collect()
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// A role for the vendor, and the registration of the account that it is in.
pub(crate) fn member_template() -> Value {
    let external_id = format!("lweid:aws:v2:{TENANT}:0123456789");
    json!({
        "Parameters": {"Suffix": {"Type": "String"}, "Token": {"Type": "String", "NoEcho": true}},
        "Resources": {
            "Role": {"Type": "AWS::IAM::Role", "Properties": {
                "RoleName": ROLE,
                "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [{
                    "Effect": "Allow", "Action": "sts:AssumeRole",
                    "Principal": {"AWS": PRINCIPAL_ARN},
                    "Condition": {"StringEquals": {"sts:ExternalId": external_id}}}]}}},
            "Registration": {"Type": "Custom::LaceworkSnsCustomResource", "Properties": {
                "ServiceToken": {"Fn::Sub":
                    format!("arn:aws:sns:${{AWS::Region}}:{VENDOR}:{REGISTRATION_TOPIC}")},
                "ServiceTimeout": 60,
                "Type": "AWS_CFG",
                "IntegrationName": {"Fn::Sub": "Config-${Suffix}-${AWS::AccountId}"},
                "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
                "ExternalId": external_id,
                "ApiToken": {"Ref": "Token"},
                "Account": TENANT,
                "TemplateVersion": "1.1",
                "AWSAccountId": {"Ref": "AWS::AccountId"},
            }},
        },
    })
}

/// A custom resource with these properties, and what it heard.
pub(crate) fn stack_template(properties: &Value) -> Value {
    json!({
        "Resources": {"Resource": {"Type": "Custom::Listened", "Properties": properties}},
        "Outputs": {"Heard": {"Value": {"Fn::GetAtt": ["Resource", "Heard"]}}},
    })
}
