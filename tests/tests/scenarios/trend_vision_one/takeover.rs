//! What the vendor's own stack, or somebody else, has made in an account before the launch.

use serde_json::{Value, json};
use towerhook_sandbox::Sandbox;
use towerhook_tests::scene::{Scene, until};
use towerhook_tests::{launched, sandbox};

use super::{ROLE, vision_one};

const IAM: &str = "2010-05-08";

/// The accounts, each with what it has before the launch.
const CONNECTED: &str = "production-1";
const STRANGERS: &str = "development-1";

async fn iam(sandbox: &Sandbox, account: &str, action: &str, form: &[(&str, &str)]) {
    let aws = sandbox.inside().unwrap().account(account);
    aws.query("iam", action, IAM, form).await.unwrap();
}

/// The identity provider and the role, as the vendor's own stack makes them.
pub(super) async fn make_role(sandbox: &Sandbox, account: &str) {
    let tenant = sandbox.trend_vision_one().unwrap().tenant();
    make_provider(sandbox, account).await;
    let host = tenant.oidc_host();
    let equal = json!({
        format!("{host}:aud"): format!("arn:aws:iam::{account}:root"),
        format!("{host}:sub"): tenant.subject(),
    });
    let trust = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Action": ["sts:AssumeRoleWithWebIdentity", "sts:SetSourceIdentity"],
        "Principal": {"Federated": tenant.provider_arn(account)},
        "Condition": {"StringEquals": equal},
    }]});
    let trust = trust.to_string();
    let form = [("RoleName", ROLE), ("AssumeRolePolicyDocument", &trust)];
    iam(sandbox, account, "CreateRole", &form).await;
}

async fn make_provider(sandbox: &Sandbox, account: &str) {
    let host = sandbox.trend_vision_one().unwrap().tenant().oidc_host();
    let (url, audience) = (
        format!("https://{host}"),
        format!("arn:aws:iam::{account}:root"),
    );
    let form = [("Url", url.as_str()), ("ClientIDList.member.1", &audience)];
    iam(sandbox, account, "CreateOpenIDConnectProvider", &form).await;
}

fn id(sandbox: &Sandbox, name: &str) -> String {
    sandbox.landing_zone.account(name).unwrap().id.clone()
}

fn row(scene: &Scene, account: &str) -> Option<Value> {
    let all = scene.sandbox.trend_vision_one().unwrap();
    let mut all = all.controls().accounts().into_iter();
    all.find(|row| row["id"] == account)
}

#[tokio::test]
async fn a_connected_account_is_taken_over_and_gets_our_role_once_its_own_is_deleted() {
    let sandbox = sandbox(vision_one()).await;
    let account = id(&sandbox, CONNECTED);
    make_role(&sandbox, &account).await;
    let role = format!("arn:aws:iam::{account}:role/{ROLE}");
    let controls = sandbox.trend_vision_one().unwrap().controls();
    let connected = json!({"roleArn": role, "name": "by hand", "features": []});
    controls.seed(&connected).unwrap();
    let stack = launched(&sandbox, &[("EnrollManagementAccount", "No")]).await;
    let scene = Scene { sandbox, stack };
    scene.await_enrolled(&["Audit"]).await;
    until("the row has our mark and keeps its name", async || {
        let row = row(&scene, &account).unwrap();
        let description = row["description"].as_str().unwrap_or_default();
        description.starts_with("Kept by Towerhook: ") && row["name"] == "by hand"
    })
    .await;
    scene.settle().await;
    let reason = scene.reason(CONNECTED).await.unwrap();
    assert!(
        reason.contains("which was not made by this stack"),
        "{reason}"
    );

    let tenant = scene.sandbox.trend_vision_one().unwrap().tenant();
    let provider = tenant.provider_arn(&account);
    let (role, provider) = (
        [("RoleName", ROLE)],
        [("OpenIDConnectProviderArn", provider.as_str())],
    );
    iam(&scene.sandbox, &account, "DeleteRole", &role).await;
    let deleted = iam(
        &scene.sandbox,
        &account,
        "DeleteOpenIDConnectProvider",
        &provider,
    );
    deleted.await;
    scene.reconcile().await;
    scene.await_enrolled(&[CONNECTED]).await;
    assert_eq!(scene.reason(CONNECTED).await, None);
    let working = scene.sandbox.simulator.verify(&account).await.unwrap();
    assert!(working.passed(), "{working:?}");
    scene.sandbox.shutdown().await.unwrap();
}

#[tokio::test]
async fn an_identity_provider_without_a_role_blocks_its_account_and_no_other() {
    let sandbox = sandbox(vision_one()).await;
    let account = id(&sandbox, STRANGERS);
    make_provider(&sandbox, &account).await;
    let stack = launched(&sandbox, &[("EnrollManagementAccount", "No")]).await;
    let scene = Scene { sandbox, stack };
    scene
        .await_enrolled(&[CONNECTED, "Log Archive", "Audit"])
        .await;
    let host = scene
        .sandbox
        .trend_vision_one()
        .unwrap()
        .tenant()
        .oidc_host();
    until("why it is blocked stands in its record", async || {
        let reason = scene.reason(STRANGERS).await.unwrap_or_default();
        reason.starts_with(&format!("it has {host}, which was not made")) && reason.contains(ROLE)
    })
    .await;
    assert_eq!(row(&scene, &account), None);
    scene.sandbox.shutdown().await.unwrap();
}
