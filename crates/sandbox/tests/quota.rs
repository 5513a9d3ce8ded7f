//! What IAM allows at most: an update that needs more fails as it does in AWS.

#![allow(clippy::unwrap_used, reason = "a test may panic anywhere")]

#[allow(dead_code, reason = "another test uses the rest")]
mod world;

use serde_json::{Map, Value, json};
use world::World;

/// A role with this many managed policies, named with this prefix.
fn template(policies: usize, names: &str) -> Value {
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
    let mut resources = Map::new();
    let role = json!({"Type": "AWS::IAM::Role", "Properties": {
        "AssumeRolePolicyDocument": trust}});
    resources.insert("Role".to_owned(), role);
    for number in 0..policies {
        let statement = json!({"Effect": "Allow", "Action": "sns:ListTopics", "Resource": "*"});
        let policy = json!({"Type": "AWS::IAM::ManagedPolicy", "Properties": {
            "ManagedPolicyName": format!("{names}{number}"), "Roles": [{"Ref": "Role"}],
            "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}}});
        resources.insert(format!("Policy{number}"), policy);
    }
    json!({"Resources": resources})
}

#[tokio::test]
async fn a_role_takes_ten_managed_policies_those_that_are_replaced_included() {
    let world = World::new().await;
    let full = world.create_stack("full", &template(10, "full")).await;
    assert_eq!(world.settled(&full).await.status, "CREATE_COMPLETE");
    let id = world.create_stack("six", &template(6, "old")).await;
    assert_eq!(world.settled(&id).await.status, "CREATE_COMPLETE");
    world.update_stack(&id, &template(6, "new")).await;
    let settled = world.settled(&id).await;
    assert_eq!(settled.status, "UPDATE_ROLLBACK_COMPLETE");
    assert!(
        settled.reason.contains("PoliciesPerRole: 10"),
        "{}",
        settled.reason
    );
}
