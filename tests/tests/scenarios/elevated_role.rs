//! The optional alarm on an elevated role uses the trail's log group, and goes without a trace.

use serde_json::{Value, json};
use towerhook_sandbox::Sandbox;
use towerhook_sandbox::aws_client::AwsClient;
use towerhook_sandbox::launch::{Parameters, Stack};
use towerhook_tests::{STACK_DEADLINE, options};

const TEMPLATE: &str = include_str!("../../../templates/elevated-role-alarm.template.yml");
const GROUP: &str = "aws-controltower/CloudTrailLogs";

async fn logs(aws: &AwsClient, operation: &str, body: Value) -> Value {
    let answer = aws.json("logs", "Logs_20140328", operation, body).await;
    answer.unwrap()
}

async fn filters(aws: &AwsClient) -> Vec<Value> {
    let found = logs(aws, "DescribeMetricFilters", json!({"logGroupName": GROUP})).await;
    found["metricFilters"].as_array().unwrap().clone()
}

async fn alarms(aws: &AwsClient) -> Vec<Value> {
    let body = json!({"MaxRecords": 100});
    let target = "GraniteServiceVersion20100801";
    let found = aws.json("monitoring", target, "DescribeAlarms", body).await;
    found.unwrap()["MetricAlarms"].as_array().unwrap().clone()
}

#[tokio::test]
async fn the_alarm_on_an_elevated_role_rests_on_the_trail_that_is_there() {
    let sandbox = Sandbox::start(options(), &|_| {}).await.unwrap();
    let (user, inside) = (sandbox.user().unwrap(), sandbox.inside().unwrap());
    let given = |all: &[(&str, &str)]| -> Parameters {
        let all = all.iter();
        all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    };
    let role = ("ElevatedRoleName", "AWSControlTowerExecution");
    let nobody = Stack::create(&user, &inside, "elevated", TEMPLATE, &given(&[role])).await;
    let refused = nobody.unwrap_err().to_string();
    assert!(refused.contains("or nobody is told"), "{refused}");

    logs(&inside, "CreateLogGroup", json!({"logGroupName": GROUP})).await;
    let parameters = given(&[role, ("AlarmEmail", "security@example.com")]);
    let stack = Stack::create(&user, &inside, "elevated", TEMPLATE, &parameters);
    let stack = stack.await.unwrap();
    let complete = stack.wait_for("CREATE_COMPLETE", STACK_DEADLINE);
    complete.await.unwrap();
    let made = filters(&inside).await;
    let pattern = made[0]["filterPattern"].as_str().unwrap();
    assert!(
        pattern.contains(r#""*/AWSControlTowerExecution""#),
        "{pattern}"
    );
    assert!(
        pattern.contains(r#"roleSessionName != "towerhook*""#),
        "{pattern}"
    );
    let metric = &made[0]["metricTransformations"][0]["metricName"];
    let alarm = &alarms(&inside).await[0];
    assert_eq!(&alarm["MetricName"], metric, "{alarm}");

    stack.delete().await.unwrap();
    let gone = stack.wait_for("DELETE_COMPLETE", STACK_DEADLINE);
    gone.await.unwrap();
    assert!(filters(&inside).await.is_empty());
    assert!(alarms(&inside).await.is_empty());
    sandbox.shutdown().await.unwrap();
}
