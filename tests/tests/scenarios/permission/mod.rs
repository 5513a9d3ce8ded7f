//! Least privilege, tested: every statement of every function's role is removed in turn, and the
//! function is made to use it. The call is denied and reported: in CloudFormation's Reason for
//! setup, in the log and a metric for account and auth.

mod drive;
pub(crate) mod role;
#[path = "../../checks/templates/template.rs"]
#[allow(dead_code, reason = "another test uses the rest")]
mod template;

use std::collections::BTreeSet;
use std::time::Duration;

use drive::Stage;
use role::Role;
use serde_json::json;
use towerhook_sandbox::gateway::Fault;
use towerhook_sandbox::gateway::organizations::AccountFields;
use towerhook_sandbox::{MANAGEMENT_ACCOUNT, STACK_NAME};
use towerhook_tests::python::assert_requests_fit;
use towerhook_tests::scene::until;

/// The account function's metrics for a failed call: the accounts that it cannot finish, or the
/// pass that it cannot make.
const ACCOUNT_METRICS: [&str; 7] = [
    "AccountsBlocked",
    "AccountsRevisited",
    "CallsFailed",
    "EventsUnsent",
    "EvidenceUnwritten",
    "PassesFailed",
    "PassesRequeued",
];

/// The effects of these statements cannot be undone by an update.
const LAST: [&str; 3] = ["FindTrailRole", "MakeTrailRole", "UpdateOrganizationTrail"];

/// Removes each statement in turn, and checks that `case` handles all of them. The functions'
/// requests meanwhile fit AWS's own models.
async fn each_statement(stage: &Stage, function: &str, mut case: impl AsyncFnMut(&str) -> bool) {
    let name = stage.scene.function_name(function).await;
    let role = Role::of(&stage.scene.inside(), &name).await;
    let mut statements = role.statements();
    assert_eq!(
        statements.iter().collect::<BTreeSet<_>>().len(),
        statements.len(),
        "each statement has a name of its own"
    );
    statements.sort_by_key(|sid| LAST.contains(&sid.as_str()));
    for sid in statements {
        role.without(&sid).await;
        assert!(
            case(&sid).await,
            "no case needs {sid} of the {function} function's role: add one"
        );
        role.restore().await;
    }
    assert_requests_fit(&stage.scene.sandbox, &[]).await;
}

/// Without its Log statement a function works, but its log group stays empty.
async fn log_is_denied(stage: &Stage, function: &str, drive: impl AsyncFnOnce()) {
    let before = stage.lines(function).await;
    drive().await;
    let emulator = stage.scene.sandbox.emulator.log().to_owned();
    let told = format!("/aws/lambda/{STACK_NAME}-{function} gets no lines");
    until("the denial of the log is seen", async || {
        std::fs::read_to_string(&emulator).unwrap().contains(&told)
    })
    .await;
    assert_eq!(stage.lines(function).await, before);
}

#[tokio::test]
async fn auth_tells_of_every_permission_that_it_lacks() {
    let stage = Stage::open(&[]).await;
    let refresh = async |occasion: &str| {
        let payload = json!({"towerhook": {"refresh": occasion}});
        stage.invoke("auth", &payload).await
    };
    each_statement(&stage, "auth", async |sid| {
        let before = stage.lines("auth").await;
        let cases: &[(&str, &str)] = match sid {
            "Log" => {
                log_is_denied(&stage, "auth", async || {
                    assert_eq!(refresh("schedule").await, None);
                })
                .await;
                return true;
            }
            "ReadKey" => &[("refused", "secretsmanager:GetSecretValue")],
            // The stored value is read before it is replaced.
            "KeepToken" => &[
                ("refused", "secretsmanager:GetSecretValue"),
                ("schedule", "secretsmanager:GetSecretValue"),
            ],
            _ => return false,
        };
        for (occasion, call) in cases {
            let error = refresh(occasion).await.unwrap();
            assert!(error.to_string().contains(call), "{error}");
            stage
                .denial("auth", call, &before, &["TokenFailures"])
                .await;
        }
        true
    })
    .await;
    assert_eq!(refresh("refused").await, None);
}

#[tokio::test]
async fn account_tells_of_every_permission_that_it_lacks() {
    let stage = Stage::open(&[("KeepEvidence", "Yes")]).await;
    let scene = &stage.scene;
    scene
        .await_enrolled(&["Log Archive", "Audit", "production-1", "development-1"])
        .await;
    scene.settle().await;
    let organizations = scene.sandbox.gateway.organizations();
    each_statement(&stage, "account", async |sid| {
        let before = stage.lines("account").await;
        let call = match sid {
            "Log" => {
                log_is_denied(&stage, "account", async || stage.look_at_everything().await).await;
                return true;
            }
            "WorkQueue" => {
                stage.look_at_everything().await;
                let url = scene.stack.output("WorkQueueUrl").await.unwrap();
                until("Lambda says that it may not read the queue", async || {
                    mapping_result(&stage)
                        .await
                        .contains("permissions to call ReceiveMessage")
                })
                .await;
                // An event may have come as well.
                assert!(scene.queue(&url).await.visible >= 1);
                return true;
            }
            "SetAside" => {
                stage.leave_what_ends_every_pass().await;
                stage.look_at_everything().await;
                "sqs:SendMessageBatch"
            }
            "AskForAToken" => {
                scene.lacework().controls().revoke_tokens();
                stage.look_at_everything().await;
                "lambda:Invoke"
            }
            "ReadToken" => {
                scene.lacework().controls().revoke_tokens();
                stage.look_at_everything().await;
                "secretsmanager:GetSecretValue"
            }
            "ReadTrail" => {
                stage.look_at_everything().await;
                "cloudtrail:GetTrail"
            }
            "ReadAccounts" => {
                stage.look_at("production-1").await;
                "organizations:DescribeAccount"
            }
            "ListBaselinesAndControls" => {
                stage.look_at_everything().await;
                "controltower:ListEnabledBaselines"
            }
            "ListLandingZones" => {
                stage.look_at_everything().await;
                "controltower:ListLandingZones"
            }
            "ReadLandingZone" => {
                stage.look_at_everything().await;
                "controltower:GetLandingZone"
            }
            "ListOrganization" => {
                stage.look_at_everything().await;
                "organizations:ListAccounts"
            }
            "ReadOrganization" => {
                organizations.set_account_fields(AccountFields::Status);
                stage.look_at_everything().await;
                "organizations:ListParents"
            }
            "StackInstances" => {
                stage.look_at_everything().await;
                "cloudformation:ListStackInstances"
            }
            "Ledger" => {
                stage.look_at_everything().await;
                "dynamodb:"
            }
            "TellOthers" => {
                stage.look_at_everything().await;
                "events:PutEvents"
            }
            "ListOrganizationalUnits" => {
                stage.look_at_everything().await;
                "organizations:ListRoots"
            }
            "NameOrganizationalUnits" => {
                stage.look_at_everything().await;
                "organizations:ListOrganizationalUnitsForParent"
            }
            "WriteEvidence" => {
                stage.look_at_everything().await;
                "s3:PutObject"
            }
            _ => return false,
        };
        stage
            .denial("account", call, &before, &ACCOUNT_METRICS)
            .await;
        organizations.set_account_fields(AccountFields::default());
        true
    })
    .await;
    stage.look_at_everything().await;
    scene.await_enrolled(&["production-1"]).await;
}

/// Lambda's status for its last read of the work queue.
async fn mapping_result(stage: &Stage) -> String {
    let path = "/2015-03-31/event-source-mappings";
    let method = towerhook_sandbox::aws_client::Method::GET;
    let inside = stage.scene.inside();
    let answer = inside
        .rest("lambda", method, path, "application/json", Vec::new())
        .await
        .unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
    answer["EventSourceMappings"][0]["LastProcessingResult"].to_string()
}

#[tokio::test]
async fn setup_tells_of_every_permission_that_it_lacks() {
    let stage = Stage::open(&[("EnrollManagementAccount", "Yes")]).await;
    let scene = &stage.scene;
    scene
        .await_enrolled(&["Log Archive", "Audit", "production-1", "development-1"])
        .await;
    scene.settle().await;
    assert_eq!(stage.update(&[]).await, None);
    let organizations = scene.sandbox.gateway.organizations();
    each_statement(&stage, "setup", async |sid| {
        let units = [("LaceworkOrgSubAccountNames", "Production")];
        // A rollback to the last success is never refused.
        let changed: &[(&str, &str)] = &[("OffboardLimitPercent", "11")];
        let (call, changes): (_, &[(&str, &str)]) = match sid {
            "Log" => {
                log_is_denied(&stage, "setup", async || {
                    assert_eq!(stage.update(&[]).await, None);
                })
                .await;
                return true;
            }
            "ContinueInAFreshInvocation" => return hand_over_is_denied(&stage).await,
            "ReadKey" => ("secretsmanager:GetSecretValue", changed),
            "KeepToken" => ("secretsmanager:PutSecretValue", changed),
            "Trail" => ("cloudtrail:GetTrail", changed),
            _ if LAST.contains(&sid) => {
                scene
                    .sandbox
                    .landing_zone
                    .set_trail_topic("")
                    .await
                    .unwrap();
                ("cloudtrail:UpdateTrail", &[("CreateTrailTopic", "Yes")])
            }
            "ListLandingZones" => ("controltower:ListLandingZones", changed),
            "ReadLandingZone" => ("controltower:GetLandingZone", changed),
            "ListOrganizationalUnits" => ("organizations:ListRoots", &units),
            "ReadOrganizationalUnits" => ("organizations:ListOrganizationalUnitsForParent", &units),
            "StackSets" => ("cloudformation:DescribeStackSet", changed),
            "CreateStackSets" => {
                // Looked up by a pass that setup has triggered.
                scene.settle().await;
                stage.remove_stack_set("CloudTrail-Audit", "Audit").await;
                ("cloudformation:CreateStackSet", changed)
            }
            // Whichever StackSet is updated or recreated first.
            "PassStackSetRole" => (
                "cloudformation:",
                &[("PermissionsBoundaryName", "Boundary")],
            ),
            "FindStackSetRole" => return role_is_denied(&stage).await,
            "FindMemberRole" => {
                stage.remove_management_stack().await;
                ("iam:GetRole", changed)
            }
            "ListStackSets" => return stack_sets_are_denied(&stage).await,
            "StackOfLaceworks" => ("events:DescribeRule", &[("AdoptExistingDeployment", "Yes")]),
            "OwnStack" => ("cloudformation:DescribeStacks", changed),
            "ManagementStack" => ("cloudformation:DescribeStacks", changed),
            "PassManagementStackRole" => {
                stage.remove_management_stack().await;
                ("cloudformation:CreateStack", changed)
            }
            // The success is recorded by then, so no other case may request the same.
            "FanOut" => ("sns:Publish", &[("OffboardLimitPercent", "12")]),
            "ListOrganization" => ("organizations:ListAccounts", changed),
            "ReadOrganization" => {
                organizations.set_account_fields(AccountFields::Status);
                ("organizations:ListParents", changed)
            }
            "StackInstances" => ("cloudformation:ListStackInstances", changed),
            "Ledger" | "SetupLedger" => ("dynamodb:", changed),
            _ => return false,
        };
        let reason = stage.update(changes).await;
        let reason = reason.unwrap_or_else(|| panic!("{sid} was not missed"));
        assert!(reason.contains(call), "{sid}: {reason}");
        assert!(
            ["AccessDenied", "AuthorizationError", "AccessPermission"]
                .iter()
                .any(|code| reason.contains(code)),
            "{sid}: {reason}"
        );
        assert!(
            reason.ends_with("Check the permissions of the setup function's role."),
            "{sid}: {reason}"
        );
        organizations.set_account_fields(AccountFields::default());
        true
    })
    .await;
    assert_eq!(stage.update(&[("CreateTrailTopic", "Yes")]).await, None);
}

/// A role that may not be read may still be correct: that is left to CloudFormation, and logged.
async fn role_is_denied(stage: &Stage) -> bool {
    let role =
        format!("arn:aws:iam::{MANAGEMENT_ACCOUNT}:role/service-role/AWSControlTowerStackSetRole");
    let named = [("StackSetAdministrationRoleArn", role.as_str())];
    assert_eq!(stage.update(&named).await, None);
    let said = format!("The role {role} could not be read: iam:GetRole failed: AccessDenied");
    let log = stage.scene.log("setup").await;
    assert!(
        log.iter().any(|line| line.to_string().contains(&said)),
        "{log:#?}"
    );
    true
}

/// The StackSets are used as the record only if the ledger was emptied.
async fn stack_sets_are_denied(stage: &Stage) -> bool {
    stage.scene.settle().await;
    let items = stage.empty_ledger().await;
    let reason = stage.update(&[]).await.unwrap();
    stage.fill_ledger(&items).await;
    assert!(reason.contains("cloudformation:ListStackSets"), "{reason}");
    assert!(reason.contains("Check the permissions"), "{reason}");
    true
}

/// A function that hands over when it is nearly out of time.
async fn hand_over_is_denied(stage: &Stage) -> bool {
    let name = stage.scene.function_name("setup").await;
    let path = format!("/2015-03-31/functions/{name}/configuration");
    let method = towerhook_sandbox::aws_client::Method::PUT;
    let timeout = async |seconds: u32| {
        let body = json!({"Timeout": seconds}).to_string().into_bytes();
        let inside = stage.scene.inside();
        inside
            .rest("lambda", method.clone(), &path, "application/json", body)
            .await
            .unwrap();
    };
    let faults = stage.scene.sandbox.gateway.faults();
    faults.inject(
        "controltower",
        "ListLandingZones",
        Fault::Delay(Duration::from_secs(60)),
        1,
    );
    timeout(8).await;
    let reason = stage.update(&[("OffboardLimitPercent", "11")]).await;
    let reason = reason.unwrap();
    timeout(900).await;
    faults.clear();
    assert!(reason.contains("lambda:Invoke"), "{reason}");
    assert!(reason.contains("Check the permissions"), "{reason}");
    true
}
