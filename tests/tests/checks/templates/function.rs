//! The functions' settings: their environment variables and log groups.

use std::collections::BTreeSet;

use serde_json::json;
use towerhook_providers::Vendor;

use crate::templates::template::{MAIN, Template, argument, text};

#[test]
fn every_function_finds_the_settings_that_it_reads() {
    let template = Template::load(MAIN);
    let common = ["PROVIDER", "PROVIDER_URL", "API_TOKEN_SECRET_ARN"];
    let reconcile = ["LEDGER_TABLE_NAME"];
    let setup = [
        "STACK_ID",
        "PROVIDER_PRINCIPAL_ARN",
        "MANAGEMENT_ACCOUNT_ID",
        "PARTITION",
        "API_CREDENTIALS_SECRET_ARN",
        "FANOUT_TOPIC_ARN",
        "MANAGEMENT_BOUNDARY_NAME",
        "MANAGEMENT_STACK_ROLE_ARN",
        "SERVICE_TIMEOUT_SECONDS",
        "STACK_SET_ADMINISTRATION_ROLE_ARN",
        "STACK_SET_EXECUTION_ROLE_NAME",
        "URL_SUFFIX",
    ];
    let account = [
        "STACK_NAME",
        "WORK_QUEUE_URL",
        "DEAD_LETTER_QUEUE_URL",
        "EVIDENCE_BUCKET",
        "AUTH_FUNCTION_NAME",
    ];
    let auth = ["STACK_NAME", "API_CREDENTIALS_SECRET_ARN"];
    for (id, expected) in [
        ("SetupFunction", [&common[..], &reconcile, &setup].concat()),
        (
            "AccountFunction",
            [&common[..], &reconcile, &account].concat(),
        ),
        ("AuthFunction", [&common[..], &auth].concat()),
    ] {
        let variables = &template.resource(id)["Properties"]["Environment"]["Variables"];
        let found: BTreeSet<&str> = variables
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(found, expected.into_iter().collect(), "{id}");
        // The metrics' stack. Setup has no metrics, but its stack's id.
        for (name, of) in [
            ("STACK_NAME", "AWS::StackName"),
            ("STACK_ID", "AWS::StackId"),
        ] {
            let given = variables.get(name);
            assert!(given.is_none_or(|given| given["Ref"] == of), "{id}");
        }
        assert_eq!(variables["PROVIDER_URL"]["Ref"], "LaceworkUrl", "{id}");
        let provider = text(&variables["PROVIDER"]);
        assert!(
            Vendor::KNOWN.iter().any(|(known, _)| *known == provider),
            "{id} does not know {provider}"
        );
    }
}

#[test]
fn every_function_is_the_binary_of_its_name_for_the_chosen_processor() {
    let template = Template::load(MAIN);
    for (id, zip, timeout) in [
        ("SetupFunction", "setup", 900),
        ("AccountFunction", "account", 180),
        ("AuthFunction", "auth", 60),
    ] {
        let function = &template.resource(id)["Properties"];
        assert_eq!(function["Runtime"], "provided.al2023", "{id}");
        assert_eq!(function["Handler"], "bootstrap", "{id}");
        assert_eq!(function["Timeout"], timeout, "{id}");
        assert_eq!(
            argument(&function["Architectures"][0]),
            "Architecture",
            "{id}"
        );
        assert_eq!(
            argument(&function["Code"]["S3Bucket"]),
            "ArtifactBucket",
            "{id}"
        );
        assert_eq!(
            argument(&function["Code"]["S3Key"]),
            format!("${{ArtifactPrefix}}${{Architecture}}/{zip}.zip")
        );
    }
    assert_eq!(template.of_type("AWS::Lambda::Function").len(), 3);
}

/// Anyone who can write the bucket controls the code, unless the object's version is pinned.
#[test]
fn every_function_can_be_pinned_to_the_version_of_its_zip() {
    let template = Template::load(MAIN);
    for (id, function) in template.of_type("AWS::Lambda::Function") {
        let name = id.strip_suffix("Function").unwrap();
        let (parameter, condition) = (format!("{name}ObjectVersion"), format!("Pins{name}"));
        assert_eq!(
            function["Code"]["S3ObjectVersion"]["Fn::If"],
            json!([condition, {"Ref": parameter}, {"Ref": "AWS::NoValue"}]),
            "{id}"
        );
        assert_eq!(
            template.body["Conditions"][&condition],
            json!({"Fn::Not": [{"Fn::Equals": [{"Ref": parameter}, ""]}]})
        );
        assert_eq!(template.body["Parameters"][&parameter]["Default"], "");
    }
}

#[test]
fn every_function_has_a_role_and_a_log_group_of_its_own() {
    let template = Template::load(MAIN);
    let functions = template.of_type("AWS::Lambda::Function");
    let mut roles = BTreeSet::new();
    for (id, function) in &functions {
        roles.insert(argument(&function["Role"]));
        let logging = &function["LoggingConfig"];
        assert_eq!(logging["LogFormat"], "JSON", "{id}");
        let group = &template.resource(argument(&logging["LogGroup"]))["Properties"];
        let zip = argument(&function["Code"]["S3Key"]);
        let name = zip.rsplit('/').next().unwrap().strip_suffix(".zip");
        assert_eq!(
            argument(&group["LogGroupName"]),
            format!("/aws/lambda/${{AWS::StackName}}-{}", name.unwrap()),
            "{id}"
        );
        assert_eq!(
            argument(&group["RetentionInDays"]),
            "LogRetentionDays",
            "{id}"
        );
    }
    assert_eq!(roles.len(), functions.len());
}

#[test]
fn only_the_account_function_may_send_itself_messages() {
    let template = Template::load(MAIN);
    for (id, function) in template.of_type("AWS::Lambda::Function") {
        let allowed = function.get("RecursiveLoop").map(text);
        let expected = (id == "AccountFunction").then_some("Allow");
        assert_eq!(allowed, expected, "{id}");
    }
}
