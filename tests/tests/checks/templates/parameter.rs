//! The launch form, and the values that are refused before anything is created.

use std::collections::BTreeSet;

use fancy_regex::Regex;
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Map, Value, json};
use towerhook_core::foundation::Properties;
use towerhook_core::model::parse_units;
use towerhook_providers::lacework::Lacework;

use crate::templates::template::{ALL, MAIN, Template, one_or_many, text};

#[test]
fn every_parameter_has_a_group_a_label_a_constraint_and_its_explanation() {
    for name in ALL {
        let template = Template::load(name);
        let interface = &template.body["Metadata"]["AWS::CloudFormation::Interface"];
        let grouped: Vec<&str> = one_or_many(&interface["ParameterGroups"])
            .flat_map(|group| one_or_many(&group["Parameters"]))
            .map(text)
            .collect();
        let labelled: BTreeSet<&str> = interface["ParameterLabels"]
            .as_object()
            .unwrap()
            .iter()
            .filter(|(_, label)| !text(&label["default"]).is_empty())
            .map(|(parameter, _)| parameter.as_str())
            .collect();
        let parameters = template.section("Parameters");
        let declared: BTreeSet<&str> = parameters.keys().copied().collect();
        assert_eq!(grouped.len(), declared.len(), "{name}");
        assert_eq!(
            grouped.into_iter().collect::<BTreeSet<_>>(),
            declared,
            "{name}"
        );
        assert_eq!(labelled, declared, "{name}");
        for (id, parameter) in parameters {
            let constraint = ["AllowedPattern", "AllowedValues"]
                .iter()
                .filter(|key| parameter.get(key).is_some());
            assert_eq!(constraint.count(), 1, "{name}: {id}");
            assert!(!text(&parameter["Description"]).is_empty(), "{name}: {id}");
            // CloudFormation prints the parameter's name followed by this.
            let explanation = text(&parameter["ConstraintDescription"]);
            assert!(explanation.starts_with("must "), "{name}: {id}");
        }
    }
}

#[test]
fn every_default_is_allowed() {
    for name in ALL {
        let template = Template::load(name);
        for (id, parameter) in template.section("Parameters") {
            let Some(default) = parameter.get("Default") else {
                continue;
            };
            match parameter.get("AllowedValues") {
                Some(values) => assert!(values.as_array().unwrap().contains(default), "{id}"),
                None => assert!(
                    pattern(&template, id).is_match(text(default)).unwrap(),
                    "{id}"
                ),
            }
        }
    }
}

#[test]
fn the_main_template_is_grouped_by_use() {
    let template = Template::load(MAIN);
    let interface = &template.body["Metadata"]["AWS::CloudFormation::Interface"];
    let groups: Vec<&str> = one_or_many(&interface["ParameterGroups"])
        .map(|group| text(&group["Label"]["default"]))
        .collect();
    assert_eq!(
        groups,
        [
            "Basic",
            "Organization",
            "Single sub-account",
            "Alarms",
            "Evidence",
            "Advanced"
        ]
    );
}

#[test]
fn the_secret_key_is_never_shown() {
    let template = Template::load(MAIN);
    assert_eq!(
        template.body["Parameters"]["LaceworkSecretKey"]["NoEcho"],
        true
    );
    let shown = serde_json::to_string(&template.body["Outputs"]).unwrap();
    assert!(!shown.contains("LaceworkSecretKey") && !shown.contains("ApiCredentials"));
}

#[test]
fn patterns_take_what_is_right_and_refuse_what_is_wrong() {
    let template = Template::load(MAIN);
    let cases: [(&str, &[&str], &[&str]); 22] = [
        (
            "LaceworkUrl",
            &[
                "https://acme.lacework.net",
                "https://acme.fra.lacework.net/",
                "http://127.0.0.1:8080",
            ],
            &[
                "",
                "acme.lacework.net",
                "ftp://acme.lacework.net",
                "https://acme.lacework.net/api",
                "https://user@host",
            ],
        ),
        (
            "LaceworkAccessKeyId",
            &["ACME_1A2B3C"],
            &["", "with space", "quote\""],
        ),
        // Any other character would break the secret's JSON.
        (
            "LaceworkSecretKey",
            &["_0123abc", "a+b/c="],
            &["", "a b", "a\"b", "a\\b"],
        ),
        (
            "ExistingCloudTrailName",
            &["my.trail_1"],
            &[
                "ab",
                "-trail",
                "arn:aws:cloudtrail:us-east-1:111122223333:trail/t",
            ],
        ),
        (
            "KmsKeyIdentifierArn",
            &[
                "",
                "arn:aws:kms:us-west-1:111122223333:key/1234abcd-12ab",
                "arn:aws:kms:us-east-1:111122223333:key/mrk-12",
            ],
            &[
                "1234abcd-12ab",
                "arn:aws:kms:us-east-1:111122223333:alias/trail",
            ],
        ),
        (
            "LogAccountName",
            &["", "Log Archive", "log-archive (prod)"],
            &["a\nb"],
        ),
        (
            "LaceworkOrgSubAccountNames",
            &[
                "",
                "  ",
                "team-a",
                "Team A,Team_B",
                "Production, Workloads/Blue ,Old name (ou-ab12-33334444)",
                "ou-ab12-11112222=dev, Top/Blue = west",
                r#""R&D, Ops/West = (old)"=rnd,"a ""b"" c",Top/"x,y""#,
            ],
            &[",", "a,", "a,,b", "a, ,b", " ,a", r#""a"#, r#""a,b"#],
        ),
        (
            "IncludeOrganizationalUnits",
            &["", "Sandbox", "ou-ab12-11112222, Top/Blue", r#""a=b, c",d"#],
            &["a,", ",a", "a, ,b", "a=b", "=", r#""a"#],
        ),
        (
            "ExcludeOrganizationalUnits",
            &["", "Sandbox", "Old name (ou-ab12-33334444)"],
            &["a,,b", "a=b"],
        ),
        (
            "ExcludeAccounts",
            &[
                "",
                " ",
                "111122223333",
                " 111122223333 ,444455556666, 777788889999 ",
            ],
            &[
                "12345",
                "1111222233334",
                "111122223333,",
                "111122223333 444455556666",
                "name",
            ],
        ),
        (
            "LaceworkSubAccountName",
            &["", "team-a"],
            &["team_a", "-a", "a--b", "a b"],
        ),
        (
            "IntegrationNamePrefix",
            &[
                "L",
                "Acme-",
                "A",
                "AWS",
                "AWSControl",
                "Lacework-AWSControlTower-",
            ],
            &[
                "",
                "1a",
                "with_underscore",
                "with space",
                "AWSControlTowerBP-",
                "awscontroltower",
            ],
        ),
        (
            "ArtifactBucket",
            &["my-bucket.eu"],
            &["", "ab", "My-Bucket", "-bucket"],
        ),
        (
            "ArtifactPrefix",
            &["", "a/", "towerhook/0.1.0/"],
            &["a", "/a/", "a//"],
        ),
        (
            "LaceworkPrincipalArn",
            &[
                "arn:aws:iam::434813966438:root",
                "arn:aws:iam::434813966438:role/path/name",
            ],
            &["434813966438", "arn:aws:iam::434813966438:group/g", "*"],
        ),
        (
            "TokenRefreshRate",
            &[
                "rate(1 minute)",
                "rate(90 minutes)",
                "rate(1 hour)",
                "cron(0 */2 * * ? *)",
            ],
            &[
                "2 hours",
                "rate(1 hours)",
                "rate(2 hour)",
                "rate(0 hours)",
                "rate(2 weeks)",
            ],
        ),
        (
            "OffboardLimitPercent",
            &["0", "5", "10", "100"],
            &["", "101", "-1", "5%", "007"],
        ),
        ("ApproveOffboard", &["", "0a1b"], &["0A1B", "yes"]),
        (
            "SetupObjectVersion",
            &[
                "",
                "null",
                "3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY+MTRCxf3vjVBH40Nr8X8gdRQBpUMLUo",
            ],
            &["a b"],
        ),
        (
            "StackSetAdministrationRoleArn",
            &[
                "",
                "arn:aws:iam::111122223333:role/path/to/StackSets_1+=,.@-",
            ],
            &[
                "StackSets",
                "arn:aws:iam::111122223333:role/",
                "arn:aws:iam::111122223333:role/*",
                "arn:aws:iam::111122223333:user/u",
            ],
        ),
        (
            "StackSetExecutionRoleName",
            &["Execution_1+=,.@-"],
            &["", "path/Execution", "a b", "*"],
        ),
        (
            "PermissionsBoundaryName",
            &["", "Boundary", "path/to/Boundary_1+=,.@-"],
            &[
                "a b",
                "/a",
                "a/",
                "a//b",
                "arn:aws:iam::111122223333:policy/Boundary",
            ],
        ),
    ];
    for (id, right, wrong) in cases {
        takes_and_refuses(&template, id, right, wrong);
    }
    let of = |id: &str| text(&template.body["Parameters"][id]["AllowedPattern"]).to_owned();
    assert_eq!(of("TokenRefreshRate"), of("ReconcileRate"));
    assert_eq!(of("SetupObjectVersion"), of("AccountObjectVersion"));
    assert_eq!(of("SetupObjectVersion"), of("AuthObjectVersion"));
}

/// CloudFormation's own refusals are less specific than setup's, so they must reject only values
/// that are certainly wrong.
#[test]
fn the_patterns_of_units_take_all_that_the_parser_takes() {
    let template = Template::load(MAIN);
    let mapping = pattern(&template, "LaceworkOrgSubAccountNames");
    let selections = ["IncludeOrganizationalUnits", "ExcludeOrganizationalUnits"]
        .map(|id| pattern(&template, id));
    const PIECES: [&str; 18] = [
        "a",
        "Blue",
        "é",
        "\u{a0}",
        " ",
        "\n",
        ",",
        "=",
        "/",
        "(",
        ")",
        "\"",
        "\"\"",
        "\"x, y\"",
        "ou-ab12-11112222",
        " (ou-ab12-33334444)",
        "=west",
        ", ",
    ];
    proptest!(ProptestConfig::with_cases(20_000), |(pieces in vec(select(&PIECES[..]), 0..12))| {
        let text = pieces.concat();
        let Ok(units) = parse_units(&text) else {
            return Ok(());
        };
        prop_assert!(mapping.is_match(&text).unwrap(), "{text:?}");
        let plain = units.iter().all(|entry| entry.store.is_none());
        for selection in &selections {
            prop_assert_eq!(selection.is_match(&text).unwrap(), plain, "{:?}", &text);
        }
    });
}

/// CloudFormation accepts 4,096 bytes, all of which a pattern has to handle.
#[test]
fn a_long_list_of_units_is_read_as_a_short_one() {
    let template = Template::load(MAIN);
    let pattern = pattern(&template, "LaceworkOrgSubAccountNames");
    for one in ["Unit, ", "ou-ab12-11112222=a,", r#""a, b","#, r#""a"b,"#] {
        let list = one.repeat(4096 / one.len());
        assert!(!pattern.is_match(&list).unwrap(), "{one}");
        let whole = list.trim_end_matches([',', ' ']);
        assert!(pattern.is_match(whole).unwrap(), "{one}");
    }
}

#[test]
fn setup_understands_every_default() {
    let template = Template::load(MAIN);
    let properties = template.resource("Setup")["Properties"]
        .as_object()
        .unwrap();
    let given = |parameter: &str| match parameter {
        "LaceworkUrl" => json!("https://acme.lacework.net"),
        other => template.body["Parameters"][other]["Default"].clone(),
    };
    let mut properties: Map<String, Value> = properties
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), given(value["Ref"].as_str()?))))
        .collect();
    let parsed = Properties::parse(&Lacework, &properties.clone().into()).unwrap();
    assert!(parsed.include.is_empty() && parsed.exclude.is_empty());
    assert!(parsed.exclude_accounts.is_empty() && parsed.mapped_units.is_empty());
    assert_eq!(parsed.permissions_boundary, None);
    for (name, value) in [
        ("IncludeOrganizationalUnits", "Workloads, Sandbox"),
        ("ExcludeOrganizationalUnits", "Workloads/Old"),
        ("ExcludeAccounts", "111122223333"),
        ("PermissionsBoundaryName", "Boundary"),
    ] {
        assert!(
            properties.insert(name.into(), value.into()).is_some(),
            "{name}"
        );
    }
    let parsed = Properties::parse(&Lacework, &properties.into()).unwrap();
    assert_eq!((parsed.include.len(), parsed.exclude.len()), (2, 1));
    assert_eq!(parsed.exclude_accounts.len(), 1);
    assert_eq!(parsed.permissions_boundary.as_deref(), Some("Boundary"));
}

#[test]
fn who_is_enrolled_is_said_in_one_group() {
    let template = Template::load(MAIN);
    let interface = &template.body["Metadata"]["AWS::CloudFormation::Interface"];
    assert_eq!(
        interface["ParameterGroups"][1]["Parameters"],
        json!([
            "LaceworkOrgSubAccountNames",
            "IncludeOrganizationalUnits",
            "ExcludeOrganizationalUnits",
            "ExcludeAccounts",
        ])
    );
}

/// Asserts what a parameter's pattern takes and what it refuses.
pub(crate) fn takes_and_refuses(template: &Template, id: &str, right: &[&str], wrong: &[&str]) {
    let pattern = pattern(template, id);
    for value in right {
        assert!(pattern.is_match(value).unwrap(), "{id} refuses {value:?}");
    }
    for value in wrong {
        assert!(!pattern.is_match(value).unwrap(), "{id} takes {value:?}");
    }
}

fn pattern(template: &Template, parameter: &str) -> Regex {
    let pattern = text(&template.body["Parameters"][parameter]["AllowedPattern"]);
    assert!(
        pattern.starts_with('^') && pattern.ends_with('$'),
        "{parameter}"
    );
    Regex::new(pattern).unwrap()
}
