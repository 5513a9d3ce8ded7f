//! The gateway in front of a real emulator: its responses fit AWS's own models, and its additions
//! to the emulator behave as AWS documents.

mod permission;
mod stack_sets;
mod stacks;
mod world;

use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use towerhook_package::python::virtual_environment;
use towerhook_sandbox::aws_client::{AwsError, NO_PARAMS};
use towerhook_sandbox::emulator::REQUIREMENTS;
use towerhook_sandbox::emulator::logs::function_log;
use towerhook_sandbox::gateway::Fault;
use towerhook_sandbox::gateway::organizations::AccountFields;
use towerhook_tests::options;
use towerhook_tests::python::boto3;
use world::{MANAGEMENT, World, until};

#[tokio::test]
async fn answers_fit_the_models_of_the_aws_sdk() {
    let world = World::new(24, Duration::from_secs(1)).await;
    let suspended = &world.members[1];
    world
        .organizations("CloseAccount", json!({"AccountId": suspended}))
        .await
        .unwrap();
    let topic = "arn:aws:sns:us-east-1:333333333333:aws-controltower-AllConfigNotifications";
    let trail = json!({"Name": "aws-controltower-BaselineCloudTrail", "S3BucketName": "logs", "SnsTopicName": topic});
    world
        .client
        .json("cloudtrail", "CloudTrail_20131101", "CreateTrail", trail)
        .await
        .unwrap();
    let Output {
        status,
        stdout,
        stderr,
    } = tokio::process::Command::new(boto3().await)
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/python/gateway_check.py"
        ))
        .arg(world.gateway.url().as_str())
        .args([MANAGEMENT, &world.members[0], suspended])
        .output()
        .await
        .unwrap();
    let (stdout, stderr) = (
        String::from_utf8_lossy(&stdout),
        String::from_utf8_lossy(&stderr),
    );
    assert!(status.success(), "{stdout}\n{stderr}");
    assert!(stdout.contains("operations fit"), "{stdout}");
}

#[tokio::test]
async fn no_line_of_a_function_is_lost_when_the_machine_is_busy() {
    let python = virtual_environment(&options().virtual_environment, REQUIREMENTS).await;
    let Output { status, stderr, .. } = tokio::process::Command::new(python.unwrap())
        .arg("-B")
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/python/function_output_check.py"
        ))
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../crates/sandbox/src/emulator"
        ))
        .output()
        .await
        .unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
}

#[tokio::test]
async fn faults_hit_the_calls_they_name_and_every_call_is_counted() {
    let world = World::new(0, Duration::ZERO).await;
    let faults = world.gateway.faults();
    let before = world.gateway.calls();

    faults.inject("organizations", "ListAccounts", Fault::Throttle, 1);
    let throttled = world.organizations("ListAccounts", json!({})).await;
    assert!(throttled.unwrap_err().is("TooManyRequestsException"));
    world
        .organizations("ListAccounts", json!({}))
        .await
        .unwrap();

    faults.inject("cloudformation", "*", Fault::ServerError, 1);
    let broken = world.cloudformation("ListStackSets", NO_PARAMS).await;
    assert!(broken.unwrap_err().is("InternalFailure"));

    let unit = |name: &str| json!({"QueueName": name});
    let create = async |name: &str| {
        world
            .client
            .json("sqs", "AmazonSQS", "CreateQueue", unit(name))
            .await
    };
    let exists = async |name: &str| {
        world
            .client
            .json("sqs", "AmazonSQS", "GetQueueUrl", unit(name))
            .await
            .is_ok()
    };
    faults.inject("sqs", "CreateQueue", Fault::Reset, 1);
    assert!(matches!(
        create("never").await,
        Err(AwsError::Unreachable { .. })
    ));
    assert!(!exists("never").await, "a reset call reaches nothing");
    faults.inject("sqs", "CreateQueue", Fault::LostReply, 1);
    assert!(matches!(
        create("lost").await,
        Err(AwsError::Unreachable { .. })
    ));
    assert!(exists("lost").await, "only the answer was lost");
    faults.inject(
        "sqs",
        "CreateQueue",
        Fault::Delay(Duration::from_millis(200)),
        1,
    );
    let start = Instant::now();
    create("late").await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(200));
    assert_eq!(faults.pending(), 0);

    let calls = world.gateway.calls();
    let more = |name: &str| calls.get(name).unwrap_or(&0) - before.get(name).unwrap_or(&0);
    assert_eq!(more("organizations:ListAccounts"), 2);
    assert_eq!(more("sqs:CreateQueue"), 3);
    // The gateway's own requests are not counted.
    assert_eq!(more("organizations:ListParents"), 0);
}

#[tokio::test]
async fn accounts_are_described_as_the_switches_say() {
    let world = World::new(1, Duration::ZERO).await;
    let member = world.members[0].as_str();
    let describe = async || {
        let request = json!({"AccountId": member});
        world.organizations("DescribeAccount", request).await
    };
    let organizations = world.gateway.organizations();

    organizations.set_account_fields(AccountFields::Status);
    let account = describe().await.unwrap()["Account"].take();
    assert_eq!(account["Status"], "ACTIVE");
    assert!(account.get("State").is_none() && account.get("Paths").is_none());

    organizations.set_account_fields(AccountFields::All);
    organizations.set_account_state(member, "PENDING_CLOSURE");
    let account = describe().await.unwrap()["Account"].take();
    assert_eq!(account["State"], "PENDING_CLOSURE");
    assert_eq!(account["Status"], "PENDING_CLOSURE");

    organizations.set_empty_first_page(true);
    let first = world
        .organizations("ListAccounts", json!({}))
        .await
        .unwrap();
    assert_eq!(first["Accounts"], json!([]));
    let rest = json!({"NextToken": first["NextToken"]});
    let rest = world.organizations("ListAccounts", rest).await.unwrap();
    assert_eq!(rest["Accounts"].as_array().unwrap().len(), 2);

    let request = json!({"AccountId": member});
    world
        .organizations("RemoveAccountFromOrganization", request)
        .await
        .unwrap();
    let gone = describe().await.unwrap_err();
    assert!(gone.is("AccountNotFoundException"), "{gone}");
}

/// A template with a function and a custom resource that it answers for.
fn custom_resource() -> Value {
    let code = include_str!("../../../python/answering_function.py");
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
    let log = json!({"PolicyName": "Log", "PolicyDocument": {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
         "Resource": {"Fn::GetAtt": ["Log", "Arn"]}}]}});
    let get = |name: &str| json!({"Fn::GetAtt": name.split('.').collect::<Vec<_>>()});
    json!({
        "Resources": {
            "Role": {"Type": "AWS::IAM::Role", "Properties": {
                "AssumeRolePolicyDocument": trust, "Policies": [log]}},
            "Log": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/aws/lambda/answers"}},
            "Function": {"Type": "AWS::Lambda::Function", "DependsOn": "Log", "Properties": {
                "FunctionName": "answers", "Runtime": "python3.12", "Handler": "index.handler",
                "Role": get("Role.Arn"), "Code": {"ZipFile": code}}},
            "Custom": {"Type": "Custom::Answer", "Properties": {
                "ServiceToken": get("Function.Arn"), "ServiceTimeout": "30"}},
        },
        "Outputs": {
            "Process": {"Value": get("Custom.Process")},
            "Endpoint": {"Value": get("Custom.Endpoint")},
        },
    })
}

#[tokio::test]
async fn functions_answer_through_the_gateway_log_and_end_with_the_emulator() {
    let world = World::new(0, Duration::ZERO).await;
    world
        .gateway
        .faults()
        .inject("custom-resource", "PutResponse", Fault::Reset, 1);
    let template = custom_resource().to_string();
    let params = [
        ("StackName", "custom"),
        ("TemplateBody", &template),
        ("Capabilities.member.1", "CAPABILITY_IAM"),
    ];
    world.cloudformation("CreateStack", &params).await.unwrap();
    let stack = until("the stack is complete", async || {
        let answer = world
            .cloudformation("DescribeStacks", &[("StackName", "custom")])
            .await
            .unwrap();
        let status = answer.find("StackStatus").unwrap().text.clone();
        assert!(!status.contains("ROLLBACK"), "{answer:?}");
        (status == "CREATE_COMPLETE").then_some(answer)
    })
    .await;
    let output = |name: &str| {
        stack
            .members("DescribeStacksResult/Stacks")
            .flat_map(|stack| stack.members("Outputs"))
            .find(|output| output.text_at("OutputKey") == Some(name))
            .and_then(|output| output.text_at("OutputValue"))
            .unwrap()
            .to_owned()
    };
    let endpoint: String = output("Endpoint");
    assert_eq!(endpoint, world.gateway.url().as_str().trim_end_matches('/'));
    assert_eq!(world.gateway.calls()["custom-resource:PutResponse"], 2);

    let log = until("the invocation is logged", async || {
        let lines = function_log(&world.client, "/aws/lambda/answers")
            .await
            .unwrap();
        lines
            .iter()
            .any(|line| line.message.starts_with("END"))
            .then_some(lines)
    })
    .await;
    let has = |text: &str| log.iter().any(|line| line.message.contains(text));
    assert!(has("handling Create") && has("not answered"), "{log:?}");

    let process = format!("/proc/{}/stat", output("Process"));
    let running = || {
        std::fs::read_to_string(&process)
            .is_ok_and(|stat| !stat.rsplit(") ").next().unwrap().starts_with('Z'))
    };
    assert!(running(), "the function's process waits for its next event");
    let World {
        gateway, emulator, ..
    } = world;
    gateway.shutdown().await;
    emulator.shutdown().await.unwrap();
    until("the function's process is gone", async || {
        (!running()).then_some(())
    })
    .await;
}
