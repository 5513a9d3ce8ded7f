//! The documents, the associations and the StackSet of agents on hosts.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use fancy_regex::Regex;
use serde_json::json;
use tokio::process::Command;
use towerhook_package::compose::hosts::compose_hosts;
use towerhook_package::python::virtual_environment;

use super::{deployed, script};
use crate::templates::parameter::takes_and_refuses;
use crate::templates::succeeds_and_says_nothing;
use crate::templates::template::{HOSTS, HOSTS_MEMBER, Template, path, text};

#[test]
fn the_templates_are_composed_of_their_sources() {
    for (file, composed) in compose_hosts(&path("")).unwrap() {
        let is_current = fs::read_to_string(&file).unwrap() == composed;
        assert!(
            is_current,
            "run cargo towerhook compose: {}",
            file.display()
        );
    }
}

#[test]
fn what_the_stack_set_deploys_is_the_member_template() {
    assert_eq!(deployed().text, Template::load(HOSTS_MEMBER).text);
    let launched = Template::load(HOSTS);
    let given = &launched.resource("Hosts")["Properties"]["Parameters"];
    let given: BTreeSet<&str> = given
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            assert_eq!(one["ParameterValue"]["Ref"], one["ParameterKey"]);
            text(&one["ParameterKey"])
        })
        .collect();
    let (member, launched) = (deployed(), launched.section("Parameters"));
    let member = member.section("Parameters");
    assert_eq!(given, member.keys().copied().collect());
    for (name, parameter) in &member {
        assert_eq!(launched[name], *parameter, "{name}");
    }
    let own: BTreeSet<&str> = launched
        .into_keys()
        .filter(|name| !given.contains(name))
        .collect();
    assert_eq!(own, BTreeSet::from(["OrganizationalUnitIds", "Regions"]));
}

#[tokio::test]
async fn shellcheck_finds_nothing_in_the_scripts() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("shell-tools");
    let python = virtual_environment(&directory, include_str!("../../../shell-tools.txt"));
    let packaged = python.await.unwrap().with_file_name("shellcheck");
    // Where there is no package of it, it has to be installed.
    let shellcheck = if packaged.exists() {
        packaged
    } else {
        "shellcheck".into()
    };
    let folder = tempfile::tempdir().unwrap();
    let mut check = Command::new(shellcheck);
    for document in ["InstallDocument", "RemoveDocument"] {
        let file = folder.path().join(document);
        fs::write(&file, script(document)).unwrap();
        check.arg(file);
    }
    succeeds_and_says_nothing(&mut check).await;
}

/// An older agent of SSM writes the values into the script, between single quotes.
#[test]
fn no_parameter_of_a_document_can_hold_what_a_shell_would_read() {
    let template = deployed();
    for (document, resource) in template.of_type("AWS::SSM::Document") {
        let parameters = resource["Content"]["parameters"].as_object().unwrap();
        let script = script(document);
        for (name, parameter) in parameters {
            assert_eq!(parameter["interpolationType"], "ENV_VAR", "{name}");
            let pattern = Regex::new(text(&parameter["allowedPattern"])).unwrap();
            let declared = &template.body["Parameters"][name];
            if let Some(same) = declared.get("AllowedPattern") {
                assert_eq!(*same, parameter["allowedPattern"], "{name}");
            }
            for value in declared["AllowedValues"].as_array().into_iter().flatten() {
                assert!(pattern.is_match(text(value)).unwrap(), "{name}: {value}");
            }
            for wrong in [
                "'", "\"", "$", "`", ";", "&", "|", " ", "\n", "\\", "*", "(", "<",
            ] {
                for value in [wrong.to_owned(), format!("https://a.b/c{wrong}d.tgz")] {
                    assert!(!pattern.is_match(&value).unwrap(), "{name} takes {value:?}");
                }
            }
            let fallback =
                format!("[ -n \"${{SSM_{name}+set}}\" ] || SSM_{name}='{{{{ {name} }}}}'");
            assert_eq!(script.matches(&fallback).count(), 1, "{document}: {name}");
        }
        let written = script.matches("{{").count();
        assert_eq!(written, parameters.len(), "{document}");
    }
}

#[test]
fn an_association_gives_its_document_every_parameter_and_stays_within_bounds() {
    let template = deployed();
    for (association, document, condition, state) in [
        (
            "InstallAssociation",
            "InstallDocument",
            "Installs",
            "Installed",
        ),
        ("RemoveAssociation", "RemoveDocument", "Removes", "Removed"),
    ] {
        let resource = template.resource(association);
        assert_eq!(resource["Condition"], condition);
        let when = &template.body["Conditions"][condition]["Fn::Equals"];
        assert_eq!(*when, json!([{"Ref": "AgentState"}, state]));
        let properties = &resource["Properties"];
        assert_eq!(properties["Name"], json!({"Ref": document}));
        let content = &template.resource(document)["Properties"]["Content"];
        let asked: BTreeSet<&String> = content["parameters"].as_object().unwrap().keys().collect();
        let given = properties["Parameters"].as_object().unwrap();
        assert_eq!(given.keys().collect::<BTreeSet<_>>(), asked);
        for (name, value) in given {
            assert_eq!(*value, json!([{"Ref": name}]));
        }
        assert_eq!(
            properties["Targets"],
            json!([{"Key": {"Fn::Sub": "tag:${TagKey}"}, "Values": [{"Ref": "TagValue"}]}])
        );
        for (property, parameter) in [
            ("MaxConcurrency", "MaxConcurrency"),
            ("MaxErrors", "MaxErrors"),
            ("ScheduleExpression", "Schedule"),
        ] {
            assert_eq!(properties[property], json!({"Ref": parameter}));
        }
    }
}

#[test]
fn patterns_take_what_is_right_and_refuse_what_is_wrong() {
    let template = Template::load(HOSTS);
    let digest = "0a".repeat(32);
    let cases: [(&str, &[&str], &[&str]); 10] = [
        (
            "OrganizationalUnitIds",
            &[
                "r-ab12",
                "ou-ab12-11112222",
                "ou-ab12-11112222,ou-ab12-33334444",
            ],
            &[
                "",
                "Workloads",
                "ou-ab12-11112222, r-ab12",
                "ou-ab12-11112222,",
                "111122223333",
            ],
        ),
        (
            "Regions",
            &["eu-west-1", "us-gov-west-1,us-east-1"],
            &["", "Ireland", "eu-west-1 us-east-1", "eu-west-1,"],
        ),
        (
            "ReleaseUrl",
            &[
                "https://github.com/o/r/releases/download/v{version}/{version}.tgz",
                "https://mirror.example:8443/agent_{version}_{arch}.deb",
            ],
            &[
                "http://host/a.tgz",
                "https://host/a.zip",
                "https://user@host/a.tgz",
                "https://host/a.tgz?x",
            ],
        ),
        (
            "Sha256X86",
            &["none", &digest],
            &["", "0A", &digest.to_uppercase()],
        ),
        (
            "SigningKeyFingerprint",
            &["360D55D76727556814078E25FF3E1D4DEE0CC692"],
            &["", "EE0CC692", "360d55d76727556814078e25ff3e1d4dee0cc692"],
        ),
        (
            "TokenName",
            &[
                "/agents/token",
                "/aws/reference/secretsmanager/agents/token",
                "arn:aws:ssm:eu-west-1:111122223333:parameter/agents/token",
            ],
            &[
                "",
                "token",
                "/",
                "/a/",
                "a1b2c3d4e5f6a1b2c3d4e5f6a1b2c3d4e5f6a1b2c3d4e5f6a1b2c3d4",
            ],
        ),
        (
            "ServerUrl",
            &["https://api.lacework.net", "https://api.fra.lacework.net"],
            &[
                "",
                "api.lacework.net",
                "https://api.lacework.net/",
                "http://api.lacework.net",
            ],
        ),
        (
            "Schedule",
            &[
                "rate(30 minutes)",
                "rate(1 hour)",
                "rate(12 hours)",
                "rate(1 day)",
                "cron(0 2 ? * SUN *)",
            ],
            &[
                "",
                "rate(29 minutes)",
                "rate(1 hours)",
                "rate(0 days)",
                "1 day",
                "cron()",
            ],
        ),
        (
            "MaxConcurrency",
            &["1", "50", "1%", "100%"],
            &["", "0", "0%", "101%", "-1"],
        ),
        (
            "MaxErrors",
            &["0", "10", "0%", "100%"],
            &["", "101%", "-1", "all"],
        ),
    ];
    for (id, right, wrong) in cases {
        takes_and_refuses(&template, id, right, wrong);
    }
}

/// A parameter, an association and its log have the token's name only.
#[test]
fn no_parameter_takes_a_token() {
    for template in [Template::load(HOSTS), deployed()] {
        for (name, parameter) in template.section("Parameters") {
            assert!(parameter.get("NoEcho").is_none(), "{name}");
        }
    }
    let token = "_0123456789abcdef0123456789abcdef0123456789abcdef01234567";
    takes_and_refuses(&Template::load(HOSTS), "TokenName", &[], &[token]);
}
