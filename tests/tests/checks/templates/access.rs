//! What each vendor may do in an account, counted from the templates.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use crate::{
    invariants::pages::ends_with,
    templates::template::{
        EXPEL_MEMBER, EXPEL_TRAIL, LOG, MEMBER, TREND_MEMBER, Template, VISION_ONE_MEMBER, actions,
        one_or_many,
    },
};

const PAGE: &str = "docs/vendor-access.md";
const HEADING: &str = "| product | role | where | actions | services with the most | reads contents | writes |\n|---|---|---|---|---|---|---|\n";

/// The templates with a role that the vendor assumes: the product, where it is deployed, the template.
const ROLES: [(&str, &str, &str); 6] = [
    ("Expel", "every account", EXPEL_MEMBER),
    ("Expel", "Log Archive", EXPEL_TRAIL),
    ("Lacework", "every account", MEMBER),
    ("Lacework", "Log Archive", LOG),
    ("Vision One", "every account", VISION_ONE_MEMBER),
    ("Workload Security", "every account", TREND_MEMBER),
];

/// The role that the functions assume, and no vendor.
const OURS: &str = "NotifierRole";

/// The beginnings of actions that read what an account keeps, and not only how it is set up.
const CONTENTS: [&str; 15] = [
    "dynamodb:BatchGetItem",
    "dynamodb:GetItem",
    "dynamodb:Query",
    "dynamodb:Scan",
    "ebs:GetSnapshotBlock",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
    "kms:Decrypt",
    "lambda:GetFunction",
    "logs:FilterLogEvents",
    "logs:GetLogEvents",
    "s3:GetObject",
    "secretsmanager:GetSecretValue",
    "sqs:ReceiveMessage",
    "ssm:GetParameter",
];
/// How the names of actions begin that only look.
const LOOKS: [&str; 18] = [
    "batchget", "check", "count", "decode", "decrypt", "describe", "filter", "get", "list",
    "lookup", "preview", "query", "receive", "scan", "search", "select", "simulate", "view",
];

/// Every action that a role of the template is allowed, with AWS's managed policies by name.
fn allowed(template: &Template, role: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let attached = template.of_type("AWS::IAM::ManagedPolicy").into_iter();
    let attached = attached
        .filter(|(_, policy)| one_or_many(&policy["Roles"]).any(|named| named["Ref"] == role));
    let attached = attached.flat_map(|(id, _)| template.own_statements(id));
    let statements = template.statements(role).into_iter().chain(attached);
    let statements = statements.filter(|one| one["Effect"] == "Allow");
    let actions = statements.flat_map(actions).map(str::to_owned);
    let named = one_or_many(&template.resource(role)["Properties"]["ManagedPolicyArns"]);
    let arns = named.map(ToString::to_string);
    let aws = arns.filter_map(|arn| {
        Some(
            arn.split(":aws:policy/")
                .nth(1)?
                .trim_end_matches(['"', '}'])
                .to_owned(),
        )
    });
    (actions.collect(), aws.collect())
}

fn is_content(action: &str) -> bool {
    CONTENTS.iter().any(|known| match *known {
        // Other reads of these services begin alike.
        "lambda:GetFunction" | "ssm:GetParameter" => {
            action == *known || action == format!("{known}s")
        }
        known => {
            let all = action.strip_suffix('*');
            action.starts_with(known) || all.is_some_and(|all| known.starts_with(all))
        }
    })
}

fn writes(action: &str) -> bool {
    let (_, name) = action.split_once(':').unwrap_or(("", action));
    let name = name.to_lowercase();
    !LOOKS.iter().any(|look| name.starts_with(look))
}

/// Texts between backticks, or "none".
fn listed<'a>(texts: impl Iterator<Item = &'a String>) -> String {
    let texts: Vec<_> = texts.map(|text| format!("`{text}`")).collect();
    if texts.is_empty() {
        return "none".to_owned();
    }
    texts.join(", ")
}

fn table() -> String {
    let mut table = HEADING.to_owned();
    for (product, place, name) in ROLES {
        let template = Template::load(name);
        let roles = template.of_type("AWS::IAM::Role").into_keys();
        for role in roles.filter(|role| *role != OURS) {
            let (actions, aws) = allowed(&template, role);
            let mut services: BTreeMap<&str, usize> = BTreeMap::new();
            for action in &actions {
                let (service, _) = action.split_once(':').unwrap();
                *services.entry(service).or_default() += 1;
            }
            let mut services: Vec<_> = services.into_iter().collect();
            services.sort_by_key(|(service, count)| (usize::MAX - count, *service));
            let most: Vec<_> = services
                .iter()
                .take(5)
                .map(|(service, count)| format!("{service} {count}"))
                .collect();
            let more = if aws.is_empty() {
                String::new()
            } else {
                format!(" and AWS's {}", listed(aws.iter()))
            };
            let contents = listed(actions.iter().filter(|action| is_content(action)));
            let changes = listed(actions.iter().filter(|action| writes(action)));
            writeln!(
                table,
                "| {product} | `{role}` | {place} | {}{more} | {} | {contents} | {changes} |",
                actions.len(),
                most.join(", ")
            )
            .unwrap();
        }
    }
    table
}

#[test]
fn the_page_of_the_vendors_access_counts_what_the_templates_allow() {
    ends_with(PAGE, HEADING, &table());
}
