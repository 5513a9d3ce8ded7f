//! What an attacker who holds one of the functions, or an account, cannot reach; and what the
//! documents say of the rest.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use towerhook_core::model::Names;

use crate::template::{MAIN, MEMBER, Template, actions, argument, one_or_many, text};

/// The StackSets' names up to whose they are, with the prefix as the template has it.
pub(crate) fn stack_set_names() -> BTreeSet<String> {
    let names = Names {
        resource: String::new(),
        prefix: "Prefix".parse().unwrap(),
    };
    [
        names.log_stack_set(),
        names.audit_stack_set(),
        names.member_stack_set(),
    ]
    .map(|name| name.replacen("Prefix", "${IntegrationNamePrefix}", 1))
    .into()
}

/// So that not even a short prefix covers StackSets of Control Tower's.
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

/// It starts what setup has made, and can neither change it nor have anything else made.
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
    let passed: Vec<&str> = statements
        .into_iter()
        .filter(|statement| actions(statement).contains(&"iam:PassRole"))
        .flat_map(|statement| one_or_many(&statement["Resource"]))
        .map(argument)
        .collect();
    assert_eq!(
        passed,
        [
            "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/service-role/AWSControlTowerStackSetRole"
        ]
    );
}

fn page(path: &str) -> String {
    fs::read_to_string(
        PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("..")
            .join(path),
    )
    .unwrap()
}

/// One line, as line breaks fall anywhere.
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
    // Whatever gives a stack another template, and so an output that shows the parameter.
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
        // As StackSets names the stacks that it makes.
        format!(
            "arn:aws:cloudformation:*:*:stack/StackSet-{}/*",
            names.member_stack_set()
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
