//! IAM through the gateway: signatures and identity policies, for the calls that the emulator
//! serves and for those that the gateway serves.

use std::time::Duration;

use serde_json::{Value, json};
use towerhook_sandbox::aws_client::{AccessKey, AwsClient, AwsError, Method, NO_PARAMS};

use crate::gateway::world::{ADMINISTRATION_ROLE, MANAGEMENT, ORGANIZATIONS, TEMPLATE, World};

const IAM: &str = "2010-05-08";
const CLOUDFORMATION: &str = "2010-05-15";

impl World {
    /// A user of the management account who may do what these statements say.
    async fn user(&self, name: &str, statements: Value) -> AwsClient {
        let iam = async |action: &str, params: &[(&str, &str)]| {
            self.client.query("iam", action, IAM, params).await.unwrap()
        };
        let user = ("UserName", name);
        iam("CreateUser", &[user]).await;
        let policy = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
        let put = [
            user,
            ("PolicyName", "all"),
            ("PolicyDocument", policy.as_str()),
        ];
        iam("PutUserPolicy", &put).await;
        let key = iam("CreateAccessKey", &[user]).await;
        let field = |field: &str| {
            let path = format!("CreateAccessKeyResult/AccessKey/{field}");
            key.text_at(&path).unwrap().to_owned()
        };
        let key = AccessKey {
            id: field("AccessKeyId"),
            secret: field("SecretAccessKey").into(),
            session_token: None,
        };
        self.client.with_key(MANAGEMENT, key)
    }
}

fn allow(action: &str, resource: &str) -> Value {
    json!({"Effect": "Allow", "Action": action, "Resource": resource})
}

/// One call in each protocol that the gateway serves.
async fn calls(aws: &AwsClient) -> [Result<(), AwsError>; 4] {
    let rest = (Method::POST, "/list-landingzones", "application/json");
    [
        aws.query("cloudformation", "ListStackSets", CLOUDFORMATION, NO_PARAMS)
            .await
            .map(drop),
        aws.json("organizations", ORGANIZATIONS, "ListAccounts", json!({}))
            .await
            .map(drop),
        // The emulator serves this one.
        aws.json("organizations", ORGANIZATIONS, "ListRoots", json!({}))
            .await
            .map(drop),
        aws.rest("controltower", rest.0, rest.1, rest.2, b"{}".to_vec())
            .await
            .map(drop),
    ]
}

#[tokio::test]
async fn a_denial_has_the_form_of_each_protocol_and_names_caller_and_call() {
    let world = World::new(0, Duration::ZERO).await;
    let nobody = world
        .user("nobody", json!([allow("iam:GetUser", "*")]))
        .await;
    let expected = [
        (403, "AccessDenied", "cloudformation:ListStackSets"),
        (400, "AccessDeniedException", "organizations:ListAccounts"),
        (400, "AccessDeniedException", "organizations:ListRoots"),
        (
            403,
            "AccessDeniedException",
            "controltower:ListLandingZones",
        ),
    ];
    for (answer, (wanted_status, wanted_code, action)) in
        calls(&nobody).await.into_iter().zip(expected)
    {
        let Err(AwsError::Refused {
            status,
            code,
            message,
            ..
        }) = answer
        else {
            panic!("{action} is not refused: {answer:?}");
        };
        assert_eq!((status, code.as_str()), (wanted_status, wanted_code));
        assert!(
            message.starts_with(&format!(
                "User: arn:aws:iam::{MANAGEMENT}:user/nobody is not authorized to perform: {action}"
            )),
            "{message}"
        );
    }
}

#[tokio::test]
async fn a_permission_lets_through_what_it_names_and_nothing_else() {
    let world = World::new(1, Duration::ZERO).await;
    let member = world.members[0].as_str();
    let place = format!("arn:aws:cloudformation:us-east-1:{MANAGEMENT}");
    let reader = world
        .user(
            "reader",
            json!([
                allow("organizations:ListAccounts", "*"),
                allow(
                    "organizations:DescribeAccount",
                    &format!("arn:aws:organizations::{MANAGEMENT}:account/o-*/{member}")
                ),
                allow(
                    "cloudformation:DescribeStackSet",
                    &format!("{place}:stackset/Mine*")
                ),
            ]),
        )
        .await;
    world.stack_set("Mine-A", true).await;
    world.stack_set("Other", true).await;
    let describe = async |id: &str| {
        let request = json!({"AccountId": id});
        reader
            .json("organizations", ORGANIZATIONS, "DescribeAccount", request)
            .await
    };
    let [stack_sets, accounts, roots, landing_zones] = calls(&reader).await;
    assert!(accounts.is_ok(), "{accounts:?}");
    for denied in [stack_sets, roots, landing_zones] {
        assert!(denied.is_err());
    }
    assert_eq!(describe(member).await.unwrap()["Account"]["Id"], member);
    assert!(
        describe(MANAGEMENT)
            .await
            .unwrap_err()
            .is("AccessDeniedException")
    );
    let stack_set = async |name: &str| {
        let params = [("StackSetName", name)];
        reader
            .query(
                "cloudformation",
                "DescribeStackSet",
                CLOUDFORMATION,
                &params,
            )
            .await
    };
    assert!(stack_set("Mine-A").await.is_ok());
    assert!(stack_set("Other").await.unwrap_err().is("AccessDenied"));
}

/// With the permissions of Lacework's own integration, and no more.
#[tokio::test]
async fn whoever_may_make_a_stack_set_makes_it_and_whoever_may_deploy_it_deploys_it() {
    let world = World::new(1, Duration::ZERO).await;
    let stack_sets = format!("arn:aws:cloudformation:us-east-1:{MANAGEMENT}:stackset/Mine*");
    let mut tagged = allow("cloudformation:CreateStackSet", "*");
    tagged["Condition"] = json!({"StringEquals": {"aws:RequestTag/owner:id": "us"}});
    let maker = json!([
        tagged,
        allow("cloudformation:TagResource", &stack_sets),
        allow("iam:PassRole", ADMINISTRATION_ROLE),
    ]);
    let maker = world.user("maker", maker).await;
    let deploying = json!([allow("cloudformation:CreateStackInstances", &stack_sets)]);
    let deployer = world.user("deployer", deploying).await;
    let make = async |aws: &AwsClient, name: &str, tag: &str, role: &str| {
        let params = [
            ("StackSetName", name),
            ("TemplateBody", TEMPLATE),
            ("Parameters.member.1.ParameterKey", "Name"),
            ("Parameters.member.1.ParameterValue", name),
            ("AdministrationRoleARN", role),
            ("ExecutionRoleName", "AWSControlTowerExecution"),
            ("Tags.member.1.Key", "owner:id"),
            ("Tags.member.1.Value", tag),
        ];
        aws.query("cloudformation", "CreateStackSet", CLOUDFORMATION, &params)
            .await
    };
    let other_role = ADMINISTRATION_ROLE.replace("AWSControlTower", "Other");
    for (aws, tag, role) in [
        (&maker, "them", ADMINISTRATION_ROLE),
        (&maker, "us", other_role.as_str()),
        (&deployer, "us", ADMINISTRATION_ROLE),
    ] {
        let refused = make(aws, "Mine", tag, role).await.unwrap_err();
        assert!(refused.is("AccessDenied"), "{tag} {role}: {refused}");
    }
    make(&maker, "Mine", "us", ADMINISTRATION_ROLE)
        .await
        .unwrap();
    world.stack_set("Other", true).await;
    let deploy = async |name: &str| {
        let params = [
            ("StackSetName", name),
            ("Accounts.member.1", world.members[0].as_str()),
            ("Regions.member.1", "us-east-1"),
            ("OperationId", "one"),
        ];
        deployer
            .query(
                "cloudformation",
                "CreateStackInstances",
                CLOUDFORMATION,
                &params,
            )
            .await
    };
    assert!(deploy("Other").await.unwrap_err().is("AccessDenied"));
    deploy("Mine").await.unwrap();
    world.ended("Mine", "one").await;
}

#[tokio::test]
async fn a_wrong_secret_is_refused_whoever_serves_the_call() {
    let world = World::new(0, Duration::ZERO).await;
    let everything = json!([allow("*", "*")]);
    let administrator = world.user("administrator", everything).await;
    for answer in calls(&administrator).await {
        assert!(answer.is_ok(), "{answer:?}");
    }
    let key = AccessKey {
        secret: "guessed".into(),
        ..administrator.key().unwrap().clone()
    };
    let impostor = administrator.with_key(MANAGEMENT, key);
    for answer in calls(&impostor).await {
        let error = answer.unwrap_err();
        let code = error.code().unwrap();
        assert!(
            ["SignatureDoesNotMatch", "InvalidSignatureException"].contains(&code),
            "{error}"
        );
    }
}

#[tokio::test]
async fn stack_sets_enter_an_account_only_through_roles_that_let_them_in() {
    let world = World::new(3, Duration::ZERO).await;
    world.stack_set("Gates", true).await;
    let [closed, open, _] = &world.members[..] else {
        panic!("three members");
    };
    let elsewhere = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": {"AWS": "arn:aws:iam::999999999999:root"}}]})
    .to_string();
    let trust = [
        ("RoleName", "AWSControlTowerExecution"),
        ("PolicyDocument", elsewhere.as_str()),
    ];
    world
        .client
        .account(closed)
        .query("iam", "UpdateAssumeRolePolicy", IAM, &trust)
        .await
        .unwrap();
    let tolerant = [("OperationPreferences.FailureToleranceCount", "9")];
    let reasons = async |operation: &str, accounts: &[String]| {
        world
            .instances(
                "CreateStackInstances",
                "Gates",
                operation,
                accounts,
                &tolerant,
            )
            .await
            .unwrap();
        world.ended("Gates", operation).await;
        let set = world.gateway.stack_sets().get("Gates").unwrap();
        accounts
            .iter()
            .map(|account| {
                let mut instances = set.instances.iter();
                let instance = instances.find(|one| &one.account == account).unwrap();
                instance.reason.clone()
            })
            .collect::<Vec<_>>()
    };
    let refusal = |account: &str| {
        Some(format!(
            "Account {account} should have 'AWSControlTowerExecution' role with trust relationship to \
             Role 'AWSControlTowerStackSetRole'."
        ))
    };
    assert_eq!(
        reasons("one", &[closed.clone(), open.clone()]).await,
        [refusal(closed), None]
    );

    // The administration role may no longer assume any role.
    let detach = [
        ("RoleName", "AWSControlTowerStackSetRole"),
        ("PolicyArn", crate::gateway::world::ADMINISTRATOR_ACCESS),
    ];
    world
        .client
        .query("iam", "DetachRolePolicy", IAM, &detach)
        .await
        .unwrap();
    let last = world.members[2].clone();
    assert_eq!(
        reasons("two", std::slice::from_ref(&last)).await,
        [refusal(&last)]
    );
}
