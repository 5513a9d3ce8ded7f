//! The templates: clean, complete, within CloudFormation's and IAM's limits, in an order that is
//! safe to delete in reverse, and with no permission wider than necessary.

mod access;
mod alarm;
mod announced;
mod call;
mod child;
mod cloud_account;
mod connector;
mod control;
mod dashboard;
mod elevated_role;
mod event;
mod filter_pattern;
mod function;
mod linked;
mod name;
mod order;
pub(crate) mod parameter;
mod permission;
mod published;
mod reason;
pub(crate) mod security;
pub(crate) mod template;
mod trend;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use template::{
    ALL, AUDIT, EXPEL, MAIN, MAINS, TREND, Template, VISION_ONE, argument, one_or_many, path, text,
    texts,
};
use tokio::process::Command;
use towerhook_package::FUNCTIONS;
use towerhook_package::compose::compose_published;
use towerhook_package::publish::{fragment, places};
use towerhook_package::python::virtual_environment;

use crate::examples::example;

/// The Python environment of the linters.
pub(crate) async fn linters() -> PathBuf {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("template-tools");
    virtual_environment(&directory, include_str!("../../../template-tools.txt"))
        .await
        .unwrap()
}

pub(crate) async fn succeeds_and_says_nothing(linter: &mut Command) {
    let output = linter.output().await.unwrap();
    assert!(
        output.status.success() && output.stdout.is_empty(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
}

#[tokio::test]
async fn cfn_lint_finds_nothing() {
    let linter = linters().await.with_file_name("cfn-lint");
    let portfolio = example("service-catalog/portfolio.yml");
    let mut lint = Command::new(linter);
    let lint = lint.arg("--").args(ALL.map(path)).arg(portfolio);
    succeeds_and_says_nothing(lint).await;
}

#[tokio::test]
async fn cfn_lint_finds_nothing_in_the_templates_as_they_are_published() {
    let places = places("acme", &["eu-west-1".into(), "us-east-1".into()]).unwrap();
    let zips = ["arm64", "x86_64"].into_iter().flat_map(|processor| {
        FUNCTIONS.map(|(function, _)| (format!("{processor}/{function}.zip"), "3/L4+kq=".into()))
    });
    let zips: BTreeMap<String, String> = zips.collect();
    let versions = places.into_iter().map(|place| (place, zips.clone()));
    let fragment = fragment("", &versions.collect()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut lint = Command::new(linters().await.with_file_name("cfn-lint"));
    lint.arg("--");
    for published in compose_published(&path(""), &fragment).unwrap() {
        let file = folder.path().join(published.path.file_name().unwrap());
        std::fs::write(&file, published.text).unwrap();
        lint.arg(file);
    }
    succeeds_and_says_nothing(&mut lint).await;
}

#[tokio::test]
async fn checkov_and_parliament_find_what_is_meant_and_nothing_else() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/template_check.py");
    let mut check = Command::new(linters().await);
    succeeds_and_says_nothing(check.arg(script).args(ALL.map(path))).await;
}

#[tokio::test]
async fn the_sandboxs_own_resource_types_are_as_cloudformation_publishes_them() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut check = Command::new(linters().await);
    let check = check
        .arg(root.join("python/resource_types_check.py"))
        .arg(root.join("../crates/sandbox/src/emulator/resource_types.json"));
    succeeds_and_says_nothing(check).await;
}

#[test]
fn every_template_can_be_given_as_it_is_launched() {
    for name in ALL {
        // CloudFormation's limits for a TemplateBody and for a TemplateURL: the README launches the
        // main template by its URL.
        let limit = if MAINS.contains(&name) {
            1_048_576
        } else {
            51_200
        };
        assert!(Template::load(name).text.len() <= limit, "{name}");
    }
}

#[test]
fn no_partition_is_written_out() {
    for name in ALL {
        let template = Template::load(name);
        let mut found = Vec::new();
        texts(&template.body, "", &mut found);
        for (path, text) in found {
            // An account of the vendor's, which exists only in this partition.
            let is_vendors = ["Lacework", "Expel"]
                .iter()
                .any(|vendor| path == format!("/Parameters/{vendor}PrincipalArn/Default"));
            if !is_vendors {
                assert!(!text.contains("arn:aws"), "{name}{path}: {text}");
            }
            // Service principals have the same names in every partition.
            let principal = [
                "/Service",
                "/Principal",
                "/iam:PassedToService",
                "/iam:AWSServiceName",
            ]
            .iter()
            .any(|key| path.ends_with(key));
            let text = text.replace("/aws-service-role/cloudtrail.amazonaws.com/", "");
            // A service's call has its principal as its source, according to CloudTrail.
            let source = path.contains("/FilterPattern/");
            assert!(
                source || principal || !text.contains("amazonaws.com"),
                "{name}{path}: {text}"
            );
        }
    }
}

/// Where the SaaS has no role, CloudFormation itself refuses the launch, with a message that names
/// the partitions.
#[test]
fn a_partition_without_the_vendor_is_refused_by_the_template() {
    for (name, rule) in [
        (MAIN, "LaceworkIsInThisPartition"),
        (EXPEL, "ExpelIsInThisPartition"),
        (TREND, "WorkloadSecurityIsInThisPartition"),
        (VISION_ONE, "VisionOneIsInThisPartition"),
    ] {
        let template = Template::load(name);
        let rule = &template.body["Rules"][rule];
        assert!(rule.get("RuleCondition").is_none(), "it always holds");
        let [assertion] = rule["Assertions"].as_array().unwrap().as_slice() else {
            panic!("{rule}");
        };
        let alone = serde_json::json!({"Fn::Equals": [{"Ref": "AWS::Partition"}, "aws"]});
        assert_eq!(assertion["Assert"], alone);
        let words = text(&assertion["AssertDescription"]);
        for partition in ["GovCloud", "China", "European Sovereign Cloud"] {
            assert!(words.contains(partition), "{words}");
        }
    }
}

#[test]
fn every_queue_is_encrypted_and_has_a_dead_letter_queue_or_is_one() {
    for name in [MAIN, AUDIT] {
        let template = Template::load(name);
        let queues = template.of_type("AWS::SQS::Queue");
        let target = |queue: &serde_json::Value| {
            let target = &queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0];
            target.as_str().map(str::to_owned)
        };
        let dead_letter_queues: Vec<String> = queues.values().copied().filter_map(target).collect();
        assert!(!dead_letter_queues.is_empty(), "{name}");
        for (id, queue) in &queues {
            assert_eq!(queue["SqsManagedSseEnabled"], true, "{name}: {id}");
            let is_one = dead_letter_queues.iter().any(|other| other == id);
            assert!(is_one != target(queue).is_some(), "{name}: {id}");
            if is_one {
                // The longest retention of SQS.
                assert_eq!(queue["MessageRetentionPeriod"], 1_209_600, "{name}: {id}");
            }
        }
    }
}

#[test]
fn topic_and_ledger_are_encrypted() {
    let template = Template::load(MAIN);
    // What the topic of alarms says leaves AWS as an email.
    let topics = template.of_type("AWS::SNS::Topic").into_iter();
    for (id, topic) in topics.filter(|(id, _)| *id != "AlarmTopic") {
        assert!(topic["KmsMasterKeyId"].is_string(), "{id}");
    }
    for (id, table) in template.of_type("AWS::DynamoDB::Table") {
        assert_eq!(table["SSESpecification"]["SSEEnabled"], true, "{id}");
        assert_eq!(table["BillingMode"], "PAY_PER_REQUEST", "{id}");
    }
}

#[test]
fn the_ledger_has_point_in_time_recovery() {
    let table = &Template::load(MAIN).resource("LedgerTable")["Properties"].clone();
    let recovery = &table["PointInTimeRecoverySpecification"];
    assert_eq!(recovery["PointInTimeRecoveryEnabled"], true);
}

/// A table with deletion protection in the template would block the rollback of a launch. Setup
/// protects it instead.
#[test]
fn the_template_does_not_keep_the_ledger_from_being_deleted() {
    let template = Template::load(MAIN);
    let table = template.resource("LedgerTable");
    assert!(
        table["Properties"]
            .get("DeletionProtectionEnabled")
            .is_none()
    );
    assert!(table.get("DeletionPolicy").is_none());
}

/// By a deny, because a role's own policy allows a call regardless of the queue's policy.
#[test]
fn queues_and_topics_take_nothing_that_is_not_encrypted_on_its_way() {
    let mut policies = 0;
    for name in ALL {
        let template = Template::load(name);
        let resources = template.section("Resources");
        let of_resources = resources.iter().filter(|(_, resource)| {
            ["AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy"].contains(&text(&resource["Type"]))
        });
        for (id, policy) in of_resources {
            policies += 1;
            let denied: Vec<_> = template
                .statements(id)
                .into_iter()
                .filter(|statement| statement["Effect"] == "Deny")
                .collect();
            let [denied] = denied[..] else {
                panic!("{name}: {id} denies {denied:?}")
            };
            assert_eq!(denied["Principal"], "*", "{name}: {id}");
            assert_eq!(
                denied["Condition"],
                serde_json::json!({"Bool": {"aws:SecureTransport": "false"}}),
                "{name}: {id}"
            );
            let properties = &policy["Properties"];
            let guarded = one_or_many(&properties["Queues"])
                .chain(one_or_many(&properties["Topics"]))
                .map(argument);
            assert_eq!(
                guarded.collect::<Vec<_>>(),
                [argument(&denied["Resource"])],
                "{name}: {id}"
            );
            // Everything that the policy allows, and the most that a queue's policy can: a topic's
            // must not say `sns:*`.
            let denied = template::actions(denied);
            for statement in template.statements(id) {
                for action in template::actions(statement) {
                    let all = denied.contains(&action) || denied == ["sqs:*"];
                    assert!(all, "{name}: {id}: {action}");
                }
            }
        }
    }
    assert_eq!(policies, 22);
}
