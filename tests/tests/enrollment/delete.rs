//! Deletion of the stack.

use towerhook_tests::scene::Scene;

#[tokio::test]
async fn a_suspended_accounts_stack_is_forgotten_and_all_else_removed() {
    let scene = Scene::open(4, &[], &[]).await;
    scene
        .await_enrolled(&["Log Archive", "Audit", "production-1"])
        .await;
    let member = scene.account("production-1");
    let sets = scene.sandbox.gateway.stack_sets().all();
    let stack = sets
        .iter()
        .flat_map(|set| &set.instances)
        .find(|instance| instance.account == member.id)
        .and_then(|instance| instance.stack_id.clone())
        .unwrap();

    let organizations = scene.sandbox.gateway.organizations();
    organizations.set_account_state(&member.id, "SUSPENDED");
    scene.stack.delete().await.unwrap();
    let done = scene
        .stack
        .wait_for("DELETE_COMPLETE", towerhook_tests::STACK_DEADLINE);
    done.await.unwrap();

    assert!(scene.sandbox.gateway.stack_sets().all().is_empty());
    assert!(scene.sandbox.simulator.integrations().is_empty());
    // Nobody can enter the account, so its stack and its role are still there.
    let aws = scene.inside().account(&member.id);
    let form = [("StackName", stack.as_str())];
    let answer = aws
        .query("cloudformation", "DescribeStacks", "2010-05-15", &form)
        .await
        .unwrap();
    assert_eq!(
        answer.text_at("DescribeStacksResult/Stacks/member/StackStatus"),
        Some("CREATE_COMPLETE")
    );
    let role = [("RoleName", "acme-laceworkcwsrole-sa")];
    aws.query("iam", "GetRole", "2010-05-08", &role)
        .await
        .unwrap();
}
