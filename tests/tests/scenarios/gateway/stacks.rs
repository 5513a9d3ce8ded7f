//! CloudFormation's refusals and answers that the emulator alone would give differently.

use std::time::Duration;

use serde_json::{Value, json};
use towerhook_sandbox::aws_client::{Element, Method};

use crate::gateway::world::{MANAGEMENT, World, until};

impl World {
    async fn ask_for_stack(
        &self,
        action: &str,
        name: &str,
        template: &Value,
    ) -> Result<(), String> {
        let template = template.to_string();
        let params = [
            ("StackName", name),
            ("TemplateBody", &template),
            ("Capabilities.member.1", "CAPABILITY_NAMED_IAM"),
        ];
        let answer = self.cloudformation(action, &params).await;
        answer.map(|_| ()).map_err(|error| error.to_string())
    }

    /// The stack once no operation is running.
    async fn settled(&self, name: &str) -> Element {
        until("the stack is settled", async || {
            let params = [("StackName", name)];
            let answer = self.cloudformation("DescribeStacks", &params).await.ok()?;
            let mut stacks = answer.members("DescribeStacksResult/Stacks");
            let stack = stacks.next()?.clone();
            (!stack.text_at("StackStatus")?.ends_with("IN_PROGRESS")).then_some(stack)
        })
        .await
    }

    async fn status(&self, name: &str) -> String {
        let stack = self.settled(name).await;
        stack.text_at("StackStatus").unwrap().to_owned()
    }

    async fn events(&self, name: &str) -> String {
        let params = [("StackName", name)];
        let answer = self.cloudformation("DescribeStackEvents", &params).await;
        let answer = answer.unwrap();
        let events = answer.members("DescribeStackEventsResult/StackEvents");
        let reasons = events.filter_map(|event| event.text_at("ResourceStatusReason"));
        reasons.collect::<Vec<_>>().join("\n")
    }
}

fn output(stack: &Element, name: &str) -> String {
    let mut outputs = stack.members("Outputs");
    let output = outputs.find(|output| output.text_at("OutputKey") == Some(name));
    let value = output.and_then(|output| output.text_at("OutputValue"));
    value.unwrap().to_owned()
}

/// A role with a name, a secret, and a condition that looks up a mapping.
fn template(secret: &str) -> Value {
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
    json!({
        "Mappings": {"Home": {"aws": {"Region": "us-east-1"}, "aws-cn": {"Region": "cn-north-1"}}},
        "Conditions": {"IsHome": {"Fn::Equals": [
            {"Fn::FindInMap": ["Home", {"Ref": "AWS::Partition"}, "Region"]},
            {"Ref": "AWS::Region"}]}},
        "Resources": {
            "Role": {"Type": "AWS::IAM::Role", "Properties": {
                "RoleName": "taken", "AssumeRolePolicyDocument": trust}},
            "Secret": {"Type": "AWS::SecretsManager::Secret", "Properties": {"SecretString": secret}},
        },
        "Outputs": {
            "Secret": {"Value": {"Ref": "Secret"}},
            "Where": {"Value": {"Fn::If": ["IsHome", "at home", "abroad"]}},
        },
    })
}

#[tokio::test]
async fn stacks_are_made_changed_and_refused_as_by_cloudformation() {
    let world = World::new(0, Duration::ZERO).await;
    let one = template("first");
    world
        .ask_for_stack("CreateStack", "one", &one)
        .await
        .unwrap();
    let stack = world.settled("one").await;
    assert_eq!(stack.text_at("StackStatus"), Some("CREATE_COMPLETE"));
    assert_eq!(output(&stack, "Where"), "at home");
    let secret = output(&stack, "Secret");
    assert!(
        secret.starts_with("arn:aws:secretsmanager:us-east-1:"),
        "{secret}"
    );

    world
        .ask_for_stack("CreateStack", "two", &one)
        .await
        .unwrap();
    assert_eq!(world.status("two").await, "ROLLBACK_COMPLETE");
    let why = world.events("two").await;
    assert!(why.contains("Role with name taken already exists"), "{why}");
    let role = [("RoleName", "taken")];
    let role = world.client.query("iam", "GetRole", "2010-05-08", &role);
    role.await.unwrap();

    let mut kept = one.clone();
    kept["Resources"]["Secret"]["DeletionPolicy"] = "Retain".into();
    let refused = world.ask_for_stack("UpdateStack", "one", &kept).await;
    let refused = refused.unwrap_err();
    assert!(
        refused.contains("No updates are to be performed"),
        "{refused}"
    );

    let two = template("second");
    world
        .ask_for_stack("UpdateStack", "one", &two)
        .await
        .unwrap();
    let stack = world.settled("one").await;
    assert_eq!(stack.text_at("StackStatus"), Some("UPDATE_COMPLETE"));
    assert_eq!(output(&stack, "Secret"), secret);
    let value = async || {
        let request = json!({"SecretId": secret});
        let client = &world.client;
        client
            .json(
                "secretsmanager",
                "secretsmanager",
                "GetSecretValue",
                request,
            )
            .await
    };
    assert_eq!(value().await.unwrap()["SecretString"], "second");
    let name = [("StackName", "one")];
    world.cloudformation("DeleteStack", &name).await.unwrap();
    until("the secret is gone", async || value().await.err()).await;
}

/// On a Create, it answers FAILED, fails, and answers SUCCESS when it is retried.
const CHANGES_ITS_MIND: &str = r#"
import json, pathlib, tempfile, urllib.request
def handler(event, _context):
    seen = pathlib.Path(tempfile.gettempdir(), event["RequestId"])
    refuses = event["RequestType"] == "Create" and not seen.exists()
    seen.touch()
    answer = {key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")}
    answer |= {"Status": "FAILED" if refuses else "SUCCESS"}
    answer |= {"PhysicalResourceId": "one", "Reason": "not this time"}
    body = json.dumps(answer).encode()
    headers = {"content-type": ""}
    urllib.request.urlopen(urllib.request.Request(event["ResponseURL"], body, headers, method="PUT"))
    print("answered", answer["Status"])
    if refuses:
        raise SystemError("after the answer")
"#;

#[tokio::test]
async fn of_a_custom_resources_answers_the_first_one_counts() {
    let world = World::new(0, Duration::ZERO).await;
    let mut template = super::custom_resource();
    template["Resources"]["Function"]["Properties"]["Code"]["ZipFile"] = CHANGES_ITS_MIND.into();
    template.as_object_mut().unwrap().remove("Outputs");
    world
        .ask_for_stack("CreateStack", "custom", &template)
        .await
        .unwrap();
    assert_eq!(world.status("custom").await, "ROLLBACK_COMPLETE");
    let why = world.events("custom").await;
    assert!(why.contains("not this time"), "{why}");
    // The second answer to the Create, and the one to the rollback's Delete, were sent.
    let log = world.directory.path().join("functions/answers.log");
    let log = std::fs::read_to_string(log).unwrap();
    let given = log.lines().filter(|line| line.contains("answered SUCCESS"));
    assert_eq!(given.count(), 2);
}

/// A stack with a type that the emulator alone does not have.
fn identity_provider(properties: &Value) -> Value {
    json!({
        "Resources": {"Provider": {"Type": "AWS::IAM::OIDCProvider", "Properties": properties}},
        "Outputs": {
            "Ref": {"Value": {"Ref": "Provider"}},
            "Arn": {"Value": {"Fn::GetAtt": ["Provider", "Arn"]}},
        },
    })
}

/// The client ids of an identity provider; `None` if it does not exist.
async fn client_ids(world: &World, arn: &str) -> Option<Vec<String>> {
    let asked = [("OpenIDConnectProviderArn", arn)];
    let answer = world
        .client
        .query("iam", "GetOpenIDConnectProvider", "2010-05-08", &asked)
        .await
        .ok()?;
    let ids = answer.members("GetOpenIDConnectProviderResult/ClientIDList");
    Some(ids.map(|id| id.text.clone()).collect())
}

#[tokio::test]
async fn a_type_that_the_emulator_lacks_is_made_changed_replaced_and_deleted_as_by_cloudformation()
{
    let world = World::new(0, Duration::ZERO).await;
    let stack = async |action: &str, properties: Value| {
        let template = identity_provider(&properties);
        let asked = world.ask_for_stack(action, "oidc", &template).await;
        asked.unwrap();
        world.settled("oidc").await
    };
    let one = |ids: &[&str]| json!({"Url": "https://one.example.com", "ClientIdList": ids});
    let made = stack("CreateStack", one(&["first"])).await;
    assert_eq!(made.text_at("StackStatus"), Some("CREATE_COMPLETE"));
    let arn = output(&made, "Ref");
    assert_eq!(
        arn,
        format!("arn:aws:iam::{MANAGEMENT}:oidc-provider/one.example.com")
    );
    assert_eq!(output(&made, "Arn"), arn);
    assert_eq!(client_ids(&world, &arn).await.unwrap(), ["first"]);

    let changed = stack("UpdateStack", one(&["first", "second"])).await;
    assert_eq!(output(&changed, "Ref"), arn, "changed in place");
    assert_eq!(client_ids(&world, &arn).await.unwrap(), ["first", "second"]);

    let replaced = stack("UpdateStack", json!({"Url": "https://two.example.com"})).await;
    let other = output(&replaced, "Ref");
    assert_ne!(other, arn);
    assert_eq!(client_ids(&world, &arn).await, None, "the old one is gone");

    let refused = stack("UpdateStack", json!({"Uri": "https://three.example.com"})).await;
    assert_eq!(
        refused.text_at("StackStatus"),
        Some("UPDATE_ROLLBACK_COMPLETE")
    );
    let why = world.events("oidc").await;
    assert!(
        why.contains("extraneous key [Uri] is not permitted"),
        "{why}"
    );
    assert!(client_ids(&world, &other).await.is_some());

    let name = [("StackName", "oidc")];
    world.cloudformation("DeleteStack", &name).await.unwrap();
    until("the provider is gone", async || {
        client_ids(&world, &other).await.is_none().then_some(())
    })
    .await;
}

/// A stack of a function whose code is in a bucket.
fn function_from(bucket: &str, key: &str) -> Value {
    let mut template = super::custom_resource();
    template["Resources"]["Function"]["Properties"]["Code"] =
        json!({"S3Bucket": bucket, "S3Key": key});
    let resources = template["Resources"].as_object_mut().unwrap();
    resources.remove("Custom");
    template.as_object_mut().unwrap().remove("Outputs");
    template
}

#[tokio::test]
async fn a_function_whose_zip_is_missing_is_refused_at_once_with_lambdas_reason() {
    let world = World::new(0, Duration::ZERO).await;
    world.client.create_bucket("zips").await.unwrap();
    let put = world.client.rest(
        "s3",
        Method::PUT,
        "/zips/here.zip",
        "application/zip",
        b"zip".into(),
    );
    put.await.unwrap();
    let key = "S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist.";
    let bucket =
        "S3 Error Code: NoSuchBucket. S3 Error Message: The specified bucket does not exist";
    for (name, code, why) in [
        ("without-a-key", ("zips", "gone.zip"), key),
        ("without-a-bucket", ("nowhere", "here.zip"), bucket),
    ] {
        let template = function_from(code.0, code.1);
        let asked = world.ask_for_stack("CreateStack", name, &template);
        asked.await.unwrap();
        assert_eq!(world.status(name).await, "ROLLBACK_COMPLETE");
        let events = world.events(name).await;
        let reason = format!("\"Error occurred while GetObject. {why}");
        assert!(events.contains(&reason), "{events}");
        let name = [("StackName", name)];
        world.cloudformation("DeleteStack", &name).await.unwrap();
    }

    let good = function_from("zips", "here.zip");
    let asked = world.ask_for_stack("CreateStack", "good", &good);
    asked.await.unwrap();
    assert_eq!(world.status("good").await, "CREATE_COMPLETE");
    let bad = function_from("zips", "gone.zip");
    let asked = world.ask_for_stack("UpdateStack", "good", &bad);
    asked.await.unwrap();
    assert_eq!(world.status("good").await, "UPDATE_ROLLBACK_COMPLETE");
    let events = world.events("good").await;
    assert!(events.contains(key), "{events}");
}

#[tokio::test]
async fn a_template_is_found_by_either_address_of_its_bucket() {
    let world = World::new(0, Duration::ZERO).await;
    world.client.create_bucket("templates").await.unwrap();
    let body = template("first").to_string();
    let object = "/templates/v/1/one.yml";
    let put = world
        .client
        .rest("s3", Method::PUT, object, "text/yaml", body.into());
    put.await.unwrap();
    for url in [
        "https://s3.us-east-1.amazonaws.com/templates/v/1/one.yml",
        "https://templates.s3.us-east-1.amazonaws.com/v/1/one.yml",
        "https://templates.s3.amazonaws.com/v/1/one.yml",
    ] {
        let url = [("TemplateURL", url)];
        let validated = world.cloudformation("ValidateTemplate", &url);
        validated.await.unwrap();
    }
    let other = "https://others.s3.us-east-1.amazonaws.com/v/1/one.yml";
    let other = [("TemplateURL", other)];
    let refused = world.cloudformation("ValidateTemplate", &other);
    let refused = refused.await.unwrap_err().to_string();
    assert!(refused.contains("not found at"), "{refused}");
}
