//! Control Tower's own proactive controls. If an administrator has enabled one, CloudFormation
//! refuses resources that violate it: so every template satisfies the controls for its resource
//! types, or lists the exceptions with their reasons here and in `docs/security.md`.
//!
//! The requirements of a control are in the [controls reference].
//!
//! [controls reference]: https://docs.aws.amazon.com/controltower/latest/controlreference/proactive-controls.html

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::templates::security::page;
use crate::templates::template::{ALL, ELEVATED_ROLE, MAINS, Template, actions, one_or_many, text};

const QUEUE: &str = "AWS::SQS::Queue";
const TABLE: &str = "AWS::DynamoDB::Table";
const ALARM: &str = "AWS::CloudWatch::Alarm";
const LOG_GROUP: &str = "AWS::Logs::LogGroup";
const FUNCTION: &str = "AWS::Lambda::Function";
const PERMISSION: &str = "AWS::Lambda::Permission";
const KEY: &str = "AWS::KMS::Key";
const ROLE: &str = "AWS::IAM::Role";
const POLICY: &str = "AWS::IAM::Policy";
const MANAGED_POLICY: &str = "AWS::IAM::ManagedPolicy";
const BUCKET: &str = "AWS::S3::Bucket";
const BUCKET_POLICY: &str = "AWS::S3::BucketPolicy";

/// Resource types without proactive controls.
const UNCONTROLLED: [&str; 17] = [
    "AWS::CloudFormation::StackSet",
    "AWS::CloudWatch::Dashboard",
    "AWS::Events::Rule",
    "AWS::IAM::OIDCProvider",
    "AWS::KMS::Alias",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Logs::MetricFilter",
    "AWS::Logs::QueryDefinition",
    "AWS::SNS::Subscription",
    "AWS::SNS::Topic",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::SSM::Association",
    "AWS::SSM::Document",
    "AWS::SecretsManager::Secret",
    "Custom::LaceworkSnsCustomResource",
    "Custom::TowerhookSetup",
];

struct Control {
    id: &'static str,
    types: &'static [&'static str],
    /// Whether the resource with this logical id satisfies it.
    holds: fn(&Template, &str) -> bool,
    /// Properties of the first type that violate it.
    refuses: fn() -> Value,
}

const CONTROLS: [Control; 28] = [
    Control {
        id: "CT.CLOUDWATCH.PR.1",
        types: &[ALARM],
        // By default both parameters are blank, and so is each action.
        holds: |template, id| {
            let mut actions = one_or_many(&properties(template, id)["AlarmActions"]);
            actions.any(|action| action.get("Fn::If").is_none() && !action.is_null())
        },
        refuses: || json!({"AlarmActions": []}),
    },
    Control {
        id: "CT.CLOUDWATCH.PR.2",
        types: &[LOG_GROUP],
        holds: |template, id| {
            let days = &properties(template, id)["RetentionInDays"];
            let parameter = days["Ref"].as_str();
            let days = parameter.map_or(days, |name| &template.body["Parameters"][name]["Default"]);
            days.as_u64().is_some_and(|days| days >= 365)
        },
        refuses: || json!({"RetentionInDays": 364}),
    },
    Control {
        id: "CT.CLOUDWATCH.PR.3",
        types: &[LOG_GROUP],
        holds: |template, id| is_given(&properties(template, id)["KmsKeyId"]),
        refuses: || json!({"KmsKeyId": ""}),
    },
    Control {
        id: "CT.CLOUDWATCH.PR.4",
        types: &[ALARM],
        holds: |template, id| properties(template, id)["ActionsEnabled"] != false,
        refuses: || json!({"ActionsEnabled": false}),
    },
    Control {
        id: "CT.DYNAMODB.PR.1",
        types: &[TABLE],
        holds: |template, id| {
            let recovery = &properties(template, id)["PointInTimeRecoverySpecification"];
            recovery["PointInTimeRecoveryEnabled"] == true
        },
        refuses: || json!({"PointInTimeRecoverySpecification": {}}),
    },
    Control {
        id: "CT.DYNAMODB.PR.2",
        types: &[TABLE],
        holds: |template, id| properties(template, id)["SSESpecification"]["SSEEnabled"] == true,
        refuses: || json!({"SSESpecification": {"SSEEnabled": false}}),
    },
    Control {
        id: "CT.IAM.PR.1",
        types: &[POLICY, ROLE],
        holds: allows_not_everything,
        refuses: || json!({"Policies": [{"PolicyDocument": allowing("*")}]}),
    },
    Control {
        id: "CT.IAM.PR.2",
        types: &[MANAGED_POLICY],
        holds: allows_not_everything,
        refuses: || json!({"PolicyDocument": allowing("*")}),
    },
    Control {
        id: "CT.IAM.PR.3",
        types: &[MANAGED_POLICY],
        holds: allows_no_whole_service,
        refuses: || json!({"PolicyDocument": allowing("s3:*")}),
    },
    Control {
        id: "CT.IAM.PR.4",
        types: &[POLICY, MANAGED_POLICY],
        holds: |template, id| !has_items(&properties(template, id)["Users"]),
        refuses: || json!({"Users": ["somebody"]}),
    },
    Control {
        id: "CT.IAM.PR.5",
        types: &[POLICY, ROLE],
        holds: allows_no_whole_service,
        refuses: || json!({"Policies": [{"PolicyDocument": allowing("s3:*")}]}),
    },
    Control {
        id: "CT.KMS.PR.1",
        types: &[KEY],
        holds: |template, id| properties(template, id)["EnableKeyRotation"] == true,
        refuses: || json!({}),
    },
    Control {
        id: "CT.KMS.PR.2",
        types: &[KEY],
        holds: |template, id| properties(template, id)["KeySpec"] != "RSA_2048",
        refuses: || json!({"KeySpec": "RSA_2048"}),
    },
    Control {
        id: "CT.KMS.PR.3",
        types: &[KEY],
        holds: |template, id| {
            let policy = &properties(template, id)["KeyPolicy"];
            one_or_many(&policy["Statement"]).any(|statement| {
                let service = &statement["Condition"]["Bool"]["kms:GrantIsForAWSResource"];
                statement["Effect"] == "Deny"
                    && actions(statement) == ["kms:CreateGrant"]
                    && *service == "false"
            })
        },
        refuses: || json!({"KeyPolicy": {"Statement": []}}),
    },
    Control {
        id: "CT.LAMBDA.PR.2",
        types: &[PERMISSION],
        holds: |template, id| {
            let permission = properties(template, id);
            let is_ours = ["SourceAccount", "SourceArn"]
                .iter()
                .any(|key| is_given(&permission[*key]));
            permission["FunctionUrlAuthType"] != "NONE" && is_ours
        },
        refuses: || json!({"Principal": "events.amazonaws.com"}),
    },
    Control {
        id: "CT.LAMBDA.PR.3",
        types: &[FUNCTION],
        holds: |template, id| {
            let network = &properties(template, id)["VpcConfig"];
            has_items(&network["SubnetIds"]) && has_items(&network["SecurityGroupIds"])
        },
        refuses: || json!({"VpcConfig": {"SubnetIds": ["subnet-1"]}}),
    },
    Control {
        id: "CT.S3.PR.1",
        types: &[BUCKET],
        holds: |template, id| {
            let blocked = &properties(template, id)["PublicAccessBlockConfiguration"];
            [
                "BlockPublicAcls",
                "BlockPublicPolicy",
                "IgnorePublicAcls",
                "RestrictPublicBuckets",
            ]
            .iter()
            .all(|what| blocked[*what] == true)
        },
        refuses: || json!({"PublicAccessBlockConfiguration": {"BlockPublicAcls": true}}),
    },
    Control {
        id: "CT.S3.PR.2",
        types: &[BUCKET],
        holds: |template, id| {
            is_given(&properties(template, id)["LoggingConfiguration"]["DestinationBucketName"])
        },
        refuses: || json!({}),
    },
    Control {
        id: "CT.S3.PR.3",
        types: &[BUCKET],
        holds: |template, id| keeps_versions(template, id) && has_lifecycle(template, id),
        refuses: || json!({"VersioningConfiguration": {"Status": "Enabled"}}),
    },
    Control {
        id: "CT.S3.PR.4",
        types: &[BUCKET],
        holds: |template, id| {
            properties(template, id)
                .get("NotificationConfiguration")
                .is_some()
        },
        refuses: || json!({}),
    },
    Control {
        id: "CT.S3.PR.5",
        types: &[BUCKET],
        holds: |template, id| properties(template, id).get("AccessControl").is_none(),
        refuses: || json!({"AccessControl": "Private"}),
    },
    Control {
        id: "CT.S3.PR.6",
        types: &[BUCKET],
        holds: has_lifecycle,
        refuses: || json!({"LifecycleConfiguration": {"Rules": [{"Status": "Disabled"}]}}),
    },
    Control {
        id: "CT.S3.PR.8",
        types: &[BUCKET_POLICY],
        holds: |template, id| {
            let statements = template.own_statements(id);
            statements.iter().any(|statement| {
                statement["Effect"] == "Deny"
                    && statement["Principal"] == "*"
                    && statement["Condition"]["Bool"]["aws:SecureTransport"] == "false"
            })
        },
        refuses: || json!({"PolicyDocument": {"Statement": []}}),
    },
    Control {
        id: "CT.S3.PR.9",
        types: &[BUCKET],
        holds: |template, id| properties(template, id)["ObjectLockEnabled"] == true,
        refuses: || json!({}),
    },
    Control {
        id: "CT.S3.PR.10",
        types: &[BUCKET],
        holds: |template, id| {
            let encryption = &properties(template, id)["BucketEncryption"];
            let rules = one_or_many(&encryption["ServerSideEncryptionConfiguration"]);
            let mut rules = rules.map(|rule| &rule["ServerSideEncryptionByDefault"]);
            rules.any(|rule| rule["SSEAlgorithm"] == "aws:kms")
        },
        refuses: || json!({}),
    },
    Control {
        id: "CT.S3.PR.11",
        types: &[BUCKET],
        holds: keeps_versions,
        refuses: || json!({"VersioningConfiguration": {"Status": "Suspended"}}),
    },
    Control {
        id: "CT.SQS.PR.1",
        types: &[QUEUE],
        holds: |template, id| {
            let queue = properties(template, id);
            let allows = &queue["RedriveAllowPolicy"]["redrivePermission"];
            let target = &queue["RedrivePolicy"]["deadLetterTargetArn"];
            let names_a_queue = match target["Fn::GetAtt"][0].as_str() {
                Some(other) => template.body["Resources"][other]["Type"] == QUEUE,
                None => is_given(target),
            };
            allows == "allowAll" || allows == "byQueue" || names_a_queue
        },
        refuses: || json!({"RedriveAllowPolicy": {"redrivePermission": "denyAll"}}),
    },
    Control {
        id: "CT.SQS.PR.2",
        types: &[QUEUE],
        holds: |template, id| {
            let queue = properties(template, id);
            let has_key = is_given(&queue["KmsMasterKeyId"]);
            has_key != (queue["SqsManagedSseEnabled"] == true)
        },
        refuses: || json!({"SqsManagedSseEnabled": false}),
    },
];

/// The controls that a main template intentionally violates, on any resource of their types.
/// Controls do not apply to the management account, where its stack is.
const MEANT: [(&str, &str); 8] = [
    (
        "CT.CLOUDWATCH.PR.1",
        "whether anybody is told is the administrator's choice: AlarmEmail, AlarmTopicArn, or a rule over all alarms of the account",
    ),
    (
        "CT.CLOUDWATCH.PR.2",
        "LogRetentionDays may be a year, and the default of 90 days keeps the bill small",
    ),
    (
        "CT.CLOUDWATCH.PR.3",
        "the logs hold no secret, and CloudWatch encrypts them with a key of its own",
    ),
    (
        "CT.LAMBDA.PR.3",
        "the functions call AWS's endpoints and the vendor's only, and cannot be called from a network",
    ),
    (
        "CT.S3.PR.2",
        "one function writes evidence, and names no object that is secret; EvidenceBucket takes a bucket of yours with logging",
    ),
    (
        "CT.S3.PR.4",
        "nothing has to react to evidence: the event Coverage Compared tells of it",
    ),
    (
        "CT.S3.PR.9",
        "how long evidence may not be deleted is the administrator's choice: EvidenceBucket takes a bucket of yours with a lock",
    ),
    (
        "CT.S3.PR.10",
        "evidence has names and states of accounts, and is encrypted with keys of S3",
    ),
];

fn keeps_versions(template: &Template, id: &str) -> bool {
    properties(template, id)["VersioningConfiguration"]["Status"] == "Enabled"
}

fn has_lifecycle(template: &Template, id: &str) -> bool {
    let lifecycle = &properties(template, id)["LifecycleConfiguration"];
    one_or_many(&lifecycle["Rules"]).any(|rule| rule["Status"] == "Enabled")
}

fn properties<'a>(template: &'a Template, id: &str) -> &'a Value {
    &template.resource(id)["Properties"]
}

fn has_items(value: &Value) -> bool {
    value.as_array().is_some_and(|items| !items.is_empty())
}

/// A nonblank text, or a function that returns one.
fn is_given(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.trim().is_empty(),
        other => other.is_object(),
    }
}

fn allowing(action: &str) -> Value {
    json!({"Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]})
}

fn allowed<'a>(template: &'a Template, id: &str) -> impl Iterator<Item = &'a Value> {
    let statements = template.own_statements(id).into_iter();
    statements.filter(|statement| statement["Effect"] == "Allow")
}

fn allows_not_everything(template: &Template, id: &str) -> bool {
    allowed(template, id).all(|statement| {
        let everywhere = one_or_many(&statement["Resource"]).any(|resource| resource == "*");
        !everywhere || actions(statement).iter().all(|action| *action != "*")
    })
}

fn allows_no_whole_service(template: &Template, id: &str) -> bool {
    allowed(template, id).all(|statement| {
        let whole = |action: &&str| *action == "*" || action.ends_with(":*");
        statement.get("NotAction").is_none() && !actions(statement).iter().any(whole)
    })
}

#[test]
fn every_template_satisfies_control_towers_proactive_controls() {
    let mut refused = BTreeSet::new();
    for name in ALL {
        let template = Template::load(name);
        for control in &CONTROLS {
            let resources = template.section("Resources").into_iter();
            let of_its_types =
                resources.filter(|(_, resource)| control.types.contains(&text(&resource["Type"])));
            for (id, _) in of_its_types {
                if (control.holds)(&template, id) {
                    continue;
                }
                let has_alarms = MAINS.contains(&name) || name == ELEVATED_ROLE;
                let is_meant = has_alarms && MEANT.iter().any(|(meant, _)| *meant == control.id);
                assert!(is_meant, "{} refuses {id} of {name}", control.id);
                refused.insert(control.id);
            }
        }
    }
    assert_eq!(refused, MEANT.map(|(id, _)| id).into());
}

#[test]
fn each_control_refuses_what_it_is_there_for() {
    for control in &CONTROLS {
        for kind in control.types {
            let properties = (control.refuses)();
            // A role contains its policies, and a policy is one.
            let properties = match properties.get("Policies") {
                Some(policies) if *kind != ROLE => policies[0].clone(),
                _ => properties,
            };
            let body = json!({"Resources": {"One": {"Type": kind, "Properties": properties}}});
            let template = Template::parse(body.to_string());
            assert!(!(control.holds)(&template, "One"), "{}: {kind}", control.id);
        }
    }
}

/// A new resource type may have controls of its own.
#[test]
fn every_type_that_a_template_uses_was_looked_up_among_the_controls() {
    let mut used = BTreeSet::new();
    for name in ALL {
        let template = Template::load(name);
        let resources = template.section("Resources").into_values();
        used.extend(resources.map(|resource| text(&resource["Type"]).to_owned()));
    }
    let controlled = CONTROLS.iter().flat_map(|control| control.types);
    let known: BTreeSet<String> = controlled
        .chain(&UNCONTROLLED)
        .map(|kind| (*kind).to_owned())
        .collect();
    assert_eq!(used, known);
}

#[test]
fn what_is_not_satisfied_on_purpose_is_told_with_its_reason() {
    let told = page("docs/security.md");
    for (id, reason) in MEANT {
        assert!(told.contains(&format!("| `{id}` | {reason} |")), "{id}");
    }
}
