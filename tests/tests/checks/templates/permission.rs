//! Permissions in the management account.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::templates::template::{
    ALL, CHILDREN, MAIN, Template, actions, argument, one_or_many, text,
};

/// The actions without resource-level permissions, by the service authorization reference.
const WITHOUT_RESOURCE: [&str; 9] = [
    "cloudformation:CreateStackSet",
    "cloudformation:ListStackSets",
    "controltower:ListEnabledBaselines",
    "controltower:ListEnabledControls",
    "controltower:ListLandingZones",
    "organizations:DescribeOrganization",
    "organizations:ListAWSServiceAccessForOrganization",
    "organizations:ListAccounts",
    "organizations:ListRoots",
];

const ROLES: [&str; 4] = [
    "SetupRole",
    "AccountRole",
    "AuthRole",
    "ManagementStackRole",
];

#[test]
fn every_role_is_looked_at_here() {
    let template = Template::load(MAIN);
    let roles: BTreeSet<&str> = template.of_type("AWS::IAM::Role").into_keys().collect();
    assert_eq!(roles, BTreeSet::from(ROLES));
}

#[test]
fn no_action_is_allowed_on_everything_that_can_be_narrowed() {
    let template = Template::load(MAIN);
    for role in ROLES {
        for statement in template.statements(role) {
            assert_eq!(statement["Effect"], "Allow", "{role}");
            assert!(statement.get("NotAction").is_none(), "{role}");
            assert!(statement.get("NotResource").is_none(), "{role}");
            for action in actions(statement) {
                assert!(!action.contains('*'), "{role}: {action}");
                for resource in one_or_many(&statement["Resource"]) {
                    let everything = argument(resource) == "*";
                    assert_eq!(
                        everything,
                        WITHOUT_RESOURCE.contains(&action),
                        "{role}: {action} on {resource}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_role_is_passed_to_cloudformation_only_and_never_any_role() {
    let template = Template::load(MAIN);
    let mut passed = 0;
    for role in ROLES {
        for statement in template.statements(role) {
            if !actions(statement).contains(&"iam:PassRole") {
                continue;
            }
            passed += 1;
            assert_eq!(
                statement["Condition"]["StringEquals"]["iam:PassedToService"],
                "cloudformation.amazonaws.com",
                "{role}"
            );
            for resource in one_or_many(&statement["Resource"]) {
                assert!(!resource.to_string().contains('*'), "{role}: {resource}");
            }
        }
    }
    assert_eq!(passed, 2, "setup passes two roles, account none");
}

#[test]
fn no_function_may_make_roles_or_policies() {
    let template = Template::load(MAIN);
    for function in template.of_type("AWS::Lambda::Function").into_values() {
        let role = argument(&function["Role"]);
        for action in template.statements(role).into_iter().flat_map(actions) {
            // The role that it creates is CloudTrail's own.
            let harmless =
                ["iam:CreateServiceLinkedRole", "iam:GetRole", "iam:PassRole"].contains(&action);
            assert!(harmless || !action.starts_with("iam:"), "{role}: {action}");
        }
    }
    let management = template.resource("ManagementStackRole");
    assert_eq!(management["Condition"], "EnrollsManagementAccount");
}

/// An organization that requires a boundary denies a role without one, here and in every account.
#[test]
fn every_role_gets_the_boundary_that_is_named() {
    let mut roles = 0;
    for name in ALL {
        let template = Template::load(name);
        for (id, role) in template.of_type("AWS::IAM::Role") {
            roles += 1;
            assert_eq!(
                role["PermissionsBoundary"]["Fn::If"],
                json!([
                    "HasBoundary",
                    {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:policy/${PermissionsBoundaryName}"},
                    {"Ref": "AWS::NoValue"},
                ]),
                "{name}: {id}"
            );
            assert_eq!(
                template.body["Conditions"]["HasBoundary"],
                json!({"Fn::Not": [{"Fn::Equals": [{"Ref": "PermissionsBoundaryName"}, ""]}]}),
                "{name}"
            );
            let parameter = &template.body["Parameters"]["PermissionsBoundaryName"];
            assert_eq!(parameter["Default"], "", "{name}");
        }
    }
    assert_eq!(
        roles, 22,
        "four, three, four and four of functions and the management account's stack, and those of Log \
         Archive (twice), the members (four times) and the events"
    );
}

#[test]
fn of_its_own_stack_setup_reads_the_description_and_nothing_else() {
    let template = Template::load(MAIN);
    for role in ROLES {
        for statement in template.statements(role) {
            let own = one_or_many(&statement["Resource"])
                .any(|resource| *resource == json!({"Ref": "AWS::StackId"}));
            if own {
                assert_eq!(role, "SetupRole");
                assert_eq!(actions(statement), ["cloudformation:DescribeStacks"]);
            }
        }
    }
}

#[test]
fn no_function_may_make_log_groups() {
    let template = Template::load(MAIN);
    for function in template.of_type("AWS::Lambda::Function").into_values() {
        let role = argument(&function["Role"]);
        let logging: BTreeSet<&str> = template
            .statements(role)
            .into_iter()
            .flat_map(actions)
            .filter(|action| action.starts_with("logs:"))
            .collect();
        assert_eq!(
            logging,
            BTreeSet::from(["logs:CreateLogStream", "logs:PutLogEvents"]),
            "{role}"
        );
        assert!(
            one_or_many(&template.resource(role)["Properties"]["ManagedPolicyArns"])
                .all(|policy| policy.get("Ref").is_some()),
            "{role}: a policy of AWS's may allow more than is looked at here"
        );
    }
}

#[test]
fn setup_may_invoke_itself_and_account_auth_and_nobody_anything_else() {
    let template = Template::load(MAIN);
    let may_invoke = |role: &str| -> Vec<&Value> {
        template
            .statements(role)
            .into_iter()
            .filter(|statement| actions(statement).contains(&"lambda:InvokeFunction"))
            .flat_map(|statement| one_or_many(&statement["Resource"]))
            .collect()
    };
    let arn = |function: &str| json!({"Fn::GetAtt": [function, "Arn"]});
    assert_eq!(may_invoke("SetupRole"), [&arn("SetupFunction")]);
    assert_eq!(may_invoke("AccountRole"), [&arn("AuthFunction")]);
    for role in ["AuthRole", "ManagementStackRole"] {
        assert!(may_invoke(role).is_empty(), "{role}");
    }
}

#[test]
fn only_auth_and_setup_hold_the_key_and_account_cannot_write_the_token() {
    let template = Template::load(MAIN);
    let readers = |secret: &str, action: &str| -> Vec<&str> {
        ROLES
            .into_iter()
            .filter(|role| {
                template.statements(role).into_iter().any(|statement| {
                    actions(statement).contains(&action)
                        && one_or_many(&statement["Resource"]).any(|one| argument(one) == secret)
                })
            })
            .collect()
    };
    let read = "secretsmanager:GetSecretValue";
    let write = "secretsmanager:PutSecretValue";
    let owners = ["SetupRole", "AuthRole"];
    assert_eq!(readers("ApiCredentials", read), owners);
    assert!(readers("ApiCredentials", write).is_empty());
    assert_eq!(readers("ApiToken", write), owners);
    assert_eq!(readers("ApiToken", read).len(), 3);
}

#[test]
fn stack_sets_may_hold_what_the_child_templates_hold_and_nothing_else() {
    let deployed: BTreeSet<String> = CHILDREN
        .into_iter()
        .flat_map(|name| {
            let template = Template::load(name);
            let types: Vec<String> = template
                .section("Resources")
                .into_values()
                .flat_map(|resource| {
                    let kind = text(&resource["Type"]).replace("::", "-");
                    let general = "AWS-CloudFormation-CustomResource".to_owned();
                    let also = kind.starts_with("Custom-").then_some(general);
                    [Some(kind), also].into_iter().flatten()
                })
                .collect();
            types
        })
        .collect();
    let template = Template::load(MAIN);
    let mut checked = 0;
    for role in ["SetupRole", "AccountRole"] {
        for statement in template.statements(role) {
            let writes = actions(statement).iter().any(|action| {
                [
                    "cloudformation:UpdateStackSet",
                    "cloudformation:CreateStackInstances",
                ]
                .contains(action)
            });
            if !writes {
                continue;
            }
            checked += 1;
            let allowed: BTreeSet<String> = one_or_many(&statement["Resource"])
                .filter_map(|resource| argument(resource).split_once(":type/resource/"))
                .map(|(_, kind)| kind.to_owned())
                .collect();
            assert_eq!(allowed, deployed, "{role}");
        }
    }
    assert_eq!(
        checked, 3,
        "setup changes StackSets, setup and account make instances"
    );
}
