//! Permissions against calls: each function's role allows exactly what its program can call, and
//! `docs/permissions.md` documents it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use regex_lite::Regex;
use serde_json::Value;

use crate::templates::linked::operations;
use crate::templates::reason::{ALONG, BY_HAND, CALLS};
use crate::templates::template::{
    EXPEL, EXPEL_TRAIL, MAIN, MAINS, TREND, Template, VISION_ONE, actions, argument, one_or_many,
    text,
};

/// The actions that IAM checks for an operation, by the service authorization reference.
fn checked(operation: &str) -> Vec<&str> {
    match operation {
        "lambda:Invoke" => vec!["lambda:InvokeFunction"],
        "sqs:SendMessageBatch" => vec!["sqs:SendMessage"],
        // The transaction puts, deletes and updates.
        "dynamodb:TransactWriteItems" => vec![
            "dynamodb:PutItem",
            "dynamodb:DeleteItem",
            "dynamodb:UpdateItem",
        ],
        // With the role that the function assumes for them.
        "s3:GetBucketNotification" | "s3:PutBucketNotification" => Vec::new(),
        other => vec![other],
    }
}

/// A function with its role, as the template links them.
struct Function {
    /// The program's name, such as `account`.
    name: String,
    description: String,
    /// The role's logical id.
    role: String,
}

fn functions(template: &Template) -> Vec<Function> {
    let functions = template.of_type("AWS::Lambda::Function").into_values();
    let mut functions: Vec<Function> = functions
        .map(|function| {
            let key = argument(&function["Code"]["S3Key"]);
            let zip = key.rsplit('/').next().unwrap();
            Function {
                name: zip.strip_suffix(".zip").unwrap().to_owned(),
                description: text(&function["Description"]).to_owned(),
                role: argument(&function["Role"]).to_owned(),
            }
        })
        .collect();
    functions.sort_by_key(|function| function.name.clone());
    functions
}

/// Why a function needs each action: for its own calls, and for calls made on its behalf.
fn needed(function: &str) -> BTreeMap<String, Vec<String>> {
    let mut needed: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for operation in &operations()[function] {
        let why = reason(operation);
        for action in checked(operation) {
            let call = if action == operation {
                why.to_owned()
            } else {
                format!("`{operation}`: {why}")
            };
            needed.entry(action.to_owned()).or_default().push(call);
        }
    }
    for (action, functions, why) in ALONG {
        if functions.contains(&function) {
            let whys = needed.entry(action.to_owned()).or_default();
            whys.push(why.to_owned());
        }
    }
    needed
}

fn reason(operation: &str) -> &'static str {
    let found = CALLS.iter().find(|(call, _)| *call == operation);
    found
        .unwrap_or_else(|| panic!("a function can call {operation}: say what for in reason.rs"))
        .1
}

/// A role's statement, with the policy that contains it.
struct Statement<'a> {
    policy: String,
    statement: &'a Value,
}

fn statements<'a>(template: &'a Template, role: &str) -> Vec<Statement<'a>> {
    let own = template.own_statements(role).into_iter();
    let mut statements: Vec<Statement<'_>> = own
        .map(|statement| Statement {
            policy: role.to_owned(),
            statement,
        })
        .collect();
    for policy in template.policies(role) {
        statements.extend(
            template
                .own_statements(policy)
                .into_iter()
                .map(|statement| Statement {
                    policy: policy.to_owned(),
                    statement,
                }),
        );
    }
    statements
}

/// A program serves every vendor, and each vendor's template allows what the vendor needs.
#[test]
fn every_call_of_every_function_is_permitted() {
    let mut allowed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for template in MAINS.map(Template::load) {
        for Function { name, role, .. } in functions(&template) {
            let statements = template.statements(&role).into_iter();
            let of_this = statements.flat_map(actions).map(str::to_owned);
            allowed.entry(name).or_default().extend(of_this);
        }
    }
    for (name, allowed) in &allowed {
        let missing: Vec<_> = needed(name)
            .into_keys()
            .filter(|action| !allowed.contains(action))
            .collect();
        assert!(missing.is_empty(), "{name} lacks {missing:?}");
    }
}

#[test]
fn the_role_that_functions_assume_may_do_what_they_assume_it_for() {
    let template = Template::load(EXPEL_TRAIL);
    let statements = template.own_statements("NotifierRole").into_iter();
    let allowed: BTreeSet<&str> = statements.flat_map(actions).collect();
    let assumed =
        |operation: &&String| operation.starts_with("s3:") && *operation != "s3:PutObject";
    for function in ["setup", "account"] {
        let called: BTreeSet<&str> = operations()[function]
            .iter()
            .filter(assumed)
            .map(String::as_str)
            .collect();
        assert_eq!(allowed, called, "{function}");
    }
}

#[test]
fn every_permission_is_needed_by_a_call() {
    for template in MAINS.map(Template::load) {
        for Function { name, role, .. } in functions(&template) {
            let needed = needed(&name);
            for Statement { statement, .. } in statements(&template, &role) {
                let idle: Vec<&str> = actions(statement)
                    .into_iter()
                    .filter(|action| !needed.contains_key(*action))
                    .collect();
                assert!(idle.is_empty(), "{role} does not need {idle:?}");
                assert!(statement["Sid"].is_string(), "{role}: {statement}");
            }
        }
    }
}

/// Without a key, a function has the same permissions but those, and the role to assume in Log
/// Archive.
#[test]
fn what_a_vendor_does_not_have_takes_no_permission() {
    let [all, less, keyed, also_keyed] = MAINS.map(|name| {
        let template = Template::load(name);
        let roles = ["SetupRole", "AccountRole"].into_iter();
        let statements = roles.flat_map(|role| template.statements(role));
        let allowed = statements.flat_map(actions).map(str::to_owned);
        allowed.collect::<BTreeSet<String>>()
    });
    let services = |actions: &BTreeSet<String>| -> BTreeSet<String> {
        let services = actions.iter().filter_map(|action| action.split_once(':'));
        services.map(|(service, _)| service.to_owned()).collect()
    };
    let more: Vec<&String> = less.difference(&all).collect();
    assert_eq!(more, ["sts:AssumeRole"]);
    let without: BTreeSet<String> = services(&all)
        .difference(&services(&less))
        .cloned()
        .collect();
    let expected = ["secretsmanager"].map(str::to_owned);
    assert_eq!(without, expected.into());

    // With a key, and without a trail.
    assert!(keyed.is_subset(&all), "{:?}", keyed.difference(&all));
    let without: BTreeSet<String> = services(&all)
        .difference(&services(&keyed))
        .cloned()
        .collect();
    let expected = ["cloudtrail"].map(str::to_owned);
    assert_eq!(without, expected.into());
    assert_eq!(also_keyed, keyed);
}

#[test]
fn a_reason_is_given_for_every_call_and_for_no_other() {
    let linked: BTreeSet<&str> = operations()
        .values()
        .flatten()
        .map(String::as_str)
        .collect();
    let explained: BTreeSet<&str> = CALLS.iter().map(|(call, _)| *call).collect();
    assert_eq!(explained, linked);
}

/// The adapters name each operation that they call as `service:Operation` in their errors, so an
/// administrator can identify a denied call.
#[test]
fn the_calls_are_those_of_the_adapters() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/aws/src");
    let operation = Regex::new("\"([a-z0-9]+:[A-Z][A-Za-z]+)\"").unwrap();
    let mut named = BTreeSet::new();
    let mut open = vec![sources];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(
                fs::read_dir(path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
            continue;
        }
        let tests = path.ends_with("testing.rs") || path.ends_with("tests.rs");
        if tests || path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        let operations = operation.captures_iter(code);
        named.extend(operations.map(|found| found[1].to_owned()));
    }
    let mut called: BTreeSet<String> = operations().values().flatten().cloned().collect();
    called.extend(BY_HAND.map(|(call, _)| call.to_owned()));
    assert_eq!(named, called);
}

#[test]
fn the_document_is_what_templates_and_programs_say() {
    for (name, file) in [
        (MAIN, "permissions.md"),
        (EXPEL, "providers/expel-permissions.md"),
        (TREND, "providers/trend-workload-security-permissions.md"),
        (VISION_ONE, "providers/trend-vision-one-permissions.md"),
    ] {
        let docs = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs");
        let path = docs.join(file);
        let expected = document(name, &Template::load(name));
        // As with the golden files.
        if std::env::var("INSTA_UPDATE").is_ok_and(|how| how == "always") {
            fs::write(&path, expected).unwrap();
            continue;
        }
        let found = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == expected,
            "docs/{file} is out of date: INSTA_UPDATE=always cargo test -p towerhook-tests --test \
             checks templates rewrites it"
        );
    }
}

const INTRODUCTION: &str = "\
# Permissions

What each function may do in the management account, and why. It may do nothing else.

Generated by `INSTA_UPDATE=always cargo test -p towerhook-tests --test checks templates`: the calls are read
from the functions' binaries, which contain only reachable code, and the permissions from
`templates/{template}`. A test fails when a call has no permission, or a
permission no call. Another, `tests/tests/scenarios/permission`, removes one statement at a time and checks
that the call is denied and reported.
";

fn document(name: &str, template: &Template) -> String {
    let mut document = INTRODUCTION.replace("{template}", name);
    for Function {
        name,
        description,
        role,
    } in functions(template)
    {
        let needed = needed(&name);
        writeln!(document, "\n## {name} (`{role}`)\n\n{description}.\n").unwrap();
        writeln!(
            document,
            "| statement | action | why | on |\n|---|---|---|---|"
        )
        .unwrap();
        for Statement { policy, statement } in statements(template, &role) {
            let on = resources(statement);
            let sid = text(&statement["Sid"]);
            let sid = if policy == role {
                sid.to_owned()
            } else {
                format!("{policy}.{sid}")
            };
            for (number, action) in actions(statement).into_iter().enumerate() {
                let why = needed.get(action).map(|whys| whys.join("; "));
                let (sid, on) = if number == 0 {
                    (sid.as_str(), on.as_str())
                } else {
                    ("", "")
                };
                writeln!(
                    document,
                    "| {sid} | `{action}` | {} | {on} |",
                    why.unwrap_or_default()
                )
                .unwrap();
            }
        }
    }
    let title = "`cargo towerhook` (your own credentials)";
    let also = "`status`, `plan` and `report` also read what the account function reads.";
    writeln!(
        document,
        "\n## {title}\n\n{also}\n\n| action | why |\n|---|---|"
    )
    .unwrap();
    for (action, why) in BY_HAND {
        writeln!(document, "| `{action}` | {why} |").unwrap();
    }
    document
}

/// A statement's resources and its condition.
fn resources(statement: &Value) -> String {
    let named = |resource: &Value| match resource["Fn::GetAtt"].as_array() {
        Some(_) => format!("`{}`", argument(resource)),
        None => format!(
            "`{}`",
            argument(resource).replace("arn:${AWS::Partition}:", "")
        ),
    };
    let resources =
        one_or_many(&statement["Resource"]).map(|resource| match resource["Fn::If"].as_array() {
            Some(choice) => format!("{}, else {}", named(&choice[1]), named(&choice[2])),
            None => named(resource),
        });
    let mut text = resources.collect::<Vec<_>>().join(", ");
    for (operator, keys) in statement["Condition"].as_object().into_iter().flatten() {
        for (key, value) in keys.as_object().into_iter().flatten() {
            let values: Vec<&str> = one_or_many(value).map(argument).collect();
            write!(text, ", {operator} `{key}` `{}`", values.join("`, `")).unwrap();
        }
    }
    text
}
