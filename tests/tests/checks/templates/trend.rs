//! What holds for both vendors of Trend Micro: a static key, one StackSet, and protection that may
//! outlast the main stack.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::templates::template::{
    TREND, TREND_MEMBER, Template, VISION_ONE, VISION_ONE_MEMBER, argument, one_or_many, text,
    texts,
};

/// Each main template, with the one that its StackSet deploys.
const VENDORS: [(&str, &str); 2] = [(TREND, TREND_MEMBER), (VISION_ONE, VISION_ONE_MEMBER)];

/// IAM refuses to delete a policy that is the boundary of a role, and a retained role has one.
#[test]
fn the_boundary_lasts_as_long_as_the_role() {
    for (main, _) in VENDORS {
        let main = Template::load(main);
        let boundary = main.resource("ManagementBoundary");
        assert_eq!(boundary["DeletionPolicy"], "RetainExceptOnCreate");
        assert_eq!(boundary["Condition"], "EnrollsManagementAccount");
    }
}

#[test]
fn the_functions_touch_the_members_stack_set_only_and_it_holds_what_they_may_make() {
    let of = [
        &["AWS::IAM::Role"][..],
        &["AWS::IAM::OIDCProvider", "AWS::IAM::Role"],
    ];
    for ((main, member), types) in VENDORS.into_iter().zip(of) {
        let (main, member) = (Template::load(main), Template::load(member));
        let mut expected: BTreeSet<String> = types
            .iter()
            .map(|kind| format!("type/resource/{}", kind.replace("::", "-")))
            .collect();
        expected.insert("stackset/${IntegrationNamePrefix}Member-*".to_owned());
        expected.insert("stackset-target/${IntegrationNamePrefix}Member-*".to_owned());
        let mut checked = 0;
        for role in ["SetupRole", "AccountRole"] {
            for statement in main.statements(role) {
                let named: BTreeSet<String> = one_or_many(&statement["Resource"])
                    .map(argument)
                    .filter(|resource| {
                        resource.contains(":stackset") || resource.contains(":type/")
                    })
                    .filter_map(|resource| resource.rsplit(':').next())
                    .map(str::to_owned)
                    .collect();
                if !named.is_empty() {
                    assert_eq!(named, expected, "{role}");
                    checked += 1;
                }
            }
        }
        assert_eq!(checked, 3);
        let mut made: Vec<&str> = member
            .section("Resources")
            .into_values()
            .map(|resource| text(&resource["Type"]))
            .collect();
        made.sort_unstable();
        assert_eq!(made, types);
    }
}

/// The properties of a custom resource are logged, and the variables of a function are shown.
#[test]
fn the_api_key_is_in_its_secret_and_nowhere_else() {
    for (main, key) in [(TREND, "A+b/c=:d"), (VISION_ONE, "eyJ0.e_-1.x")] {
        let main = Template::load(main);
        assert_eq!(main.body["Parameters"]["ApiKey"]["NoEcho"], true);
        let mut found = Vec::new();
        for section in ["Conditions", "Resources", "Outputs"] {
            texts(&main.body[section], section, &mut found);
        }
        let used: Vec<&str> = found
            .iter()
            .filter(|(path, text)| {
                path.ends_with("/Ref") && *text == "ApiKey" || text.contains("${ApiKey}")
            })
            .map(|(path, _)| path.as_str())
            .collect();
        assert_eq!(
            used,
            ["Resources/ApiCredentials/Properties/SecretString/Fn::Sub"]
        );
        let secret = &main.resource("ApiCredentials")["Properties"]["SecretString"];
        let written = argument(secret).replace("${ApiKey}", key);
        let written: Value = serde_json::from_str(&written).unwrap();
        assert_eq!(written, json!({ "secretKey": key }));
    }
}

#[test]
fn what_is_said_of_the_key_is_not_said_of_a_token() {
    for (main, _) in VENDORS {
        let main = Template::load(main);
        let mut found = Vec::new();
        texts(&main.body, "", &mut found);
        for (path, text) in found {
            let shown = path.ends_with("Description") || path.ends_with("Description/Fn::Sub");
            assert!(!shown || !text.contains("token"), "{path}: {text}");
        }
    }
}
