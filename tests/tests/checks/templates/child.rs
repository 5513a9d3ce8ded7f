//! What the StackSets deploy: names, trust, and the size of policies.

use std::collections::{BTreeMap, BTreeSet};

use regex_lite::Regex;
use serde_json::{Value, json};
use towerhook_core::{
    policy::Deployment,
    provider::{FeedFootprint, Provider},
    stack_sets::{ACCESS_TOKEN, FeedTemplates, StackSetRoles, StackSetSpec, Templates},
};
use towerhook_providers::{
    expel::Expel, lacework::Lacework, trend_vision_one::TrendVisionOne,
    trend_workload_security::TrendWorkloadSecurity,
};

use crate::templates::template::{
    AUDIT, EXPEL_MEMBER, EXPEL_TRAIL, LOG, MEMBER, TREND_MEMBER, Template, VISION_ONE_MEMBER,
    actions, argument, one_or_many, text,
};

/// IAM's quota of managed policies on a role.
const POLICIES_PER_ROLE: usize = 10;
/// IAM's limit for a managed policy, not counting white space.
pub(crate) const POLICY_CHARACTERS: usize = 6_144;
/// The permissions that Lacework asks for beyond SecurityAudit.
const LACEWORK_ACTIONS: usize = 750;

#[test]
fn the_trust_names_laceworks_principal_and_demands_the_external_id() {
    for name in [LOG, MEMBER] {
        let template = Template::load(name);
        for (id, role) in template.of_type("AWS::IAM::Role") {
            let trust = &role["AssumeRolePolicyDocument"]["Statement"];
            assert_eq!(trust.as_array().unwrap().len(), 1, "{name}: {id}");
            let trust = &trust[0];
            assert_eq!(trust["Action"], "sts:AssumeRole", "{name}: {id}");
            assert_eq!(argument(&trust["Principal"]["AWS"]), "LaceworkPrincipalArn");
            assert_eq!(
                argument(&trust["Condition"]["StringEquals"]["sts:ExternalId"]),
                "lweid:aws:v2:${LaceworkAccount}:${AWS::AccountId}:${ExternalIdSuffix}",
                "{name}: {id}"
            );
        }
    }
}

#[test]
fn names_are_those_of_laceworks_own_integration() {
    for (template, id, property, name) in [
        (
            LOG,
            "LaceworkCWSSACrossAccountAccessRole",
            "RoleName",
            "${ResourceNamePrefix}-laceworkcwssarole",
        ),
        (
            MEMBER,
            "LaceworkCWSSACrossAccountAccessRole",
            "RoleName",
            "${ResourceNamePrefix}-laceworkcwsrole-sa",
        ),
        (
            AUDIT,
            "LaceworkCWSQueue",
            "QueueName",
            "${ResourceNamePrefix}-laceworkcws",
        ),
    ] {
        let template = Template::load(template);
        assert_eq!(
            argument(&template.resource(id)["Properties"][property]),
            name
        );
    }
}

#[test]
fn every_managed_policy_is_within_iams_limits() {
    let template = Template::load(MEMBER);
    let policies = template.of_type("AWS::IAM::ManagedPolicy");
    for (id, policy) in &policies {
        let size = rendered(&policy["PolicyDocument"]).to_string().len();
        assert!(size <= POLICY_CHARACTERS, "{id}: {size}");
    }
    let role = &template.resource("LaceworkCWSSACrossAccountAccessRole")["Properties"];
    let attached: Vec<&str> = one_or_many(&role["ManagedPolicyArns"])
        .map(argument)
        .collect();
    assert_eq!(
        attached,
        ["arn:${AWS::Partition}:iam::aws:policy/SecurityAudit"]
    );
    assert!(attached.len() + policies.len() <= POLICIES_PER_ROLE);
    for (id, policy) in policies {
        assert_eq!(
            one_or_many(&policy["Roles"])
                .map(argument)
                .collect::<Vec<_>>(),
            ["LaceworkCWSSACrossAccountAccessRole"],
            "{id}"
        );
        // Either would replace an adopted policy, and while old and new are both attached, the role
        // would exceed the limit.
        assert!(
            policy.get("Description").is_none() && policy.get("Path").is_none(),
            "{id}"
        );
        assert_eq!(
            text(&policy["ManagedPolicyName"]["Fn::If"][0]),
            "KeepVendorNames",
            "{id}"
        );
    }
}

#[test]
fn the_member_role_reads_what_lacework_asks_for_and_does_nothing_else() {
    let template = Template::load(MEMBER);
    let mut all = BTreeSet::new();
    for id in template.of_type("AWS::IAM::ManagedPolicy").into_keys() {
        for statement in template.statements(id) {
            assert_eq!(statement["Effect"], "Allow", "{id}");
            let actions = actions(statement);
            assert!(
                actions.is_sorted_by_key(|action| action.split_once(':')),
                "{id}"
            );
            for action in actions {
                let (_, operation) = action.split_once(':').unwrap();
                let reads = [
                    "BatchGet", "Check", "Describe", "Detect", "GET", "Get", "List", "Retrieve",
                    "Search", "Select", "View",
                ]
                .iter()
                .any(|verb| operation.starts_with(verb));
                assert!(reads, "{action}");
                assert!(all.insert(action.to_owned()), "{action} twice");
            }
        }
    }
    assert_eq!(all.len(), LACEWORK_ACTIONS);
}

#[test]
fn the_log_role_lists_the_bucket_and_reads_its_log_files() {
    let template = Template::load(LOG);
    let statements = template.statements("LaceworkCWSSACrossAccountAccessRole");
    let on = |action: &str| -> Vec<&str> {
        statements
            .iter()
            .filter(|statement| actions(statement).contains(&action))
            .map(|statement| argument(&statement["Resource"]))
            .collect()
    };
    // ListBucket is an action on the bucket: on its objects it would match nothing.
    assert_eq!(
        on("s3:ListBucket"),
        ["arn:${AWS::Partition}:s3:::${TrailBucketName}"]
    );
    assert_eq!(
        on("s3:Get*"),
        ["arn:${AWS::Partition}:s3:::${TrailBucketName}/*AWSLogs/*"]
    );
    assert_eq!(on("sqs:ReceiveMessage"), ["QueueArn"]);
    assert_eq!(on("sqs:DeleteMessage"), ["QueueArn"]);
    assert_eq!(on("kms:Decrypt"), ["KmsKeyArn"]);
}

#[test]
fn the_audit_queue_takes_from_the_trails_topic_and_gives_to_the_log_role_only() {
    let template = Template::load(AUDIT);
    let statements = template.statements("LaceworkCWSQueuePolicy");
    let [topic, role, _encrypted] = statements[..] else {
        panic!("{statements:?}")
    };
    assert_eq!(topic["Principal"]["Service"], "sns.amazonaws.com");
    assert_eq!(actions(topic), ["sqs:SendMessage"]);
    assert_eq!(
        argument(&topic["Condition"]["ArnEquals"]["aws:SourceArn"]),
        "TrailTopicArn"
    );
    assert_eq!(
        argument(&role["Principal"]["AWS"]),
        "arn:${AWS::Partition}:iam::${LogAccountId}:root"
    );
    assert_eq!(
        argument(&role["Condition"]["ArnEquals"]["aws:PrincipalArn"]),
        "arn:${AWS::Partition}:iam::${LogAccountId}:role/${ResourceNamePrefix}-laceworkcwssarole"
    );
    assert!(!actions(role).contains(&"sqs:SendMessage"));
    for statement in statements {
        assert_eq!(argument(&statement["Resource"]), "LaceworkCWSQueue");
    }
    let needed = template.needs("LaceworkCWSSubscription");
    assert!(needed.contains("LaceworkCWSQueuePolicy"));
}

/// CloudFormation refuses a parameter that the template lacks, and a template whose parameter is
/// missing.
#[test]
fn setup_gives_every_template_the_parameters_that_it_asks_for() {
    for (name, spec) in specified("path/Boundary") {
        let template = Template::load(name);
        let declared = template.section("Parameters");
        for (id, value) in &spec.parameters {
            let Some(parameter) = declared.get(id.as_str()) else {
                panic!("{name} has no parameter {id}");
            };
            match parameter.get("AllowedValues") {
                Some(values) => assert!(values.as_array().unwrap().contains(&json!(value))),
                None => {
                    let pattern = Regex::new(text(&parameter["AllowedPattern"])).unwrap();
                    assert!(pattern.is_match(value), "{name}: {id} refuses {value:?}");
                }
            }
        }
        for id in declared.into_keys() {
            // Each instance has its own value.
            let given = spec.parameters.contains_key(id) || id == ACCESS_TOKEN;
            assert!(given, "{name}: setup does not give {id}");
        }
    }
}

#[test]
fn setup_hands_the_permissions_boundary_on_to_every_template_that_makes_a_role() {
    for boundary in ["", "path/Boundary"] {
        for (name, spec) in specified(boundary) {
            let makes_a_role = !Template::load(name).of_type("AWS::IAM::Role").is_empty();
            let given = spec.parameters.get("PermissionsBoundaryName");
            assert_eq!(
                given.map(String::as_str),
                makes_a_role.then_some(boundary),
                "{name}"
            );
        }
    }
}

/// The account function may override an instance's parameters, and so could name an outsider's
/// principal.
#[test]
fn an_instance_takes_no_other_value_than_setup_gave() {
    for (name, spec) in specified("path/Boundary") {
        let plain = Template::load(name);
        let spec = StackSetSpec {
            template: plain.text.clone().leak(),
            ..spec
        };
        let pinned = Template::parse(spec.body());
        assert!(pinned.text.len() <= 51_200, "{name}: {}", pinned.text.len());
        for (id, parameter) in pinned.section("Parameters") {
            let Some(value) = spec.parameters.get(id) else {
                assert_eq!(id, ACCESS_TOKEN);
                continue;
            };
            assert_eq!(parameter["AllowedValues"], json!([value]), "{name}: {id}");
            let default = parameter.get("Default").map(text);
            assert!(
                default.is_none_or(|default| default == value),
                "{name}: {id}"
            );
        }
        for section in ["Conditions", "Resources", "Outputs"] {
            assert_eq!(pinned.body[section], plain.body[section], "{name}");
        }
    }
}

/// The StackSets as setup specifies them, by the template that each deploys.
fn specified(boundary: &str) -> BTreeMap<&'static str, StackSetSpec> {
    let mut all = specified_for_lacework(boundary);
    all.extend(specified_for_expel(boundary));
    all.extend(specified_for_workload_security(boundary));
    all.extend(specified_for_vision_one(boundary));
    all
}

fn specified_for_vision_one(boundary: &str) -> BTreeMap<&'static str, StackSetSpec> {
    let business = "3f1c9a52-7d40-4b8e-9a6d-2c5e8f0b7a11";
    let mut policy = policy("Trend-Vision-One-", "api-xdr-trendmicro-com");
    policy["capability"] = "Config".into();
    policy["external_id"] = format!(
        "cloudaccounts-us.xdr.trendmicro.com/\
         urn:visionone:identity:us:{business}:account/{business}"
    )
    .into();
    let deployment = json!({
        "policy": policy,
        "site": {"url_suffix": "amazonaws.com"},
        "stores": [],
    });
    let templates = Templates {
        feed: None,
        member: VISION_ONE_MEMBER,
    };
    footprint(&TrendVisionOne, deployment, boundary, &templates)
}

fn specified_for_workload_security(boundary: &str) -> BTreeMap<&'static str, StackSetSpec> {
    let mut policy = policy("Trend-Control-Tower-", "dsm-example-com-4119");
    policy["capability"] = "Config".into();
    policy["external_id"] = "tenant:1f9c/7".into();
    let deployment = json!({
        "policy": policy,
        "site": {
            "principal": "arn:aws:iam::147995105371:root",
            "url_suffix": "amazonaws.com",
        },
        "stores": [],
    });
    let templates = Templates {
        feed: None,
        member: TREND_MEMBER,
    };
    footprint(&TrendWorkloadSecurity, deployment, boundary, &templates)
}

fn specified_for_expel(boundary: &str) -> BTreeMap<&'static str, StackSetSpec> {
    let (log, guid) = ("000000000001", "01234567-89ab-cdef-0123-456789abcdef");
    let topic = format!("arn:aws:sns:us-east-1:{log}:expel-{guid}");
    let roles = ["Setup", "Account"].map(|name| format!("arn:aws:iam::000000000099:role/{name}"));
    let deployment = json!({
        "policy": policy("Expel-Control-Tower-", guid),
        "site": {
            "principal": "arn:aws:iam::012205512454:user/ExpelCloudService",
            "url_suffix": "amazonaws.com",
            "function_roles": roles.join(","),
        },
        "stores": [],
        "trail": {
            "source": {
                "name": "trail",
                "bucket": "trail-bucket",
                "topic": topic,
                "announcement": {
                    "bucket": "trail-bucket",
                    "account": log,
                    "id": format!("expel-{guid}"),
                    "topic": topic,
                    "prefix": "AWSLogs/",
                    "role": format!("arn:aws:iam::{log}:role/expel-{guid}-notifier"),
                },
                "kms_key": "arn:aws:kms:us-east-1:000000000099:key/1234abcd-12ab",
            },
            "audit": log,
        },
    });
    let templates = Templates {
        feed: Some(FeedTemplates {
            log: EXPEL_TRAIL,
            audit: None,
        }),
        member: EXPEL_MEMBER,
    };
    footprint(&Expel, deployment, boundary, &templates)
}

/// The policy of a tenant without stores.
fn policy(prefix: &str, tenant: &str) -> Value {
    json!({
        "stack_id": "arn:aws:cloudformation:us-east-1:000000000099:stack/towerhook/1",
        "partition": "aws",
        "region": "us-east-1",
        "management_account": "000000000099",
        "host": "acme.example.com",
        "tenant": tenant,
        "names": {"resource": tenant, "prefix": prefix},
        "capability": "CloudTrail+Config",
        "destination": "Tenant",
        "external_id_suffix": "0123456789",
        "monitor_existing": true,
        "enroll_management": false,
        "control_tower": true,
        "log_archive": "000000000001",
        "audit": "000000000002",
        "offboard_limit_percent": 10,
        "approved_offboard": null,
    })
}

fn footprint(
    provider: &dyn Provider,
    mut deployment: Value,
    boundary: &str,
    templates: &Templates,
) -> BTreeMap<&'static str, StackSetSpec> {
    if !boundary.is_empty() {
        deployment["site"]["permissions_boundary"] = boundary.into();
    }
    let deployment: Deployment = serde_json::from_value(deployment).unwrap();
    let roles = StackSetRoles {
        administration: "arn:aws:iam::111122223333:role/StackSets".parse().unwrap(),
        execution: "Execution".to_owned(),
    };
    let footprint = provider.footprint(deployment, templates, &roles);
    let trail = footprint.trail.iter();
    let feed = trail.flat_map(FeedFootprint::stack_sets);
    let feed: Vec<_> = feed.map(|(spec, _)| spec.clone()).collect();
    let all = feed.into_iter().chain(footprint.member);
    all.map(|spec| (spec.template, spec)).collect()
}

fn specified_for_lacework(boundary: &str) -> BTreeMap<&'static str, StackSetSpec> {
    let (log, audit) = ("000000000001", "000000000002");
    let role = format!("arn:aws:iam::{log}:role/acme-laceworkcwssarole");
    let queue = format!("https://sqs.us-east-1.amazonaws.com/{audit}/acme-laceworkcws");
    let deployment = json!({
        "policy": policy("Lacework-Control-Tower-", "acme"),
        "site": {
            "principal": "arn:aws:iam::434813966438:role/lacework-platform",
            "url_suffix": "amazonaws.com",
        },
        "stores": [],
        "trail": {
            "source": {
                "name": "trail",
                "bucket": "trail-bucket",
                "topic": "arn:aws:sns:us-east-1:000000000002:topic",
                "makes_topic": true,
                "kms_key": "arn:aws:kms:us-east-1:000000000001:key/1234abcd-12ab",
            },
            "registration": {
                "name": "Lacework-Control-Tower-CloudTrail-Log-Account-acme",
                "kind": "Feed",
                "account": log,
                "role_arn": role,
                "external_id": format!("lweid:aws:v2:acme:{log}:0123456789"),
                "queue_url": queue,
            },
            "audit": audit,
        },
    });
    let templates = Templates {
        feed: Some(FeedTemplates {
            log: LOG,
            audit: Some(AUDIT),
        }),
        member: MEMBER,
    };
    footprint(&Lacework, deployment, boundary, &templates)
}

#[test]
fn outputs_are_what_setup_and_an_administrator_look_for() {
    for (name, expected) in [
        (LOG, BTreeSet::from(["ExternalId", "RoleArn"])),
        (MEMBER, BTreeSet::from(["ExternalId", "RoleArn"])),
        (AUDIT, BTreeSet::from(["QueueArn", "QueueUrl"])),
    ] {
        let template = Template::load(name);
        let outputs: BTreeSet<&str> = template.section("Outputs").into_keys().collect();
        assert_eq!(outputs, expected, "{name}");
    }
}

/// A policy as IAM receives it, in the partition with the longest name.
pub(crate) fn rendered(value: &Value) -> Value {
    match value {
        Value::Object(entries) => match entries.get("Fn::Sub") {
            Some(pattern) => text(pattern)
                .replace("${AWS::Partition}", "aws-us-gov")
                .into(),
            None => entries
                .iter()
                .map(|(key, value)| (key.clone(), rendered(value)))
                .collect(),
        },
        Value::Array(items) => items.iter().map(rendered).collect(),
        other => other.clone(),
    }
}
