//! Names: none that a long stack name makes too long, none that is the vendor's, and no metrics
//! that two stacks share.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};
use towerhook_core::metrics::{Metric, NAMESPACE};
use towerhook_runtime::{metrics::Metrics, providers::Vendor};

use crate::templates::template::{ALL, FORWARD, HOSTS, MAIN, Template, one_or_many, text, texts};

/// CloudFormation's limit for a stack's name.
const STACK_NAME: usize = 128;

/// The last part of a stack's id, a UUID.
const STACK_UUID: &str = "!Select [2, !Split ['/', !Ref AWS::StackId]]";

/// The properties with which a template names a resource, and the service's limit.
const NAMES: [(&str, &str, usize); 12] = [
    ("AWS::CloudFormation::StackSet", "StackSetName", 128),
    ("AWS::CloudWatch::Alarm", "AlarmName", 255),
    ("AWS::DynamoDB::Table", "TableName", 255),
    ("AWS::Events::Rule", "Name", 64),
    ("AWS::IAM::ManagedPolicy", "ManagedPolicyName", 128),
    ("AWS::IAM::Policy", "PolicyName", 128),
    ("AWS::IAM::Role", "RoleName", 64),
    ("AWS::Lambda::Function", "FunctionName", 64),
    ("AWS::Logs::LogGroup", "LogGroupName", 512),
    ("AWS::SNS::Topic", "TopicName", 256),
    ("AWS::SQS::Queue", "QueueName", 80),
    ("AWS::SecretsManager::Secret", "Name", 512),
];

/// How long a name can become.
fn longest(name: &Value) -> usize {
    if let Some(name) = name.as_str() {
        return name.len();
    }
    if *name == json!({"Ref": "AWS::StackName"}) {
        return STACK_NAME;
    }
    let id = json!({"Ref": "AWS::StackId"});
    if *name == json!({"Fn::Select": [2, {"Fn::Split": ["/", id]}]}) {
        return 36;
    }
    let Some(sub) = name.get("Fn::Sub") else {
        panic!("say here how long this can become: {name}");
    };
    let mut parts = text(one_or_many(sub).next().unwrap()).split("${");
    let begin = parts.next().unwrap().len();
    let rest = parts.map(|part| {
        let (variable, literal) = part.split_once('}').unwrap();
        let value = match sub[1].get(variable) {
            Some(value) => longest(value),
            None => longest(&json!({ "Ref": variable })),
        };
        value + literal.len()
    });
    begin + rest.sum::<usize>()
}

#[test]
fn no_name_can_be_too_long_for_its_service() {
    for name in [MAIN, FORWARD, HOSTS] {
        let template = Template::load(name);
        let mut checked = 0;
        for (kind, property, limit) in NAMES {
            for (id, properties) in template.of_type(kind) {
                let Some(given) = properties.get(property) else {
                    continue;
                };
                let longest = longest(given);
                assert!(
                    longest <= limit,
                    "{name}: {id} can have {longest} characters"
                );
                checked += 1;
            }
        }
        assert!(checked > 0, "{name} names nothing");
    }
}

/// Catches names in other properties than those above.
#[test]
fn the_stacks_name_is_only_where_every_length_fits() {
    let fits = [
        "/LogGroupName/Fn::Sub",
        "/AlarmDescription/Fn::Sub",
        "/Environment/Variables/STACK_NAME/Ref",
        "/Dimensions/Value/Ref",
        "/DashboardName/Ref",
        "/DashboardBody/Fn::Sub",
        "/AccountHistoryQuery/Properties/Name/Fn::Sub",
        // The folder of the evidence.
        "/Statement/Fn::If/Resource/Fn::Sub",
        // The alarms' names begin with it, and have room for it.
        "/Condition/ArnLike/aws:SourceArn/Fn::Sub",
    ];
    for name in ALL {
        let template = Template::load(name);
        let mut found = Vec::new();
        texts(&template.body, "", &mut found);
        for (path, text) in found {
            assert!(
                !text.contains("AWS::StackName") || fits.iter().any(|end| path.ends_with(end)),
                "{name}{path}: {text}"
            );
        }
    }
}

/// A rule's name appears in three places, which must agree.
#[test]
fn every_id_in_a_name_is_the_end_of_the_stacks() {
    for name in [MAIN, FORWARD, HOSTS] {
        let template = Template::load(name);
        let count = |part: &str| template.text.matches(part).count();
        let used = count("${Id}");
        assert!(used > 0, "{name}");
        assert_eq!(count(&format!("- Id: {STACK_UUID}\n")), used, "{name}");
    }
}

#[test]
fn nothing_of_the_main_template_is_called_after_the_vendor() {
    let template = Template::load(MAIN);
    let functions = template.of_type("AWS::Lambda::Function").into_values();
    let variables = functions.flat_map(|function| {
        let variables = function["Environment"]["Variables"].as_object();
        variables.unwrap().keys().map(String::as_str)
    });
    let resources = template.section("Resources");
    let types = resources
        .values()
        .filter_map(|resource| text(&resource["Type"]).strip_prefix("Custom::"));
    let outputs = template.section("Outputs").into_keys();
    for name in resources
        .keys()
        .copied()
        .chain(types)
        .chain(variables)
        .chain(outputs)
    {
        assert!(
            !name.to_lowercase().starts_with("lacework"),
            "{name} begins with the vendor's name"
        );
    }
}

#[test]
fn every_alarm_watches_the_metrics_of_its_own_stack() {
    let template = Template::load(MAIN);
    let mut watched = BTreeSet::new();
    for (id, alarm) in template.of_type("AWS::CloudWatch::Alarm") {
        if alarm["Namespace"] != NAMESPACE {
            continue;
        }
        let dimensions: BTreeMap<&str, &Value> = one_or_many(&alarm["Dimensions"])
            .map(|dimension| (text(&dimension["Name"]), &dimension["Value"]))
            .collect();
        let stack = dimensions.get("Stack").map(|value| &value["Ref"]);
        assert_eq!(stack, Some(&json!("AWS::StackName")), "{id}");

        // For CloudWatch, metrics with other dimensions are other metrics.
        let name = text(&alarm["MetricName"]);
        let metric = Metric::ALL.iter().find(|metric| metric.name() == name);
        let metrics = Metrics::new("ours".to_owned(), Vendor::Lacework);
        let line = metrics.lines(Timestamp::UNIX_EPOCH, &[metric.unwrap().count(1)]);
        let line: Value = serde_json::from_slice(&line).unwrap();
        let emitted = &line["_aws"]["CloudWatchMetrics"][0];
        let names: BTreeSet<&str> = one_or_many(&emitted["Dimensions"][0]).map(text).collect();
        assert_eq!(line["Provider"], *dimensions["Provider"], "{id}");
        assert_eq!(names, dimensions.into_keys().collect(), "{id}");
        assert_eq!(line["Stack"], "ours", "{id}");
        watched.insert(name);
    }
    assert!(watched.len() > 6, "{watched:?}");
}
