//! What an attacker in one of the functions, or in an account, cannot reach; and what the documents
//! say about the rest.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use towerhook_core::{model::Names, provider::Provider, stack_sets::STACK_ID_TAG};
use towerhook_providers::lacework::Lacework;

use crate::templates::{
    child::{POLICY_CHARACTERS, rendered},
    template::{MAIN, MEMBER, Template, actions, argument, one_or_many, text},
};

/// The StackSets' names up to the Lacework account, with the template's prefix.
pub(crate) fn stack_set_names() -> BTreeSet<String> {
    let names = Names {
        resource: String::new(),
        prefix: "Prefix".parse().unwrap(),
    };
    let names = Lacework.resources(&names);
    let parameter = |name: &String| name.replacen("Prefix", "${IntegrationNamePrefix}", 1);
    names.stack_sets().map(parameter).collect()
}

/// Even a short prefix covers no StackSet of Control Tower's.
#[test]
fn policies_name_our_stack_sets_as_exactly_as_parameters_can() {
    let template = Template::load(MAIN);
    let ours = stack_set_names();
    let mut checked = 0;
    for role in ["SetupRole", "AccountRole"] {
        for statement in template.statements(role) {
            for kind in [":stackset/", ":stackset-target/"] {
                let named: BTreeSet<String> = one_or_many(&statement["Resource"])
                    .filter_map(|resource| argument(resource).split_once(kind))
                    .map(|(_, name)| name.strip_suffix('*').unwrap().to_owned())
                    .collect();
                if !named.is_empty() {
                    assert_eq!(named, ours, "{role}");
                    checked += 1;
                }
            }
        }
    }
    assert_eq!(checked, 6);
}

/// It starts operations on setup's StackSets, but can neither change them nor create others.
#[test]
fn the_account_function_makes_and_changes_no_template() {
    let template = Template::load(MAIN);
    let statements = template.statements("AccountRole");
    let may: BTreeSet<&str> = statements.iter().copied().flat_map(actions).collect();
    let of_cloudformation: BTreeSet<&str> = may
        .into_iter()
        .filter(|action| action.starts_with("cloudformation:"))
        .collect();
    assert_eq!(
        of_cloudformation,
        BTreeSet::from([
            "cloudformation:CreateStackInstances",
            "cloudformation:DeleteStackInstances",
            "cloudformation:DescribeStackSetOperation",
            "cloudformation:ListStackInstances",
            "cloudformation:UpdateStackInstances",
        ])
    );
    assert!(
        !statements
            .into_iter()
            .flat_map(actions)
            .any(|action| action == "iam:PassRole")
    );
}

/// CreateStackSet has no resource-level permissions, by the service authorization reference: the
/// owner tag restricts it, which setup sets on every StackSet.
#[test]
fn setup_makes_stack_sets_of_this_stack_only() {
    let template = Template::load(MAIN);
    let statements = template.statements("SetupRole");
    let making: Vec<_> = statements
        .iter()
        .filter(|statement| actions(statement).contains(&"cloudformation:CreateStackSet"))
        .collect();
    let [making] = making[..] else {
        panic!("{making:?}")
    };
    assert_eq!(actions(making), ["cloudformation:CreateStackSet"]);
    assert_eq!(making["Resource"], "*");
    let key = format!("aws:RequestTag/{STACK_ID_TAG}");
    assert_eq!(
        making["Condition"],
        json!({"StringEquals": {key: {"Ref": "AWS::StackId"}}})
    );
    // The role that the administrator names, or else Control Tower's: the StackSets' administration
    // role.
    let own = "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/service-role/AWSControlTowerStackSetRole";
    let role = json!({"Fn::If": [
        "NamesStackSetRole",
        {"Ref": "StackSetAdministrationRoleArn"},
        {"Fn::Sub": own},
    ]});
    let function = template.resource("SetupFunction");
    let variables = &function["Properties"]["Environment"]["Variables"];
    assert_eq!(variables["STACK_SET_ADMINISTRATION_ROLE_ARN"], role);
    let on = |action: &str| -> Vec<&Value> {
        let allowing = statements
            .iter()
            .filter(|statement| actions(statement).contains(&action));
        allowing
            .flat_map(|statement| one_or_many(&statement["Resource"]))
            .collect()
    };
    assert_eq!(on("iam:PassRole")[0], &role);
    assert_eq!(argument(on("iam:PassRole")[1]), "ManagementStackRole");
    assert_eq!(on("iam:PassRole").len(), 2);
    assert!(on("iam:GetRole").contains(&&role));
}

/// CloudTrail's own role, which it may create on setup's behalf, and no other.
#[test]
fn setup_finds_and_makes_the_role_of_cloudtrail_only() {
    let template = Template::load(MAIN);
    let role = "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/aws-service-role/\
                cloudtrail.amazonaws.com/AWSServiceRoleForCloudTrail";
    for (action, condition) in [
        ("iam:GetRole", Value::Null),
        (
            "iam:CreateServiceLinkedRole",
            json!({"StringEquals": {"iam:AWSServiceName": "cloudtrail.amazonaws.com"}}),
        ),
    ] {
        let statements = template.statements("SetupRole").into_iter();
        let allowing: Vec<_> = statements
            .filter(|statement| actions(statement).contains(&action))
            .filter(|statement| {
                let sid = &statement["Sid"];
                sid != "FindStackSetRole" && sid != "FindMemberRole"
            })
            .collect();
        assert_eq!(allowing.len(), 1, "{action}");
        assert_eq!(argument(&allowing[0]["Resource"]), role, "{action}");
        assert_eq!(allowing[0]["Condition"], condition, "{action}");
    }
}

/// Whether the boundary's pattern covers the action, which may be a pattern itself.
pub(crate) fn covers(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.to_lowercase(), action.to_lowercase());
    match pattern.split_once('*') {
        Some((begin, end)) => action.starts_with(begin) && action.ends_with(end),
        None => action == pattern,
    }
}

/// Whether the permissions boundary of the management account's role allows this.
pub(crate) fn within(template: &Template, action: &str) -> bool {
    let (mut allowed, mut denied) = (false, false);
    for statement in template.statements("ManagementBoundary") {
        assert_eq!(statement["Resource"], "*");
        assert!(statement.get("Condition").is_none());
        let hit = actions(statement)
            .into_iter()
            .any(|pattern| covers(pattern, action));
        match text(&statement["Effect"]) {
            "Allow" => allowed |= hit,
            _ => denied |= hit,
        }
    }
    allowed && !denied
}

#[test]
fn the_boundary_lets_the_management_accounts_role_read_what_the_member_template_grants() {
    let (main, member) = (Template::load(MAIN), Template::load(MEMBER));
    for policy in member.of_type("AWS::IAM::ManagedPolicy").into_keys() {
        for action in member.statements(policy).into_iter().flat_map(actions) {
            assert!(within(&main, action), "{action}");
        }
    }
    // Some of SecurityAudit's additions.
    for action in [
        "ec2:DescribeInstances",
        "iam:GetAccountAuthorizationDetails",
        "organizations:ListAccounts",
        "s3:GetBucketAcl",
        "kms:GetKeyPolicy",
    ] {
        assert!(within(&main, action), "{action}");
    }
    let policy = &main.resource("ManagementBoundary")["Properties"]["PolicyDocument"];
    let size = rendered(policy).to_string().len();
    assert!(size <= POLICY_CHARACTERS, "{size}");
}

/// Whatever policies and trust it is given, it can assume no other role, and change nothing.
#[test]
fn the_boundary_keeps_the_management_accounts_role_from_all_that_leads_further() {
    let main = Template::load(MAIN);
    for action in [
        "account:PutAlternateContact",
        "cloudformation:CreateStack",
        "cloudformation:CreateStackInstances",
        "cloudformation:ExecuteChangeSet",
        "cloudformation:UpdateStack",
        "cloudformation:UpdateStackSet",
        "cloudtrail:StopLogging",
        "codebuild:StartBuild",
        "cognito-identity:GetCredentialsForIdentity",
        "controltower:DisableControl",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "ec2:GetPasswordData",
        "ec2:RunInstances",
        "ecr:GetAuthorizationToken",
        "ecs:ExecuteCommand",
        "eks:AccessKubernetesApi",
        "elasticmapreduce:GetClusterSessionCredentials",
        "events:PutRule",
        "glue:GetConnection",
        "glue:UpdateJob",
        "iam:AttachRolePolicy",
        "iam:CreateAccessKey",
        "iam:CreatePolicyVersion",
        "iam:CreateRole",
        "iam:DeleteRolePermissionsBoundary",
        "iam:PassRole",
        "iam:PutRolePolicy",
        "iam:UpdateAssumeRolePolicy",
        "identitystore:CreateUser",
        "kms:CreateGrant",
        "kms:Decrypt",
        "lakeformation:GetDataAccess",
        "lakeformation:GrantPermissions",
        "lambda:InvokeFunction",
        "lambda:UpdateFunctionCode",
        "organizations:LeaveOrganization",
        "organizations:MoveAccount",
        "redshift:GetClusterCredentials",
        "s3:GetObject",
        "s3:GetObjectVersion",
        "s3:PutBucketPolicy",
        "s3:PutObject",
        "secretsmanager:BatchGetSecretValue",
        "secretsmanager:GetSecretValue",
        "sns:Publish",
        "sqs:ReceiveMessage",
        "sqs:SendMessage",
        "ssm:SendCommand",
        "ssm:StartSession",
        "sso:CreateAccountAssignment",
        "states:StartExecution",
        "sts:AssumeRole",
        "sts:GetFederationToken",
    ] {
        assert!(!within(&main, action), "{action}");
    }
    for action in main
        .statements("ManagementBoundary")
        .into_iter()
        .flat_map(actions)
    {
        let (_, operation) = action.split_once(':').unwrap();
        assert!(!operation.starts_with('*'), "{action} is all of a service");
    }
}

#[test]
fn what_the_management_stacks_role_makes_is_bounded() {
    let main = Template::load(MAIN);
    assert_eq!(
        main.resource("ManagementBoundary")["Condition"],
        "EnrollsManagementAccount"
    );
    // An administrator's own boundary replaces ours.
    let demanded = json!({"iam:PermissionsBoundary": {"Fn::If": [
        "HasBoundary",
        {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:policy/${PermissionsBoundaryName}"},
        {"Ref": "ManagementBoundary"},
    ]}});
    let statements = main.statements("ManagementStackRole");
    for bounded in [
        "iam:AttachRolePolicy",
        "iam:CreateRole",
        "iam:PutRolePermissionsBoundary",
    ] {
        let allowing: Vec<_> = statements
            .iter()
            .filter(|statement| actions(statement).contains(&bounded))
            .collect();
        assert_eq!(allowing.len(), 1, "{bounded}");
        assert_eq!(
            allowing[0]["Condition"]["StringEquals"], demanded,
            "{bounded}"
        );
    }
    // Nothing else gives a role permissions, or removes its boundary.
    let may: BTreeSet<&str> = statements.into_iter().flat_map(actions).collect();
    for action in [
        "iam:DeleteRolePermissionsBoundary",
        "iam:PutRolePolicy",
        "iam:PassRole",
    ] {
        assert!(!may.contains(action), "{action}");
    }
}

pub(crate) fn page(path: &str) -> String {
    fs::read_to_string(
        PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("..")
            .join(path),
    )
    .unwrap()
}

/// Joins the words with single spaces, because line breaks may be anywhere.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn whoever_chooses_registration_by_stack_reads_who_sees_the_token() {
    let template = Template::load(MAIN);
    let description = text(&template.body["Parameters"]["RegistrationMode"]["Description"]);
    for told in [
        description,
        &page("README.md"),
        &page("docs/decisions/0010-registration-by-stack.md"),
    ] {
        let told = words(told);
        assert!(told.contains("every account's administrator"), "{told}");
        assert!(told.contains("security.md"), "{told}");
    }
}

#[test]
fn a_service_control_policy_keeps_the_token_from_administrators_of_members() {
    let page = page("docs/security.md");
    let document = page.split("```json").nth(1).unwrap();
    let policy: Value = serde_json::from_str(document.split("```").next().unwrap()).unwrap();
    assert_eq!(policy["Version"], "2012-10-17");
    let statements: Vec<&Value> = one_or_many(&policy["Statement"]).collect();
    let [statement] = statements[..] else {
        panic!("{policy}")
    };
    assert_eq!(statement["Effect"], "Deny");
    // Every action that gives a stack another template, and so an output that reveals the
    // parameter.
    assert_eq!(
        actions(statement),
        [
            "cloudformation:CreateChangeSet",
            "cloudformation:CreateStackRefactor",
            "cloudformation:ExecuteChangeSet",
            "cloudformation:ExecuteStackRefactor",
            "cloudformation:UpdateStack",
        ]
    );
    let main = Template::load(MAIN);
    let prefix = text(&main.body["Parameters"]["IntegrationNamePrefix"]["Default"]);
    let names = Names {
        resource: "*".to_owned(),
        prefix: prefix.parse().unwrap(),
    };
    assert_eq!(
        text(&statement["Resource"]),
        // The format in which StackSets names its stacks.
        format!(
            "arn:aws:cloudformation:*:*:stack/StackSet-{}/*",
            Lacework.resources(&names).member_stack_set
        )
    );
    assert_eq!(
        statement["Condition"],
        json!({"ArnNotLike": {
            "aws:PrincipalArn": "arn:aws:iam::*:role/AWSControlTowerExecution"
        }})
    );
    assert!(Template::load(MEMBER).body["Parameters"]["AccessToken"]["NoEcho"] == true);
}

#[test]
fn the_readme_says_who_reads_the_external_ids_and_who_owns_the_bucket() {
    let readme = words(&page("README.md"));
    for said in [
        "Every member can read the end that all external ids have in common",
        "The external id holds the account's id",
        "Whoever can write the artifact bucket owns the organization",
        "SetupObjectVersion",
    ] {
        assert!(readme.contains(said), "{said}");
    }
}
