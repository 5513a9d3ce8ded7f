//! A deployment that Lacework's own Control Tower integration made, and the procedure of
//! `docs/adoption.md` by which it is taken over.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use towerhook_sandbox::emulator::logs::function_log;
use towerhook_sandbox::gateway::stack_sets::InstanceStatus;
use towerhook_sandbox::lacework::Verification;
use towerhook_sandbox::landing_zone::Role;
use towerhook_sandbox::launch::Stack;
use towerhook_sandbox::{MANAGEMENT_ACCOUNT, Sandbox, TENANT};
use towerhook_tests::scene::{Scene, until};
use towerhook_tests::{STACK_DEADLINE, options, sandbox};

use crate::enrollment::{PREFIX, assert_golden};

const CLOUDFORMATION: &str = "2010-05-15";
const VENDORS_STACK: &str = "Lacework-Control-Tower";
/// The vendor takes them from its stack's id, and by chance.
const MEMBER_SUFFIX: &str = "lw1a2b3c4d";
const TRAIL_SUFFIX: &str = "K3J9A0ZZ1Q";
const ENROLLED: [&str; 3] = ["Log Archive", "Audit", "production-1"];

/// The vendor's own stack, as far as its removal matters: the function that uninstalls everything
/// when the custom resource goes, and the rule with a fixed name.
fn vendors_template() -> Value {
    let code = include_str!("../../../python/answering_function.py");
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
    json!({"Resources": {
        "LaceworkSetupFunctionRole": {"Type": "AWS::IAM::Role",
            "Properties": {"AssumeRolePolicyDocument": trust}},
        "LaceworkSetupFunction": {"Type": "AWS::Lambda::Function", "Properties": {
            "FunctionName": "vendors-setup", "Runtime": "python3.12", "Handler": "index.handler",
            "Role": {"Fn::GetAtt": ["LaceworkSetupFunctionRole", "Arn"]},
            "Code": {"ZipFile": code}}},
        "LaceworkSetup": {"Type": "AWS::CloudFormation::CustomResource", "Properties": {
            "ServiceToken": {"Fn::GetAtt": ["LaceworkSetupFunction", "Arn"]}}},
        "LaceworkControlTowerEvents": {"Type": "AWS::Events::Rule", "Properties": {
            "Name": "LaceworkControlTowerEvents",
            "EventPattern": {"source": ["aws.controltower"]}}},
    }})
}

/// A landing zone in which Lacework's own integration was launched some time ago.
struct Vendors {
    sandbox: Sandbox,
}

impl Vendors {
    /// With these sub-accounts; the vendor, too, takes the one with the name of an account's unit.
    async fn open(sub_accounts: &[&str]) -> Self {
        let mut options = options();
        options.sub_accounts = sub_accounts.iter().map(|name| (*name).to_owned()).collect();
        let vendors = Self {
            sandbox: sandbox(options).await,
        };
        let log = vendors.id("Log Archive");
        let audit = vendors.id("Audit");
        let region = vendors.sandbox.landing_zone.region().to_owned();
        let topic = vendors.trail_topic().await;
        let queue = format!("https://sqs.{region}.amazonaws.com/{audit}/acme-laceworkcws");
        let queue_arn = format!("arn:aws:sqs:{region}:{audit}:acme-laceworkcws");
        let trail_id = format!("lweid:aws:v2:{TENANT}:{log}:{TRAIL_SUFFIX}");
        let log_role = format!("arn:aws:iam::{log}:role/acme-laceworkcwssarole");
        let log_set = format!("{PREFIX}CloudTrail-Log-Account-{TENANT}");
        let prefix = ("ResourceNamePrefix", TENANT);
        vendors
            .stack_set(
                &log_set,
                include_str!("../../../vendor/log.yml"),
                &[
                    prefix,
                    ("ExternalID", &trail_id),
                    ("ExistingTrailBucketName", "trail"),
                    ("SqsQueueUrl", &queue),
                    ("SqsQueueArn", &queue_arn),
                ],
                &[&log],
            )
            .await;
        vendors
            .stack_set(
                &format!("{PREFIX}CloudTrail-Audit-Account-{TENANT}"),
                include_str!("../../../vendor/audit.yml"),
                &[
                    prefix,
                    ("ExistingTrailTopicArn", &topic),
                    ("CrossAccountAccessRoleArn", &log_role),
                ],
                &[&audit],
            )
            .await;
        let ids = ENROLLED.map(|name| vendors.id(name));
        vendors
            .stack_set(
                &format!("{PREFIX}Config-Member-{TENANT}"),
                include_str!("../../../vendor/member.yml"),
                &[
                    prefix,
                    ("LaceworkAccountName", TENANT),
                    ("ExternalSuffix", MEMBER_SUFFIX),
                ],
                &[&ids[0], &ids[1], &ids[2]],
            )
            .await;
        let controls = vendors.sandbox.simulator.controls();
        let trail = json!({"name": log_set, "type": "AwsCtSqs", "enabled": 1, "data": {
            "crossAccountCredentials": {"externalId": trail_id, "roleArn": log_role},
            "queueUrl": queue}});
        controls.seed(None, &trail).unwrap();
        for (name, id) in ENROLLED.into_iter().zip(ids) {
            let unit = vendors
                .sandbox
                .landing_zone
                .account(name)
                .unwrap()
                .unit
                .to_lowercase();
            let store = sub_accounts
                .iter()
                .find(|sub_account| **sub_account == unit);
            let config = json!({"name": format!("{PREFIX}Config-Member-{id}"),
                "type": "AwsCfg", "enabled": 1, "data": {"awsAccountId": id,
                "crossAccountCredentials": {
                    "externalId": format!("lweid:aws:v2:{TENANT}:{id}:{MEMBER_SUFFIX}"),
                    "roleArn": format!("arn:aws:iam::{id}:role/acme-laceworkcwsrole-sa")}}});
            controls.seed(store.copied(), &config).unwrap();
        }
        vendors.launch().await;
        vendors
    }

    fn id(&self, name: &str) -> String {
        self.sandbox.landing_zone.account(name).unwrap().id.clone()
    }

    async fn trail_topic(&self) -> String {
        let request = json!({"Name": "aws-controltower-BaselineCloudTrail"});
        let target = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101";
        let user = self.sandbox.user().unwrap();
        let answer = user.json("cloudtrail", target, "GetTrail", request).await;
        let answer = answer.unwrap();
        answer["Trail"]["SnsTopicARN"].as_str().unwrap().to_owned()
    }

    async fn cloudformation(&self, action: &str, form: &[(String, String)]) -> Option<String> {
        let user = self.sandbox.user().unwrap();
        let answer = user
            .query("cloudformation", action, CLOUDFORMATION, form)
            .await
            .unwrap();
        answer.find("StackStatus").map(|status| status.text.clone())
    }

    /// Makes a StackSet and its instances, as the vendor's functions do.
    async fn stack_set(
        &self,
        name: &str,
        template: &str,
        parameters: &[(&str, &str)],
        accounts: &[&str],
    ) {
        let administration = format!(
            "arn:aws:iam::{MANAGEMENT_ACCOUNT}:role/service-role/AWSControlTowerStackSetRole"
        );
        let mut set = owned(&[
            ("StackSetName", name),
            ("Description", "Lacework's cloud-native threat detection"),
            ("TemplateBody", template),
            ("AdministrationRoleARN", &administration),
            ("ExecutionRoleName", "AWSControlTowerExecution"),
            ("Capabilities.member.1", "CAPABILITY_NAMED_IAM"),
            ("Tags.member.1.Key", "team"),
            ("Tags.member.1.Value", "security"),
        ]);
        for (number, (key, value)) in (1..).zip(parameters) {
            let at = format!("Parameters.member.{number}");
            set.push((format!("{at}.ParameterKey"), (*key).to_owned()));
            set.push((format!("{at}.ParameterValue"), (*value).to_owned()));
        }
        self.cloudformation("CreateStackSet", &set).await;
        let region = self.sandbox.landing_zone.region();
        let mut instances = owned(&[("StackSetName", name), ("Regions.member.1", region)]);
        for (number, account) in (1..).zip(accounts) {
            instances.push((format!("Accounts.member.{number}"), (*account).to_owned()));
        }
        self.cloudformation("CreateStackInstances", &instances)
            .await;
        until("the vendor's instances are made", async || {
            let set = self.sandbox.gateway.stack_sets().get(name).unwrap();
            set.operations.iter().all(|one| one.took.is_some())
        })
        .await;
        let set = self.sandbox.gateway.stack_sets().get(name).unwrap();
        for instance in &set.instances {
            assert_eq!(instance.status, InstanceStatus::Current, "{instance:?}");
        }
    }

    async fn launch(&self) {
        self.change("CreateStack", &vendors_template(), "CREATE_COMPLETE")
            .await;
    }

    async fn change(&self, action: &str, template: &Value, status: &str) {
        let form = owned(&[
            ("StackName", VENDORS_STACK),
            ("TemplateBody", &template.to_string()),
            ("Capabilities.member.1", "CAPABILITY_IAM"),
        ]);
        self.cloudformation(action, &form).await;
        let form = owned(&[("StackName", VENDORS_STACK)]);
        until(status, async || {
            let found = self.cloudformation("DescribeStacks", &form).await.unwrap();
            assert!(
                !found.contains("ROLLBACK") && !found.contains("FAILED"),
                "{found}"
            );
            found == status
        })
        .await;
    }

    /// The procedure: what uninstalls is left behind, what reacts to events goes at once, and then
    /// the stack goes.
    async fn free_the_names(&self) {
        let mut template = vendors_template();
        let resources = template["Resources"].as_object_mut().unwrap();
        resources.remove("LaceworkControlTowerEvents");
        resources["LaceworkSetup"]["DeletionPolicy"] = "Retain".into();
        self.change("UpdateStack", &template, "UPDATE_COMPLETE")
            .await;
        let form = owned(&[("StackName", VENDORS_STACK)]);
        self.cloudformation("DeleteStack", &form).await;
        let user = self.sandbox.user().unwrap();
        until("the vendor's stack is gone", async || {
            let answer = user
                .query("cloudformation", "DescribeStacks", CLOUDFORMATION, &form)
                .await;
            answer.is_err()
        })
        .await;
        let group = "/aws/lambda/vendors-setup";
        let log = function_log(&self.sandbox.inside().unwrap(), group).await;
        for line in log.unwrap() {
            assert!(!line.message.contains("handling Delete"), "it uninstalled");
        }
    }

    /// Each integration's external id and id, by name.
    fn watched(&self) -> BTreeMap<String, (String, String)> {
        let all = self.sandbox.simulator.integrations().into_iter();
        all.map(|one| (one.name, (one.external_id.unwrap(), one.guid)))
            .collect()
    }
}

fn owned(form: &[(&str, &str)]) -> Vec<(String, String)> {
    form.iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

async fn is_now(stack: &Stack, status: &str) {
    stack.wait_for(status, STACK_DEADLINE).await.unwrap();
}

/// The steps of setup since the launch, and how every account is.
async fn told(scene: &Scene) -> String {
    until("setup's log is filed", async || {
        !scene.logged("setup", "answered").await.is_empty()
    })
    .await;
    format!("{}\n{}", scene.steps().await, scene.table().await)
}

#[tokio::test]
async fn a_deployment_of_laceworks_own_is_taken_over_with_its_external_ids() {
    let vendors = Vendors::open(&[]).await;
    let before = vendors.watched();
    vendors.free_the_names().await;
    let adopt = ("AdoptExistingDeployment", "Yes");

    // Without the word nothing is touched.
    let stack = vendors.sandbox.launch(&[]).await.unwrap();
    is_now(&stack, "ROLLBACK_COMPLETE").await;
    let failures = stack.failures().await.unwrap();
    assert!(failures[0].reason.contains("was not made by this stack"));
    stack.delete().await.unwrap();
    is_now(&stack, "DELETE_COMPLETE").await;

    // A launch that fails half way leaves everybody watched.
    let audit = vendors.sandbox.landing_zone.account_of(Role::Audit);
    let audit = audit.unwrap().id.clone();
    let sets = vendors.sandbox.gateway.stack_sets();
    sets.fail_instances([audit], "no such luck");
    let stack = vendors.sandbox.launch(&[adopt]).await.unwrap();
    is_now(&stack, "ROLLBACK_COMPLETE").await;
    let failures = stack.failures().await.unwrap();
    assert!(failures[0].reason.contains("no such luck"), "{failures:?}");
    assert_eq!(vendors.watched(), before);
    assert_eq!(sets.all().len(), 3);
    stack.delete().await.unwrap();
    is_now(&stack, "DELETE_COMPLETE").await;
    assert_eq!(vendors.watched(), before);
    sets.fail_instances([] as [&str; 0], "");

    let stack = vendors.sandbox.launch(&[adopt]).await.unwrap();
    is_now(&stack, "CREATE_COMPLETE").await;
    let scene = Scene {
        sandbox: vendors.sandbox,
        stack,
    };
    scene.await_enrolled(&ENROLLED).await;
    scene.await_enrolled(&["development-1"]).await;
    scene.settle().await;
    let integrations = scene.sandbox.simulator.integrations();
    for one in &integrations {
        let verification = scene.sandbox.simulator.verify(&one.guid).await.unwrap();
        assert_eq!(verification, Verification::Passed, "{}", one.name);
        let id = one.external_id.clone().unwrap();
        match before.get(&one.name) {
            Some(before) => assert_eq!((&id, &one.guid), (&before.0, &before.1)),
            None => assert!(id.ends_with(MEMBER_SUFFIX), "{id}"),
        }
    }
    assert_eq!(integrations.len(), before.len() + 1, "development-1 is new");
    for set in scene.sandbox.gateway.stack_sets().all() {
        assert!(set.managed_execution, "{}", set.name);
    }
    assert_golden("adoption", &told(&scene).await);
    // Another look changes nothing.
    scene.reconcile().await;
    assert_eq!(
        scene.sandbox.simulator.integrations().len(),
        integrations.len()
    );

    scene.delete().await;
    assert_eq!(scene.sandbox.simulator.integrations(), []);
    assert!(scene.sandbox.gateway.stack_sets().all().is_empty());
}

#[tokio::test]
async fn where_units_are_sub_accounts_the_trail_becomes_the_organizations() {
    let vendors = Vendors::open(&["security", "production"]).await;
    let before = vendors.watched();
    vendors.free_the_names().await;
    let parameters = [
        ("AdoptExistingDeployment", "Yes"),
        ("LaceworkOrgSubAccountNames", "Security,Production"),
    ];
    let stack = vendors.sandbox.launch(&parameters).await.unwrap();
    is_now(&stack, "CREATE_COMPLETE").await;
    let scene = Scene {
        sandbox: vendors.sandbox,
        stack,
    };
    scene.await_enrolled(&ENROLLED).await;
    let trail = || {
        let all = scene.sandbox.simulator.integrations();
        let mut trails = all.into_iter().filter(|one| one.kind == "AwsCtSqs");
        (trails.next().unwrap(), trails.next())
    };
    until("the mapping is written", async || {
        let mapping = trail().0.account_mapping.unwrap_or_default();
        mapping["integration_mappings"]["security"].is_object()
    })
    .await;
    scene.settle().await;
    let (trail, second) = trail();
    assert!(trail.organization && second.is_none());
    assert_eq!(trail.external_id.as_ref(), Some(&before[&trail.name].0));
    for name in ENROLLED {
        let integration = scene.integrations(name).remove(0);
        let (external_id, guid) = &before[&integration.name];
        assert_eq!(
            integration.external_id.as_ref(),
            Some(external_id),
            "{name}"
        );
        assert_eq!(&integration.guid, guid, "{name}");
        let unit = scene.account(name).unit.to_lowercase();
        assert_eq!(integration.account, unit, "{name}");
    }
    assert_golden("adoption_by_unit", &told(&scene).await);
    scene.delete().await;
    assert_eq!(scene.sandbox.simulator.integrations(), []);
}
