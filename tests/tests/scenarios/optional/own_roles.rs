//! An organization without Control Tower.

use towerhook_sandbox::landing_zone::OWN_EXECUTION_ROLE;
use towerhook_tests::scene::Scene;
use towerhook_tests::{launched, options, refusal, sandbox};

#[tokio::test]
async fn an_organization_without_control_tower_names_the_roles_of_its_stack_sets() {
    let mut options = options();
    options.accounts = 4;
    let sandbox = sandbox(options).await;
    let administration = sandbox.landing_zone.leave_control_tower().await.unwrap();
    let reason = refusal(&sandbox, &[]).await;
    let said = "StackSetAdministrationRoleArn: there is no role arn:aws:iam::111111111111:role/\
                service-role/AWSControlTowerStackSetRole";
    assert!(reason.contains(said), "{reason}");

    let roles = [
        ("StackSetAdministrationRoleArn", administration.as_str()),
        ("StackSetExecutionRoleName", OWN_EXECUTION_ROLE),
    ];
    let stack = launched(&sandbox, &roles).await;
    let scene = Scene { sandbox, stack };
    scene
        .await_enrolled(&["Log Archive", "Audit", "production-1", "unmanaged-1"])
        .await;
    scene.delete().await;
    assert!(scene.sandbox.gateway.stack_sets().all().is_empty());
    assert!(scene.sandbox.simulator.registrations().is_empty());
}
