//! What Vision One's templates let it read, whom they let in, and what they keep to themselves.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::templates::child::{POLICY_CHARACTERS, rendered};
use crate::templates::parameter::takes_and_refuses;
use crate::templates::published;
use crate::templates::security::{covers, within};
use crate::templates::template::{
    Template, VISION_ONE, VISION_ONE_MEMBER, actions, argument, one_or_many, text,
};

/// IAM's limit for all inline policies of a role together, not counting white space.
const INLINE_CHARACTERS: usize = 10_240;

/// What the vendor asks for on all parameters, and the role may not do.
const WRITES: [&str; 4] = [
    "ssm:AddTagsToResource",
    "ssm:DeleteParameter",
    "ssm:PutParameter",
    "ssm:RemoveTagsFromResource",
];

/// Where the role may do more than the vendor asks for: to fit into IAM's limit.
const PATTERNS: [&str; 8] = [
    "application-autoscaling:Describe*",
    "autoscaling:Describe*",
    "es:Describe*",
    "es:List*",
    "inspector:Describe*",
    "inspector:List*",
    "organizations:Describe*",
    "organizations:List*",
];

/// The only role of the member template.
fn role(member: &Template) -> &Value {
    let roles = member.of_type("AWS::IAM::Role");
    assert_eq!(roles.len(), 1);
    roles["VisionOneRole"]
}

/// The only statement of the only policy of the role.
fn reading(member: &Template) -> &Value {
    let [policy] = role(member)["Policies"].as_array().unwrap().as_slice() else {
        panic!("not one policy")
    };
    assert_eq!(policy["PolicyName"], "VisionOnePolicy");
    let statements = member.statements("VisionOneRole");
    let [statement] = statements[..] else {
        panic!("{statements:?}")
    };
    statement
}

#[test]
fn vision_ones_subject_alone_is_let_in_and_only_for_this_account() {
    let member = Template::load(VISION_ONE_MEMBER);
    let provider = member.resource("IdentityProvider");
    assert_eq!(provider["Type"], "AWS::IAM::OIDCProvider");
    let account = "arn:${AWS::Partition}:iam::${AWS::AccountId}:root";
    assert_eq!(
        provider["Properties"],
        json!({
            "Url": {"Fn::Sub": "https://${OidcHost}"},
            "ClientIdList": [{"Fn::Sub": account}],
        })
    );
    let trust = argument(&role(&member)["AssumeRolePolicyDocument"]);
    let trust: Value = serde_json::from_str(trust).unwrap();
    assert_eq!(
        trust,
        json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Action": ["sts:AssumeRoleWithWebIdentity", "sts:SetSourceIdentity"],
            "Principal": {"Federated": "${IdentityProvider.Arn}"},
            "Condition": {"StringEquals": {
                "${OidcHost}:aud": account,
                "${OidcHost}:sub": "${OidcSubject}",
            }},
        }]})
    );
}

/// They become part of the trust policy's text.
#[test]
fn neither_host_nor_subject_can_end_a_text_of_the_trust_policy() {
    let member = Template::load(VISION_ONE_MEMBER);
    for (id, right, wrong) in [
        (
            "OidcHost",
            ["cloudaccounts-us.xdr.trendmicro.com", "a"],
            &[
                "a\": {}}",
                "a\\",
                "https://a",
                "a:443",
                "a/b",
                "*.a",
                "-a",
                "a.",
                "A",
                "",
                "a\n",
            ],
        ),
        (
            "OidcSubject",
            [
                "urn:visionone:identity:us:0-f:account/0-f",
                "urn:visionone:identity:us",
            ],
            &[
                "urn:visionone:identity:\"",
                "urn:visionone:identity:\\",
                "urn:visionone:identity:*",
                "urn:visionone:identity:${a}",
                "urn:visionone:identity:",
                "urn:other:identity:us",
                "system",
                "*",
                "a b",
                "",
                "urn:visionone:identity:a\n",
            ],
        ),
    ] {
        takes_and_refuses(&member, id, &right, wrong);
    }
}

#[test]
fn the_role_reads_what_vision_one_publishes_and_writes_nothing() {
    let member = Template::load(VISION_ONE_MEMBER);
    let statement = reading(&member);
    assert_eq!(statement["Effect"], "Allow");
    assert_eq!(statement["Resource"], "*");
    let may = actions(statement);
    assert!(may.is_sorted_by_key(|action| action.split_once(':')));
    let published: BTreeSet<String> = published::vision_one().collect();
    assert_eq!(published.len(), 390);
    let (mut as_published, mut patterns) = (BTreeSet::new(), BTreeSet::new());
    for action in may {
        let set = if published.contains(action) {
            &mut as_published
        } else {
            &mut patterns
        };
        assert!(set.insert(action), "{action} twice");
    }
    assert_eq!(patterns, PATTERNS.into());
    for action in &published {
        let plain = as_published.contains(action.as_str());
        let by_pattern = PATTERNS.iter().any(|pattern| covers(pattern, action));
        assert!(!(plain && by_pattern), "{action} twice");
        let refused = WRITES.contains(&action.as_str());
        assert_eq!(plain || by_pattern, !refused, "{action}");
    }
    let policies = rendered(&role(&member)["Policies"]).to_string();
    assert!(policies.len() <= INLINE_CHARACTERS, "{}", policies.len());
}

#[test]
fn the_boundary_allows_what_the_role_does() {
    let main = Template::load(VISION_ONE);
    let member = Template::load(VISION_ONE_MEMBER);
    let granted = actions(reading(&member));
    for action in &granted {
        assert!(within(&main, action), "{action}");
    }
    let statements = main.statements("ManagementBoundary");
    let [statement] = statements[..] else {
        panic!("{statements:?}")
    };
    for pattern in actions(statement) {
        let used = granted.iter().any(|action| covers(pattern, action));
        assert!(used, "{pattern} is of no use");
        let (_, operation) = pattern.split_once(':').unwrap();
        assert!(!operation.starts_with('*'), "{pattern} is all of a service");
    }
    let policy = &main.resource("ManagementBoundary")["Properties"]["PolicyDocument"];
    let size = rendered(policy).to_string().len();
    assert!(size <= POLICY_CHARACTERS, "{size}");
}

/// Whatever policies and trust the role is given, it changes nothing and reads no contents.
#[test]
fn the_boundary_keeps_the_management_accounts_role_from_all_that_leads_further() {
    let main = Template::load(VISION_ONE);
    let further = [
        "apigateway:POST",
        "cloudformation:CreateStackInstances",
        "cloudformation:UpdateStackSet",
        "cloudtrail:StopLogging",
        "dynamodb:GetItem",
        "ec2:GetPasswordData",
        "ecr:GetAuthorizationToken",
        "elasticmapreduce:GetClusterSessionCredentials",
        "es:ESHttpGet",
        "glue:GetConnection",
        "iam:AttachRolePolicy",
        "iam:CreateRole",
        "iam:DeleteRolePermissionsBoundary",
        "iam:PassRole",
        "iam:PutRolePolicy",
        "kinesis:GetRecords",
        "kms:Decrypt",
        "lambda:GetFunction",
        "lambda:InvokeFunction",
        "logs:GetLogEvents",
        "organizations:LeaveOrganization",
        "redshift:GetClusterCredentials",
        "s3:GetObject",
        "secretsmanager:GetSecretValue",
        "sns:Publish",
        "sqs:ReceiveMessage",
        "ssm:GetParameterHistory",
        "ssm:SendCommand",
        "sts:AssumeRole",
    ];
    for action in further.into_iter().chain(WRITES) {
        assert!(!within(&main, action), "{action}");
    }
}

#[test]
fn the_management_stacks_role_makes_vision_ones_provider_and_the_bounded_role_only() {
    let main = Template::load(VISION_ONE);
    let here = "arn:${AWS::Partition}:iam::${AWS::AccountId}";
    let mut may = BTreeSet::new();
    for statement in main.statements("ManagementStackRole") {
        let on: Vec<&str> = one_or_many(&statement["Resource"]).map(argument).collect();
        for action in actions(statement) {
            let kind = if action.contains("OpenIDConnectProvider") {
                "oidc-provider/cloudaccounts-*.xdr.trendmicro.com"
            } else {
                "role/VisionOneRole"
            };
            assert_eq!(on, [format!("{here}:{kind}")], "{action}");
            assert!(may.insert(action), "{action} twice");
        }
        let gives = ["iam:CreateRole", "iam:PutRolePolicy"];
        if actions(statement).iter().any(|one| gives.contains(one)) {
            let demanded = &statement["Condition"]["StringEquals"]["iam:PermissionsBoundary"];
            assert_eq!(demanded["Fn::If"][2], json!({"Ref": "ManagementBoundary"}));
        }
    }
    for action in ["iam:DeleteRolePermissionsBoundary", "iam:PassRole"] {
        assert!(!may.contains(action), "{action}");
    }
}

#[test]
fn a_lost_record_finds_the_end_of_the_rows_descriptions_on_the_role() {
    let member = Template::load(VISION_ONE_MEMBER);
    let tags: Vec<&Value> = one_or_many(&role(&member)["Tags"])
        .filter(|tag| text(&tag["Key"]).starts_with("towerhook:"))
        .collect();
    assert_eq!(
        tags,
        [
            &json!({"Key": "towerhook:tenant-name", "Value": {"Ref": "TenantName"}}),
            &json!({"Key": "towerhook:row-suffix", "Value": {"Ref": "RowSuffix"}}),
        ]
    );
    let outputs: BTreeSet<&str> = member.section("Outputs").into_keys().collect();
    assert_eq!(outputs, ["RoleARN"].into());
    let parameters: BTreeSet<&str> = member.section("Parameters").into_keys().collect();
    let expected = [
        "OidcHost",
        "OidcSubject",
        "PermissionsBoundaryName",
        "RoleName",
        "RowSuffix",
        "TenantName",
    ];
    assert_eq!(parameters, expected.into());
}

#[test]
fn every_function_knows_the_region_and_what_each_row_is_to_have() {
    let main = Template::load(VISION_ONE);
    for (id, function) in main.of_type("AWS::Lambda::Function") {
        let variables = &function["Environment"]["Variables"];
        assert_eq!(variables["PROVIDER"], "trend-vision-one", "{id}");
        for (name, parameter, of) in [
            (
                "PROVIDER_URL",
                "VisionOneRegion",
                &["Setup", "Account", "Auth"][..],
            ),
            ("PROVIDER_FEATURES", "Features", &["Setup", "Account"]),
            (
                "PROVIDER_WORKLOAD_INSTANCE_ID",
                "WorkloadInstanceId",
                &["Setup", "Account"],
            ),
            ("PROVIDER_EXTERNAL_ID", "OidcSubject", &["Setup"]),
        ] {
            let is_read = of.iter().any(|function| id.starts_with(function));
            let expected = if is_read {
                json!({"Ref": parameter})
            } else {
                Value::Null
            };
            assert_eq!(variables[name], expected, "{id}: {name}");
        }
        for absent in ["PROVIDER_PRINCIPAL_ARN", "PROVIDER_CA_BUNDLE"] {
            assert!(variables.get(absent).is_none(), "{id}: {absent}");
        }
    }
}

#[test]
fn patterns_take_what_vision_one_shows_and_refuse_what_is_wrong() {
    let cases: [(&str, &[&str], &[&str]); 6] = [
        (
            "ApiKey",
            &["eyJhbGciOi.eyJ1c2Vy.a-b_9", &"a".repeat(4_096)],
            &["", "a b", "a\n", "a\"b", "a\\b", "a/b", &"a".repeat(4_097)],
        ),
        (
            "VisionOneRegion",
            &[
                "api.xdr.trendmicro.com",
                "api.xdr.trendmicro.co.jp",
                "https://api.eu.xdr.trendmicro.com/",
                "http://127.0.0.1:8080",
            ],
            &["", "ftp://a", "api.xdr.trendmicro.com/v3.0", "a b", "u@a"],
        ),
        (
            "Features",
            &["", "cloud-sentry", "cloud-sentry,file-storage-security"],
            &[",", "a,", "a, b", "a,,b", "a_b", "a\n"],
        ),
        (
            "WorkloadInstanceId",
            &["", "abcdef12-3456-7890-abcd-ef1234567890"],
            &["abcdef12", "abcdef1234567890abcdef1234567890", "1"],
        ),
        (
            "OidcSubject",
            &[
                "",
                "cloudaccounts-us.xdr.trendmicro.com/urn:visionone:identity:us:b:account/b",
            ],
            &[
                "cloudaccounts-us.xdr.trendmicro.com",
                "https://a/urn:visionone:identity:us:b:account/b",
                "urn:visionone:identity:us:b:account/b",
                "a/urn:visionone:identity:*",
            ],
        ),
        (
            "IntegrationNamePrefix",
            &["Trend-", "T"],
            &["", "1a", "with space", "AWSControlTower-"],
        ),
    ];
    let main = Template::load(VISION_ONE);
    let parameters = &main.body["Parameters"];
    for (id, right, wrong) in cases {
        takes_and_refuses(&main, id, right, wrong);
    }
    assert_eq!(parameters["Features"]["MaxLength"], 500);
    assert_eq!(parameters["Features"]["Default"], "");
    // What the main template takes, setup can hand on.
    let member = Template::load(VISION_ONE_MEMBER);
    let handed = ["OidcHost", "OidcSubject"]
        .map(|id| text(&member.body["Parameters"][id]["AllowedPattern"]).trim_matches(['^', '$']))
        .join("/");
    let taken = text(&parameters["OidcSubject"]["AllowedPattern"]);
    assert_eq!(taken, format!("^({handed})?$"));
}
