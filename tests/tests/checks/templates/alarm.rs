//! The alarms: each fires at the first occurrence, on metrics that the functions really emit.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use towerhook_core::enrollment::Reply;

use crate::templates::template::{MAIN, Template, argument, one_or_many, text};

const ALARM: &str = "AWS::CloudWatch::Alarm";

/// How soon a new key must be tried, and its failure reported.
const SOON: u64 = 300;
/// How often CloudWatch evaluates an alarm.
const LOOK: u64 = 60;

#[test]
fn every_alarm_fires_at_the_first_sign_and_is_quiet_without_one() {
    let template = Template::load(MAIN);
    for (id, alarm) in template.of_type(ALARM) {
        assert_eq!(alarm["EvaluationPeriods"], 1, "{id}");
        assert!(alarm.get("DatapointsToAlarm").is_none(), "{id}");
        // A sliding window, which CloudWatch evaluates every minute, and not at the end of a
        // period.
        assert!(alarm.get("EvaluationWindow").is_none(), "{id}");
        assert_eq!(alarm["Threshold"], 0, "{id}");
        assert_eq!(alarm["ComparisonOperator"], "GreaterThanThreshold", "{id}");
        assert_eq!(alarm["TreatMissingData"], "notBreaching", "{id}");
        let description = argument(&alarm["AlarmDescription"]);
        assert!(!description.is_empty(), "{id}");
    }
}

#[test]
fn what_a_pass_cannot_do_alone_has_an_alarm() {
    let template = Template::load(MAIN);
    let alarms = template.of_type(ALARM);
    let on: BTreeMap<&str, &Value> = alarms
        .into_values()
        .map(|alarm| (text(&alarm["MetricName"]), alarm))
        .collect();
    let counted = |reply: &Reply| -> BTreeSet<&str> {
        let counts = reply.counts().into_iter();
        counts
            .filter(|(_, count)| *count > 0)
            .map(|(name, _)| name)
            .collect()
    };
    for (metric, reply) in [
        ("SourcesUnreadable", Reply::Requeued { unreadable: 1 }),
        ("PassesWithoutDeployment", Reply::NoDeployment),
    ] {
        assert!(counted(&reply).contains(metric), "{metric}");
        let alarm = on[metric];
        assert_eq!(
            alarm["Dimensions"],
            json!([
                {"Name": "Stack", "Value": {"Ref": "AWS::StackName"}},
                {"Name": "Function", "Value": "account"},
            ]),
            "{metric}"
        );
        // Most passes are over single accounts, and do not report it again.
        assert_eq!(alarm["Statistic"], "Maximum", "{metric}");
        assert_eq!(alarm["Period"], 3600, "{metric}");
    }
}

#[test]
fn every_function_has_an_alarm_on_its_errors() {
    let template = Template::load(MAIN);
    let mut watched = BTreeSet::new();
    for (id, alarm) in template.of_type(ALARM) {
        if alarm["Namespace"] != "AWS/Lambda" {
            continue;
        }
        // A timeout counts, too.
        assert_eq!(alarm["MetricName"], "Errors", "{id}");
        assert_eq!(alarm["Statistic"], "Sum", "{id}");
        assert_eq!(alarm["Period"], SOON, "{id}");
        let dimensions: Vec<&Value> = one_or_many(&alarm["Dimensions"]).collect();
        assert_eq!(dimensions.len(), 1, "{id}");
        assert_eq!(dimensions[0]["Name"], "FunctionName", "{id}");
        let function = argument(&dimensions[0]["Value"]);
        let group = &template.resource(function)["Properties"]["LoggingConfig"]["LogGroup"];
        let log = &template.resource(argument(group))["Properties"]["LogGroupName"];
        let description = argument(&alarm["AlarmDescription"]);
        assert!(
            description.ends_with(&format!("{}.", argument(log))),
            "{id}"
        );
        assert!(description.contains("running out of time counts"), "{id}");
        watched.insert(function);
    }
    let functions = template.of_type("AWS::Lambda::Function");
    assert_eq!(watched, functions.into_keys().collect());
}

/// CloudFormation calls no function when only a key's secret changes: the schedule finds the
/// change.
#[test]
fn a_new_key_is_tried_and_its_failure_told_within_minutes() {
    let template = Template::load(MAIN);
    let rate = text(&template.body["Parameters"]["TokenRefreshRate"]["Default"]);
    let minutes = rate.strip_prefix("rate(").unwrap();
    let minutes: u64 = minutes.strip_suffix(" minutes)").unwrap().parse().unwrap();
    let auth = &template.resource("AuthFunction")["Properties"];
    let longest = auth["Timeout"].as_u64().unwrap();
    assert!(minutes * 60 + longest + LOOK <= SOON, "{rate}");
    let alarm = &template.resource("TokenAlarm")["Properties"];
    assert_eq!(alarm["MetricName"], "TokenFailures");
    assert_eq!(alarm["Statistic"], "Sum");
    // Not shorter than the schedule, or the alarm would flap.
    assert_eq!(alarm["Period"], SOON);
}
