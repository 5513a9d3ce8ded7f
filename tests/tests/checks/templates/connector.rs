//! What Workload Security's templates let it read, and what they keep to themselves.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use towerhook_core::foundation::Properties;
use towerhook_providers::{Vendor, trend_workload_security::TrendWorkloadSecurity};

use crate::templates::parameter::takes_and_refuses;
use crate::templates::template::{TREND, TREND_MEMBER, Template, actions, argument, text};

/// What the vendor's own Control Tower hook gives its role.
const ACTIONS: [&str; 16] = [
    "ec2:DescribeAvailabilityZones",
    "ec2:DescribeImages",
    "ec2:DescribeInstances",
    "ec2:DescribeLicenses",
    "ec2:DescribeRegions",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeTags",
    "ec2:DescribeVpcs",
    "iam:GetRole",
    "iam:GetRolePolicy",
    "iam:ListAccountAliases",
    "workspaces:DescribeTags",
    "workspaces:DescribeWorkspaceBundles",
    "workspaces:DescribeWorkspaceDirectories",
    "workspaces:DescribeWorkspaces",
];

/// The only role of the member template.
fn role(member: &Template) -> &Value {
    let roles = member.of_type("AWS::IAM::Role");
    assert_eq!(roles.len(), 1);
    roles["ConnectorRole"]
}

#[test]
fn the_managers_principal_alone_is_let_in_and_only_with_the_external_id() {
    let member = Template::load(TREND_MEMBER);
    let trust = &role(&member)["AssumeRolePolicyDocument"]["Statement"];
    assert_eq!(
        *trust,
        json!([{
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"AWS": {"Ref": "ManagerPrincipalArn"}},
            "Condition": {"StringEquals": {"sts:ExternalId": {"Ref": "ExternalId"}}},
        }])
    );
}

#[test]
fn the_role_reads_what_workload_security_asks_for_and_of_roles_only_itself() {
    let member = Template::load(TREND_MEMBER);
    assert_eq!(
        role(&member)["Policies"][0]["PolicyName"],
        "CloudOneWorkloadConnectorPolicy"
    );
    let mut all = BTreeSet::new();
    for statement in member.statements("ConnectorRole") {
        assert_eq!(statement["Effect"], "Allow");
        let own = ["iam:GetRole", "iam:GetRolePolicy"];
        let resource = argument(&statement["Resource"]);
        for action in actions(statement) {
            let expected = if own.contains(&action) {
                "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/${RoleName}"
            } else {
                "*"
            };
            assert_eq!(resource, expected, "{action}");
            assert!(all.insert(action), "{action} twice");
        }
    }
    assert_eq!(all, ACTIONS.into());
}

#[test]
fn the_boundary_allows_the_same() {
    let main = Template::load(TREND);
    let statements = main.statements("ManagementBoundary");
    let [statement] = statements[..] else {
        panic!("{statements:?}")
    };
    assert_eq!(actions(statement), ACTIONS);
    assert_eq!(statement["Effect"], "Allow");
}

#[test]
fn a_lost_record_finds_on_the_role_what_the_names_were_made_of() {
    let member = Template::load(TREND_MEMBER);
    let tag = |key: &str, parameter: &str| json!({"Key": key, "Value": {"Ref": parameter}});
    assert_eq!(
        role(&member)["Tags"],
        json!([
            tag("towerhook:tenant-name", "TenantName"),
            tag("towerhook:connector-suffix", "ConnectorSuffix"),
        ])
    );
    let outputs: BTreeSet<&str> = member.section("Outputs").into_keys().collect();
    assert_eq!(outputs, ["RoleARN"].into());
}

#[test]
fn every_function_knows_the_manager_and_whom_its_certificate_is_from() {
    let main = Template::load(TREND);
    for (id, function) in main.of_type("AWS::Lambda::Function") {
        let variables = &function["Environment"]["Variables"];
        assert_eq!(variables["PROVIDER"], "trend-workload-security", "{id}");
        assert_eq!(variables["PROVIDER_URL"]["Ref"], "ApiEndpoint", "{id}");
        assert_eq!(variables["PROVIDER_CA_BUNDLE"]["Ref"], "CaBundle", "{id}");
    }
    let setup = &main.resource("SetupFunction")["Properties"]["Environment"]["Variables"];
    assert_eq!(
        setup["PROVIDER_PRINCIPAL_ARN"]["Ref"],
        "DeepSecurityManagerAccount"
    );
}

#[test]
fn patterns_take_a_manager_as_it_is_named_and_refuse_what_is_wrong() {
    let certificate = "-----BEGIN CERTIFICATE-----\nMIIB+/ab\nAA==\n-----END CERTIFICATE-----\n";
    let (two, joined) = (
        format!("\n{certificate}{certificate}"),
        certificate.replace('\n', ""),
    );
    let spaced = certificate.replace('\n', " \r\n  ");
    let longest = format!("-----BEGIN CERTIFICATE-----{}", "A ".repeat(1_423));
    let cases: [(&str, &[&str], &[&str]); 6] = [
        (
            "ApiKey",
            &["2:3Q0YbKbx+/k=:Ab/9", "tmc12AbCdEf:0aZ9", &"a".repeat(512)],
            &["", "a b", "a\n", "a\"b", "a\\b"],
        ),
        (
            "ApiEndpoint",
            &[
                "workload.de-1.cloudone.trendmicro.com",
                "app.deepsecurity.trendmicro.com",
                "dsm.example.com:4119",
                "https://dsm.example.com:4119/",
                "http://127.0.0.1:8080",
                "10.0.0.1:4119",
            ],
            &[
                "",
                "ftp://dsm.example.com",
                "dsm.example.com/api",
                "https://dsm.example.com:4119/api",
                "user@dsm.example.com",
                "dsm.example.com:port",
                "two hosts",
            ],
        ),
        (
            "DeepSecurityManagerAccount",
            &["147995105371", "000000000001"],
            &["", "14799510537", "arn:aws:iam::147995105371:root"],
        ),
        (
            "ExternalId",
            &["", "00", "a_b+=,.@:/-9", &"a".repeat(1_224)],
            &["a", "a b", "a#b", &"a".repeat(1_225)],
        ),
        (
            "CaBundle",
            &["", " ", certificate, &two, &joined, &spaced],
            &[
                "MIIB",
                "-----BEGIN CERTIFICATE-----",
                "-----BEGIN CERTIFICATE----------END CERTIFICATE-----",
                "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----",
                "https://example.com/ca.pem",
                // What is long and wrong is refused as fast as what is short.
                &longest,
            ],
        ),
        (
            "IntegrationNamePrefix",
            &["Trend-", "T"],
            &["", "1a", "with space", "AWSControlTower-"],
        ),
    ];
    let main = Template::load(TREND);
    let parameters = &main.body["Parameters"];
    for (id, right, wrong) in cases {
        takes_and_refuses(&main, id, right, wrong);
    }
    assert_eq!(parameters["CaBundle"]["MaxLength"], 2500);
    // What the main template takes, setup can hand on.
    let member = Template::load(TREND_MEMBER);
    let handed = text(&member.body["Parameters"]["ExternalId"]["AllowedPattern"]);
    let taken = text(&parameters["ExternalId"]["AllowedPattern"]);
    assert_eq!(taken, format!("^({})?$", handed.trim_matches(['^', '$'])));
}

#[test]
fn setup_understands_every_default_and_each_function_its_vendor() {
    let main = Template::load(TREND);
    let given = main.resource("Setup")["Properties"].as_object().unwrap();
    let properties: Map<String, Value> = given
        .iter()
        .map(|(name, value)| {
            let default = |parameter: &Value| {
                let parameter = text(parameter);
                main.body["Parameters"][parameter]["Default"].clone()
            };
            let value = value.get("Ref").map_or_else(|| value.clone(), default);
            (name.clone(), value)
        })
        .collect();
    let parsed = Properties::parse(&TrendWorkloadSecurity, &properties.into()).unwrap();
    assert_eq!(
        parsed.url.as_str(),
        "https://workload.us-1.cloudone.trendmicro.com/"
    );
    assert_eq!(
        parsed.principal.unwrap().as_str(),
        "arn:aws:iam::147995105371:root"
    );
    assert!(parsed.retain_protection && parsed.enroll_management);
    assert_eq!(parsed.external_id, None);
    assert!(!parsed.capability.cloud_trail());
    for function in ["SetupFunction", "AccountFunction", "AuthFunction"] {
        let variables = &main.resource(function)["Properties"]["Environment"]["Variables"];
        let provider = text(&variables["PROVIDER"]);
        let found = Vendor::KNOWN.iter().find(|(known, _)| *known == provider);
        assert_eq!(found.unwrap().1, Vendor::TrendWorkloadSecurity);
        assert_eq!(variables["PROVIDER_CA_BUNDLE"]["Ref"], "CaBundle");
    }
}
