//! The order of creation. Deletion is its reverse: nothing may start a function while setup
//! deletes, and nothing that setup needs may be deleted before.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::templates::template::{
    EXPEL, MAIN, MAINS, TREND, Template, VISION_ONE, argument, one_or_many, text, texts,
};

const SETUP: &str = "Setup";

#[test]
fn everything_comes_before_setup_or_after_it() {
    for name in MAINS {
        let template = Template::load(name);
        let before = template.needs(SETUP);
        for id in template.section("Resources").into_keys() {
            let after = template.needs(id).contains(SETUP);
            assert!(
                id == SETUP || before.contains(id) != after,
                "{name}: {id} is neither before nor after {SETUP}"
            );
        }
    }
}

#[test]
fn all_that_setup_needs_comes_before_it() {
    let template = Template::load(MAIN);
    let before = template.needs(SETUP);
    for kind in [
        "AWS::DynamoDB::Table",
        "AWS::IAM::ManagedPolicy",
        "AWS::IAM::Policy",
        "AWS::IAM::Role",
        "AWS::Lambda::Function",
        "AWS::Logs::LogGroup",
        "AWS::SecretsManager::Secret",
        "AWS::SNS::Subscription",
        "AWS::SNS::Topic",
        "AWS::SQS::Queue",
        "AWS::SQS::QueuePolicy",
    ] {
        let resources = template.of_type(kind);
        assert!(!resources.is_empty(), "no {kind}");
        // Only alarms publish to theirs, and they come last.
        for id in resources.into_keys().filter(|id| *id != "AlarmTopic") {
            assert!(before.contains(id), "{id} is not before {SETUP}");
        }
    }
}

#[test]
fn all_that_starts_a_function_comes_after_setup() {
    let template = Template::load(MAIN);
    for kind in [
        "AWS::Events::Rule",
        "AWS::Lambda::EventSourceMapping",
        "AWS::Lambda::Permission",
    ] {
        let resources = template.of_type(kind);
        assert!(!resources.is_empty(), "no {kind}");
        for id in resources.into_keys() {
            assert!(
                template.needs(id).contains(SETUP),
                "{id} is not after {SETUP}"
            );
        }
    }
}

#[test]
fn the_custom_resource_carries_the_release_and_every_setting_by_its_own_name() {
    for (name, key, reads_a_trail) in [
        (MAIN, Some("LaceworkSecretKey"), true),
        (EXPEL, None, true),
        (TREND, Some("ApiKey"), false),
        (VISION_ONE, Some("ApiKey"), false),
    ] {
        let template = Template::load(name);
        let setup = template.resource(SETUP);
        assert_eq!(setup["Type"], "Custom::TowerhookSetup");
        let mut properties = setup["Properties"].as_object().unwrap().clone();
        // CloudFormation's maximum, which the function also gets.
        let timeout = properties.remove("ServiceTimeout").unwrap();
        assert_eq!(
            timeout["Fn::FindInMap"],
            json!(["Towerhook", "Setup", "TimeoutSeconds"])
        );
        assert_eq!(
            template.body["Mappings"]["Towerhook"]["Setup"]["TimeoutSeconds"],
            "3600"
        );
        let function = &template.resource("SetupFunction")["Properties"];
        let told = &function["Environment"]["Variables"]["SERVICE_TIMEOUT_SECONDS"];
        assert_eq!(*told, timeout);
        assert_eq!(
            argument(&properties.remove("ServiceToken").unwrap()),
            "SetupFunction"
        );
        let release = properties.remove("Release").unwrap();
        assert_eq!(release["Fn::FindInMap"][1], "Release");
        if !reads_a_trail {
            assert_eq!(properties.remove("CapabilityType"), Some("Config".into()));
        }
        for (name, value) in &properties {
            assert_eq!(value["Ref"], **name);
        }
        // Parameters that take effect elsewhere in the template. The key stays out of the request.
        let elsewhere = [
            "ArtifactBucket",
            "ArtifactPrefix",
            "SetupObjectVersion",
            "AccountObjectVersion",
            "Architecture",
            "LogRetentionDays",
            "ReconcileRate",
            "AlarmEmail",
            "AlarmTopicArn",
            "SilenceAlarmHours",
            "KeepEvidence",
            "EvidenceBucket",
        ];
        let of_key = key.map(|key| [key, "AuthObjectVersion", "TokenRefreshRate"]);
        let given: BTreeSet<&str> = properties
            .keys()
            .map(String::as_str)
            .chain(elsewhere)
            .chain(of_key.into_iter().flatten())
            .collect();
        let parameters: BTreeSet<&str> = template.section("Parameters").into_keys().collect();
        assert_eq!(given, parameters, "{name}");
    }
}

#[test]
fn the_work_queue_reports_single_failures_and_outlasts_its_function() {
    let template = Template::load(MAIN);
    let mappings = template.of_type("AWS::Lambda::EventSourceMapping");
    assert_eq!(mappings.len(), 1);
    let mapping = mappings["WorkQueueMapping"];
    assert_eq!(argument(&mapping["FunctionName"]), "AccountFunction");
    assert_eq!(
        text(&mapping["FunctionResponseTypes"][0]),
        "ReportBatchItemFailures"
    );
    let queue = &template.resource(argument(&mapping["EventSourceArn"]))["Properties"];
    let function = &template.resource("AccountFunction")["Properties"];
    assert_eq!(
        queue["VisibilityTimeout"].as_u64().unwrap(),
        6 * function["Timeout"].as_u64().unwrap()
    );
    assert!(queue["RedrivePolicy"]["maxReceiveCount"].as_u64().unwrap() >= 5);
}

#[test]
fn every_rule_may_reach_its_target_and_its_dead_letter_queue() {
    let template = Template::load(MAIN);
    for (id, rule) in template.of_type("AWS::Events::Rule") {
        let arn = format!(
            "arn:${{AWS::Partition}}:events:${{AWS::Region}}:${{AWS::AccountId}}:rule/{}",
            argument(&rule["Name"])
        );
        for target in one_or_many(&rule["Targets"]) {
            let dead_letters = argument(&target["DeadLetterConfig"]["Arn"]);
            assert!(sources(&template, dead_letters).contains(&arn), "{id}");
            let target = argument(&target["Arn"]);
            match text(&template.resource(target)["Type"]) {
                "AWS::SQS::Queue" => assert!(sources(&template, target).contains(&arn), "{id}"),
                "AWS::Lambda::Function" => {
                    let allowed = template
                        .of_type("AWS::Lambda::Permission")
                        .into_values()
                        .any(|permission| {
                            argument(&permission["FunctionName"]) == target
                                && argument(&permission["SourceArn"]) == id
                        });
                    assert!(allowed, "{id}");
                }
                other => panic!("{id} targets {other}"),
            }
        }
    }
}

#[test]
fn the_fan_out_reaches_the_work_queue_as_it_is() {
    let template = Template::load(MAIN);
    let subscription = &template.resource("FanOutSubscription")["Properties"];
    assert_eq!(subscription["RawMessageDelivery"], true);
    let topic = argument(&subscription["TopicArn"]);
    assert!(sources(&template, argument(&subscription["Endpoint"])).contains(topic));
}

/// The allowed senders to a queue: the ARNs, or the logical ids, in the conditions of its policy.
/// Every statement that allows has such a condition.
fn sources(template: &Template, queue: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (id, policy) in template.of_type("AWS::SQS::QueuePolicy") {
        if !one_or_many(&policy["Queues"]).any(|named| argument(named) == queue) {
            continue;
        }
        let statements = template.statements(id).into_iter();
        for statement in statements.filter(|statement| statement["Effect"] == "Allow") {
            assert_eq!(statement["Action"], "sqs:SendMessage", "{id}");
            assert_eq!(argument(&statement["Resource"]), queue, "{id}");
            let condition: &Value = &statement["Condition"]["ArnEquals"]["aws:SourceArn"];
            assert!(!condition.is_null(), "{id}");
            let mut arns = Vec::new();
            texts(condition, "", &mut arns);
            found.extend(arns.into_iter().map(|(_, arn)| arn.to_owned()));
        }
    }
    found
}
