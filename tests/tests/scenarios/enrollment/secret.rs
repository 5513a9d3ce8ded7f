//! No log contains a secret.

use jiff::SignedDuration;
use secrecy::ExposeSecret;
use towerhook_sandbox::STACK_NAME;
use towerhook_sandbox::emulator::logs::function_log;
use towerhook_sandbox::gateway::Fault;
use towerhook_sandbox::landing_zone::SANDBOX;
use towerhook_sandbox::launch::TEMPLATE;
use towerhook_tests::scene::Scene;
use towerhook_tests::{STACK_DEADLINE, token};

/// Every response to a custom resource goes to a URL that anyone who knows it can use.
const RESPONSE_PATH: &str = "cfn-response";

#[tokio::test]
async fn no_log_holds_the_key_a_token_or_a_response_url() {
    // The template's log groups are deleted with the stack, and so is setup's log of its deletion.
    let group = "Type: AWS::Logs::LogGroup\n";
    let kept = format!("{group}    DeletionPolicy: Retain\n    UpdateReplacePolicy: Retain\n");
    let template = TEMPLATE.replace(group, &kept);
    let mut scene = Scene::open_from(&template).await;
    let members = ["Log Archive", "Audit", "production-1"];
    scene.await_enrolled(&members).await;
    // Failures are logged with the whole error chain.
    let controls = scene.lacework().controls().clone();
    token::set_left(&scene, SignedDuration::from_hours(20)).await;
    controls.revoke_tokens();
    controls.fail_next(2, 500);
    let faults = scene.sandbox.gateway.faults();
    faults.inject("secretsmanager", "GetSecretValue", Fault::ServerError, 1);
    faults.inject("custom-resource", "PutResponse", Fault::Reset, 1);
    let landing_zone = &mut scene.sandbox.landing_zone;
    landing_zone.create_account("new", SANDBOX).await.unwrap();
    scene.await_enrolled(&["new"]).await;
    let changes = [("EnrollManagementAccount".to_owned(), "Yes".to_owned())].into();
    scene.stack.update(&template, &changes).await.unwrap();
    let done = scene.stack.wait_for("UPDATE_COMPLETE", STACK_DEADLINE);
    done.await.unwrap();

    scene.delete().await;

    let mut logs = String::new();
    for function in ["setup", "account", "auth"] {
        let group = format!("/aws/lambda/{STACK_NAME}-{function}");
        for line in function_log(&scene.inside(), &group).await.unwrap() {
            logs.push_str(&line.message);
            logs.push('\n');
        }
    }
    let emulator = std::fs::read_to_string(scene.sandbox.emulator.log()).unwrap();

    assert!(
        emulator.contains("planned"),
        "the emulator repeats what functions say"
    );

    // Checks that the log covers work, failures, refused tokens, a lost response, and the deletion.
    for expected in [
        "planned",
        "create StackSet",
        "retrying",
        "s3:PutObject",
        "delete StackSet",
    ] {
        assert!(logs.contains(expected), "{expected} is in no log");
    }
    let tokens = controls.issued_tokens();
    assert!(tokens.len() >= 3, "{} tokens", tokens.len());

    let secret = scene.sandbox.parameters()["LaceworkSecretKey"].clone();
    let tokens = tokens.iter().map(|token| token.expose_secret().to_owned());
    let hidden: Vec<String> = tokens.chain([secret]).collect();
    let logs = [
        ("a function's log", &logs),
        ("the emulator's log", &emulator),
    ];
    for (whose, log) in logs {
        assert!(!log.is_empty(), "{whose} is empty");
        for line in log.lines() {
            let tells = hidden.iter().any(|hidden| line.contains(hidden));
            assert!(!tells, "{whose} tells a secret: {line}");
            assert!(
                !line.contains(RESPONSE_PATH) && !line.contains("ResponseURL"),
                "{whose} tells a response URL: {line}"
            );
        }
    }
}
