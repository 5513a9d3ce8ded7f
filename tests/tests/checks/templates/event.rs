//! Which events reach the work queue, and how those of another Region are forwarded to this one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};
use towerhook_core::lifecycle::Trigger;

use crate::templates::security::stack_set_names;
use crate::templates::template::{ALL, FORWARD, MAIN, Template, argument, one_or_many, text};

const QUEUE: &str = "AWS::SQS::Queue";
const RULE: &str = "AWS::Events::Rule";

/// The management account in the samples.
const MANAGEMENT: &str = "111111111111";

/// Whether a rule's pattern matches the event: lists of texts only, which is all that ours use.
fn takes(pattern: &Value, event: &Value) -> bool {
    match pattern {
        Value::Object(fields) => fields
            .iter()
            .all(|(name, pattern)| takes(pattern, &event[name])),
        Value::Array(values) => values.iter().any(|value| {
            let own = value["Ref"] == "AWS::AccountId";
            value == event || own && event == MANAGEMENT
        }),
        other => panic!("not a pattern: {other}"),
    }
}

fn events() -> BTreeMap<String, (Value, Trigger)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("events");
    let files = std::fs::read_dir(folder).unwrap();
    files
        .map(|file| {
            let path = file.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let body = std::fs::read_to_string(path).unwrap();
            let trigger = Trigger::parse(&body).unwrap();
            (name, (serde_json::from_str(&body).unwrap(), trigger))
        })
        .collect()
}

/// The rules of a source: no two of them match the same event.
fn rules<'a>(template: &'a Template, source: &str) -> Vec<(&'a str, &'a Value)> {
    template
        .of_type(RULE)
        .into_iter()
        .filter(|(_, rule)| rule["EventPattern"]["source"][0] == source)
        .collect()
}

#[test]
fn whatever_is_understood_reaches_the_queue_once_and_nothing_else_does() {
    let template = Template::load(MAIN);
    for (file, (event, trigger)) in events() {
        let source = text(&event["source"]);
        // Ours are recognized by their StackSet's ARN, which is a prefix in the pattern.
        if source == "aws.cloudformation" {
            continue;
        }
        let rules = rules(&template, source);
        let taken = rules
            .iter()
            .filter(|(_, rule)| takes(&rule["EventPattern"], &event));
        // An event that is ignored for its content still matches; an unknown one does not.
        let unknown = matches!(&trigger, Trigger::Ignored { kind } if kind == source);
        assert_eq!(taken.count(), usize::from(!unknown), "{file}");
    }
}

/// Every event name in a rule's pattern has a meaning to the parser, and a sample.
#[test]
fn no_rule_takes_an_event_that_is_not_understood() {
    let template = Template::load(MAIN);
    let understood: BTreeSet<String> = events()
        .into_values()
        .filter(|(_, trigger)| !matches!(trigger, Trigger::Ignored { .. }))
        .filter_map(|(event, _)| event["detail"]["eventName"].as_str().map(str::to_owned))
        .collect();
    let named: BTreeSet<String> = template
        .of_type(RULE)
        .into_values()
        .flat_map(|rule| one_or_many(&rule["EventPattern"]["detail"]["eventName"]))
        .map(|name| text(name).to_owned())
        .collect();
    assert_eq!(named, understood);
}

#[test]
fn of_the_stack_sets_only_our_own_are_heard() {
    let template = Template::load(MAIN);
    let stack_sets = &template.resource("StackSetRule")["Properties"]["EventPattern"];
    let heard: BTreeSet<&str> = one_or_many(&stack_sets["detail"]["stack-set-arn"])
        .map(|arn| argument(&arn["prefix"]).split_once(":stackset/").unwrap().1)
        .collect();
    let ours = stack_set_names();
    assert_eq!(heard, ours.iter().map(String::as_str).collect());
    assert_eq!(
        stack_sets["detail-type"],
        json!(["CloudFormation StackSet StackInstance Status Change"])
    );
    assert_eq!(
        stack_sets["detail"]["status-details"]["detailed-status"],
        json!(["SUCCEEDED"])
    );
}

/// Another account that may put events on the bus cannot impersonate Control Tower, Organizations
/// or CloudFormation: the envelope's account is the sender's, whatever the event says.
#[test]
fn every_rule_takes_events_of_its_own_account_only() {
    let mut rules = 0;
    for name in ALL {
        let template = Template::load(name);
        for (id, rule) in template.of_type(RULE) {
            let Some(pattern) = rule.get("EventPattern") else {
                assert!(rule["ScheduleExpression"].is_object(), "{name}: {id}");
                continue;
            };
            rules += 1;
            assert_eq!(
                pattern["account"],
                json!([{"Ref": "AWS::AccountId"}]),
                "{name}: {id}"
            );
            // The same event from another account does not match.
            assert!(!takes(&pattern["account"], &json!("222222222222")));
        }
    }
    assert_eq!(rules, 17);
}

#[test]
fn another_region_forwards_exactly_what_the_home_region_takes() {
    let (main, forward) = (Template::load(MAIN), Template::load(FORWARD));
    let there = forward.of_type(RULE);
    assert_eq!(there.len(), 1);
    assert_eq!(
        there["Rule"]["EventPattern"],
        main.resource("OrganizationsRule")["Properties"]["EventPattern"]
    );
}

#[test]
fn the_forwarding_role_is_that_rules_and_may_reach_that_bus_only() {
    let template = Template::load(FORWARD);
    let bus = "arn:${AWS::Partition}:events:${HomeRegion}:${AWS::AccountId}:event-bus/default";
    let rule = &template.resource("Rule")["Properties"];
    let name = argument(&rule["Name"]);
    let rule_arn =
        format!("arn:${{AWS::Partition}}:events:${{AWS::Region}}:${{AWS::AccountId}}:rule/{name}");
    let targets: Vec<&Value> = one_or_many(&rule["Targets"]).collect();
    assert_eq!(targets.len(), 1);
    assert_eq!(argument(&targets[0]["Arn"]), bus);
    let role = argument(&targets[0]["RoleArn"]);
    assert_eq!(
        template
            .of_type("AWS::IAM::Role")
            .into_keys()
            .collect::<Vec<_>>(),
        [role]
    );

    let trust = &template.resource(role)["Properties"]["AssumeRolePolicyDocument"]["Statement"];
    assert_eq!(trust.as_array().unwrap().len(), 1);
    assert_eq!(trust[0]["Principal"]["Service"], "events.amazonaws.com");
    let condition = &trust[0]["Condition"];
    assert_eq!(
        argument(&condition["StringEquals"]["aws:SourceAccount"]),
        "AWS::AccountId"
    );
    assert_eq!(argument(&condition["ArnEquals"]["aws:SourceArn"]), rule_arn);

    let statements = template.statements(role);
    assert_eq!(statements.len(), 1);
    assert_eq!(statements[0]["Effect"], "Allow");
    assert_eq!(statements[0]["Action"], "events:PutEvents");
    assert_eq!(argument(&statements[0]["Resource"]), bus);
}

#[test]
fn what_cannot_be_forwarded_is_kept_encrypted_for_as_long_as_sqs_does() {
    let template = Template::load(FORWARD);
    let queues = template.of_type(QUEUE);
    assert_eq!(queues.len(), 1);
    let rule = &template.resource("Rule")["Properties"];
    let dead_letters = argument(&rule["Targets"][0]["DeadLetterConfig"]["Arn"]);
    let queue = queues[dead_letters];
    assert_eq!(queue["SqsManagedSseEnabled"], true);
    assert_eq!(queue["MessageRetentionPeriod"], 1_209_600);
    // The rule is created only once it may send there.
    assert!(template.needs("Rule").contains("DeadLetterQueuePolicy"));
    let statements = template.statements("DeadLetterQueuePolicy");
    assert_eq!(argument(&statements[0]["Resource"]), dead_letters);
    let source = argument(&statements[0]["Condition"]["ArnEquals"]["aws:SourceArn"]);
    assert!(source.ends_with(&format!(":rule/{}", argument(&rule["Name"]))));
}

/// The main template's output says whether the other template is needed, and where.
#[test]
fn the_main_template_names_the_region_that_the_other_one_asks_for() {
    let (main, forward) = (Template::load(MAIN), Template::load(FORWARD));
    let rule = &forward.body["Rules"]["ThisRegionHasTheEvents"]["Assertions"][0]["Assert"];
    let condition = &main.body["Conditions"]["HasOrganizationsEvents"];
    assert_eq!(rule, condition);
    assert_eq!(condition["Fn::Equals"][0]["Ref"], "AWS::Region");
    let region = text(&condition["Fn::Equals"][1]);

    let output = &main.body["Outputs"]["OrganizationsEvents"]["Value"]["Fn::If"];
    assert_eq!(output[0], "HasOrganizationsEvents");
    let words = text(&output[2]["Fn::Sub"]);
    assert!(
        words.contains(&format!("{FORWARD} in {region} ")),
        "{words}"
    );
}
