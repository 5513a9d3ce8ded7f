//! Expel: a role in every account and no registration, alone and beside another vendor's stack.

mod trail;

use std::sync::Mutex;

use serde_json::json;
use towerhook_package::local::{Profile, build};
use towerhook_sandbox::Options;
use towerhook_sandbox::Sandbox;
use towerhook_sandbox::aws_client::AwsClient;
use towerhook_sandbox::inventory::Inventory;
use towerhook_sandbox::landing_zone::Role;
use towerhook_sandbox::launch::{Parameters, Stack};
use towerhook_sandbox::providers::Provider;
use towerhook_sandbox::providers::expel::ORGANIZATION;
use towerhook_sandbox::story::Story;
use towerhook_tests::python::assert_requests_fit;
use towerhook_tests::scene::{Scene, until};
use towerhook_tests::{STACK_DEADLINE, launched, options, refusal, sandbox};

use crate::story::{hearing, tell};

const ROLE: &str = "ExpelTrailAssumeRole";
const IAM: &str = "2010-05-08";

/// A landing zone whose SaaS is Expel.
fn expel() -> Options {
    Options {
        provider: Provider::Expel,
        ..options()
    }
}

/// A foreign role with the name of Towerhook's.
async fn make_foreign_role(aws: &AwsClient) {
    let trust = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Service": "ec2.amazonaws.com"},
        }],
    });
    let trust = trust.to_string();
    let form = [("RoleName", ROLE), ("AssumeRolePolicyDocument", &trust)];
    aws.query("iam", "CreateRole", IAM, &form).await.unwrap();
}

async fn has_role(aws: &AwsClient) -> bool {
    let answer = aws
        .query("iam", "GetRole", IAM, &[("RoleName", ROLE)])
        .await;
    answer.is_ok()
}

fn id_of(sandbox: &Sandbox, role: Role) -> String {
    sandbox.landing_zone.account_of(role).unwrap().id.clone()
}

/// Why a launch is refused, which leaves nothing.
async fn refused_launch(sandbox: &Sandbox) -> String {
    let before = Inventory::take(sandbox).await.unwrap();
    let reason = refusal(sandbox, &[]).await;
    until("nothing is left", async || {
        let after = Inventory::take(sandbox).await.unwrap();
        before.difference(&after).is_empty()
    })
    .await;
    reason
}

#[tokio::test]
async fn the_story_without_a_registration_ends_well() {
    let zips = build(Profile::Quick).unwrap();
    let heard = Mutex::new(Vec::new());
    let listen = hearing(&heard);
    let mut story = Story::open(expel(), &listen).await.unwrap();
    story.sandbox.gateway.keep_requests();
    tell(&mut story, &zips, &listen).await;
    let report = story.report();
    assert!(report.is_good(), "{report:?}");
    for story in story.accounts().iter().filter(|story| story.expected) {
        let reading = story.enrollment.registration.as_ref().unwrap();
        let role = format!("arn:aws:iam::{}:role/{ROLE}", story.account.id);
        assert_eq!(reading.role_arn.as_deref(), Some(role.as_str()));
        assert_eq!(reading.external_id.as_deref(), Some(ORGANIZATION));
    }
    // Neither a key nor a token is stored or asked for, and Control Tower's trail stays as it is.
    for unneeded in ["secretsmanager:GetSecretValue", "cloudtrail:UpdateTrail"] {
        assert_eq!(report.aws_calls.get(unneeded), None, "{unneeded}");
    }
    assert!(story.made().iter().all(|item| item.kind != "secret"));
    assert_requests_fit(&story.sandbox, &["cloudformation:CreateStackInstances"]).await;
    story.sandbox.shutdown().await.unwrap();
}

/// Expel lists what is in the account, and is refused where the role no longer allows it.
async fn expel_lists_what_the_role_allows(scene: &Scene, account: &str) {
    let simulator = &scene.sandbox.simulator;
    let read = simulator.verify(account).await.unwrap();
    assert!(read.passed(), "{read:?}");
    let form = [("RoleName", ROLE), ("PolicyName", "ExpelAccessPolicy")];
    let aws = scene.inside().account(account);
    let deleted = aws.query("iam", "DeleteRolePolicy", IAM, &form);
    deleted.await.unwrap();
    let refused = simulator.verify(account).await.unwrap();
    let reason = refused.reason().unwrap();
    assert!(
        reason.starts_with("iam:ListRoles: AccessDenied"),
        "{reason}"
    );
}

#[tokio::test]
async fn a_foreign_role_blocks_its_account_with_the_reason_and_no_other() {
    let sandbox = sandbox(expel()).await;
    let foreign = [Role::Member, Role::LogArchive].map(|role| {
        let account = sandbox.landing_zone.account_of(role).unwrap();
        let aws = sandbox.inside().unwrap().account(&account.id);
        (account.name.clone(), aws)
    });
    for (_, aws) in &foreign {
        make_foreign_role(aws).await;
    }
    let parameters = [("EnrollManagementAccount", "No")];
    let stack = launched(&sandbox, &parameters).await;
    let scene = Scene { sandbox, stack };
    for (name, _) in &foreign {
        until("why it is blocked stands in its record", async || {
            let reason = scene.reason(name).await.unwrap_or_default();
            reason.contains("its member stack cannot be made") && reason.contains(ROLE)
        })
        .await;
    }
    let audit = id_of(&scene.sandbox, Role::Audit);
    let aws = scene.inside().account(&audit);
    until("the others have their role", async || has_role(&aws).await).await;
    expel_lists_what_the_role_allows(&scene, &audit).await;
    scene.delete().await;
    for (name, aws) in &foreign {
        assert!(has_role(aws).await, "the foreign role in {name} stays");
    }
    scene.sandbox.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_foreign_role_in_the_management_account_refuses_the_launch_and_leaves_nothing() {
    let mut options = expel();
    // So that IAM's refusals do not count as permissions that are still propagating.
    options.requests_late_by = std::time::Duration::from_secs(120);
    let sandbox = sandbox(options).await;
    make_foreign_role(&sandbox.inside().unwrap()).await;
    let reason = refused_launch(&sandbox).await;
    let expected = "EnrollManagementAccount is Yes, and the management account has a role \
                    ExpelTrailAssumeRole that was not made by this stack.";
    assert!(reason.contains(expected), "{reason}");
    sandbox.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_second_stack_for_another_vendor_comes_and_goes_without_a_trace_in_the_first() {
    let scene = Scene::open(5, &[], &[]).await;
    let members = ["production-1"];
    scene.await_enrolled(&members).await;
    let before = Inventory::take(&scene.sandbox).await.unwrap();

    let (user, inside) = (scene.sandbox.user().unwrap(), scene.inside());
    let own = ["ArtifactBucket", "ArtifactPrefix", "Architecture"];
    let mut parameters: Parameters = scene.sandbox.parameters();
    parameters.retain(|name, _| own.contains(&name.as_str()));
    parameters.insert("WorkbenchOrganizationGuid".into(), ORGANIZATION.into());
    let template = Provider::Expel.template();
    let stack = Stack::create(&user, &inside, "expel", template, &parameters);
    let stack = stack.await.unwrap();
    let created = stack.wait_for("CREATE_COMPLETE", STACK_DEADLINE);
    created.await.unwrap();
    let member = inside.account(&scene.account("production-1").id);
    until("the second stack's role stands", async || {
        has_role(&member).await
    })
    .await;

    // An update of the first is none of the second's concern, and the other way round.
    scene.update(&[("OffboardLimitPercent", "20")]).await;
    let changed = [("OffboardLimitPercent".to_owned(), "20".to_owned())].into();
    stack.update(template, &changed).await.unwrap();
    let updated = stack.wait_for("UPDATE_COMPLETE", STACK_DEADLINE);
    updated.await.unwrap();
    assert!(has_role(&member).await);
    assert_eq!(scene.registrations("production-1").len(), 1);

    stack.delete().await.unwrap();
    let deleted = stack.wait_for("DELETE_COMPLETE", STACK_DEADLINE);
    deleted.await.unwrap();
    until(
        "the second stack has left the first as it was",
        async || {
            let after = Inventory::take(&scene.sandbox).await.unwrap();
            before.difference(&after).is_empty()
        },
    )
    .await;
    scene.await_enrolled(&members).await;
    scene.delete().await;
    scene.sandbox.shutdown().await.unwrap();
}
