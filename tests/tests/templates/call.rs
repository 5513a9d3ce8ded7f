//! Permissions against calls. The emulator allows everything, so that a permission that is missing
//! would show in AWS only: here it fails a test.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use regex_lite::Regex;

use crate::template::{MAIN, Template, actions};

const SETUP: &str = "LaceworkSetupRole";
const ACCOUNT: &str = "LaceworkAccountRole";
const AUTH: &str = "LaceworkAuthRole";

/// Every operation of AWS that the functions call, and whose role has to allow it.
const CALLS: [(&str, &[&str]); 32] = [
    ("cloudformation:CreateStack", &[SETUP]),
    ("cloudformation:CreateStackInstances", &[SETUP, ACCOUNT]),
    ("cloudformation:CreateStackSet", &[SETUP]),
    ("cloudformation:DeleteStack", &[SETUP]),
    ("cloudformation:DeleteStackInstances", &[SETUP, ACCOUNT]),
    ("cloudformation:DeleteStackSet", &[SETUP]),
    ("cloudformation:DescribeStackSet", &[SETUP]),
    (
        "cloudformation:DescribeStackSetOperation",
        &[SETUP, ACCOUNT],
    ),
    ("cloudformation:DescribeStacks", &[SETUP]),
    ("cloudformation:ListStackInstances", &[SETUP, ACCOUNT]),
    ("cloudformation:ListStackSetOperationResults", &[SETUP]),
    ("cloudformation:UpdateStack", &[SETUP]),
    ("cloudformation:UpdateStackSet", &[SETUP]),
    ("cloudtrail:GetTrail", &[SETUP]),
    ("controltower:GetLandingZone", &[SETUP]),
    ("controltower:ListEnabledBaselines", &[ACCOUNT]),
    ("controltower:ListLandingZones", &[SETUP]),
    ("dynamodb:DeleteItem", &[SETUP, ACCOUNT]),
    ("dynamodb:GetItem", &[SETUP, ACCOUNT]),
    ("dynamodb:PutItem", &[SETUP, ACCOUNT]),
    ("dynamodb:Query", &[SETUP, ACCOUNT]),
    ("dynamodb:TransactWriteItems", &[SETUP, ACCOUNT]),
    ("lambda:Invoke", &[SETUP, ACCOUNT]),
    ("organizations:DescribeAccount", &[ACCOUNT]),
    ("organizations:ListAccounts", &[SETUP, ACCOUNT]),
    ("organizations:ListOrganizationalUnitsForParent", &[SETUP]),
    ("organizations:ListParents", &[SETUP, ACCOUNT]),
    ("organizations:ListRoots", &[SETUP]),
    ("secretsmanager:GetSecretValue", &[SETUP, ACCOUNT, AUTH]),
    ("secretsmanager:PutSecretValue", &[SETUP, AUTH]),
    ("sns:Publish", &[SETUP]),
    ("sqs:SendMessageBatch", &[ACCOUNT]),
];

/// What a role needs for what others do in its name.
const ALONG: [(&str, &[&str]); 8] = [
    // Lambda writes the log.
    ("logs:CreateLogStream", &[SETUP, ACCOUNT, AUTH]),
    ("logs:PutLogEvents", &[SETUP, ACCOUNT, AUTH]),
    // The event source mapping reads the queue.
    ("sqs:DeleteMessage", &[ACCOUNT]),
    ("sqs:GetQueueAttributes", &[ACCOUNT]),
    ("sqs:ReceiveMessage", &[ACCOUNT]),
    // StackSets takes the administration role from the caller.
    ("iam:GetRole", &[SETUP, ACCOUNT]),
    ("iam:PassRole", &[SETUP, ACCOUNT]),
    // What is made is marked as ours.
    ("cloudformation:TagResource", &[SETUP]),
];

/// The actions that IAM checks for an operation, by the service authorization reference.
fn checked(operation: &str) -> Vec<&str> {
    match operation {
        "lambda:Invoke" => vec!["lambda:InvokeFunction"],
        "sqs:SendMessageBatch" => vec!["sqs:SendMessage"],
        // The transaction puts and deletes.
        "dynamodb:TransactWriteItems" => vec!["dynamodb:PutItem", "dynamodb:DeleteItem"],
        other => vec![other],
    }
}

fn needed() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let mut needed: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for (operation, roles) in CALLS.iter().chain(&ALONG) {
        for role in *roles {
            needed.entry(*role).or_default().extend(checked(operation));
        }
    }
    needed
}

fn allowed(template: &Template, role: &str) -> BTreeSet<String> {
    let statements = template.statements(role).into_iter();
    statements.flat_map(actions).map(str::to_owned).collect()
}

#[test]
fn every_call_of_every_function_is_permitted() {
    let template = Template::load(MAIN);
    for (role, needed) in needed() {
        let allowed = allowed(&template, role);
        let missing: Vec<_> = needed
            .iter()
            .filter(|action| !allowed.contains(**action))
            .collect();
        assert!(missing.is_empty(), "{role} lacks {missing:?}");
    }
}

#[test]
fn every_permission_is_needed_by_a_call() {
    let template = Template::load(MAIN);
    let needed = needed();
    for role in [SETUP, ACCOUNT, AUTH] {
        let idle: Vec<_> = allowed(&template, role)
            .into_iter()
            .filter(|action| !needed[role].contains(action.as_str()))
            .collect();
        assert!(idle.is_empty(), "{role} does not need {idle:?}");
    }
}

/// The adapters name each operation once, as `service:Operation`, for their errors.
#[test]
fn the_calls_are_those_of_the_adapters() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/aws/src");
    let operation = Regex::new("\"([a-z]+:[A-Z][A-Za-z]+)\"").unwrap();
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(sources).unwrap() {
        let path = entry.unwrap().path();
        let tests = path.ends_with("testing.rs");
        if tests || path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        let operations = operation.captures_iter(code);
        found.extend(operations.map(|found| found[1].to_owned()));
    }
    let listed: BTreeSet<String> = CALLS.iter().map(|(call, _)| (*call).to_owned()).collect();
    assert_eq!(found, listed);
}
