//! The alarm on an elevated role: its filter is tried against records as CloudTrail writes them.
//!
//! Source of the records: docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-integration.html and
//! docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-aws-console-sign-in-events.html.

use serde_json::{Value, json};

use super::filter_pattern::matches;
use super::template::{ELEVATED_ROLE, Template, text};

const ROLE: &str = "Elevated";
/// The longest filter pattern.
///
/// Source: docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutMetricFilter.html.
const LONGEST: usize = 1024;

/// The pattern for a role, with these sessions of automation.
fn pattern(role: &str, sessions: &[&str]) -> String {
    let template = Template::load(ELEVATED_ROLE);
    let filter = &template.resource("ElevatedRoleTaken")["Properties"];
    resolved(&filter["FilterPattern"], role, sessions)
}

/// A text with the functions and parameters that the pattern uses.
fn resolved(value: &Value, role: &str, sessions: &[&str]) -> String {
    if let Some(join) = value.get("Fn::Join") {
        let parts: Vec<String> = match &join[1] {
            Value::Array(parts) => parts
                .iter()
                .map(|part| resolved(part, role, sessions))
                .collect(),
            split => {
                let list = json!({"Fn::Split": [",", {"Ref": "ExpectedSessions"}]});
                assert_eq!(split, &list);
                sessions.iter().map(|&session| session.to_owned()).collect()
            }
        };
        return parts.join(text(&join[0]));
    }
    let plain = value.get("Fn::Sub").unwrap_or(value);
    let filled = text(plain).replace("${ElevatedRoleName}", role);
    assert!(!filled.contains("${"), "{filled}");
    filled
}

fn assumed(event: &str, role: &str, session: &str) -> Value {
    json!({
        "eventVersion": "1.08",
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/jane"},
        "eventSource": "sts.amazonaws.com",
        "eventName": event,
        "sourceIPAddress": "192.0.2.7",
        "requestParameters": {
            "roleArn": format!("arn:aws:iam::444455556666:role/{role}"),
            "roleSessionName": session,
        },
    })
}

fn switched(role: &str) -> Value {
    json!({
        "userIdentity": {
            "type": "AssumedRole",
            "arn": format!("arn:aws:sts::444455556666:assumed-role/{role}/jane"),
        },
        "eventSource": "signin.amazonaws.com",
        "eventName": "SwitchRole",
        "sourceIPAddress": "192.0.2.7",
        "requestParameters": null,
        "responseElements": {"SwitchRole": "Success"},
        "additionalEventData": {"SwitchFrom": "arn:aws:iam::111122223333:user/jane"},
    })
}

fn with(mut record: Value, field: &str, value: &str) -> Value {
    record[field] = value.into();
    record
}

#[test]
fn whoever_takes_the_role_is_found_and_automation_is_not() {
    let pattern = pattern(ROLE, &["towerhook*", "pipeline"]);
    for taken in [
        assumed("AssumeRole", ROLE, "jane"),
        assumed("AssumeRole", &format!("teams/core/{ROLE}"), "jane"),
        assumed("AssumeRoleWithSAML", ROLE, "jane@example.com"),
        assumed(
            "AssumeRoleWithWebIdentity",
            ROLE,
            "pipeline-of-somebody-else",
        ),
        switched(ROLE),
    ] {
        assert!(matches(&pattern, &taken), "{pattern}\n{taken:#}");
    }
    let service = "cloudformation.amazonaws.com";
    for left_alone in [
        assumed("AssumeRole", ROLE, "pipeline"),
        assumed("AssumeRole", ROLE, "towerhook"),
        assumed("AssumeRole", &format!("Not{ROLE}"), "jane"),
        assumed("GetCallerIdentity", ROLE, "jane"),
        with(
            assumed("AssumeRole", ROLE, "jane"),
            "sourceIPAddress",
            service,
        ),
        with(
            assumed("AssumeRole", ROLE, "jane"),
            "errorCode",
            "AccessDenied",
        ),
        switched("Other"),
        with(switched(ROLE), "eventName", "ExitRole"),
    ] {
        assert!(!matches(&pattern, &left_alone), "{pattern}\n{left_alone:#}");
    }
}

#[test]
fn the_longest_parameters_fit_into_a_pattern() {
    let (role, session) = ("R".repeat(64), "s".repeat(31) + "*");
    let longest = pattern(&role, &[session.as_str(); 6]);
    assert!(longest.len() <= LONGEST, "{}", longest.len());
}
