//! The alarms: each fires as soon as it can mean something, on metrics that the functions really write,
//! and tells whoever is to be told.

use std::collections::{BTreeMap, BTreeSet};

use regex_lite::Regex;
use serde_json::{Value, json};
use towerhook_core::{enrollment::Reply, metrics::Metric};

use crate::templates::template::{MAIN, MAINS, Template, argument, one_or_many, text};

const ALARM: &str = "AWS::CloudWatch::Alarm";

/// What has to last before its alarm can mean something.
const LASTING: [&str; 4] = [
    "OldestMessageAlarm",
    "SilenceAlarm",
    "TokenSilenceAlarm",
    "UnwatchedAccountsAlarm",
];

/// How soon a new key must be tried, and its failure reported.
const SOON: u64 = 300;
/// How often CloudWatch evaluates an alarm.
const LOOK: u64 = 60;

#[test]
fn every_alarm_fires_at_the_first_sign_and_is_quiet_without_one() {
    let template = Template::load(MAIN);
    let alarms = template.of_type(ALARM).into_iter();
    for (id, alarm) in alarms.filter(|(id, _)| !LASTING.contains(id)) {
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
fn silence_breaches_after_as_many_hours_as_the_parameter_says() {
    let template = Template::load(MAIN);
    for (id, metric, statistic) in [
        ("SilenceAlarm", Metric::OrganizationCompared, "Sum"),
        ("TokenSilenceAlarm", Metric::TokensIssued, "SampleCount"),
    ] {
        let alarm = &template.resource(id)["Properties"];
        assert_eq!(alarm["MetricName"], metric.name(), "{id}");
        assert_eq!(alarm["Statistic"], statistic, "{id}");
        assert_eq!(alarm["Period"], 3600, "{id}");
        assert_eq!(
            alarm["EvaluationPeriods"],
            json!({"Ref": "SilenceAlarmHours"}),
            "{id}"
        );
        assert_eq!(alarm["Threshold"], 1, "{id}");
        assert_eq!(alarm["ComparisonOperator"], "LessThanThreshold", "{id}");
        assert_eq!(alarm["TreatMissingData"], "breaching", "{id}");
    }
    // CloudWatch looks back a week at most.
    let hours = &template.body["Parameters"]["SilenceAlarmHours"];
    let hours = Regex::new(text(&hours["AllowedPattern"])).unwrap();
    let allowed = (0..200).filter(|count: &u32| hours.is_match(&count.to_string()));
    assert!(allowed.eq(1..=7 * 24));
}

/// Every account is unwatched for a while after its arrival.
#[test]
fn an_account_is_missed_after_a_day_in_which_every_comparison_found_it_unwatched() {
    let template = Template::load(MAIN);
    let alarm = &template.resource("UnwatchedAccountsAlarm")["Properties"];
    assert_eq!(alarm["MetricName"], Metric::AccountsUnwatched.name());
    assert_eq!(alarm["Statistic"], "Minimum");
    let [period, periods] = ["Period", "EvaluationPeriods"].map(|key| alarm[key].as_u64().unwrap());
    assert_eq!(period * periods, 24 * 3600);
    assert!(alarm.get("DatapointsToAlarm").is_none());
    assert_eq!(alarm["TreatMissingData"], "notBreaching");
}

#[test]
fn every_alarm_tells_the_address_and_the_topic_of_its_parameters_and_when_all_is_well() {
    let told = json!([
        {"Fn::If": ["HasAlarmEmail", {"Ref": "AlarmTopic"}, {"Ref": "AWS::NoValue"}]},
        {"Fn::If": ["HasAlarmTopic", {"Ref": "AlarmTopicArn"}, {"Ref": "AWS::NoValue"}]},
    ]);
    for name in MAINS {
        let template = Template::load(name);
        for (id, alarm) in template.of_type(ALARM) {
            for actions in ["AlarmActions", "OKActions"] {
                assert_eq!(alarm[actions], told, "{name}: {id}");
            }
        }
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
        let measured = reply.measurements().into_iter();
        let positive = measured.filter(|one| one.values.iter().any(|value| *value > 0));
        positive.map(|one| one.metric.name()).collect()
    };
    for (metric, reply) in [
        ("SourcesUnreadable", Reply::Requeued { unreadable: 1 }),
        ("PassesWithoutDeployment", Reply::NoDeployment),
    ] {
        assert!(counted(&reply).contains(metric), "{metric}");
        let alarm = on[metric];
        // Most passes are over single accounts, and do not report it again.
        assert_eq!(alarm["Statistic"], "Maximum", "{metric}");
        assert_eq!(alarm["Period"], 3600, "{metric}");
    }
}

#[test]
fn every_function_has_an_alarm_on_its_errors_and_one_on_its_throttles() {
    let template = Template::load(MAIN);
    let (mut watched, mut throttled) = (BTreeSet::new(), BTreeSet::new());
    for (id, alarm) in template.of_type(ALARM) {
        if alarm["Namespace"] != "AWS/Lambda" {
            continue;
        }
        if alarm["MetricName"] == "Throttles" {
            throttled.insert(argument(&alarm["Dimensions"][0]["Value"]));
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
    assert_eq!(throttled, watched);
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
