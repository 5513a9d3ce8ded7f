//! One sub-account for all, with the management account.

use towerhook_sandbox::providers::Verification;
use towerhook_sandbox::providers::lacework::TENANT;
use towerhook_tests::scene::Scene;

use crate::enrollment::PREFIX;

const IAM: &str = "2010-05-08";

#[tokio::test]
async fn everything_is_in_the_one_sub_account_and_depends_on_the_roles() {
    let parameters = [
        ("LaceworkSubAccountName", "emea"),
        ("EnrollManagementAccount", "Yes"),
    ];
    let scene = Scene::open(4, &["emea", "apac"], &parameters).await;
    let members = ["Log Archive", "Audit", "production-1"];
    scene.await_enrolled(&members).await;
    let management = scene.sandbox.landing_zone.accounts()[0].clone();
    towerhook_tests::scene::until("the management account is watched", async || {
        !scene.registrations(&management.name).is_empty()
    })
    .await;

    // An ordinary stack, since the management account lacks Control Tower's role.
    assert_eq!(scene.instance(&management.name), None);
    let name = format!("{PREFIX}Config-Member-emea");
    let form = [("StackName", name.as_str())];
    let stack = scene
        .inside()
        .query("cloudformation", "DescribeStacks", "2010-05-15", &form)
        .await
        .unwrap();
    assert_eq!(
        stack.text_at("DescribeStacksResult/Stacks/member/StackStatus"),
        Some("CREATE_COMPLETE")
    );

    let integrations = scene.lacework().integrations();
    assert_eq!(integrations.len(), members.len() + 2, "and the trail");
    for integration in &integrations {
        let name = &integration.name;
        assert_eq!(integration.account, "emea", "{name}");
        assert!(integration.enabled, "{name}");
        // Roles carry the sub-account's name, external ids the tenant's.
        let role = integration.role_arn.as_deref().unwrap();
        assert!(role.contains(":role/emea-laceworkcws"), "{role}");
        let account = integration.aws_account_id.as_deref().unwrap();
        let external_id = integration.external_id.as_deref().unwrap();
        let start = format!("lweid:aws:v2:{TENANT}:{account}:");
        assert!(external_id.starts_with(&start), "{external_id}");
        let verification = scene.sandbox.simulator.verify(&integration.guid).await;
        assert_eq!(verification.unwrap(), Verification::Passed, "{name}");
    }

    // The simulator verifies roles: without its role an integration fails.
    let member = scene.account("production-1");
    let aws = scene.inside().account(&member.id);
    let role = ("RoleName", "emea-laceworkcwsrole-sa");
    let attached = aws
        .query("iam", "ListAttachedRolePolicies", IAM, &[role])
        .await
        .unwrap();
    for policy in attached.members("ListAttachedRolePoliciesResult/AttachedPolicies") {
        let policy = ("PolicyArn", policy.text_at("PolicyArn").unwrap());
        aws.query("iam", "DetachRolePolicy", IAM, &[role, policy])
            .await
            .unwrap();
    }
    aws.query("iam", "DeleteRole", IAM, &[role]).await.unwrap();
    for name in ["Audit", "production-1"] {
        let guid = scene.registrations(name)[0].id.clone();
        let verification = scene.sandbox.simulator.verify(&guid).await.unwrap();
        assert_eq!(verification.passed(), name == "Audit", "{verification:?}");
    }
}
